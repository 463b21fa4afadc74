"""What Azure's storage clients raise, as Retrain's own errors: the one place where a status becomes a decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError

from retrain.errors import (
    AccessDenied,
    BadRequest,
    Conflict,
    NotFound,
    Replaced,
    RetrainError,
    StaleRecord,
    Throttled,
    Unavailable,
)
from shared.redact import redact

_LATER = "it is asked again later"
_BUSY = frozenset({"ServerBusy", "OperationTimedOut"})
_PASSING = frozenset({"TableBeingDeleted", "ContainerBeingDeleted", "QueueBeingDeleted", "PendingCopyOperation"})
# Another writer of the same blob committed meanwhile, which discards everybody's uncommitted blocks.
_PASSING_400 = frozenset({"InvalidBlockList"})


class Unanswered(Unavailable):
    """Nobody can tell whether the request was carried out: the connection failed, or the answer was lost."""


@contextmanager
def asking(asked: str, *, own_record: bool = False) -> Iterator[None]:
    """Turns every storage failure inside into a `RetrainError` that begins with what was asked.

    own_record: a refusal because the row is missing, exists already or was changed is `StaleRecord`.
    """
    try:
        yield
    except AzureError as error:
        raise failure(asked, error, own_record=own_record) from error


def code_of(error: AzureError) -> str:
    """The service's own error code, such as `TableNotFound`; empty when it gave none."""
    code = getattr(error, "error_code", None)
    if code is None:
        code = _headers(error).get("x-ms-error-code")
    return str(getattr(code, "value", code) or "")


def failure(asked: str, error: AzureError, *, own_record: bool = False) -> RetrainError:
    """The error that says what was asked, what came back and what to do."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    if status is None:
        return _unanswered(asked, error)
    code = code_of(error)
    came = f"{asked}: HTTP {status} {code or _first_line(error)}"
    if status == 429 or code in _BUSY:
        return Throttled(f"{came}; {_LATER}", retry_after=_retry_after(error))
    if status == 408 or status >= 500 or code in _PASSING or (status == 400 and code in _PASSING_400):
        return Unavailable(f"{came}; {_LATER}", retry_after=_retry_after(error))
    if status in (401, 403):
        return AccessDenied(f"{came}; check the connection string, or the storage roles of the identity")
    if own_record and status in (404, 409, 412):
        return StaleRecord(f"{came}; somebody else changed the record first: load it and decide again")
    return _refused(came, status, error)


def _refused(came: str, status: int, error: AzureError) -> RetrainError:
    if status == 404:
        return NotFound(f"{came}; check the name")
    if status == 409:
        return Conflict(f"{came}; look at what is there first")
    if status == 412:
        return Replaced(f"{came}; it was replaced since it was seen")
    return BadRequest(f"{came}; {_first_line(error)}")


def _unanswered(asked: str, error: AzureError) -> RetrainError:
    if isinstance(error, ClientAuthenticationError):
        return Unavailable(f"{asked}: no token for the identity ({_first_line(error)}); check its settings; {_LATER}")
    return Unanswered(f"{asked}: no answer ({_first_line(error)}); {_LATER}")


def _first_line(error: AzureError) -> str:
    lines = redact(str(error.message)).splitlines()
    return lines[0][:200] if lines else type(error).__name__


def _headers(error: AzureError) -> Mapping[str, str]:
    return getattr(getattr(error, "response", None), "headers", None) or {}


def _retry_after(error: AzureError) -> float | None:
    text = _headers(error).get("Retry-After", "")
    return float(text) if text.isdecimal() else None
