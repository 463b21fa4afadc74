"""Stands between one Functions host and everything outside it, and kills the host at a chosen call.

Four addresses, for blobs, queues, tables and Studio. Requests and answers pass as they are: path, query and headers
stay as sent, so signatures hold (they cover account, path and headers, not the port). How a call is named is in
`calls`; which calls are chosen is in `trial`.
"""

from __future__ import annotations

import asyncio
import io
import re
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import msgspec
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from tests.chaos import calls
from tests.chaos.calls import Call, Kill

T = TypeVar("T")
SERVICES = ("blob", "queue", "table", "studio")
_OURS = frozenset(name.lower() for name in (hdrs.CONNECTION, hdrs.TRANSFER_ENCODING, hdrs.KEEP_ALIVE))
_NOT_ADDED = (hdrs.USER_AGENT, hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE)
_START = re.compile(r"/jobs/[^/]+/start")


class Fronts:
    """The event loop, in a thread of its own, on which all proxies of a process live. A context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._session = self.do(_new_session())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs something on the loop and waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def open(self, targets: Mapping[str, str]) -> Proxy:
        """A proxy in front of these addresses, by service."""
        proxy = Proxy(targets, self._session)
        self.do(proxy.listen())
        return proxy

    def shut(self, proxy: Proxy) -> None:
        """Closes a proxy and its connections."""
        self.do(proxy.close())

    def close(self) -> None:
        """Ends the loop."""
        self.do(self._session.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Fronts:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Proxy:
    """One proxy. `addresses` are its own, by service; `seen` are the host's calls since `watch`, in order.

    `promotions` are the models that the host asked Studio to serve, as (slot, location), since it was opened. With
    `twice` every message that the host puts into a queue is put there twice.
    """

    targets: Mapping[str, str]
    session: aiohttp.ClientSession

    def __post_init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.seen: list[Call] = []
        self.promotions: list[tuple[str, str]] = []
        self.killed = threading.Event()
        self.twice = False
        self._counts: Counter[str] = Counter()
        self._watching = False
        self._order: Kill | None = None
        self._strike: Callable[[], None] = lambda: None
        self._dead = False
        self._servers: list[web.ServerRunner] = []

    async def listen(self) -> None:
        """Opens a port for each service."""
        for service in self.targets:
            runner = web.ServerRunner(web.Server(self._handler(service)), shutdown_timeout=0.1)  # type: ignore[arg-type]
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.addresses[service] = f"http://127.0.0.1:{runner.addresses[0][1]}"
            self._servers.append(runner)

    async def close(self) -> None:
        """Closes them."""
        for runner in self._servers:
            await runner.cleanup()

    def through(self, text: str) -> str:
        """A connection string or address that leads through this proxy instead of past it."""
        for service, target in self.targets.items():
            text = text.replace(target, self.addresses[service])
        return text

    def watch(self, order: Kill | None, strike: Callable[[], None]) -> None:
        """Counts the host's calls from now on; at the ordered one calls `strike`, which is to kill the host.

        `strike` must return only when the host cannot do anything any more. From then on its calls are dropped.
        """
        self._order, self._strike, self._watching = order, strike, True

    def revive(self) -> None:
        """Lets calls pass again, uncounted: the next host is not to be killed."""
        self._watching = self._dead = False

    def _handler(self, service: str) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            try:
                body = await request.content.read()  # whole, however large
            except ConnectionResetError:  # killed while it wrote
                return _dropped(request)
            by_host = not calls.is_studios(service, request.raw_path, request.headers.get(hdrs.USER_AGENT, ""))
            if by_host and self._dead:
                return _dropped(request)
            if not (by_host and self._watching):
                return await self._forward(service, request, body)
            return await self._watched(service, request, body)

        return handle

    async def _watched(self, service: str, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        label = calls.label(service, request.method, request.raw_path, body)
        if label is None:
            return await self._passed(await self._forward(service, request, body), request)
        call: Call | None = None
        if not calls.is_receive(label):
            call = self._next(label)
            if await self._struck(Kill(call.name, "before")):
                return _dropped(request)
        answer = await self._forward(service, request, body)
        if call is None:
            if calls.is_empty(answer):
                return await self._passed(answer, request)
            call = self._next(label)
        if await self._struck(Kill(call.name, "after")):
            return _dropped(request)
        if service == "studio" and _START.search(request.raw_path):
            await self._until_done(request)
        return await self._passed(answer, request)

    def _next(self, label: str) -> Call:
        self._counts[label] += 1
        call = Call(label, self._counts[label])
        self.seen.append(call)
        return call

    async def _struck(self, here: Kill) -> bool:
        if self._order != here or self._dead:
            return self._dead
        self._dead = True
        await asyncio.to_thread(self._strike)
        self.killed.set()
        return True

    async def _passed(self, answer: web.Response, request: web.BaseRequest) -> web.StreamResponse:
        return _dropped(request) if self._dead else answer

    async def _forward(self, service: str, request: web.BaseRequest, body: bytes) -> web.Response:
        url = URL(self.targets[service] + request.raw_path, encoded=True)
        headers = _kept(request.headers)
        if service == "studio" and request.method == "PATCH":
            self.promotions.append(_promotion(request.path, body))
        if self.twice and service == "queue" and request.method == "POST":
            async with self.session.request("POST", url, headers=headers, data=body, skip_auto_headers=_NOT_ADDED):
                pass
        async with self.session.request(
            request.method,
            url,
            headers=headers,
            data=io.BytesIO(body) if body else None,
            skip_auto_headers=_NOT_ADDED,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
            response = web.Response(status=answer.status, reason=answer.reason, headers=_kept(answer.headers))
        if request.method != "HEAD":
            response.body = content
        return response

    async def _until_done(self, request: web.BaseRequest) -> None:
        """Waits until the job that was just started has ended: how often it is looked at would depend on the load."""
        url = URL(self.targets["studio"] + request.raw_path.replace("/start", "", 1), encoded=True)
        headers = {hdrs.AUTHORIZATION: request.headers[hdrs.AUTHORIZATION]}
        for _ in range(1000):
            async with self.session.get(url, headers=headers) as answer:
                if (await answer.json(content_type=None)).get("StatusCode") not in (0, 1, "NotStarted", "Running"):
                    return
            await asyncio.sleep(0.03)


def _kept(headers: Mapping[str, str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _OURS)


def _dropped(request: web.BaseRequest) -> web.StreamResponse:
    """Ends the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _promotion(path: str, body: bytes) -> tuple[str, str]:
    (resource,) = msgspec.json.decode(body)["Resources"]
    return path.rsplit("/", 1)[-1], resource["Location"]["RelativeLocation"]


async def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
        timeout=aiohttp.ClientTimeout(total=60),
        auto_decompress=False,
    )
