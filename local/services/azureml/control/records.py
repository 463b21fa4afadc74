"""What a workspace keeps today: versioned assets, computes, jobs. No rules, no storage."""

from typing import Any, ClassVar

import msgspec

from local.services.engine.records import Record

ENDED = ("Completed", "Failed", "Canceled")


class RegistryAsset(Record, kw_only=True):
    """One version of a named asset (`collection`: models, data, environments, components, codes) as it was put."""

    group: ClassVar[str] = "workspace"

    workspace: str
    collection: str
    name: str
    version: str
    properties: dict[str, Any]
    modified: float = 0.0


class AssetContainer(Record, kw_only=True):
    """What was put about all versions of an asset; most assets have none."""

    group: ClassVar[str] = "workspace"

    workspace: str
    collection: str
    name: str
    properties: dict[str, Any]


class MlCompute(Record, kw_only=True):
    """A compute that jobs may name. All of them are this machine."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    location: str
    properties: dict[str, Any]


class MlJob(Record, kw_only=True):
    """A job under its caller's own name: what was put, how far it is, and what it left.

    `outputs` are URIs by name; `parent` is the name of the pipeline job that this one is a step of.
    """

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    number: int
    properties: dict[str, Any]
    status: str = "NotStarted"
    error: str | None = None
    parent: str | None = None
    step: str | None = None
    endpoint: str | None = None
    deployment: str | None = None
    started: float | None = None
    ended: float | None = None
    modified: float = 0.0
    said: str = ""
    outputs: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    artifacts: dict[str, int] = msgspec.field(default_factory=dict)

    @property
    def detail(self) -> str | None:
        """Why it failed, in run history's member."""
        return self.error

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        return dict(self.properties.get("tags") or {})

    @property
    def description(self) -> str | None:
        """What its owner says of it."""
        return self.properties.get("description")

    @property
    def type(self) -> str:
        """`Command` or `Pipeline`."""
        return str(self.properties["jobType"])

    @property
    def experiment(self) -> str:
        """The experiment that it is shown under."""
        return str(self.properties.get("experimentName") or "Default")
