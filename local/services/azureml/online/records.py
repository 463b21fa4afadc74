"""What is kept of managed online endpoints: endpoints, their deployments, operations on both. No rules here."""

from typing import Any, ClassVar

import msgspec

from local.services.engine.records import Record

Json = dict[str, Any]
ENDED = ("Succeeded", "Failed", "Canceled")


class OnlineEndpoint(Record, kw_only=True):
    """An endpoint; `id` is its Resource Manager id in lower case, `scope` the workspace's as it was written."""

    group: ClassVar[str] = "workspace"

    workspace: str
    scope: str
    name: str
    location: str
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    identity: Json = msgspec.field(default_factory=dict)
    properties: Json = msgspec.field(default_factory=dict)  # as a PUT gave them, traffic left out
    traffic: dict[str, int] = msgspec.field(default_factory=dict)
    state: str = "Creating"
    made: bool = False  # its first PUT succeeded: it has an address
    operation: str = ""  # the one that changed it last
    primary: str = ""
    secondary: str = ""
    served: int = 0  # requests that traffic was shared out over

    @property
    def arm_id(self) -> str:
        """Its Resource Manager id."""
        return f"{self.scope}/onlineEndpoints/{self.name}"

    @property
    def auth_mode(self) -> str:
        """Key, AMLToken or AADToken."""
        return str(self.properties.get("authMode", "Key"))


class OnlineDeployment(Record, kw_only=True):
    """A deployment of an endpoint. `live` is what answers: properties and sku of the last change that succeeded."""

    group: ClassVar[str] = "endpoint"

    endpoint: str
    name: str
    location: str
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    sku: Json = msgspec.field(default_factory=dict)
    properties: Json = msgspec.field(default_factory=dict)
    state: str = "Creating"
    operation: str = ""
    sha: str = ""  # of the model that answers; empty until it was provisioned once
    live: Json = msgspec.field(default_factory=dict)
    log: list[str] = msgspec.field(default_factory=list)

    @property
    def instances(self) -> int:
        """Machines it has."""
        return int(self.sku.get("capacity") or 1)


class OnlineOperation(Record, kw_only=True):
    """A change under way, or done. `body` is what was asked for: kept, because it is taken up after a restart."""

    target: str  # id of an endpoint or a deployment
    of: str  # endpoint | deployment
    endpoint: str  # the endpoint's name
    subscription: str
    location: str
    verb: str  # put | patch | delete
    body: Json = msgspec.field(default_factory=dict)
    status: str = "Creating"  # Creating | Updating | Deleting, then Succeeded | Failed | Canceled
    ended: float | None = None
    error: Json | None = None
