"""Errors as OAuth spells them: `{"error": "invalid_client", "error_description": "…"}`."""

from collections.abc import Callable

import msgspec

from local.services.engine.errors import WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named


class Refused(WireError):
    """A token that is not given."""

    def body(self) -> bytes:
        """The JSON body."""
        return msgspec.json.encode({"error": self.code, "error_description": self.message})


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        return Refused(status or 503, code or detail or "temporarily_unavailable", message or "Injected fault.")

    def unexpected(self, status: int, message: str) -> WireError:
        return Refused(status, "invalid_request" if status < 500 else "server_error", message)


DIALECT = _Dialect()


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation; its errors are spelled as this service's."""
    return named(name, DIALECT)
