"""Production is changed by intent → begin → look → commit, or put back.

The champion's row takes the intent under If-Match before the service is asked, so at most one change of a target is
under way and whoever finds it can bring it to its end. Begin is repeatable. A change is committed only when production
answers the probe rows with that model's own scores; when it does not by its due time, the champion is put back.

Promotion, forced promotion and rollback all come through here. A promotion's commit moves its run in the same
transaction, so that one is driven by `retrain.steps.promotion`; the others by `settle`.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from retrain import lineage, looking, paths
from retrain.champion import Champion, Change, ChangeKind, Intent, Probes, Review
from retrain.errors import Conflict, NotFound, PermanentError, RetryableError, StaleRecord
from retrain.messages import EVALUATION_QUEUE, Message, Settle, Step
from retrain.ports import Begun, Endpoint, Ports, Save
from retrain.run import Actor, Artifact, Run

log = logging.getLogger(__name__)

UNREADABLE = (
    "could not be read when it was adopted, so it cannot be put back from here; refresh the endpoint with "
    "OverwriteResources at its service, then adopt it again"
)
LOOK, LONGEST_LOOK = 1.0, 15.0  # seconds between looks at production
EARLY = 5
"""So many times a message is sent once more whose change is not there yet; in half a minute it is, or never will be."""
QUIET = timedelta(minutes=1)
"""So long after the last look nobody drives a change any more: its driver looks more often than that."""


@dataclass(frozen=True)
class Progress:
    """How far a change is. `champion` is the record to save; `change` is to be kept with it once committed."""

    state: Literal["pending", "committed", "restored"]
    champion: Champion
    change: Change | None = None
    wait: float = LOOK


def require(target: str, ports: Ports) -> Champion:
    """The champion on record.

    Raises:
        Conflict: none was adopted yet.
    """
    champion = ports.ledger.champion(target)
    if champion is None:
        raise Conflict(f"{target} has no champion on record; run `retrain adopt {target} --holdout FILE` first")
    return champion


def promotion(run: Run, champion: Champion, now: datetime, *, kind: ChangeKind, actor: Actor, why: str) -> Change:
    """The change that makes a run's candidate the next version."""
    assert run.candidate is not None
    version = champion.version + 1
    artifact = msgspec.structs.replace(run.candidate, blob=paths.champion(run.target, version, run.id))
    return Change(
        target=run.target,
        version=version,
        kind=kind,
        origin=version,
        previous=champion.origin,
        actor=actor,
        at=now,
        run=run.id,
        order=run.order,
        why=why,
        artifact=artifact,
        probes=paths.champion(run.target, version, run.id, "probes.json"),
    )


def undoing(champion: Champion, ports: Ports, *, actor: Actor, why: str, review: str = "") -> Change:
    """The change that takes production back to the model before this one; `review` is the comparison that shows why,
    where one was made.

    Raises:
        Conflict: there is none, or its bytes could not be read when it was adopted.
    """
    target, now = champion.target, ports.now()
    back = replaced_by(champion, ports)
    if back is None:
        raise Conflict(f"{target} has no model before version {champion.version} to go back to")
    if back.artifact is None:
        raise Conflict(f"the model before version {champion.version} of {target} {UNREADABLE}")
    changed = {"version": champion.version + 1, "kind": ChangeKind.ROLLBACK, "actor": actor, "at": now, "why": why}
    changed["review"] = review
    return msgspec.structs.replace(back, **changed)


def replaced_by(champion: Champion, ports: Ports) -> Change | None:
    """The change that brought the model which the champion's own model replaced."""
    previous = ports.ledger.change(champion.target, champion.origin).previous
    return ports.ledger.change(champion.target, previous) if previous >= 0 else None


def nudge(champion: Champion, ports: Ports) -> None:
    """Whoever finds a change of somebody else that is overdue wakes its driver, which may have died."""
    intent = champion.intent
    if intent is None or not abandoned(intent, ports.now()):
        return
    change = intent.change
    message: Message = Settle(target=change.target, change=change.version)
    if change.kind is ChangeKind.PROMOTION:
        message = Step(run_id=change.run, seq=ports.ledger.run(change.run).seq)
    ports.queues.send(EVALUATION_QUEUE, message)


