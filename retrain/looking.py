"""Whether a change of production shows: the service's own word on it first, then how production answers the probe rows.

Reads and asks only, but for the job that scores the probe rows where a service scores files; what follows from what was
seen is decided in `retrain.production`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from retrain import paths
from retrain.champion import Champion, Intent, Probes
from retrain.data.tables import encode
from retrain.decoding import from_json
from retrain.errors import PermanentError
from retrain.ports import ENDED_BADLY, Endpoint, JobState, JobStatus, Ports, Rows
from retrain.scoring import same_scores

GRACE = timedelta(seconds=30)
"""Added to twice the endpoint's settle time before a change that does not show is put back."""
LONGEST_OPERATION = timedelta(hours=1)
"""So long an operation or a scoring job of the service itself is waited for, in production past its due time."""


@dataclass(frozen=True)
class Shown:
    """Production answers as the wanted model does."""


@dataclass(frozen=True)
class NotShown:
    """It does not, and will not; `why` says what was seen. `undone`: the service itself says that nothing changed.
    `partly`: it was seen in the middle of a change in steps, which stays at that step."""

    why: str
    undone: bool = False
    partly: bool = False


@dataclass(frozen=True)
class NotYet:
    """It may still come to show; the intent says what is waited for."""

    intent: Intent


Seen = Shown | NotShown | NotYet


def due_after(endpoint: Endpoint, now: datetime) -> datetime:
    """By when a change that the service took now must show."""
    return now + 2 * endpoint.settle() + GRACE


def look(champion: Champion, intent: Intent, endpoint: Endpoint, ports: Ports) -> Seen:
    """One look at the change under way."""
    probes = champion.probes if intent.restoring else intent.change.probes
    if intent.operation:
        seen = _operation(champion, intent, endpoint, ports)
        if isinstance(seen, NotShown) and intent.restoring and not endpoint.production().by_file:
            # what was to be undone may have failed just so: then the champion never left
            return Shown() if _answers_as(_known(probes, ports), endpoint) else seen
        if seen is not None:
            return seen
        intent = msgspec.structs.replace(intent, operation="", due=due_after(endpoint, ports.now()))
    if endpoint.production().by_file:
        return _by_file(champion, intent, probes, endpoint, ports)
    if _answers_as(_known(probes, ports), endpoint):
        return Shown()
    return NotYet(intent) if ports.now() < intent.due else NotShown(_missed(champion, intent))


def _operation(champion: Champion, intent: Intent, endpoint: Endpoint, ports: Ports) -> NotShown | NotYet | None:
    """The service's own word on the change; None once it is done."""
    status = endpoint.check(endpoint.production(), intent.operation)
    if status.state is JobState.SUCCEEDED:
        return None
    if status.operation:
        intent = msgspec.structs.replace(intent, operation=status.operation)
    if status.partly:
        return _partly(champion, intent, status.partly, endpoint, ports)
    what = f"the service could not put {_wanted(champion, intent)} {'back' if intent.restoring else 'live'}"
    seen = _not_done(status, intent, ports.now(), what)
    return replace(seen, undone=status.state in ENDED_BADLY) if isinstance(seen, NotShown) else seen


def _partly(champion: Champion, intent: Intent, how_far: str, endpoint: Endpoint, ports: Ports) -> NotShown | NotYet:
    """A step of the change: production answers as either model, and as no other. How long a step takes is the
    endpoint's own to say, so the change is not overdue for it."""
    either = [_known(probes, ports) for probes in (champion.probes, intent.change.probes) if probes]
    try:
        right = _answers_as_one(either, endpoint)
    except PermanentError as error:
        return NotShown(f"at {how_far}, production could not score the probe rows: {error}", partly=True)
    if right:
        return NotYet(msgspec.structs.replace(intent, due=due_after(endpoint, ports.now())))
    neither = f"production answered neither as {_wanted(champion, intent)} nor as before"
    return NotShown(f"at {how_far}, {neither}", partly=True)


def _known(probes: str, ports: Ports) -> Probes:
    return from_json(ports.blobs.read(probes), Probes)


def _answers_as(known: Probes, endpoint: Endpoint) -> bool:
    rows = Rows(columns=known.columns, values=known.rows)
    return same_scores(endpoint.score(endpoint.production(), rows), known.scores)


def _answers_as_one(models: Sequence[Probes], endpoint: Endpoint) -> bool:
    """Whether production answers as one of these models. All their rows go in one call: any call may be answered by any
    of them."""
    most = max(endpoint.chunk // len(models), 1)
    parts = [msgspec.structs.replace(known, rows=known.rows[:most], scores=known.scores[:most]) for known in models]
    columns = tuple(dict.fromkeys(name for known in parts for name in known.columns))
    rows = [_arranged(known.columns, row, columns) for known in parts for row in known.rows]
    answers, start = endpoint.score(endpoint.production(), Rows(columns=columns, values=tuple(rows))), 0
    for known in parts:
        if same_scores(answers[start : start + len(known.scores)], known.scores):
            return True
        start += len(known.scores)
    return False


def _arranged(columns: Sequence[str], row: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """A row's values in the order of other columns; empty where it has none."""
    values = dict(zip(columns, row, strict=True))
    return tuple(values.get(name, "") for name in wanted)


def _by_file(champion: Champion, intent: Intent, probes: str, endpoint: Endpoint, ports: Ports) -> Seen:
    """The probe rows are scored by a job of the service, begun now unless it was."""
    known = _known(probes, ports)
    slot, scores = endpoint.production(), paths.beside(probes, f"shown-{intent.change.version}.csv")
    if not intent.job:
        rows = paths.beside(probes, "probes.csv")
        ports.blobs.write(rows, b"".join(map(encode, (known.columns, *known.rows))))
        return NotYet(msgspec.structs.replace(intent, job=endpoint.score_file(slot, rows, scores)))
    status = endpoint.scored_file(slot, intent.job)
    if status.state is not JobState.SUCCEEDED:
        return _not_done(status, intent, ports.now(), "production could not score the probe rows")
    same = same_scores(endpoint.scores_in(ports.blobs.open(scores)), known.scores)
    return Shown() if same else NotShown(f"production does not answer as {_wanted(champion, intent)} does")


def _not_done(status: JobStatus, intent: Intent, now: datetime, what: str) -> NotShown | NotYet:
    if status.state in ENDED_BADLY:
        return NotShown(f"{what}: {status.reason}")
    if now < intent.due + LONGEST_OPERATION:
        return NotYet(intent)
    return NotShown(f"{what} by {now:%H:%M:%S} UTC")


def _wanted(champion: Champion, intent: Intent) -> str:
    return f"version {champion.version if intent.restoring else intent.change.version}"


def _missed(champion: Champion, intent: Intent) -> str:
    return f"production did not show {_wanted(champion, intent)} by {intent.due:%H:%M:%S} UTC"
