"""What every request goes through: its log entry, injected faults, and errors turned into the wire's form."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.services.studio.errors import WireError, outer_error
from local.services.studio.faults import Fault
from local.services.studio.records import Endpoint, new_id
from local.services.studio.studio import studio_of

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SECRETS = re.compile(r"((?:sig|key|token|accountkey)=)[^&;\s]+", re.IGNORECASE)


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation, so that faults and the request log can."""

    def wrap(handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            request["operation"] = name
            fault = studio_of(request).faults.take(name, _concerned(request))
            if fault is None:
                return await handler(request)
            return await _faulty(fault, handler, request)

        return serve

    return wrap


async def _faulty(fault: Fault, handler: Handler, request: web.Request) -> web.StreamResponse:
    if fault.cut == "before":
        return _cut(request)
    planned = fault.error()
    if planned is not None:
        await asyncio.sleep(fault.delay)
        raise planned
    request["delay"] = fault.delay
    if request["operation"] not in ("execute", "score"):
        await pause(request)
    response = await handler(request)
    return _cut(request) if fault.cut == "after" else response


async def pause(request: web.Request) -> None:
    """Waits as long as an injected fault says; calls to score do so while they hold one of the endpoint's slots."""
    await asyncio.sleep(request.get("delay", 0.0))


def _cut(request: web.Request) -> web.StreamResponse:
    request["cut"] = True
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _concerned(request: web.Request) -> frozenset[str]:
    key = request.match_info.get("endpoint")
    if key is None:
        return frozenset()
    endpoint = studio_of(request).store.find(Endpoint, key)
    return frozenset((key, endpoint.name) if endpoint else (key,))


@web.middleware
async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns errors into answers and writes the request log."""
    begun = time.time()
    response = await _answered(request, handler)
    response.headers["x-ms-request-id"] = new_id()
    if not request.path.startswith("/_local/"):
        _note(request, response, begun)
    return response


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except WireError as wrong:
        return _error_response(wrong)
    except web.HTTPException as wrong:
        code = {404: "NotFound", 413: "MemoryQuotaViolation"}.get(wrong.status, "BadArgument")
        told = WireError(wrong.status, code, f"{request.method} {request.path}: {wrong.reason}")
        response = _error_response(told)
        if "Allow" in wrong.headers:
            response.headers["Allow"] = wrong.headers["Allow"]
        return response
    except Exception:
        log.exception("request failed by a fault of the service %s %s", request.method, request.path)
        return _error_response(outer_error("InternalError"))


def _error_response(wrong: WireError) -> web.Response:
    headers = {} if wrong.retry_after is None else {"Retry-After": f"{wrong.retry_after:g}"}
    return web.Response(status=wrong.status, body=wrong.body(), content_type="application/json", headers=headers)


def _note(request: web.Request, response: web.StreamResponse, begun: float) -> None:
    studio = studio_of(request)
    key = request.match_info.get("endpoint")
    endpoint = studio.store.find(Endpoint, key) if key else None
    studio.requests.append(
        {
            "method": request.method,
            "path": _SECRETS.sub(r"\1REDACTED", request.path_qs),
            "operation": request.get("operation"),
            "status": None if request.get("cut") else response.status,
            "time": begun,
            "seconds": round(time.time() - begun, 6),
            "endpoint": endpoint.name if endpoint else key,
        }
    )
