"""Events as they are sent: Event Grid's own schema, or CloudEvents 1.0."""

from typing import Any

import msgspec

from local.services.azureml.events.records import CLOUD_EVENTS, Event, EventSubscription

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"


def enveloped(subscription: EventSubscription, event: Event) -> tuple[bytes, str]:
    """The body of a delivery and its content type."""
    if subscription.schema == CLOUD_EVENTS:
        return msgspec.json.encode(_cloud(event)), "application/cloudevents+json; charset=utf-8"
    return msgspec.json.encode([_grid(event)]), "application/json; charset=utf-8"


def _cloud(event: Event) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "source": event.topic,
        "subject": event.subject,
        "type": event.type,
        "time": event.time,
        "id": event.id,
        "data": event.data,
    }


def _grid(event: Event) -> dict[str, Any]:
    return {
        "topic": event.topic,
        "subject": event.subject,
        "eventType": event.type,
        "eventTime": event.time,
        "id": event.id,
        "data": event.data,
        "dataVersion": "2" if event.type == VALIDATION else "1",
        "metadataVersion": "1",
    }


def headers(subscription: EventSubscription, kind: str, event: str, attempt: int) -> dict[str, str]:
    """Headers of a delivery; `kind` is Notification or SubscriptionValidation."""
    return {
        "aeg-event-type": kind,
        "aeg-subscription-name": subscription.name.upper(),
        "aeg-delivery-count": str(attempt),
        "aeg-data-version": "1",
        "aeg-metadata-version": "1",
        "aeg-output-event-id": event,
    }
