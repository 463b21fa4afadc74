"""The records the stand-in keeps: workspaces, experiments, services, endpoints, jobs. No rules and no storage here."""

import secrets
from typing import ClassVar

import msgspec

from local.services.engine.records import BlobReference, Column, Record

DEFAULT = "default"
CLASSIC, NEW = "workspaces", "subscriptions"
"""What owns an endpoint, as its runtime path begins: a workspace of Studio, or a subscription of Resource Manager."""
MODEL_SUFFIX = " [trained model]"
PREDICTIVE_SUFFIX = " [predictive exp.]"


class Workspace(Record, kw_only=True):
    """A Studio workspace; `free` ones take three endpoints per service and low throttling only."""

    name: str
    token: str
    free: bool = False


class Port(msgspec.Struct, frozen=True):
    """A web-service output: its name and what comes out (`evaluation`, `model` or `scores`)."""

    name: str
    kind: str


class Graph(msgspec.Struct, kw_only=True, frozen=True):
    """What a deployed endpoint does: a copy of its experiment at one revision."""

    kind: str  # training | predictive
    revision: int
    task: str
    columns: tuple[Column, ...]
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[Port, ...]
    parameters: dict[str, str | None] = {}  # default None: the caller must give a value


class Resource(msgspec.Struct, kw_only=True, frozen=True):
    """An updatable resource: the trained model behind an endpoint, and until `effective` the one before it."""

    name: str
    location: BlobReference
    sha: str
    effective: float = 0.0
    before: str | None = None

    def live(self, now: float) -> str:
        """The sha256 of the model that answers at `now` (UNIX seconds)."""
        return self.before if self.before is not None and now < self.effective else self.sha


class Experiment(Record, kw_only=True):
    """A training or predictive experiment, as drawn in the designer; deployed endpoints copy it."""

    workspace: str
    name: str
    kind: str  # training | predictive
    task: str
    label: str
    parameters: dict[str, str | None]
    dataset: str | None = None
    columns: tuple[Column, ...] = ()
    data: str = "input"  # input: a web-service input | uri: a global parameter names the data
    outputs: tuple[str, ...] = ()
    state: str = "draft"  # draft | running | finished | failed
    details: str | None = None
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    model: str | None = None
    source: str | None = None
    resource: str | None = None
    location: BlobReference | None = None
    service: str | None = None
    revision: int = 0


class Service(Record, kw_only=True):
    """A classic web service: a group of endpoints deployed from one experiment."""

    workspace: str
    name: str
    kind: str
    experiment: str
    description: str | None = None


class Endpoint(Record, kw_only=True):
    """One endpoint: its own keys, its own copy of the graph, its own models."""

    group: ClassVar[str] = "service"  # one may have thousands

    workspace: str  # or the subscription's id without dashes, where `realm` says so
    service: str
    name: str
    graph: Graph
    realm: str = CLASSIC
    storage: str | None = None  # connection string of its own account; else that of the workspaces
    description: str | None = None
    primary: str = ""
    secondary: str = ""
    throttle: str = "Low"
    max_calls: int = 4
    prevent_update: bool = False
    trace: str = "None"
    resources: tuple[Resource, ...] = ()

    @property
    def path(self) -> str:
        """Where it answers, below the address of the host."""
        return f"/{self.realm}/{self.workspace}/services/{self.id}"

    def opened_by(self, key: str) -> bool:
        """Whether `key` is one of this endpoint's two keys."""
        return any(secrets.compare_digest(key.encode(), own.encode()) for own in (self.primary, self.secondary))


class Job(Record, kw_only=True):
    """A batch execution job. `Queued` is ours: the wire says NotStarted until the job is admitted."""

    endpoint: str
    workspace: str
    state: str = "NotStarted"
    version: str = "2.0"
    number: int = 0  # order of starting, for the first-in-first-out queue
    inputs: dict[str, BlobReference] = msgspec.field(default_factory=dict)
    outputs: dict[str, BlobReference] = msgspec.field(default_factory=dict)
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    started: float | None = None
    ended: float | None = None
    details: str | None = None


class Activity(Record, kw_only=True):
    """A deployment under way, as the Studio API's callers poll it."""

    workspace: str
    service: str
    endpoint: str
    status: str = "Completed"


ENDED = ("Failed", "Cancelled", "Finished")
STATUS_NUMBERS: dict[str, int] = {"NotStarted": 0, "Running": 1, "Failed": 2, "Cancelled": 3, "Finished": 4}
