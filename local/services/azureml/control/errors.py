"""Errors as the management front end of a workspace spells them: Resource Manager's form, and where they came from."""

import time
from collections.abc import Callable
from typing import Any

import msgspec

from local.services.azureml.errors import code_of
from local.services.engine.errors import WireError
from local.services.engine.operation import Handler
from local.services.engine.operation import operation as named
from local.services.engine.records import new_id, wire_time


class FrontEndError(WireError):
    """`{"error": {"code": "UserError", "message", "target", "details", "additionalInfo"}}`.

    `code` says what happened and is the innermost; the outer one says whose fault it is.
    """

    def body(self) -> bytes:
        """The JSON body."""
        told = {"operation": new_id(), "request": new_id()[:16]}
        error = {
            "code": "UserError" if self.status < 500 else "ServiceError",
            "message": self.message,
            "target": None,
            "details": self.details,
            "additionalInfo": [
                _told("ComponentName", "managementfrontend"),
                _told("Correlation", told),
                _told("Environment", "local"),
                _told("Location", "local"),
                _told("Time", wire_time(time.time())),
                _told("InnerError", {"code": self.code, "innerError": None}),
            ],
        }
        return msgspec.json.encode({"error": error})


def _told(kind: str, value: Any) -> dict[str, Any]:
    return {"type": kind, "info": {"value": value}}


def wrong(status: int, message: str, code: str | None = None) -> FrontEndError:
    """A refusal."""
    return FrontEndError(status, code or code_of(status), message)


class _Dialect:
    def fault(self, status: int | None, code: str | None, detail: str | None, message: str | None) -> WireError:
        status, text = status or 503, message or "Injected fault."
        details = [{"code": detail, "message": text}] if detail else []
        return FrontEndError(status, code or code_of(status), text, details)

    def unexpected(self, status: int, message: str) -> WireError:
        return wrong(status, message)


DIALECT = _Dialect()


def operation(name: str) -> Callable[[Handler], Handler]:
    """Names a handler's operation; its errors are spelled as the front end's."""
    return named(name, DIALECT)
