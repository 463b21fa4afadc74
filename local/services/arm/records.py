"""What is kept of "new" web services: the services themselves, operations on them, commitment plans. No rules here.

What a service runs is an `Endpoint` of the same id, which answers calls like those of classic services.
"""

from typing import Any, ClassVar

import msgspec

from local.services.engine.records import Record

Json = dict[str, Any]


class WebService(Record, kw_only=True):
    """A web service of Resource Manager; `properties` is its definition, canonical and without secrets."""

    group: ClassVar[str] = "subscription"

    subscription: str
    resource_group: str
    name: str
    location: str
    tags: Json = msgspec.field(default_factory=dict)
    properties: Json = msgspec.field(default_factory=dict)
    state: str = "Provisioning"  # Unknown | Provisioning | Succeeded | Failed
    modified: float = 0.0
    primary: str = ""
    secondary: str = ""
    storage_key: str = ""
    plan: str = ""  # ARM id
    regions: list[str] = msgspec.field(default_factory=list)  # besides its own, where its blobs were copied to


class ServiceOperation(Record, kw_only=True):
    """A change under way, or done. `body` is what was asked for: kept, because it is taken up after a restart."""

    subscription: str
    location: str
    service: str
    verb: str  # put | patch | delete | region
    body: Json = msgspec.field(default_factory=dict)
    status: str = "Provisioning"  # Provisioning | Succeeded | Failed
    ended: float | None = None
    error: Json | None = None


class CommitmentPlan(Record, kw_only=True):
    """What pays for services; `id` is its ARM id in lower case."""

    subscription: str
    resource_group: str
    name: str
    location: str
    sku: Json
    tags: Json = msgspec.field(default_factory=dict)
    etag: str = ""
