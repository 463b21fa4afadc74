"""HTTP triggers: a request as the worker takes it, and its answer as a browser takes it.

Not here: which function a path belongs to (routing.py, web.py), keys (keys.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any

from aiohttp import web

from local.host.protos import Record, TypedData

# Set by the platform's own sign-in only; from outside they would be a forged identity.
IDENTITY_HEADERS = "x-ms-client-principal"


async def trigger_value(request: web.Request, parameters: Mapping[str, str]) -> TypedData:
    """A request as the worker takes it. Raises HTTPRequestEntityTooLarge above the body limit."""
    headers = {
        name.lower(): value for name, value in request.headers.items() if not name.lower().startswith(IDENTITY_HEADERS)
    }
    http = Record(
        method=request.method,
        url=f"{request.scheme}://{request.host}{request.raw_path}",
        headers=headers,
        query={name: value for name, value in request.query.items() if value},
        params=dict(parameters),
        body=TypedData(bytes=await request.read()),
        nullable_headers={},
        nullable_query={},
        nullable_params={},
        identities=[],
    )
    return TypedData(http=http)


def response(returned: TypedData | None) -> web.Response:
    """What a function returned, as an HTTP answer."""
    if returned is None:
        return web.Response(status=204)
    if returned.kind != "http":
        return _plain(returned.value)
    http = returned.value
    answer = web.Response(status=int(http.status_code or 200), body=_bytes(http.body))
    for name, value in (http.headers or {}).items():
        answer.headers[name] = value
    for cookie in http.cookies or ():
        answer.headers.add("Set-Cookie", _cookie(cookie))
    return answer


def _plain(value: Any) -> web.Response:
    """A returned text; the platform reads an object with a body as a description of the answer."""
    try:
        described = json.loads(value)
    except ValueError:
        described = None
    if not isinstance(described, dict) or "body" not in described:
        return web.Response(text=str(value))
    body = described["body"]
    text = body if isinstance(body, str) else json.dumps(body)
    status = int(described.get("statusCode") or described.get("status") or 200)
    return web.Response(status=status, text=text, headers=described.get("headers"))


def _bytes(body: TypedData | None) -> bytes:
    if body is None or body.value is None:
        return b""
    return body.value if isinstance(body.value, bytes) else str(body.value).encode()


def _cookie(cookie: Record) -> str:
    jar: SimpleCookie = SimpleCookie()
    jar[cookie.name] = cookie.value
    morsel = jar[cookie.name]
    for attribute, name in (("domain", "domain"), ("path", "path"), ("max_age", "max-age")):
        if (given := getattr(cookie, attribute)) is not None and given.value != "":
            morsel[name] = int(given.value) if isinstance(given.value, float) else given.value
    if cookie.secure and cookie.secure.value:
        morsel["secure"] = True
    if cookie.http_only and cookie.http_only.value:
        morsel["httponly"] = True
    if cookie.same_site:
        morsel["samesite"] = cookie.same_site
    return morsel.OutputString()
