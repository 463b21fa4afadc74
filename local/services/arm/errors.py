"""Errors as Resource Manager spells them, for every resource provider: `{"error": {"code", "message", "details"}}`."""

from collections.abc import Callable

from aiohttp import web

from local.services.engine.errors import WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named
from local.services.tokens.records import Principal
from local.services.tokens.tokens import MANAGEMENT, BadToken, authorised

CODES = {401: "InvalidAuthenticationToken", 403: "AuthorizationFailed", 404: "NotFound", 409: "Conflict"}


def refused(status: int, code: str, message: str, *details: tuple[str, str]) -> WireError:
    """An error; each of `details` is a code and a message."""
    return WireError(status, code, message, [{"code": inner, "message": text} for inner, text in details])


def caller(request: web.Request, *, write: bool | None = None) -> Principal:
    """Who asks: a token for Resource Manager is needed, and the role Contributor to `write` (default: for no GET).

    Raises: WireError, 401 or 403.
    """
    try:
        return authorised(request, MANAGEMENT, write=write)
    except BadToken as wrong:
        raise refused(wrong.status, CODES[wrong.status], str(wrong)) from wrong


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        status = status or 503
        details = [(detail, message or "Injected fault.")] if detail else []
        return refused(status, code or CODES.get(status, "ServiceUnavailable"), message or "Injected fault.", *details)

    def unexpected(self, status: int, message: str) -> WireError:
        return refused(status, CODES.get(status, "BadRequest" if status < 500 else "InternalServerError"), message)


DIALECT = _Dialect()


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation; its errors are spelled as Resource Manager's."""
    return named(name, DIALECT)
