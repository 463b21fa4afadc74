"""Messages between the parts of Retrain and from other services: their shape, and what is wrong with a bad one.

Members are camelCase on the wire and never named like queue metadata (`id`, `dequeueCount` …), which a Functions host
would merge over them.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal, TypeVar, cast

import msgspec

from retrain.decoding import prepared
from retrain.errors import BadRequest


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of every message. Unknown members are ignored, missing ones refused."""


class Step(Message, frozen=True, tag_field="kind", tag="step"):
    """Drives a run on: valid while the run's `seq` is this one."""

    run_id: str
    seq: int
    v: int = 1
    traceparent: str = ""


class Settle(Message, frozen=True, tag_field="kind", tag="settle"):
    """Drives a change of production to its end: valid while the champion's intent has this version.

    `early`: so many times it came before its change was saved.
    """

    target: str
    change: int
    early: int = 0
    v: int = 1
    traceparent: str = ""


class RunRequest(Message, frozen=True, omit_defaults=True):
    """Asks for a run of `model`: over HTTP (the model is in the route) or on the queue `retrain-requests`.

    `data` names blobs as `container/name`; without it the inbox is taken, or all accepted data when that is empty.
    `idempotency_key` makes a repeated request find its run. `again` forces a run although its content is known.
    `call_back_uri` is POSTed to when the run has ended, as a WebHook activity of Data Factory wants it.
    """

    model: str = ""
    data: tuple[str, ...] = ()
    parameters: dict[str, str] = {}
    reason: str = ""
    again: int = 0
    idempotency_key: str = ""
    call_back_uri: str = ""


class BlobLocation(msgspec.Struct, frozen=True, rename="pascal"):
    """A blob as batch execution of Studio (classic) names its results."""

    base_location: str
    relative_location: str
    sas_blob_token: str | None = ""

    @property
    def url(self) -> str:
        """Its address with the signature that came with it."""
        signature = (self.sas_blob_token or "").lstrip("?")
        bare = f"{self.base_location.rstrip('/')}/{self.relative_location.lstrip('/')}"
        return f"{bare}?{signature}" if signature else bare


class CandidateRequest(Message, frozen=True, omit_defaults=True):
    """Asks to judge a model that another system trained, and to put it live if the gate says so.

    The model is at `location` (`container/name` in our storage, an https address, or a result of batch execution), or
    is the result of the job `job` of the model's own training service. `holdout` names a blob of labelled rows that it
    was not trained on; without it, the newest accepted holdout is taken.
    """

    location: str | BlobLocation = ""
    job: str = ""
    holdout: str = ""
    reason: str = ""
    idempotency_key: str = ""
    call_back_uri: str = ""


class UploadRequest(Message, frozen=True):
    """Asks for a link to upload one file; `name` is a plain file name.

    `purpose`: `data` lands in the inbox and starts a run, `history` is for adoption and starts none.
    """

    name: str = ""
    purpose: Literal["data", "history"] = "data"


class AdoptionRequest(Message, frozen=True):
    """Asks to record the live model: `holdout` and `data` are blobs that were uploaded as `history`."""

    holdout: str = ""
    data: tuple[str, ...] = ()
    again: bool = False


class PromotionRequest(Message, frozen=True):
    """Asks to put a candidate live; `force` overrides the gate's no, and then the reason is required."""

    reason: str = ""
    force: bool = False


class ReleaseRequest(Message, frozen=True):
    """Asks to take a refused batch after all; the reason is required.

    `believe`: it counts as believed at once, without the next batch confirming it.
    """

    reason: str = ""
    believe: bool = False


class PersonRequest(Message, frozen=True):
    """A person's act on a run or a model, with the reason that the record keeps."""

    reason: str = ""


TRAINING_QUEUE = "training"
EVALUATION_QUEUE = "evaluations"
REQUESTS_QUEUE = "retrain-requests"
"""The two internal queues, and the one that other services may write to."""

M = TypeVar("M")


def encode(message: Message) -> str:
    """The message as compact JSON text."""
    return msgspec.json.encode(message).decode()


def decode(kind: type[M], body: bytes | str) -> M:
    """The message in `body`: plain JSON, or JSON in base64, as storage clients of many languages send it.

    Raises:
        BadRequest: neither form holds such a message; says which member is wrong.
    """
    return cast(M, _decoded(kind, body, kind.__name__))


def step_or_settle(body: bytes | str) -> Step | Settle:
    """The message in `body` of an internal queue. Raises BadRequest as `decode` does."""
    return cast(Step | Settle, _decoded(Step | Settle, body, "Step or Settle"))


def _decoded(kind: Any, body: bytes | str, name: str) -> Any:
    raw = body.encode() if isinstance(body, str) else bytes(body)
    try:
        return prepared(kind).decode(_plain(raw))
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BadRequest(f"not a {name}: {error}; got {raw[:80]!r}") from error


def _plain(raw: bytes) -> bytes:
    text = raw.strip()
    if text[:1] in (b"{", b""):
        return text
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return text
