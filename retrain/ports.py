"""What the domain needs from the outside, as small Protocols: the seam where a new service or store is plugged in.

Everything here may raise `RetryableError` (nothing is wrong with the request) or `PermanentError` (it is). Nothing here
blocks for a job or a deployment: what takes long is begun, and looked at later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import BinaryIO, Literal, Protocol, runtime_checkable

import msgspec

from retrain.champion import Accepted, Champion, Change
from retrain.messages import Message
from retrain.model import Model
from retrain.run import Artifact, Landed, Lease, Move, Record, Run


class BlobInfo(Record, frozen=True):
    """A blob as its store describes it; `etag` without quotes, `modified` in UTC."""

    blob: str  # container/name
    etag: str
    modified: datetime
    size: int = 0


class Blobs(Protocol):
    """Files by `container/name`."""

    def head(self, blob: str) -> BlobInfo:
        """What is there. Raises NotFound."""

    def open(self, blob: str, etag: str = "") -> Iterator[bytes]:
        """Its bytes in blocks. Raises NotFound, or Replaced when `etag` is no longer its version."""

    def read(self, blob: str) -> bytes:
        """A small blob as a whole. Raises NotFound."""

    def write(
        self, blob: str, data: bytes | BinaryIO | Iterable[bytes], *, only_new: bool = False, etag: str = ""
    ) -> str:
        """Puts it there; its etag, without quotes. Raises Conflict when `only_new` and there is one, Replaced when
        `etag` is given and no longer its version."""

    def copy(self, source: str, target: str) -> None:
        """Copies inside the store, replacing what was there."""

    def delete(self, blob: str, etag: str = "") -> bool:
        """Removes it; False when it was gone, or was another version than `etag` (then it stays)."""

    def list(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        """What a container holds below a prefix."""

    def url(self, blob: str) -> str:
        """Its address without any signature."""

    def sign(self, blob: str, permissions: str, lifetime: timedelta) -> str:
        """Its address with a fresh SAS: `r` to read, `cw` to create and write, `c` to create only."""


class Queues(Protocol):
    """Messages to ourselves."""

    def send(self, queue: str, message: Message, delay: float = 0) -> None:
        """Puts the message; it becomes visible after `delay` seconds and never expires."""

    def waiting(self, queue: str) -> int | None:
        """About how many messages there are, hidden ones too; None when the queue does not exist."""

    def drain(self, queue: str) -> Iterator[tuple[str, bytes]]:
        """Every message now in the queue as (id, body); each is deleted once the caller asks for the next."""


class Places(Record, frozen=True):
    """How many jobs may run at a time at a service. `url` identifies it: several models may train there."""

    url: str
    count: int


class News(Record, frozen=True):
    """Events that a service sends about its jobs. `source` is what they name as theirs, such as a workspace's id.

    `expected`: somebody subscribed to them, so that a job need not be looked at often.
    """

    source: str
    expected: bool = False


class Ledger(Protocol):
    """The durable record. A write is one transaction within a target's partition, and tells its own write whose
    answer was lost from a stranger's."""

    def run(self, run: str) -> Run:
        """Raises NotFound."""

    def add(self, run: Run, move: Move, landings: Sequence[Landed], key: str = "") -> Run:
        """Inserts a new run with its landings and idempotency key; when any of them exists, the run that has it."""

    def save(self, saved: Save) -> Run | None:
        """One transaction under If-Match. Returns the saved run with its new etag. Raises StaleRecord, or
        Taken when `fingerprint` belongs to another run."""

    def finish(self, run: Run) -> None:
        """Takes an ended run off the list of open ones."""

    def open_runs(self) -> Iterator[str]:
        """Ids of all runs that have not ended (and perhaps a few that have: `finish` them)."""

    def forget(self, run: str) -> None:
        """Takes an id off the list of open ones whose run was never written."""

    def runs(self, target: str, limit: int = 50) -> list[Run]:
        """Newest first, for looking at: without etag, so `run` must load one before it can be saved."""

    def moves(self, run: str) -> list[Move]:
        """The run's history, oldest first."""

    def landing(self, target: str, key: str) -> str | None:
        """The run that took this landing."""

    def keyed(self, target: str, key: str) -> str | None:
        """The run that a request with this idempotency key started."""

    def fingerprint(self, target: str, fingerprint: str) -> str | None:
        """The run that first used this content with these parameters and configuration."""

    def champion(self, target: str) -> Champion | None:
        """None until a model was adopted."""

    def targets(self, model: str = "") -> list[str]:
        """All targets that have a champion; of a model's keys only, when one is named."""

    def champions(self, model: str = "") -> list[Champion]:
        """Of all targets, or of a model's keys: one read each, for looking at and for the timer."""

    def changes(self, target: str, limit: int = 50) -> list[Change]:
        """Newest first."""

    def change(self, target: str, version: int) -> Change:
        """Raises NotFound."""

    def accepted(self, target: str) -> Accepted:
        """The pointer to accepted data; an empty one when there is none yet."""

    def take_slot(self, slot: str, holder: str, until: datetime) -> bool:
        """Takes a slot for a run unless another holds it now. Taking again what one holds renews it."""

    def holds_slot(self, slot: str, holder: str) -> bool:
        """Whether this run still holds the slot."""

    def slot_holder(self, slot: str) -> str | None:
        """The run that holds the slot now."""

    def free_slot(self, slot: str, holder: str) -> bool:
        """Lets the slot go; whether this run held it until now, so that nobody else changed it meanwhile."""

    def take_place(self, places: Places, holder: str, until: datetime, *, again: bool = False) -> Lease | None:
        """One of a service's places for jobs, or None while all are taken. Taking again gives the one that is held.

        `again`: all were taken before, so it looks first.
        """

    def renew_place(self, lease: Lease, until: datetime) -> Lease | None:
        """The same place for longer; None when its time ran out and another took it."""

    def free_place(self, lease: Lease) -> None:
        """Gives a place back; one that is another's by now is left alone."""

    def keep_job(self, source: str, job: str, run: str) -> None:
        """Remembers whose job it is that events of this source tell of; repeatable."""

    def run_of_job(self, source: str, job: str) -> str | None:
        """The run that such a job is or was of. Upper and lower case are the same here."""

    def note(self, target: str, name: str, value: str) -> str:
        """Stores a small fact if absent and returns the one that is stored."""

    def noted(self, target: str, name: str) -> str | None:
        """A fact stored by `note` or `renote`."""

    def renote(self, target: str, name: str, value: str) -> None:
        """Stores a small fact, replacing an older one."""


