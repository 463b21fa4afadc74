"""Subscriptions of webhooks to the events of a workspace."""

from typing import Any, ClassVar

import msgspec

from local.services.engine.records import Record

EVENT_GRID, CLOUD_EVENTS = "EventGridSchema", "CloudEventSchemaV1_0"


class EventSubscription(Record, kw_only=True):
    """A webhook that wants events. `state` is its provisioning's; `code` proves that it can answer."""

    group: ClassVar[str] = "workspace"

    workspace: str
    name: str
    url: str
    schema: str
    code: str
    filter: dict[str, Any]
    state: str = "Creating"
    attempts: int = 30
    lifetime: float = 86400.0  # seconds until an event is given up
    labels: list[str] = msgspec.field(default_factory=list)


class Event(msgspec.Struct, kw_only=True, frozen=True):
    """Something that happened in a workspace, before it is put in an envelope."""

    id: str
    topic: str
    subject: str
    type: str
    time: str
    data: dict[str, Any]
