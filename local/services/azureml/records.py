"""The records the stand-in keeps: workspaces, datastores, drafts, published pipelines, runs. No rules, no storage."""

import uuid
from typing import ClassVar

import msgspec

from local.services.engine.records import Record

DEFAULT_STORE = "workspaceblobstore"
ENDED = ("Finished", "Failed", "Canceled")


def guid() -> str:
    """An id as this service writes them, with dashes."""
    return str(uuid.uuid4())


class MlWorkspace(Record, kw_only=True):
    """A workspace; `id` is its Resource Manager id in lower case, `scope` the same as it was written."""

    scope: str
    name: str
    guid: str
    location: str
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class Datastore(Record, kw_only=True):
    """A blob container under a name; without a connection string it is in the workspaces' own account."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    container: str
    connection: str | None = None


class RegisteredDataset(Record, kw_only=True):
    """A named file of a datastore, one version of it."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    version: str
    datastore: str
    path: str


class Node(msgspec.Struct, kw_only=True, frozen=True):
    """A module on the canvas, the values of its fields, and what its author calls it (the module's name if empty)."""

    module: str
    fields: dict[str, str] = {}
    name: str = ""


class Edge(msgspec.Struct, kw_only=True, frozen=True):
    """A wire between an output port and an input port."""

    source: str
    output: str
    target: str
    input: str


class Graph(msgspec.Struct, kw_only=True, frozen=True):
    """Modules by node id, and the wires between them."""

    nodes: dict[str, Node] = {}
    edges: tuple[Edge, ...] = ()


class Link(msgspec.Struct, kw_only=True, frozen=True):
    """A field of a node that a pipeline parameter fills."""

    node: str
    field: str


class Parameter(msgspec.Struct, kw_only=True, frozen=True):
    """A pipeline parameter: what it fills, and with what when a submission names no value."""

    default: str
    links: tuple[Link, ...] = ()


class PipelineDraft(Record, kw_only=True):
    """A pipeline as it is being drawn."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    description: str = ""
    graph: Graph = Graph()
    parameters: dict[str, Parameter] = msgspec.field(default_factory=dict)


class PublishedPipeline(Record, kw_only=True):
    """A pipeline that can be submitted; its graph never changes."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    description: str
    version: str | None
    graph_id: str
    graph: Graph
    parameters: dict[str, Parameter]
    continue_on_failure: bool = False
    active: bool = True
    modified: float = 0.0


class PipelineEndpoint(Record, kw_only=True):
    """Published pipelines under one address; `versions[number]` is the id of one."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    description: str
    versions: list[str]
    default: str
    active: bool = True
    modified: float = 0.0
    tags: dict[str, str] = msgspec.field(default_factory=dict)


class Location(
    msgspec.Struct, kw_only=True, frozen=True, rename={"datastore": "DataStoreName", "path": "RelativePath"}
):
    """A path in a datastore, as data path assignments write it."""

    datastore: str
    path: str


class PipelineRun(Record, kw_only=True):
    """One submission: the graph with the submission's values in it, and how far it is."""

    group: ClassVar[str] = "workspace"

    workspace: str
    experiment: str
    number: int
    graph_id: str
    graph: Graph
    pipeline: str | None = None
    endpoint: str | None = None
    status: str = "NotStarted"
    detail: str | None = None
    description: str | None = None
    source: str = ""
    type: str = "HTTP"
    parent: str | None = None
    schedule: str | None = None
    continue_on_failure: bool = False
    assignments: dict[str, str] = msgspec.field(default_factory=dict)
    data: dict[str, Location] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    properties: dict[str, str] = msgspec.field(default_factory=dict)
    started: float | None = None
    ended: float | None = None
    modified: float = 0.0


class StepRun(Record, kw_only=True):
    """One module's part of a run: its status, log, metrics, and the artifacts it left (sizes by path)."""

    group: ClassVar[str] = "run"

    run: str
    workspace: str
    experiment: str
    number: int
    node: str
    module: str
    name: str
    status: str = "NotStarted"
    detail: str | None = None
    queued: float | None = None
    started: float | None = None
    ended: float | None = None
    out: str = ""
    err: str = ""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    artifacts: dict[str, int] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    properties: dict[str, str] = msgspec.field(default_factory=dict)
    description: str | None = None
