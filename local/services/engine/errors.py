"""Answers that are errors. How an error is spelled on the wire is each service's own: its `Dialect`."""

from typing import Protocol

import msgspec


class WireError(Exception):
    """An answer that is an error. A service that writes its errors in another form overrides `body`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: list[dict[str, str]] | None = None,
        retry_after: float | None = None,
    ):
        super().__init__(f"{status} {code}: {message} {details or ''}".rstrip())
        self.status = status
        self.code = code
        self.message = message
        self.details = details or []
        self.retry_after = retry_after

    def body(self) -> bytes:
        """The JSON body: `{"error": {"code", "message", "details": [{"code", "message"}]}}`."""
        return msgspec.json.encode({"error": {"code": self.code, "message": self.message, "details": self.details}})


class Dialect(Protocol):
    """How one service spells what any service may have to say."""

    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        """The error that an injected fault orders; what it leaves open is chosen to fit."""

    def unexpected(self, status: int, message: str) -> WireError:
        """A route that is not there, a method that is not allowed, a fault of the service itself."""
