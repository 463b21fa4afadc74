"""How something becomes a run: a blob that landed, a request over HTTP or from the queue, a schedule.

Each cause has a key that every delivery of it computes alike, and the run's id is made of it: delivered again, a cause
finds its run.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from retrain import callbacks, inbox, paths
from retrain import keys as keyed
from retrain.advance import send
from retrain.errors import AccessDenied, BadRequest, Conflict, NotFound
from retrain.messages import CandidateRequest, RunRequest
from retrain.model import Model, is_history
from retrain.ports import BlobInfo, Ports
from retrain.run import Actor, Landed, Move, Released, Run, State, Times, order_of, run_id

log = logging.getLogger(__name__)

MOST_FILES = 50
"""So many files of the inbox one run takes: all its landings are written in one transaction of at most 100 rows."""
ALLOWED = (paths.INBOX, paths.ARCHIVE, paths.HISTORY)
"""Containers whose blobs a request may name."""


def landing_key(url: str, etag: str, again: int | str = 0) -> str:
    """Identifies one version of one blob: the same for every event that tells of it."""
    facts = [url, etag.strip('"'), *([str(again)] if again else [])]
    return sha256("\n".join(facts).encode()).hexdigest()[:32]


def target_in(path: str, models: Mapping[str, Model]) -> str:
    """The target that a path in the inbox belongs to: its first folder is the model, the second the key if it has any.

    Raises:
        BadRequest: the path has no folder, or it is not that of a configured model or of a key of it.
    """
    folder, slash, rest = path.partition("/")
    if not slash or not rest or not keyed.NAME.fullmatch(folder):
        raise BadRequest(f"{path!r} is not training data of a model; put it at {paths.INBOX}/MODEL/FILE")
    if folder not in models:
        known = ", ".join(sorted(models)) or "none"
        raise BadRequest(f"{path!r} belongs to no configured model (there are: {known}); configure it or move the file")
    return _keyed_in(path, rest, models[folder]) if models[folder].keys else folder


def _keyed_in(path: str, rest: str, model: Model) -> str:
    key, _, file = rest.partition("/")
    if not file or key not in model.keys:
        wrong = f"{key!r} is none of them" if file else "it lies above their folders"
        raise BadRequest(
            f"{path!r} belongs to no key of {model.name} ({keyed.listed(model.keys)}): {wrong}; put it at "
            f"{paths.INBOX}/{model.name}/KEY/FILE"
        )
    return f"{model.name}:{key}"


def land(blob: str, ports: Ports, *, door: str = "blob") -> Run | None:
    """A blob is said to have landed. Returns its run, or None when there is nothing to start.

    Nothing starts for a blob that is gone (its run took it), for history (older than the model's `since`), and while
    a model starts on its schedule only: such files wait in the inbox.

    Raises:
        BadRequest: the blob is in nobody's folder.
    """
    try:
        info = ports.blobs.head(blob)
    except NotFound:
        log.info("nothing at %s any more: a run has taken it", blob)
        return None
    entries = {model.name: model for model in ports.models.all()}
    model = ports.models.get(target_in(blob.partition("/")[2], entries))
    if is_history(info.modified, model):
        log.info("history is not started: %s is older than since=%s", blob, model.since)
        return None
    if model.start_on == "schedule":
        log.info("%s waits for the schedule of %s", blob, model.target)
        return None
    landed = as_landed(info, model, ports)
    return begin(
        model, (landed,), ports, door=door, actor=Actor(kind=door), parts=(landed.key,), reason=f"{blob} landed"
    )


def arrived(blob: str, ports: Ports) -> Run | None:
    """What the blob trigger calls: as `land`, but a file in nobody's folder stays in the inbox, where it can be seen.

    The timer looks at it again, so it starts once its model is configured.
    """
    try:
        return land(blob, ports)
    except BadRequest as error:
        log.warning("left where it is: %s", error)
        return None


def request(asked: RunRequest, ports: Ports, *, door: str, actor: Actor, cause: str, traceparent: str = "") -> Run:
    """Somebody asks for a run. `cause` identifies this asking (an idempotency key, or a message's id).

    Raises:
        AccessDenied: a blob outside the model's folders is named.
        NotFound: no such model, or no such blob.
    """
    model = ports.models.get(asked.model)
    known = ports.ledger.keyed(model.target, asked.idempotency_key) if asked.idempotency_key else None
    if known is not None:
        return found(ports.ledger.run(known), asked, ports)
    infos = [ports.blobs.head(owned(blob, asked.model)) for blob in asked.data]
    landings = tuple(as_landed(info, model, ports, asked.again) for info in infos) or _waiting(model, ports)
    parts = (cause,) if cause else tuple(sorted(landed.key for landed in landings))
    ident = run_id(model.target, parts, asked.again)
    if asked.call_back_uri:
        callbacks.remember(ident, asked.call_back_uri, ports)
    run = begin(
        model,
        landings,
        ports,
        door=door,
        actor=actor,
        parts=parts,
        reason=asked.reason,
        asked=asked,
        traceparent=traceparent,
    )
    if asked.call_back_uri:
        callbacks.move(ident, run.id, asked.call_back_uri, ports)
    return run


def _waiting(model: Model, ports: Ports) -> tuple[Landed, ...]:
    """The oldest files of the inbox that no run has taken; what is too much for one run waits for the next."""
    landings = (as_landed(info, model, ports) for info in inbox.waiting(model.target, model, ports))
    free = [landed for landed in landings if ports.ledger.landing(model.target, landed.key) is None]
    return tuple(sorted(free, key=lambda landed: (landed.modified, landed.key))[:MOST_FILES])


def owned(blob: str, target: str) -> str:
    """The blob, if a request about this target may name it.

    Raises:
        AccessDenied: it may not.
    """
    name = blob.lstrip("/")
    folders = paths.folders(target, ALLOWED)
    if not paths.within(name, folders):
        raise AccessDenied(f"{blob!r} is not data of {target}; name blobs below {' or '.join(folders)}")
    return name


def as_landed(info: BlobInfo, model: Model, ports: Ports, again: int = 0) -> Landed:
    """A listed or described blob as a landing."""
    key = landing_key(ports.blobs.url(info.blob), info.etag, again)
    keep = model.keep or model.reference
    return Landed(key=key, blob=info.blob, etag=info.etag, modified=info.modified, size=info.size, keep=keep)


def begin(
    model: Model,
    landings: tuple[Landed, ...],
    ports: Ports,
    *,
    door: str,
    actor: Actor,
    parts: tuple[str, ...],
    reason: str,
    asked: RunRequest | None = None,
    traceparent: str = "",
    released: Released | None = None,
) -> Run:
    """Adds the run, or finds the one that an earlier delivery added. It is not driven yet: see `start`.

    Raises:
        Conflict: the idempotency key was used for another request.
    """
    now = ports.now()
    asked = asked or RunRequest(model=model.target)
    latest = inbox.newest(landings) if landings else None
    run = received(
        run_id(model.target, parts, asked.again),
        model,
        asked,
        now,
        door=door,
        actor=actor,
        order=order_of(latest.modified, latest.key) if latest else order_of(now, parts[0]),
        landings=landings,
        parameters=dict(asked.parameters),
        reason=reason,
        again=asked.again,
        times=Times(landed=latest.modified if latest else now, seen=now),
        traceparent=traceparent,
        released=released,
    )
    added = ports.ledger.add(run, first_move(run, reason or f"asked by {door}"), landings, asked.idempotency_key)
    return _same_request(added, asked) if asked.idempotency_key and added.id == run.id else added


def received(ident: str, model: Model, asked: RunRequest | CandidateRequest, now: datetime, **more: Any) -> Run:
    """A run as it begins; `more` are further members of it."""
    return Run(
        id=ident,
        target=model.target,
        state=State.RECEIVED,
        created=now,
        entered=now,
        due=now,
        request=request_print(asked),
        config=model.sha,
        calls_back=bool(asked.call_back_uri),
        **more,
    )


def first_move(run: Run, why: str) -> Move:
    """The first line of its history."""
    return Move(run=run.id, n=0, source=None, to=State.RECEIVED, at=run.created, why=why, actor=run.actor)


def found(run: Run, asked: RunRequest | CandidateRequest, ports: Ports) -> Run:
    """The run of a repeated request; whoever asks this time is told of its end too.

    Raises:
        Conflict: the idempotency key was used for another request.
    """
    run = _same_request(run, asked)
    if asked.call_back_uri:
        callbacks.remember(run.id, asked.call_back_uri, ports)
    return run


def _same_request(found: Run, asked: RunRequest | CandidateRequest) -> Run:
    if found.request != request_print(asked):
        raise Conflict(
            f"the idempotency key {asked.idempotency_key!r} belongs to another request, which started run {found.id}; "
            "repeat that request exactly, or use a new key"
        )
    return found


def start(run: Run, ports: Ports) -> None:
    """Sends the first message of a run, unless it has come further: then its own messages drive it."""
    if run.seq == 0:
        send(run, ports)


def request_print(asked: RunRequest | CandidateRequest) -> str:
    """Tells one request from another that carries the same idempotency key: by all of it but what is made anew for each
    asking, signatures and addresses to call back."""
    same = msgspec.structs.replace(asked, call_back_uri="")
    if isinstance(same, CandidateRequest):
        url = same.location if isinstance(same.location, str) else same.location.url
        same = msgspec.structs.replace(same, location=url.partition("?")[0])
    return sha256(msgspec.json.encode(same, order="sorted")).hexdigest()[:16]
