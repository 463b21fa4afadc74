"""Requests and replies of the HTTP interface as plain records, and who asks. Nothing here knows a route."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from retrain.decoding import from_json
from retrain.errors import (
    AccessDenied,
    BadConfiguration,
    BadRequest,
    Conflict,
    IllegalMove,
    NotFound,
    Replaced,
    RetrainError,
    RetryableError,
    TooLarge,
)
from retrain.messages import Message
from retrain.run import Actor

log = logging.getLogger(__name__)

STATUS: Mapping[type[RetrainError], int] = {
    BadRequest: 400,
    TooLarge: 413,
    AccessDenied: 403,
    NotFound: 404,
    Conflict: 409,
    IllegalMove: 409,
    Replaced: 409,
    BadConfiguration: 422,
}
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Request:
    """What a caller sent. Header names are lowercase; `base` is the address the caller reached us at."""

    method: str
    route: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    base: str = ""

    def read(self, kind: type[M]) -> M:
        """The body as a message; an empty body is the message without members.

        Raises:
            BadRequest: says which member is wrong.
        """
        try:
            return from_json(self.body.strip() or b"{}", kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BadRequest(f"the body is not a {kind.__name__}: {error}") from error

    def flag(self, name: str) -> bool:
        """Whether a query parameter says yes."""
        return self.query.get(name, "").lower() in ("true", "1", "yes")


@dataclass(frozen=True)
class Reply:
    """What a caller gets: `body` is encoded as JSON unless it is text or bytes already."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    def encoded(self) -> bytes:
        """The body as bytes."""
        if isinstance(self.body, str):
            return self.body.encode()
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else msgspec.json.encode(self.body)


def failure(error: RetrainError) -> Reply:
    """The reply that says what went wrong: `{"error": {"code", "message", "details"?}}`."""
    body: dict[str, Any] = {"code": error.code, "message": str(error)}
    if problems := getattr(error, "problems", ()):
        body["details"] = list(problems)
    if isinstance(error, RetryableError):
        wait = str(int(error.retry_after or 5))
        return Reply(503, {"error": body}, {"Retry-After": wait})
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 400)
    return Reply(status, {"error": body})


def who(request: Request, *, vouched: bool) -> Actor:
    """Who asks. Only when the platform signs people in (`vouched`) is its word taken, and the actor verified.

    Otherwise the header `x-retrain-actor` names a person who holds the function key: recorded, not verified.
    """
    principal = request.headers.get("x-ms-client-principal", "")
    if vouched and principal:
        return Actor(kind="person", id=_name(principal, request), verified=True)
    named = request.headers.get("x-retrain-actor", "").strip()[:100]
    return Actor(kind="person", id=named) if named else Actor(kind="http")


def _name(principal: str, request: Request) -> str:
    """The name in the platform's principal: base64 JSON, whose `name_typ` says which claim is the name."""
    try:
        token = msgspec.json.decode(base64.b64decode(principal, validate=True))
        claims = {claim["typ"]: claim["val"] for claim in token["claims"]}
        return str(claims[token["name_typ"]])
    except (binascii.Error, msgspec.DecodeError, KeyError, TypeError):
        return request.headers.get("x-ms-client-principal-name", "unknown")