class Save(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction writes. A record with an etag replaces that version; one without is inserted."""

    run: Run | None = None
    moves: tuple[Move, ...] = ()
    fingerprint: str = ""
    champion: Champion | None = None
    change: Change | None = None
    accepted: Accepted | None = None


class JobState(StrEnum):
    """A batch training job as its service sees it."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the job will never be in another state."""
        return self not in (JobState.NOT_STARTED, JobState.RUNNING)


ENDED_BADLY = frozenset({JobState.FAILED, JobState.CANCELLED})


class JobStatus(Record, frozen=True):
    """What `poll` saw, with the service's own words when it failed.

    Of a change in steps, `Endpoint.check` tells more: `partly` is how far it is in force while production answers as
    either model; `operation` is what is to be checked from now on, where that is another than before.
    """

    state: JobState
    details: str = ""
    partly: str = ""
    operation: str = ""

    @property
    def reason(self) -> str:
        """Why it did not succeed, for a message: the service's words, or its state where it gave none."""
        return self.details or self.state


class Diagnosis(Record, frozen=True):
    """What `retrain doctor` found about one thing; a message of `warn` or `fail` says what to change."""

    subject: str  # trainer | endpoint | …
    verdict: Literal["ok", "warn", "fail"]
    message: str


class Results(Record, frozen=True):
    """Where a finished job left things. URLs carry a fresh SAS and are not to be stored; empty when there is none.

    `metrics` is whatever the trainer's own `metrics` reads: an address, or the name of a run. `holdout`: the labelled
    rows that the job held back, where it was asked to.
    """

    artifact: str
    metrics: str = ""
    holdout: str = ""


class Trainer(Protocol):
    """A service that runs batch training jobs.

    `registers`: `submit` only registers the job and nothing runs before `start`, so one submitted twice does no harm.
    """

    registers: bool

    def places(self) -> Places | None:
        """How many jobs may run there at a time; None where any number may. More wait as `queued` runs."""

    def events(self) -> News | None:
        """What tells of its jobs without being asked; None where nothing does."""

    def find(self, run: Run) -> str | None:
        """The id of a job that was already submitted for this attempt, where the service can tell. When there are
        several, that is the first, and the others are cancelled."""

    def submit(self, run: Run, training: str, artifact: str, metrics: str) -> str:
        """Registers a job that reads the blob `training` and writes the blobs `artifact` and `metrics`; its id."""

    def start(self, job: str) -> None:
        """Starts a registered job. Starting one that runs or ended is not an error."""

    def poll(self, job: str) -> JobStatus:
        """How far it is. Raises NotFound when the service does not know it (any more)."""

    def results(self, job: str) -> Results:
        """Of a job that succeeded. Raises BadConfiguration when the named outputs are not among its outputs."""

    def cancel(self, job: str) -> None:
        """Stops it; stopping one that ended is not an error."""

    def download(self, url: str) -> Iterator[bytes]:
        """The bytes behind one of the URLs in `Results`."""

    def metrics(self, url: str) -> dict[str, float]:
        """The job's own evaluation behind `Results.metrics`, by our names of metrics (`auc`, `rmse`, …)."""

    def examine(self) -> Iterator[Diagnosis]:
        """What is right and wrong with the settings, seen from the service; changes nothing and never raises."""


class Slot(Record, frozen=True):
    """An endpoint's place for a model. `url` identifies it: two targets may share one.

    `by_file`: it scores whole files only, by jobs that take a while. Then `score` is never called, and it serves what
    it was given as soon as the change is done: the files it scores show which model that is.
    """

    name: str  # production | staging
    url: str
    by_file: bool = False


class Deployed(Record, frozen=True):
    """What a slot serves, as the service says: resource name and location, without any SAS."""

    resource: str
    location: str


class Begun(Record, frozen=True):
    """A change that a service accepted: what it served before, and what we asked for, without any SAS.

    `operation` is where the service tells how far it is; empty when accepting it was all there is to it.
    """

    before: Deployed
    after: dict[str, object]
    operation: str = ""


class Rows(Record, frozen=True):
    """Rows to be scored: text values in the order of `columns`."""

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


class Endpoint(Protocol):
    """A service that serves predictions from slots."""

    chunk: int
    """Most rows in one call of `score`."""

    def production(self) -> Slot:
        """The slot that users call."""

    def staging(self) -> Sequence[Slot]:
        """Slots where a candidate may be tried, in order of preference."""

    def current(self, slot: Slot) -> Deployed:
        """As the service says now."""

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of the model that is served. Raises NotFound or AccessDenied when the service does not give it."""

    def record(self, slot: Slot) -> bytes:
        """What `begin` would overwrite, word for word and without secrets; empty where that is a model's place only."""

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """The body that `begin` would send, signature redacted. Changes nothing."""

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Asks the service to serve this artifact. Repeating it is harmless."""

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """How far a change is whose `Begun` named an operation; `details` says why it failed. One that is made in steps
        is taken on from here, a step only when the one before was told of and its `operation` came back."""

    def settle(self) -> timedelta:
        """How long the service may take until a change shows, once its operation is done."""

    def score(self, slot: Slot, rows: Rows) -> list[float]:
        """Predictions (probability of the positive class, or the value) for at most `chunk` rows."""

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Starts scoring the CSV blob `rows` into the blob `scores` by batch execution; a job id."""

    def scored_file(self, slot: Slot, job: str) -> JobStatus:
        """How far that is."""

    def scores_in(self, lines: Iterable[bytes]) -> list[float]:
        """The predictions in a file that batch execution wrote."""

    def examine(self) -> Iterator[Diagnosis]:
        """What is right and wrong with the settings, seen from the service; changes nothing and never raises."""


@runtime_checkable
class Housed(Protocol):
    """An endpoint where each model takes machines of its own, so that what nobody needs any more is removed."""

    def tidy(self, needed: Collection[str], *, confirmed: bool) -> Sequence[str]:
        """Removes what serves nobody and holds none of the models in `needed` (sha256), and what was live before the
        present model only once that is `confirmed`; what it asked to be removed. Repeating it is harmless."""


class Lineage(Record, frozen=True):
    """What a registry is told of a model: where it came from, how it was judged, what became of it.

    `data` names the content that it learnt from, `manifest` the list of its parts, `files` what landed. `champion` is
    the version in production that it is or was last, None for one that never was. `served` is where the endpoint says
    that it is: the registry may have it already, from whoever deployed it first.
    """

    artifact: Artifact
    target: str
    served: str = ""
    run: str = ""
    job: str = ""
    data: str = ""
    manifest: str = ""
    files: str = ""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    state: str = ""
    decision: str = ""
    champion: int | None = None
    since: str = ""


class Crowned(Record, frozen=True):
    """A model that is or was in production, as a registry remembers it."""

    version: int
    asset: str
    artifact: Artifact
    run: str = ""
    since: str = ""


class Registry(Protocol):
    """Where a service keeps models by name and version, for others to see and to deploy."""

    def keep(self, told: Lineage) -> str:
        """Registers a model, or tells more of one that is; its id there. Repeating it is harmless."""

    def champions(self, target: str) -> Sequence[Crowned]:
        """The models that are or were in production for a target, the present one first: from the registry alone."""


class Models(Protocol):
    """The configuration. An entry is a model as it is written; one with keys stands for a target for each of them."""

    def get(self, target: str) -> Model:
        """The model of a target, with its key filled in.

        Raises NotFound, naming those there are; BadRequest when a key must be named; BadConfiguration, naming every
        mistake.
        """

    def entry(self, name: str) -> Model:
        """The entry of this name. Raises NotFound, BadConfiguration."""

    def all(self) -> Sequence[Model]:
        """Every usable entry."""

    def problems(self) -> Sequence[str]:
        """Every mistake in the configuration; models of a file that has any cannot be used."""


class Clock(Protocol):
    """The present, in UTC; tests move it."""

    def __call__(self) -> datetime: ...


class Services(Protocol):
    """Clients by model."""

    def trainer(self, model: Model) -> Trainer:
        """Raises BadConfiguration."""

    def endpoint(self, model: Model) -> Endpoint:
        """Raises BadConfiguration."""

    def registry(self, model: Model) -> Registry | None:
        """Where the model's candidates are registered, if anywhere. Raises BadConfiguration."""

    def secrets(self, model: Model) -> Iterator[Diagnosis]:
        """Whether each secret that the model's settings refer to can be had; subjects are `trainer` and `endpoint`."""


class Outside(Protocol):
    """Addresses that a caller named. Only those that configuration allows are used."""

    def may_call(self, url: str) -> None:
        """Raises AccessDenied unless this address may be called back."""

    def tell(self, url: str, body: dict[str, object]) -> None:
        """POSTs the body there. Raises RetryableError, PermanentError."""

    def fetch(self, url: str) -> Iterator[bytes]:
        """The bytes behind an address. Raises NotFound, AccessDenied, Unavailable."""


@dataclass(frozen=True)
class Ports:
    """Everything outside, in one place; `shared.wiring` fills it."""

    ledger: Ledger
    blobs: Blobs
    queues: Queues
    models: Models
    services: Services
    outside: Outside
    now: Clock