def abandoned(intent: Intent, now: datetime) -> bool:
    """Whether a change is overdue and nobody looks at it. One that takes its time must not get a driver more at each
    asking: every driver sends its own messages on."""
    return now >= intent.due and (intent.looked is None or now >= intent.looked + QUIET)


def intend(champion: Champion, change: Change, endpoint: Endpoint, now: datetime) -> Champion:
    """The champion's record with the change as its intent; saving it is what claims production.

    Raises:
        Conflict: another change is under way.
    """
    if champion.intent is not None:
        under_way = champion.intent.change
        raise Conflict(
            f"a {under_way.kind} of {champion.target} (version {under_way.version}) is under way; try again soon"
        )
    return msgspec.structs.replace(champion, intent=Intent(change=change, due=looking.due_after(endpoint, now)))


def push(champion: Champion, endpoint: Endpoint) -> tuple[Champion, Begun]:
    """Asks the service for what the intent says. Repeating it is harmless."""
    intent = champion.intent
    assert intent is not None
    artifact = _wanted(champion, intent)
    if artifact is None:
        raise Conflict(f"version {champion.version} of {champion.target} {UNREADABLE}")
    begun = endpoint.begin(endpoint.production(), artifact)
    change = intent.change
    if not intent.restoring:
        change = msgspec.structs.replace(change, before=begun.before.location)
    taken = msgspec.structs.replace(intent, begun=True, operation=begun.operation, job="", change=change)
    return _with(champion, taken), begun


def carry(champion: Champion, ports: Ports) -> Progress:
    """Brings the change under way one step on: begin it, see whether it shows, put it back when it is overdue."""
    endpoint = ports.services.endpoint(ports.models.get(champion.target))
    if champion.intent is not None and not champion.intent.begun:
        champion, _ = push(champion, endpoint)
    intent = champion.intent
    assert intent is not None
    seen = looking.look(champion, intent, endpoint, ports)
    if isinstance(seen, looking.Shown):
        return _end(champion, intent, endpoint)
    if isinstance(seen, looking.NotShown):
        if not seen.undone and _displaced(champion, intent, endpoint):
            return _repeated(champion, intent, endpoint, ports.now())
        return _put_back(champion, intent, endpoint, ports.now(), seen)
    waiting = _with(champion, msgspec.structs.replace(seen.intent, looks=intent.looks + 1, looked=ports.now()))
    return Progress("pending", waiting, wait=min(LOOK * 1.5**intent.looks, LONGEST_LOOK))


def _wanted(champion: Champion, intent: Intent) -> Artifact | None:
    """The model that production is to serve."""
    return champion.artifact if intent.restoring else intent.change.artifact


def _served(champion: Champion, endpoint: Endpoint) -> str:
    """Where production's model lies; empty while nothing is live yet, as the ledger has it."""
    try:
        return endpoint.current(endpoint.production()).location
    except NotFound:
        if champion.vacant:
            return ""
        raise


def _displaced(champion: Champion, intent: Intent, endpoint: Endpoint) -> bool:
    """Whether production serves another model of ours than was asked for: an earlier change, cut off on its way, may
    arrive after this one. Then this one is asked for once more."""
    artifact = _wanted(champion, intent)
    if artifact is None or intent.repeated or not intent.begun:
        return False
    return paths.is_another(_served(champion, endpoint), artifact.blob)


def drifted(champion: Champion, endpoint: Endpoint) -> str:
    """What to say when production serves something that the ledger does not know; else empty."""
    serving = _served(champion, endpoint)
    if serving == champion.location:
        return ""
    return (
        f"production of {champion.target} serves {serving}, the ledger says {champion.location} (version "
        f"{champion.version}): it was changed from outside. `retrain adopt {champion.target} --holdout FILE --again` "
        "accepts it; if nobody meant it, put the model of the ledger back at the service"
    )


