"""The host's own API: status, list of functions, run a function by hand."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from local.host.keys import Keys
from local.host.settings import is_disabled
from local.host.worker import Function

VERSION = "4.1037.0"  # of the host whose behaviour is followed here
Runner = Callable[[Function, str], Awaitable[object]]


class Admin:
    """Routes under /admin. `run` starts a function by hand with an input text."""

    def __init__(self, functions: list[Function], host_id: str, keys: Keys, run: Runner) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._host_id = host_id
        self._keys = keys
        self._run = run
        self._instance = uuid.uuid4().hex
        self._started = time.monotonic()
        self._running: set[asyncio.Future[object]] = set()
        self.state = "Running"

    def routes(self) -> list[web.RouteDef]:
        """The routes, each of which asks for the master key when keys are asked for."""
        return [
            web.get("/admin/host/status", self._guarded(self._status)),
            web.route("*", "/admin/host/ping", self._guarded(self._ping)),
            web.get("/admin/functions", self._guarded(self._list)),
            web.get("/admin/functions/{name}", self._guarded(self._one)),
            web.post("/admin/functions/{name}", self._guarded(self._invoke)),
            web.route("*", "/admin/{rest:.*}", self._guarded(self._unknown)),
        ]

    def _guarded(self, handler: Callable[[web.Request], Awaitable[web.Response]]) -> Any:
        async def guarded(request: web.Request) -> web.Response:
            if not self._keys.allows_admin(request):
                return web.Response(status=401)
            return await handler(request)

        return guarded

    async def _status(self, _request: web.Request) -> web.Response:
        status = {
            "id": self._host_id,
            "state": self.state,
            "version": VERSION,
            "versionDetails": f"{VERSION} (local host)",
            "instanceId": self._instance,
            "processUptime": int((time.monotonic() - self._started) * 1000),
        }
        return web.json_response(status)

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response()

    async def _list(self, request: web.Request) -> web.Response:
        return web.json_response([_described(function, request) for function in self._functions.values()])

    async def _one(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        return web.json_response(_described(function, request)) if function else web.Response(status=404)

    async def _invoke(self, request: web.Request) -> web.Response:
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        try:
            text = json.loads(await request.read() or b"{}").get("input") or ""
        except (ValueError, AttributeError) as error:
            return web.Response(status=400, text=f'the body must be {{"input": "..."}}: {error}')
        task = asyncio.ensure_future(self._run(function, text))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return web.Response(status=202)

    async def _unknown(self, _request: web.Request) -> web.Response:
        return web.Response(status=404)


def _described(function: Function, request: web.Request) -> dict[str, Any]:
    base = f"{request.scheme}://{request.host}"
    return {
        "name": function.name,
        "href": f"{base}/admin/functions/{function.name}",
        "language": "python",
        "isDisabled": is_disabled(function.name, os.environ),
        "config": {"name": function.name, "language": "python", "bindings": list(function.bindings)},
    }
