"""WebActivity: one call. WebHook: a call that is answered later, at an address that it is given."""

import asyncio
import base64
import secrets
from typing import Any

from local.services.datafactory.calls import Reply
from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import ENDPOINT_REFUSED, INTERRUPTED, ActivityFailed
from local.services.datafactory.identity import own

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


async def call(doing: Doing) -> Any:
    """WebActivity: the answer's JSON, its headers beside it. Follows a 202 to where it points. Raises: ActivityFailed.

    A call that a restart cut off is not made again: nobody knows whether it was heard.
    """
    if doing.memory.get("sent"):
        raise ActivityFailed(
            INTERRUPTED, "The factory was restarted during the call; it is not repeated.", "SystemError"
        )
    reply = await _sent(doing, doing.properties.get("body"))
    while reply.status == 202 and "Location" in reply.headers and not doing.properties.get("turnOffAsync"):
        await doing.pause()
        reply = await doing.send("GET", reply.headers["Location"], _headers(doing))
    return _output(_accepted(doing, reply))


async def hook(doing: Doing) -> Any:
    """WebHook: posts the body with `callBackUri` in it, and waits until that is called. Raises: ActivityFailed."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    doing.home.callbacks[doing.record.id] = future
    try:
        if not doing.memory.get("sent"):
            await _invite(doing)
        said = doing.memory.get("said")
        return _reported(doing, said if said is not None else await future)
    finally:
        doing.home.callbacks.pop(doing.record.id, None)


async def _invite(doing: Doing) -> None:
    token = secrets.token_urlsafe(24)
    doing.remember(token=token)
    address = f"{doing.run.origin}/workflow/callback/{doing.record.id}?token={token}"
    body = doing.properties.get("body") or {}
    if not isinstance(body, dict):
        raise ActivityFailed("2104", "The type of the property 'body' is incorrect: WebHook needs a JSON object.")
    _accepted(doing, await _sent(doing, {**body, "callBackUri": address}))


async def _sent(doing: Doing, body: Any) -> Reply:
    method, url = str(doing.properties.get("method") or "POST").upper(), str(doing.required("url"))
    if method not in METHODS:
        raise ActivityFailed("2111", f"The method {method!r} is none of {', '.join(METHODS)}.")
    headers = _headers(doing)
    doing.remember(sent=True)
    return await doing.send(method, url, headers, None if method == "GET" else body)


def _headers(doing: Doing) -> dict[str, Any]:
    given = {name: str(value) for name, value in (doing.properties.get("headers") or {}).items()}
    return {**given, **_authentication(doing)}


def _authentication(doing: Doing) -> dict[str, Any]:
    given = doing.properties.get("authentication") or {}
    kind = str(given.get("type", "")).lower()
    if kind in ("", "none"):
        return {}
    if kind == "msi":
        return own(doing, str(given.get("resource") or ""))
    if kind == "basic":
        password = given.get("password")
        word = password.get("value") if isinstance(password, dict) else password
        pair = f"{given.get('username')}:{word}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    raise ActivityFailed("2111", f"Authentication of type {given.get('type')!r} is not played here.")


def _accepted(doing: Doing, reply: Reply) -> Reply:
    if reply.ok:
        return reply
    url = str(doing.properties["url"]).partition("?")[0]
    raise ActivityFailed(
        ENDPOINT_REFUSED,
        f"Error calling the endpoint '{url}'. Response status code: '{reply.status}'. More details: {reply.said()}",
    )


def _output(reply: Reply) -> dict[str, Any]:
    found = reply.json()
    body = found if isinstance(found, dict) else {"Response": reply.content.decode(errors="replace")}
    return {**body, "ADFWebActivityResponseHeaders": reply.headers}


def _reported(doing: Doing, said: dict[str, Any]) -> Any:
    """What the caller back reported. With reportStatusOnCallBack, a StatusCode from 400 on, or an Error, fails."""
    told = {name.lower(): value for name, value in said.items()}
    output = told.get("output", said)
    if not doing.properties.get("reportStatusOnCallBack"):
        return said
    error, status = told.get("error"), str(told.get("statuscode") or "200")
    if (status.isdigit() and int(status) >= 400) or error:
        words = {name.lower(): value for name, value in error.items()} if isinstance(error, dict) else {}
        code, message = words.get("errorcode") or status, words.get("message") or str(error or "no message")
        raise ActivityFailed(str(code), str(message), output=output)
    return output