def _end(champion: Champion, intent: Intent, endpoint: Endpoint) -> Progress:
    location = endpoint.current(endpoint.production()).location
    if intent.restoring:
        back = msgspec.structs.replace(champion, intent=None, location=location, review=_now_asked(champion.review))
        return Progress("restored", back)
    change = msgspec.structs.replace(intent.change, location=location)
    return Progress("committed", crowned(champion, change), change)


def _now_asked(review: Review | None) -> Review | None:
    """A rollback that a review began and that came to nothing is a person's matter."""
    return msgspec.structs.replace(review, asked=True) if review is not None and review.worse else review


def unclaimed(champion: Champion) -> Champion:
    """The champion's record after the service refused the change outright: production is as it was."""
    return msgspec.structs.replace(champion, intent=None)


def crowned(champion: Champion, change: Change) -> Champion:
    """The champion's record after a change was committed; the fence rises to whatever was live or went live."""
    return msgspec.structs.replace(
        champion,
        version=change.version,
        origin=change.origin,
        since=change.at,
        run=change.run,
        order=change.order,
        fence=max(champion.fence, champion.order, change.order),
        artifact=change.artifact,
        probes=change.probes,
        location=change.location,
        intent=None,
        review=None,
    )


def _repeated(champion: Champion, intent: Intent, endpoint: Endpoint, now: datetime) -> Progress:
    due = looking.due_after(endpoint, now)
    again = msgspec.structs.replace(intent, begun=False, repeated=True, looked=now, due=due)
    return Progress("pending", _with(champion, again), wait=0)


def _put_back(
    champion: Champion, intent: Intent, endpoint: Endpoint, now: datetime, seen: looking.NotShown
) -> Progress:
    unreadable = champion.artifact is None  # there are no bytes to put back; a service that changed nothing needs none
    if intent.restoring or (unreadable and not seen.undone):
        log.error("%s: production shows neither model; look at its endpoint. %s", champion.target, seen.why)
        due = looking.due_after(endpoint, now)
        step = intent.operation if seen.partly else ""  # traffic that is shared out says nothing without its step
        again = msgspec.structs.replace(intent, begun=unreadable, operation=step, job="", due=due, looked=now)
        return Progress("pending", _with(champion, again), wait=LONGEST_LOOK)
    why = f"{seen.why}; the champion {'stayed' if unreadable else 'was put back'}"
    back = msgspec.structs.replace(_undone(intent, endpoint, now, why), begun=unreadable, looked=now)
    return Progress("pending", _with(champion, back), wait=0)


def _undone(intent: Intent, endpoint: Endpoint, now: datetime, why: str) -> Intent:
    """The intent to put back what was live before."""
    due = looking.due_after(endpoint, now)
    return Intent(change=intent.change, due=due, restoring=True, why=why)


def _with(champion: Champion, intent: Intent) -> Champion:
    return msgspec.structs.replace(champion, intent=intent)


def keep_files(change: Change, run: Run, probes: Probes, ports: Ports) -> None:
    """Copies what undoing needs to where no clean-up reaches: the model's bytes and its probe scores."""
    assert run.candidate is not None and change.artifact is not None
    ports.blobs.copy(run.candidate.blob, change.artifact.blob)
    ports.blobs.write(change.probes, msgspec.json.encode(probes))


def recorded(change: Change, endpoint: Endpoint, ports: Ports) -> Change:
    """The change, after what production is now was kept as the service shows it: before anything is asked of it."""
    shown = endpoint.record(endpoint.production())
    if not shown:
        return change
    blob = paths.champion(change.target, change.version, change.run, "before.json")
    ports.blobs.write(blob, shown)
    return msgspec.structs.replace(change, record=blob)


