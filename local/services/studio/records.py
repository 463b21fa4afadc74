"""The records the stand-in keeps: workspaces, experiments, services, endpoints, jobs. No rules and no storage here."""

import base64
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any

import msgspec

DEFAULT = "default"
MODEL_SUFFIX = " [trained model]"
PREDICTIVE_SUFFIX = " [predictive exp.]"


def new_id() -> str:
    """32 lowercase hex characters, as every id of the service."""
    return uuid.uuid4().hex


def new_key() -> str:
    """64 random bytes in base64: ends in `==`, as endpoint keys and workspace tokens do."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def wire_time(seconds: float) -> str:
    """UNIX seconds as the service writes times: `2016-01-29T13:34:50.512Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Record(msgspec.Struct, kw_only=True):
    """Something kept under an id."""

    id: str
    created: float


class Workspace(Record, kw_only=True):
    """A Studio workspace; `free` ones take three endpoints per service and low throttling only."""

    name: str
    token: str
    free: bool = False


class BlobReference(msgspec.Struct, rename="pascal", kw_only=True, frozen=True):
    """`AzureBlobDataReference`: an account (connection string, or base and SAS) and `container/path`."""

    connection_string: str | None = None
    relative_location: str | None = None
    base_location: str | None = None
    sas_blob_token: str | None = None


class Column(msgspec.Struct, frozen=True):
    """A column of the data: `number`, `category`, `date` or `ignored`, and the categories known."""

    name: str
    kind: str
    categories: tuple[str, ...] = ()


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
    metrics: dict[str, float] = {}
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

    workspace: str
    service: str
    name: str
    graph: Graph
    description: str | None = None
    primary: str = ""
    secondary: str = ""
    throttle: str = "Low"
    max_calls: int = 4
    prevent_update: bool = False
    trace: str = "None"
    resources: tuple[Resource, ...] = ()

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
    inputs: dict[str, BlobReference] = {}
    outputs: dict[str, BlobReference] = {}
    parameters: dict[str, str] = {}
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


def to_builtins(record: Any) -> Any:
    """A record as plain dictionaries, for JSON answers of our own routes."""
    return msgspec.to_builtins(record)
