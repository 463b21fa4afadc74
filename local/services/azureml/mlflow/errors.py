"""Errors as MLflow spells them: `{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "…"}`."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from local.services.engine.errors import WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named

CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    429: "REQUEST_LIMIT_EXCEEDED",
    503: "TEMPORARILY_UNAVAILABLE",
}


class MlflowError(WireError):
    """An error of MLflow's."""

    def body(self) -> bytes:
        """The JSON body."""
        return msgspec.json.encode({"error_code": self.code, "message": self.message})


def wrong(status: int, message: str) -> MlflowError:
    """A refusal."""
    return MlflowError(status, CODES.get(status, "INTERNAL_ERROR"), message)


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        status = status or 503
        return MlflowError(status, code or CODES.get(status, "INTERNAL_ERROR"), message or "Injected fault.")

    def unexpected(self, status: int, message: str) -> WireError:
        return wrong(status, message)


DIALECT = _Dialect()


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation; its errors are spelled as MLflow's, whoever raises them."""
    return lambda handler: named(name, DIALECT)(_spelling(handler))


def _spelling(handler: Handler) -> Handler:
    async def serve(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except MlflowError:
            raise
        except WireError as refused:
            raise wrong(refused.status, refused.message) from refused

    return serve
