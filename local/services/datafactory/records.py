"""What the factory keeps: factories, their items, runs of pipelines and of activities. No rules here."""

from typing import Any, ClassVar

import msgspec

from local.services.engine.records import Record

QUEUED, IN_PROGRESS, CANCELING = "Queued", "InProgress", "Canceling"
SUCCEEDED, FAILED, CANCELLED, SKIPPED = "Succeeded", "Failed", "Cancelled", "Skipped"
ENDED = (SUCCEEDED, FAILED, CANCELLED)

Json = dict[str, Any]


class DataFactory(Record, kw_only=True):
    """A factory. Its id is its resource id in lower case, `path` the same as it was first written."""

    path: str
    location: str
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    identity: Json | None = None
    etag: str = ""


class FactoryItem(Record, kw_only=True):
    """A linked service, data set or pipeline. `properties` are as they were sent, secrets included."""

    group: ClassVar[str] = "factory"

    factory: str
    collection: str  # linkedservices | datasets | pipelines
    path: str
    properties: Json
    etag: str


class FactoryRun(Record, kw_only=True):
    """A run of a pipeline: the definition it began with, `origin` is where the factory was called."""

    group: ClassVar[str] = "factory"

    factory: str
    pipeline: str
    definition: Json
    parameters: Json
    origin: str
    invoked_by: str
    group_id: str = ""
    variables: Json = msgspec.field(default_factory=dict)
    status: str = QUEUED
    message: str = ""
    started: float | None = None
    ended: float | None = None
    updated: float = 0.0


class FactoryActivity(Record, kw_only=True):
    """One attempt of an activity. `memory` is what it needs after a restart: a job's id, a callback's secret."""

    group: ClassVar[str] = "run"

    run: str
    name: str
    type: str
    attempt: int
    linked: str = ""
    status: str = IN_PROGRESS
    input: Any = None
    output: Any = None
    error: Json | None = None
    ended: float | None = None
    memory: Json = msgspec.field(default_factory=dict)
