"""Whether a change of production shows: the service's own word on it first, then how production answers the probe rows.

Reads and asks only, but for the job that scores the probe rows where a service scores files; what follows from what was
seen is decided in `retrain.production`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from retrain import paths
from retrain.champion import Champion, Intent, Probes
from retrain.data.tables import encode
from retrain.decoding import from_json
from retrain.ports import Endpoint, JobState, JobStatus, Ports, Rows
from retrain.scoring import same_scores

GRACE = timedelta(seconds=30)
"""Added to twice the endpoint's settle time before a change that does not show is put back."""
LONGEST_OPERATION = timedelta(hours=1)
"""So long past its due time an operation or a scoring job of the service itself is waited for."""


@dataclass(frozen=True)
class Shown:
    """Production answers as the wanted model does."""


@dataclass(frozen=True)
class NotShown:
    """It does not, and will not; `why` says what was seen."""

    why: str


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
    if intent.operation:
        status = endpoint.check(endpoint.production(), intent.operation)
        if status.state is not JobState.SUCCEEDED:
            what = f"the service could not put version {intent.change.version} live"
            return _not_done(status, intent, ports.now(), what)
        intent = msgspec.structs.replace(intent, operation="", due=due_after(endpoint, ports.now()))
    probes = champion.probes if intent.restoring else intent.change.probes
    known = from_json(ports.blobs.read(probes), Probes)
    if endpoint.by_file:
        return _by_file(intent, probes, known, endpoint, ports)
    rows = Rows(columns=known.columns, values=known.rows)
    if same_scores(endpoint.score(endpoint.production(), rows), known.scores):
        return Shown()
    return NotYet(intent) if ports.now() < intent.due else NotShown(_missed(intent))


def _by_file(intent: Intent, probes: str, known: Probes, endpoint: Endpoint, ports: Ports) -> Seen:
    """The probe rows are scored by a job of the service, begun now unless it was."""
    slot, scores = endpoint.production(), paths.beside(probes, f"shown-{intent.change.version}.csv")
    if not intent.job:
        rows = paths.beside(probes, "probes.csv")
        ports.blobs.write(rows, b"".join(map(encode, (known.columns, *known.rows))))
        return NotYet(msgspec.structs.replace(intent, job=endpoint.score_file(slot, rows, scores)))
    status = endpoint.scored_file(slot, intent.job)
    if status.state is not JobState.SUCCEEDED:
        return _not_done(status, intent, ports.now(), "production could not score the probe rows")
    same = same_scores(endpoint.scores_in(ports.blobs.open(scores)), known.scores)
    return Shown() if same else NotShown(f"production does not answer as version {intent.change.version} does")


def _not_done(status: JobStatus, intent: Intent, now: datetime, what: str) -> Seen:
    if status.state in (JobState.FAILED, JobState.CANCELLED):
        return NotShown(f"{what}: {status.details or status.state}")
    if now < intent.due + LONGEST_OPERATION:
        return NotYet(intent)
    return NotShown(f"{what} by {now:%H:%M:%S} UTC")


def _missed(intent: Intent) -> str:
    return f"production did not show version {intent.change.version} by {intent.due:%H:%M:%S} UTC"
