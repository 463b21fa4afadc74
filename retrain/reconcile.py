"""What the timer puts right: lost events, lost messages, poison, old intents, schedules, approvals nobody gave, drift.

Every part is safe to run beside everything else and as often as one likes; one part's failure does not keep the others
from their turn. Listing is done here and nowhere on the way of a run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from retrain import callbacks, inbox, landing, lineage, paths, production
from retrain.advance import QUEUES, save, send
from retrain.champion import Champion, ChangeKind
from retrain.errors import BadRequest, NotFound, PermanentError, RetryableError
from retrain.messages import REQUESTS_QUEUE, RunRequest, Settle, Step, decode
from retrain.model import Model, is_history
from retrain.ncrontab import Ncrontab
from retrain.outcome import end, halt
from retrain.ports import Housed, Ports
from retrain.run import ASLEEP, ENDED, Actor, Run, State, target_of

log = logging.getLogger(__name__)

OVERDUE = timedelta(minutes=2)
"""A run whose `due` passed so long ago lost its message."""
YOUNG = timedelta(minutes=2)
"""Files younger than this are left to the trigger."""
WATCHED = 5  # targets whose production is compared with the ledger in one tick
SOUGHT = 200  # targets that are looked through for changes whose driver died, in one tick
BLOB_POISON = "webjobs-blobtrigger-poison"


def tick(ports: Ports) -> None:
    """One round of everything. Errors are logged: the next round is a minute away."""
    rounds: tuple[Callable[[Ports], None], ...] = (runs, poison, schedules, files, intents, callers, drift, leftovers)
    for part in rounds:
        try:
            part(ports)
        except (RetryableError, PermanentError) as error:
            log.warning("reconciling %s: %s", part.__name__, error)


def runs(ports: Ports) -> None:
    """Drives on what lost its message, expires approvals, and closes what ended without being closed."""
    now = ports.now()
    for ident in ports.ledger.open_runs():
        try:
            run = ports.ledger.run(ident)
        except NotFound:
            _forget(ident, ports)
            continue
        if run.state in ENDED or (run.state not in ASLEEP and _overdue(run, now)):
            log.info("sending again run=%s state=%s due=%s", run.id, run.state, run.due)
            send(run, ports)
        elif run.state is State.AWAITING_APPROVAL and run.deadline is not None and now >= run.deadline:
            save(run, end(run, State.EXPIRED, f"nobody approved it by {run.deadline:%Y-%m-%d %H:%M} UTC", now), ports)


def _overdue(run: Run, now: datetime) -> bool:
    return now >= (run.due or run.entered or run.created) + OVERDUE


def _forget(ident: str, ports: Ports) -> None:
    """An open row whose run was never written: its event is delivered again, or the inbox still has the file."""
    log.info("forgetting an open row without a run: %s", ident)
    ports.ledger.forget(ident)


def poison(ports: Ports) -> None:
    """Empties the poison queues into the ledger: their runs are parked, other messages kept as files."""
    for queue in (*sorted(set(QUEUES.values())), REQUESTS_QUEUE):
        for ident, body in ports.queues.drain(f"{queue}-poison"):
            _park(queue, ident, body, ports)
    for ident, body in ports.queues.drain(BLOB_POISON):
        _park_event(ident, body, ports)


def _park(queue: str, ident: str, body: bytes, ports: Ports) -> None:
    try:
        message = decode(Step, body)
    except BadRequest:
        _keep(queue, ident, body, ports)
        return
    if not _halt(message.run_id, f"its message on {queue} failed five times; the app's log says why", ports):
        _keep(queue, ident, body, ports)


def _halt(ident: str, why: str, ports: Ports) -> bool:
    """Parks a run unless it sleeps already; False when there is none."""
    try:
        run = ports.ledger.run(ident)
    except NotFound:
        return False
    if run.state not in ASLEEP:
        save(run, halt(run, why, ports.now()), ports)
    return True


class _BlobEvent(msgspec.Struct, rename="pascal"):
    container_name: str
    blob_name: str
    e_tag: str = msgspec.field(name="ETag", default="")


def _park_event(ident: str, body: bytes, ports: Ports) -> None:
    """A blob event that failed five times: its run is parked if there is one; the file is in the inbox anyway."""
    try:
        event = decode(_BlobEvent, body)
    except BadRequest:
        _keep("blobs", ident, body, ports)
        return
    run = _run_of(event, ports)
    if run is None:
        _keep("blobs", ident, body, ports)
    else:
        _halt(run, "reading its file failed five times; the app's log says why", ports)


def _run_of(event: _BlobEvent, ports: Ports) -> str | None:
    blob = f"{event.container_name}/{event.blob_name}"
    try:
        target = landing.target_in(event.blob_name, _entries(ports))
    except BadRequest:
        return None
    return ports.ledger.landing(target, landing.landing_key(ports.blobs.url(blob), event.e_tag))


def _entries(ports: Ports) -> dict[str, Model]:
    return {model.name: model for model in ports.models.all()}


def _keep(queue: str, ident: str, body: bytes, ports: Ports) -> None:
    blob = f"{paths.QUARANTINE}/messages/{queue}/{ident}.json"
    ports.blobs.write(blob, body)
    log.error("a message on %s failed five times and cannot be read; it is kept as %s", queue, blob)


def files(ports: Ports) -> None:
    """Finds files in the inbox that no event told of, and starts them; removes those whose run has its copy."""
    models, now = _entries(ports), ports.now()
    for info in ports.blobs.list(paths.INBOX):
        if now - info.modified < YOUNG:
            continue
        try:
            target = landing.target_in(info.blob.partition("/")[2], models)
        except BadRequest as error:
            log.warning("%s", error)
            continue
        model = models[target.partition(":")[0]]
        if model.start_on == "data" and not is_history(info.modified, model):
            _found(info.blob, info.etag, target, model, ports)


def _found(blob: str, etag: str, target: str, model: Model, ports: Ports) -> None:
    ident = ports.ledger.landing(target, landing.landing_key(ports.blobs.url(blob), etag))
    if ident is None:
        run = landing.land(blob, ports, door="timer")
        if run is not None:
            log.warning("no event told of %s; the timer found it", blob)
            landing.start(run, ports)
        return
    run = ports.ledger.run(ident)
    if not model.keep and (run.data is not None or run.state in (State.QUARANTINED, State.DUPLICATE)):
        inbox.clear(run, ports)


def schedules(ports: Ports) -> None:
    """Starts scheduled runs: once per occurrence, with one catch-up for any number that were missed.

    The occurrence is noted once every target of the model has its run, so a death in between starts none twice.
    """
    now = ports.now()
    for model in ports.models.all():
        if model.schedule is None:
            continue
        last = datetime.fromisoformat(ports.ledger.note(model.name, "scheduled", now.isoformat()))
        due = _latest(Ncrontab.parse(model.schedule), last, now)
        if due is not None:
            for target in model.targets:
                _scheduled(target, due, ports)
            ports.ledger.renote(model.name, "scheduled", due.isoformat())


def _scheduled(target: str, due: datetime, ports: Ports) -> None:
    asked = RunRequest(model=target, reason=f"scheduled for {due:%Y-%m-%d %H:%M:%S} UTC")
    run = landing.request(asked, ports, door="schedule", actor=Actor(kind="schedule"), cause=due.isoformat())
    landing.start(run, ports)


def _latest(schedule: Ncrontab, after: datetime, now: datetime) -> datetime | None:
    """The newest occurrence in (after, now], or None."""
    latest = None
    for occurrence in islice(_occurrences(schedule, after), 100_000):
        if occurrence > now:
            break
        latest = occurrence
    return latest


def _occurrences(schedule: Ncrontab, after: datetime) -> Iterator[datetime]:
    while True:
        after = schedule.next(after)
        yield after


def intents(ports: Ports) -> None:
    """Brings changes to their end whose driver died. A promotion is its run's, unless that has ended."""
    for target in _turn(ports, SOUGHT):
        champion = ports.ledger.champion(target)
        intent = champion.intent if champion else None
        if champion is None or intent is None or not production.abandoned(intent, ports.now()):
            continue
        promotion = intent.change.kind is ChangeKind.PROMOTION
        if not promotion or intent.restoring:
            production.settle(Settle(target=champion.target, change=intent.change.version), ports)
        elif ports.ledger.run(intent.change.run).ended:
            production.abandon(champion, f"run {intent.change.run} ended while it was being promoted", ports)


