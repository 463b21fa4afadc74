"""A run: one attempt to retrain one target. Its states and the one table of moves between them.

Rule: everything that decides whether a run may go from one state to another is in `MOVES`; the picture in
docs/states.md is drawn from it. What happens in a state is in `retrain.steps`; `retrain.advance` saves and sends.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Literal

import msgspec

from retrain.errors import IllegalMove


class State(StrEnum):
    """Where a run stands."""

    RECEIVED = "received"  # landed or asked for; nothing read yet
    QUEUED = "queued"  # its training service runs as many jobs as it may; waits for a place
    WAITING = "waiting"  # waits for more data
    QUARANTINED = "quarantined"  # the file cannot be used; it is kept with a report
    DUPLICATE = "duplicate"  # another run took the same content with the same parameters
    UNCHANGED = "unchanged"  # asked for, but nothing new since the last run
    READY = "ready"  # training data and holdout are written
    TRAINING = "training"  # the batch training job is being started or runs
    TRAINED = "trained"  # the candidate is kept
    EVALUATING = "evaluating"  # candidate and champion are being scored
    REFUSED = "refused"  # the gate said no
    AWAITING_APPROVAL = "awaitingApproval"  # the gate said yes, a person has not yet
    REJECTED = "rejected"  # a person said no
    EXPIRED = "expired"  # nobody answered in time
    PROMOTING = "promoting"  # production is being changed
    PROMOTED = "promoted"  # the candidate is the champion
    UNVERIFIED = "unverified"  # production did not show the candidate; it was put back
    SUPERSEDED = "superseded"  # newer data went live, or replaced this file, first
    PARKED = "parked"  # stopped until a person releases it
    FAILED = "failed"  # cannot go on; replay makes a new run
    CANCELLED = "cancelled"  # a person stopped it


S = State
_STOPS = frozenset({S.FAILED, S.CANCELLED, S.PARKED})

MOVES: dict[State, frozenset[State]] = {
    S.RECEIVED: frozenset(
        {S.QUEUED, S.WAITING, S.READY, S.TRAINED, S.QUARANTINED, S.DUPLICATE, S.UNCHANGED, S.SUPERSEDED}
    ) | _STOPS,
    S.QUEUED: frozenset({S.RECEIVED, S.READY, S.TRAINING, S.SUPERSEDED}) | _STOPS,
    S.WAITING: frozenset({S.RECEIVED, S.SUPERSEDED}) | _STOPS,
    S.READY: frozenset({S.QUEUED, S.TRAINING, S.SUPERSEDED}) | _STOPS,
    S.TRAINING: frozenset({S.TRAINED}) | _STOPS,
    S.TRAINED: frozenset({S.EVALUATING, S.SUPERSEDED}) | _STOPS,
    S.EVALUATING: frozenset({S.REFUSED, S.AWAITING_APPROVAL, S.PROMOTING, S.SUPERSEDED}) | _STOPS,
    S.AWAITING_APPROVAL: frozenset({S.PROMOTING, S.REJECTED, S.EXPIRED, S.SUPERSEDED, S.EVALUATING}) | _STOPS,
    S.PROMOTING: frozenset({S.PROMOTED, S.UNVERIFIED, S.SUPERSEDED, S.EVALUATING}) | _STOPS,
    S.PARKED: frozenset(
        {S.RECEIVED, S.QUEUED, S.READY, S.TRAINING, S.TRAINED, S.EVALUATING, S.PROMOTING, S.FAILED, S.CANCELLED}
    ),
} | {
    end: frozenset()
    for end in (
        S.QUARANTINED, S.DUPLICATE, S.UNCHANGED, S.REFUSED, S.REJECTED, S.EXPIRED, S.PROMOTED, S.UNVERIFIED,
        S.SUPERSEDED, S.FAILED, S.CANCELLED,
    )
}  # fmt: skip

ENDED = frozenset(state for state, onward in MOVES.items() if not onward)
"""States that a run never leaves."""

ASLEEP = ENDED | {S.PARKED, S.AWAITING_APPROVAL}
"""States in which no message drives the run: it ended, or waits for a person."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything the ledger keeps. Unknown members are ignored, so an older version can read newer rows."""


