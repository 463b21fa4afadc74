"""Errors as Key Vault spells them: `{"error": {"code", "message"}}`."""

from collections.abc import Callable

from local.services.engine.errors import WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named

CODES = {401: "Unauthorized", 403: "Forbidden", 404: "SecretNotFound", 429: "Throttled"}


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        status = status or 503
        return WireError(
            status, code or detail or CODES.get(status, "ServiceUnavailable"), message or "Injected fault."
        )

    def unexpected(self, status: int, message: str) -> WireError:
        return WireError(status, CODES.get(status, "BadParameter" if status < 500 else "InternalError"), message)


DIALECT = _Dialect()


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation; its errors are spelled as Key Vault's."""
    return named(name, DIALECT)