def change_now(champion: Champion, change: Change, ports: Ports) -> tuple[Champion, Begun]:
    """Claims production for a rollback or a forced promotion, asks the service, and leaves the looking to a message.

    The message is sent first: it finishes what a death, or a service that cannot now, leaves undone. A service that is
    slow to take the change lets it come before that is saved; then it has asked as well, and drives the change on.
    """
    endpoint = ports.services.endpoint(ports.models.get(champion.target))
    claimed = _saved(intend(champion, recorded(change, endpoint, ports), endpoint, ports.now()), None, ports)
    ports.queues.send(EVALUATION_QUEUE, Settle(target=change.target, change=change.version), LOOK)
    try:
        pushed, begun = push(claimed, endpoint)
    except PermanentError:
        _saved(unclaimed(claimed), None, ports)
        raise
    try:
        return _saved(pushed, None, ports), begun
    except StaleRecord:
        return require(champion.target, ports), begun


def change_with(champion: Champion, change: Change, ports: Ports) -> Champion:
    """As `change_now`, for a change that a run's own end brings: the champion's record, to be saved with that run. The
    service is asked once the message comes."""
    endpoint = ports.services.endpoint(ports.models.get(champion.target))
    claimed = intend(champion, recorded(change, endpoint, ports), endpoint, ports.now())
    ports.queues.send(EVALUATION_QUEUE, Settle(target=change.target, change=change.version), LOOK)
    return claimed


def abandon(champion: Champion, why: str, ports: Ports) -> None:
    """Turns a change whose run has ended into its undoing, and sends the message that brings it to its end."""
    intent, endpoint = champion.intent, ports.services.endpoint(ports.models.get(champion.target))
    assert intent is not None
    _saved(_with(champion, _undone(intent, endpoint, ports.now(), why)), None, ports)
    ports.queues.send(EVALUATION_QUEUE, Settle(target=champion.target, change=intent.change.version))


def settle(message: Settle, ports: Ports) -> None:
    """Acts on a message about a change that is no run's promotion; drops it when that change is over."""
    champion = ports.ledger.champion(message.target)
    intent = champion.intent if champion else None
    if champion is None or intent is None or intent.change.version != message.change:
        _not_yet(message, champion, ports)
        return
    if intent.change.kind is ChangeKind.PROMOTION and not ports.ledger.run(intent.change.run).ended:
        return
    try:
        progress = _carried(champion, intent, ports)
        saved = _saved(progress.champion, progress.change, ports)
    except StaleRecord:
        _left(message, ports)
        return
    except PermanentError as error:
        log.error("a %s of %s stands still; the timer tries it again: %s", intent.change.kind, message.target, error)
        return
    if progress.state == "pending":
        ports.queues.send(EVALUATION_QUEUE, message, progress.wait)
    else:
        lineage.of_champion(saved, ports)
        log.info(
            "%s of %s is %s: version %d", intent.change.kind, message.target, progress.state, progress.champion.version
        )


def _not_yet(message: Settle, champion: Champion | None, ports: Ports) -> None:
    """A message is sent before its change is saved, and may come first: a few times it is sent once more."""
    if champion is not None and champion.version < message.change and message.early < EARLY:
        again = msgspec.structs.replace(message, early=message.early + 1)
        ports.queues.send(EVALUATION_QUEUE, again, LOOK * 2**message.early)


def _left(message: Settle, ports: Ports) -> None:
    """Whoever saved the change first drives it on; but who began it saves that after the message for it was sent."""
    champion = ports.ledger.champion(message.target)
    intent = champion.intent if champion else None
    if intent is not None and intent.change.version == message.change and intent.looked is None:
        ports.queues.send(EVALUATION_QUEUE, message, LOOK)


def _carried(champion: Champion, intent: Intent, ports: Ports) -> Progress:
    """As `carry`; while the service cannot now, it was at least looked at."""
    try:
        return carry(champion, ports)
    except RetryableError as error:
        log.warning("not now, looking again at %s: %s", champion.target, error)
        tried = msgspec.structs.replace(intent, looked=ports.now())
        return Progress("pending", _with(champion, tried), wait=error.retry_after or LONGEST_LOOK)


def _saved(champion: Champion, change: Change | None, ports: Ports) -> Champion:
    ports.ledger.save(Save(champion=champion, change=change))
    fresh = ports.ledger.champion(champion.target)
    if fresh is None:
        raise NotFound(f"the champion of {champion.target} vanished while it was changed")
    return fresh
