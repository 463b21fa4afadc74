"""What every request goes through: its log entry, injected faults, and errors turned into the wire's form."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from local.services.engine.engine import engine_of
from local.services.engine.errors import Dialect, WireError
from local.services.engine.faults import DIALECTS, Fault
from local.services.engine.records import new_id

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SECRETS = re.compile(r"((?:sig|key|token|accountkey)=)[^&;\s]+", re.IGNORECASE)


def register(name: str, dialect: Dialect) -> None:
    """Makes an operation known, so that faults can be ordered for it."""
    DIALECTS[name] = dialect


def operation(name: str, dialect: Dialect) -> Callable[[Handler], Handler]:
    """Names a handler's operation, so that faults and the request log can; its errors are spelled in the dialect."""
    register(name, dialect)

    def wrap(handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            request["operation"] = name
            fault = engine_of(request).faults.take(name, _concerned(request))
            if fault is None:
                return await handler(request)
            return await _faulty(fault, handler, request)

        return serve

    return wrap


async def _faulty(fault: Fault, handler: Handler, request: web.Request) -> web.StreamResponse:
    if fault.cut == "before":
        return _cut(request)
    if fault.refuses:
        await asyncio.sleep(fault.delay)
        planned = DIALECTS[fault.operation].fault(fault.status, fault.code, fault.detail, fault.message)
        planned.retry_after = fault.retry_after
        raise planned
    request["delay"] = fault.delay
    if request["operation"] not in ("execute", "score", "scoreonline"):
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
    """Ids of the route, and the names of what they mean."""
    engine, parts = engine_of(request), dict(request.match_info)
    named = (engine.names[part](key) for part, key in parts.items() if part in engine.names)
    return frozenset((*parts.values(), *filter(None, named)))


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
        told = _dialect(request).unexpected(wrong.status, f"{request.method} {request.path}: {wrong.reason}")
        response = _error_response(told)
        if "Allow" in wrong.headers:
            response.headers["Allow"] = wrong.headers["Allow"]
        return response
    except Exception:
        log.exception("request failed by a fault of the service %s %s", request.method, request.path)
        return _error_response(_dialect(request).unexpected(500, "Execution encountered an internal error."))


def _dialect(request: web.Request) -> Dialect:
    return next(dialect for prefix, dialect in engine_of(request).dialects if request.path.startswith(prefix))


def _error_response(wrong: WireError) -> web.Response:
    headers = {} if wrong.retry_after is None else {"Retry-After": f"{wrong.retry_after:g}"}
    return web.Response(status=wrong.status, body=wrong.body(), content_type="application/json", headers=headers)


def _note(request: web.Request, response: web.StreamResponse, begun: float) -> None:
    engine, key = engine_of(request), request.match_info.get("endpoint")
    name = engine.names["endpoint"](key) if key and "endpoint" in engine.names else None
    engine.requests.append(
        {
            "method": request.method,
            "path": _SECRETS.sub(r"\1REDACTED", request.path_qs),
            "operation": request.get("operation"),
            "status": None if request.get("cut") else response.status,
            "time": begun,
            "seconds": round(time.time() - begun, 6),
            "endpoint": name or key,
        }
    )