class Actor(Record, frozen=True):
    """Who or what caused something. `verified` is true only when the platform vouched for the identity."""

    kind: str  # blob | http | queue | schedule | timer | person | event
    id: str = ""
    verified: bool = False


class Landed(Record, frozen=True):
    """One blob version that a run took. `etag` is without quotes; `modified` is the server's Last-Modified.

    `keep` leaves the file in the inbox, for producers who keep their files there.
    """

    key: str
    blob: str  # container/name
    etag: str
    modified: datetime
    size: int = 0
    keep: bool = False


class Times(Record, frozen=True):
    """The six times of a run, in UTC; the difference between landed and live is what users feel."""

    landed: datetime | None = None
    seen: datetime | None = None
    started: datetime | None = None
    trained: datetime | None = None
    decided: datetime | None = None
    live: datetime | None = None


class Artifact(Record, frozen=True):
    """A trained model that we keep: where, and what its bytes hash to. Never a SAS."""

    blob: str  # container/name
    sha256: str
    size: int = 0


class Data(Record, frozen=True):
    """The training data of a run: blob paths and what is in them."""

    manifest: str
    training: str
    holdout: str
    rows: int = 0
    holdout_rows: int = 0
    holdout_sha: str = ""
    trusted: str = ""  # the trusted holdout that this run is judged with, empty when there is none
    trusted_rows: int = 0
    trusted_sha: str = ""
    doubts: tuple[str, ...] = ()  # what intake found that makes the batch doubtful
    apart: str = ""  # the run whose batch, in doubt, is trained on instead of what was accepted
    joins: str = ""  # the manifest of accepted data that this run's manifest extends
    classes: tuple[str, ...] = ()
    fingerprint: str = ""


class Doubted(Record, frozen=True):
    """A batch in doubt: kept aside, neither trained on nor trusted, until the next one says whether it lasts. `count`:
    so many batches in a row are in doubt with it. `apart`: no model that learnt from what was accepted has skill on it,
    so the next one learns from it and its own batch only."""

    run: str
    order: str
    data: Data
    at: datetime
    count: int = 1
    why: str = ""
    apart: bool = False


class Lease(Record, frozen=True):
    """A place for a job at its training service, the holder's `until` then. `token` is the ledger's version of it."""

    service: str
    place: int
    holder: str
    until: datetime
    token: str = ""


class Job(Record, frozen=True):
    """The batch training job. Saved as `submitting` before the service is asked, so that a kill leaves a trace.

    `due`: it is certain that nothing was submitted; `looking`: it is not, and the service is asked for the job a while.
    `again`: submitted more than once, so an older one may show yet.
    """

    phase: Literal["due", "submitting", "looking", "submitted", "started"]
    since: datetime
    id: str = ""
    polls: int = 0
    again: bool = False
    lease: Lease | None = None


class Evaluation(Record, frozen=True):
    """How far scoring has come; each phase is saved so that a kill resumes. Scores themselves are blobs.

    `until`: the slot is the run's so long. `before`: how it answered the probe rows before it was changed. `operation`:
    where the service tells how far the change is. `location`: what a slot that scores files serves once it was changed.
    `round` counts stagings, `jobs` holds batch scoring jobs by the rows they score. `doubted`: the batch in doubt whose
    holdout is scored as well. `artifact`: the model before the champion, while that is staged; `unscored`: why it could
    not be scored.
    """

    phase: Literal["waiting", "switching", "champion"]
    slot: str = ""
    until: datetime | None = None
    since: datetime | None = None
    begun: bool = False
    operation: str = ""
    before: tuple[float, ...] = ()
    location: str = ""
    round: int = 0
    jobs: dict[str, str] = {}
    doubted: Doubted | None = None
    artifact: Artifact | None = None
    unscored: str = ""


