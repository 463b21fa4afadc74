"""Errors as these services spell them: PascalCase on the pipelines service, camelCase everywhere else."""

import time
from collections.abc import Callable

import msgspec
from aiohttp import web

from local.services.engine.errors import Dialect, WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named
from local.services.engine.records import new_id, wire_time

CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "UnsupportedApiVersion",
    409: "Conflict",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
}


class PipelineError(WireError):
    """`{"Error": {"Code", "Message", "Target", "Details", "InnerError", "DebugInfo"}, "Correlation"}`."""

    def body(self) -> bytes:
        error = {
            "Code": self.code,
            "Message": self.message,
            "Target": None,
            "Details": [{"Code": one["code"], "Message": one["message"], "Target": None} for one in self.details],
            "InnerError": None,
            "DebugInfo": None,
        }
        return msgspec.json.encode({"Error": error, "Correlation": _correlation()})


class ServiceError(WireError):
    """The form of run history, metrics and artifacts; `code` says whose fault it is, `innerError` what happened."""

    def body(self) -> bytes:
        error = {
            "code": "UserError" if self.status < 500 else "ServiceError",
            "severity": None,
            "message": self.message,
            "messageFormat": None,
            "messageParameters": {},
            "referenceCode": None,
            "detailsUri": None,
            "target": None,
            "details": self.details,
            "innerError": {"code": self.code, "innerError": None},
            "additionalInfo": None,
        }
        around = {"environment": "local", "location": "local", "time": wire_time(time.time())}
        return msgspec.json.encode(
            {"error": error, "correlation": _correlation(), **around, "componentName": "run-history"}
        )


def _correlation() -> dict[str, str]:
    return {"operation": new_id(), "request": new_id()[:16]}


class _Dialect:
    def __init__(self, kind: type[WireError]):
        self.kind = kind

    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        status = status or 503
        details = [{"code": detail, "message": message or "Injected fault."}] if detail else []
        return self.kind(status, code or code_of(status), message or "Injected fault.", details)

    def unexpected(self, status: int, message: str) -> WireError:
        return self.kind(status, code_of(status), message)


def code_of(status: int) -> str:
    """The code that usually goes with a status."""
    return CODES.get(status, "BadRequest" if status < 500 else "InternalServerError")


PIPELINES = _Dialect(PipelineError)
SERVICES = _Dialect(ServiceError)


class Refused(Exception):
    """A rule refuses; how it is spelled is the caller's service's. `status` is an HTTP status."""

    def __init__(self, status: int, message: str, code: str | None = None):
        super().__init__(message)
        self.status = status
        self.code = code or code_of(status)


def _spelling(handler: Handler, dialect: _Dialect) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as refused:
            raise dialect.kind(refused.status, refused.code, str(refused)) from refused

    return serve


def pipelines(name: str) -> Callable[[Handler], Handler]:
    """Names an operation of the pipelines service."""
    return lambda handler: named(name, PIPELINES)(_spelling(handler, PIPELINES))


def services(name: str) -> Callable[[Handler], Handler]:
    """Names an operation of any other service of a workspace."""
    return lambda handler: named(name, SERVICES)(_spelling(handler, SERVICES))


def dialects() -> list[tuple[str, Dialect]]:
    """How errors of routes that are not there are spelled, by prefix."""
    others = ("/history/", "/metric/", "/artifact/", "/designer/", "/discovery")
    return [("/pipelines/", PIPELINES), *((prefix, SERVICES) for prefix in others)]
