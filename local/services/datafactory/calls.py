"""HTTP calls that activities make: to this machine only, with a time limit, without following redirects."""

import asyncio
import ipaddress
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from local.services.datafactory.failures import ActivityFailed

ANSWER_WITHIN = 60.0
"""Seconds: "the client times out if the endpoint doesn't respond within one minute"."""
PATIENCE = 3.0
"""Seconds for which nobody need listen: after a restart, activities go on before this very process is reached again."""
LOCAL_ONLY = "LocalOnly"


class Reply(msgspec.Struct, frozen=True):
    """An answer, whatever its status."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def passing(self) -> bool:
        """Whether the same question may well be answered later."""
        return self.status in (408, 429) or self.status >= 500

    def json(self) -> Any:
        """The body as a JSON value, or None when it is no JSON."""
        try:
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def said(self) -> str:
        """The body's text, shortened, for error messages."""
        return " ".join(self.content[:2000].decode(errors="replace").split())[:1000]


class NoAnswer(Exception):
    """The call was not answered."""


class Calls:
    """A client for all activities."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, headers: dict[str, str] | None = None, body: Any = None, form: Any = None
    ) -> Reply:
        """One call. Raises: ActivityFailed for another machine, NoAnswer."""
        _check(url)
        data = form if form is not None else _encoded(body)
        kind = {"Content-Type": "application/json"} if isinstance(data, bytes) else {}
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return await self._once(method, url, {**kind, **(headers or {})}, data)
            except aiohttp.ClientConnectorError as nobody:
                if time.monotonic() > until:
                    raise NoAnswer(type(nobody).__name__) from nobody
                await asyncio.sleep(0.1)
            except (aiohttp.ClientError, TimeoutError, OSError) as failed:
                raise NoAnswer(type(failed).__name__) from failed

    async def _once(self, method: str, url: str, headers: dict[str, str], data: Any) -> Reply:
        async with self._opened().request(method, url, headers=headers, data=data, allow_redirects=False) as answer:
            return Reply(answer.status, dict(answer.headers), await answer.read())

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN, sock_connect=5))
        return self._session


def _encoded(body: Any) -> bytes | None:
    if body is None:
        return None
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not _loopback(host):
        raise ActivityFailed(
            LOCAL_ONLY,
            f"{url.partition('?')[0]!r} is not on this machine. The services of this machine call nothing outside of "
            "it; give an address on 127.0.0.1.",
        )


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
