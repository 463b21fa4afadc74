"""What comes back from a service, and how it is sorted into `retrain.errors`. Calls themselves are made in `http`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from retrain.decoding import from_json
from retrain.errors import (
    AccessDenied,
    BadConfiguration,
    BadRequest,
    Conflict,
    NotFound,
    RetrainError,
    RetryableError,
    Throttled,
    Unavailable,
)
from shared.redact import redact

T = TypeVar("T")

THROTTLING = frozenset(
    {"RequestThrottled", "TooManyConcurrentRequests", "TooManyHostsBeingInitialized"}
    | {"TooManyHostsBeingInitializedPerModel", "TooManyRequests"}
)
"""Codes in a 503 that ask for fewer calls."""


class Refusal(msgspec.Struct, frozen=True):
    """What an error answer said: the outer code, the specific code of its first detail, and the text."""

    code: str = ""
    detail: str = ""
    message: str = ""

    def __str__(self) -> str:
        codes = "/".join(dict.fromkeys(code for code in (self.code, self.detail) if code))
        return ": ".join(part for part in (codes, self.message) if part) or "no explanation"


class Answer(msgspec.Struct, frozen=True):
    """What came back, whatever its status. The key that was sent is never in it."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds the service asks to wait, from seconds or an HTTP date; None when it names none."""
        return _seconds(self.headers.get("Retry-After", ""))

    @property
    def refusal(self) -> Refusal:
        """The wire's error; plain text when the body is no JSON."""
        return _refusal(self.body)

    def json(self, kind: type[T]) -> T:
        """The body as a record. Raises Unavailable: an answer of another shape comes from something in between."""
        try:
            return from_json(self.body, kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            start = redact(self.body[:80].decode(errors="replace"))
            raise Unavailable(
                f"{self.asked}: HTTP {self.status}, but the body is not what the service sends ({error}); it begins "
                f"{start!r}. Check that no proxy or sign-in page stands in front of the address."
            ) from None

    def error(self, advice: str = "") -> RetrainError:
        """The error this answer stands for; `advice` says what to do next."""
        kind = error_class(self.status, self.refusal)
        text = f"{self.asked}: HTTP {self.status}, {redact(str(self.refusal))}. {advice or _ADVICE[kind]}"
        return kind(text, retry_after=self.retry_after) if issubclass(kind, RetryableError) else kind(text)


_ADVICE: dict[type[RetrainError], str] = {
    Throttled: "It is asked again later.",
    Unavailable: "It is asked again later; if this lasts, check the service itself.",
    AccessDenied: "Check the key and what its owner may do.",
    NotFound: "Check the address.",
    Conflict: "Look at its present state first.",
    BadRequest: "The same request would be refused again.",
    BadConfiguration: "Correct the configured address.",
}


def error_class(status: int, refusal: Refusal) -> type[RetrainError]:
    """The class of error for a status that is no success; the one table in which statuses are sorted."""
    if status == 429 or (status == 503 and {refusal.code, refusal.detail} & THROTTLING):
        return Throttled
    if status == 408 or status >= 500:
        return Unavailable
    if 300 <= status < 400:
        return BadConfiguration  # the address has moved, and we do not follow it with a key
    return {401: AccessDenied, 403: AccessDenied, 404: NotFound, 409: Conflict}.get(status, BadRequest)


def _seconds(text: str) -> float | None:
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def _refusal(body: bytes) -> Refusal:
    try:
        whole = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal(message=" ".join(body[:2000].decode(errors="replace").split())[:300])
    around = _lowered(whole)
    found = around.get("error", whole)
    if not isinstance(found, dict):
        return Refusal(code=str(found)[:100], message=str(around.get("error_description", ""))[:600])
    error = _lowered(found)
    details = error.get("details")
    first = _lowered(details[0] if isinstance(details, list) and details else None)
    messages = dict.fromkeys(str(part["message"]) for part in (error, first) if part.get("message"))
    detail = first.get("code") or _lowered(error.get("innererror")).get("code") or ""
    return Refusal(str(error.get("code") or ""), str(detail), " ".join(messages)[:900])


def _lowered(value: object) -> dict[str, Any]:
    """A record with its names in lower case: the pipelines of Azure ML write `Error`, all others `error`."""
    return {str(name).lower(): member for name, member in value.items()} if isinstance(value, dict) else {}
