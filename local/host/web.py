"""The host's HTTP side: which function a request belongs to, who may call it, and the home page.

Not here: /admin (admin.py), the Event Grid webhook (webhooks.py), how a request looks to a function (httptrigger.py).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec
from aiohttp import web

from local.host import httptrigger
from local.host.invocations import Invocations
from local.host.keys import Keys
from local.host.routing import Route, RouteError
from local.host.settings import SettingsError
from local.host.worker import Function

BODY_LIMIT = int(os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT", 104_857_600))  # bytes
_HOME = "<!DOCTYPE html><title>Azure Functions</title><p>Your function app is up and running (local host).</p>"


class _Entry(msgspec.Struct, frozen=True):
    route: Route
    methods: frozenset[str]
    function: Function


class HttpFunctions:
    """The HTTP functions of the app. Raises SettingsError for a route that cannot be read."""

    def __init__(self, functions: list[Function], prefix: str, invocations: Invocations, keys: Keys) -> None:
        self._invocations = invocations
        self._keys = keys
        entries = [_entry(function, prefix) for function in functions]
        self._entries = sorted(entries, key=lambda entry: entry.route.precedence)

    def find(self, method: str, path: str) -> tuple[Function, dict[str, str]] | None:
        """The function that answers a method and raw path, with the route's values; a wrong method is no match."""
        for entry in self._entries:
            if entry.methods and method not in entry.methods:
                continue
            if (values := entry.route.match(path)) is not None:
                return entry.function, values
        return None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request outside /admin and /runtime."""
        path = request.raw_path.split("?", 1)[0]
        if path in ("", "/") and _shows_home_page(os.environ):
            return web.Response(text=_HOME, content_type="text/html")
        found = self.find(request.method, path)
        if found is None:
            return web.Response(status=404)
        function, parameters = found
        if not self._keys.allows(request, function):
            return web.Response(status=401)
        value = await httptrigger.trigger_value(request, parameters)
        answer = await self._invocations.run(function, value, why=f"{request.method} {path}")
        return httptrigger.response(answer.returned) if answer.ok else web.Response(status=500)


def application(functions: HttpFunctions, others: list[web.RouteDef]) -> web.Application:
    """The web application: the host's own routes first, then the app's."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app.add_routes(others)
    app.router.add_route("*", "/{path:.*}", functions.handle)
    return app


def _entry(function: Function, prefix: str) -> _Entry:
    trigger = function.trigger
    template = "/".join(part for part in (prefix.strip("/"), trigger.get("route") or function.name) if part)
    methods = frozenset(str(method).upper() for method in trigger.get("methods") or ())
    try:
        return _Entry(Route.parse(template), methods, function)
    except RouteError as error:
        raise SettingsError(f"function {function.name}: {error}") from error


def _shows_home_page(environment: Mapping[str, str]) -> bool:
    return environment.get("AzureWebJobsDisableHomepage", "").lower() not in ("true", "1")