class Verdict(Record, frozen=True):
    """The gate's decision in one row; the whole of it is the blob `blob`, both models' scores row by row `evidence`.

    `data`: what it says of the batch. `confirms`: the batch showed that the one before it, in doubt until then, lasts.
    """

    approved: bool
    reason: str
    metric: str
    candidate: float | None = None
    champion: float | None = None
    low: float | None = None
    high: float | None = None
    blob: str = ""
    evidence: str = ""
    data: Literal["", "believed", "doubted", "refused"] = ""
    confirms: bool = False
    champion_version: int = -1


class Released(Record, frozen=True):
    """A person's word that a refused batch is right as it is: from which rules, why, and what they refused.

    `believe`: the batch need not be confirmed by the next one either.
    """

    run: str
    rules: tuple[str, ...]
    actor: Actor
    why: str
    believe: bool = False


class Run(Record, frozen=True):
    """One attempt to retrain one target. `seq` counts saves; `etag` is the ledger's and is not stored."""

    id: str
    target: str
    state: State
    order: str
    door: str
    actor: Actor
    created: datetime
    seq: int = 0
    attempt: int = 1
    due: datetime | None = None
    deadline: datetime | None = None
    entered: datetime | None = None
    landings: tuple[Landed, ...] = ()
    parameters: dict[str, str] = {}
    reason: str = ""
    request: str = ""
    again: int = 0
    config: str = ""
    times: Times = Times()
    data: Data | None = None
    job: Job | None = None
    candidate: Artifact | None = None
    metrics: dict[str, float] = {}
    evaluation: Evaluation | None = None
    verdict: Verdict | None = None
    approver: Actor | None = None
    version: int | None = None
    tries: int = 0
    why: str = ""
    problems: tuple[str, ...] = ()
    refused_by: tuple[str, ...] = ()  # the rules of intake that refused the batch; none when it could not be read
    released: Released | None = None
    link: str = ""
    given: str = ""  # where a model came from that another system trained
    calls_back: bool = False
    parked_from: State | None = None
    traceparent: str = ""
    etag: str = ""

    @property
    def ended(self) -> bool:
        """True once nothing will ever move this run again."""
        return self.state in ENDED


class Move(Record, frozen=True):
    """One line of a run's history."""

    run: str
    n: int
    source: State | None
    to: State
    at: datetime
    why: str
    actor: Actor


def run_id(target: str, parts: tuple[str, ...], again: int = 0) -> str:
    """The id that every delivery of the same cause computes alike: `{target}~{16 hex digits}`.

    `parts` are the sorted landing keys, or an idempotency key, or a message id.
    """
    digest = sha256("\n".join((*parts, str(again))).encode()).hexdigest()
    return f"{target}~{digest[:16]}"


def target_of(run: str) -> str:
    """The target whose partition holds this run."""
    return run.rpartition("~")[0]


def order_of(modified: datetime, key: str) -> str:
    """A total order of runs of a target: the newest blob's server time (or the time of the request), then its key."""
    return f"{modified:%Y-%m-%dT%H:%M:%S.%fZ}|{key}"


def is_behind(order: str, fence: str) -> bool:
    """Whether data of this order may no longer go live, because data of the fence's order has been.

    Blob stores tell times by the second. Which of two files of one second is the newer cannot be known, so neither is
    behind the other; the fence's own data is.
    """
    return order == fence or order.partition(".")[0] < fence.partition(".")[0]


def moved(run: Run, to: State, *, why: str, actor: Actor, now: datetime, **changes: Any) -> tuple[Run, Move]:
    """The run in its next state, and the line of history that says so.

    Raises:
        IllegalMove: `MOVES` has no such move.
    """
    if to not in MOVES[run.state]:
        raise IllegalMove(f"run {run.id} is {run.state}; it cannot become {to} from there")
    after = msgspec.structs.replace(run, state=to, why=why, entered=now, deadline=None, due=None, tries=0, **changes)
    return after, Move(run=run.id, n=run.seq + 1, source=run.state, to=to, at=now, why=why, actor=actor)
