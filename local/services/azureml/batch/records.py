"""Batch endpoints, their deployments, changes of both, and which invocation made which job."""

import time
from typing import Any, ClassVar

import msgspec

from local.services.engine.records import Record


class BatchEndpoint(Record, kw_only=True):
    """An endpoint as it was put. `operation` is its last change."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    location: str
    properties: dict[str, Any]
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    identity: dict[str, Any] | None = None
    operation: str = ""

    @property
    def default(self) -> str | None:
        """The deployment that is invoked when a call names none."""
        return (self.properties.get("defaults") or {}).get("deploymentName")


class BatchDeployment(Record, kw_only=True):
    """A deployment of a pipeline component, as it was put."""

    group: ClassVar[str] = "endpoint"

    endpoint: str
    name: str
    location: str
    properties: dict[str, Any]
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    operation: str = ""

    @property
    def component(self) -> str:
        """The id of the component."""
        return str(self.properties["deploymentConfiguration"]["componentId"]["assetId"])


class BatchOperation(Record, kw_only=True):
    """A change of an endpoint or a deployment: under way until `ends`, then done, or failed with `error`."""

    subscription: str
    location: str
    verb: str
    ends: float
    error: str | None = None

    @property
    def status(self) -> str:
        """`Creating`, `Updating` or `Deleting`; then `Succeeded` or `Failed`."""
        if time.time() < self.ends:
            return self.verb
        return "Failed" if self.error else "Succeeded"


class BatchInvocation(Record, kw_only=True):
    """The job that an invocation made; `id` is its endpoint and its `repeatability_request-id`."""

    job: str