def callers(ports: Ports) -> None:
    """Tells those of a run's end who could not be reached when it came."""
    callbacks.tick(ports)


def drift(ports: Ports) -> None:
    """Compares what production serves with the ledger, a few targets a tick, and says so loudly when they differ."""
    for target in _turn(ports, WATCHED):
        champion = ports.ledger.champion(target)
        if champion is not None and champion.intent is None:
            _compare(champion, ports)


def leftovers(ports: Ports) -> None:
    """Has machines given back that hold models which nobody needs, where each model takes some of its own; of a few
    targets a tick."""
    for target in _turn(ports, WATCHED):
        endpoint = ports.services.endpoint(ports.models.get(target))
        if not isinstance(endpoint, Housed):
            continue
        champion = ports.ledger.champion(target)
        if champion is None or champion.intent is not None:
            continue
        confirmed = champion.review is not None and not champion.review.worse
        removed = endpoint.tidy(_needed(champion, confirmed, ports), confirmed=confirmed)
        if removed:
            log.info("nobody needs it any more, so it is removed: %s of %s", ", ".join(removed), target)


def _needed(champion: Champion, confirmed: bool, ports: Ports) -> set[str]:
    """Hashes of the models that serve, may have to serve again, or are being judged."""
    back = None if confirmed else production.replaced_by(champion, ports)
    models = (champion.artifact, back and back.artifact, *(run.candidate for run in _open(champion.target, ports)))
    return {model.sha256 for model in models if model}


def _open(target: str, ports: Ports) -> Iterator[Run]:
    """The target's runs that have not ended."""
    for ident in ports.ledger.open_runs():
        try:
            run = ports.ledger.run(ident) if target_of(ident) == target else None
        except NotFound:
            continue
        if run is not None and not run.ended:
            yield run


def _turn(ports: Ports, count: int) -> list[str]:
    """So many of all targets, others each minute, so that a tick costs the same for ten and for ten thousand."""
    targets = ports.ledger.targets()
    first = int(ports.now().timestamp() // 60) * count % max(len(targets), 1)
    return [*targets[first:], *targets[:first]][:count]


def _compare(champion: Champion, ports: Ports) -> None:
    endpoint = ports.services.endpoint(ports.models.get(champion.target))
    if said := production.drifted(champion, endpoint):
        log.error("%s", said)
    else:
        lineage.of_champion(champion, ports)  # told long ago, unless the registry could not be written then
