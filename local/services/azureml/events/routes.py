"""Routes of event subscriptions of a workspace, as the Event Grid management API has them (2025-02-15)."""

import time
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from local.services.azureml.control import assets
from local.services.azureml.control.control import SCOPE, Json, control_of, workspace_of
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.routes_assets import body_of
from local.services.azureml.events.delivering import Delivery
from local.services.azureml.events.filters import OPERATORS
from local.services.azureml.events.records import CLOUD_EVENTS, EVENT_GRID, EventSubscription
from local.services.azureml.records import MlWorkspace, guid
from local.services.engine.answers import json_response

SUBSCRIPTIONS = SCOPE + r"/providers/{grid:(?i:Microsoft\.EventGrid)}/{kind:(?i:eventSubscriptions)}"
SUBSCRIPTION = SUBSCRIPTIONS + "/{name}"
SCHEMAS = (EVENT_GRID, CLOUD_EVENTS)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DELIVERY: web.AppKey[Delivery] = web.AppKey("event delivery", Delivery)


def _find(request: web.Request) -> tuple[MlWorkspace, EventSubscription]:
    workspace, name = workspace_of(request), request.match_info["name"]
    found = control_of(request).store.find(EventSubscription, assets.key(workspace, "eventSubscriptions", name))
    if found is None:
        raise wrong(404, f"There is no event subscription {name!r} of workspace {workspace.name}.")
    return workspace, found


def _shown(workspace: MlWorkspace, subscription: EventSubscription) -> Json:
    destination = {"endpointType": "WebHook", "properties": {"endpointBaseUrl": subscription.url.partition("?")[0]}}
    return {
        "id": f"{workspace.scope}/providers/Microsoft.EventGrid/eventSubscriptions/{subscription.name}",
        "name": subscription.name,
        "type": "Microsoft.EventGrid/eventSubscriptions",
        "properties": {
            "topic": workspace.scope,
            "provisioningState": subscription.state,
            "destination": destination,
            "filter": subscription.filter,
            "eventDeliverySchema": subscription.schema,
            "retryPolicy": {
                "maxDeliveryAttempts": subscription.attempts,
                "eventTimeToLiveInMinutes": int(subscription.lifetime / 60),
            },
            "labels": subscription.labels,
        },
    }


def _checked(given: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    destination = given.get("destination") or {}
    url = str((destination.get("properties") or {}).get("endpointUrl") or "")
    schema, chosen = given.get("eventDeliverySchema") or EVENT_GRID, given.get("filter") or {}
    if destination.get("endpointType") != "WebHook" or not url:
        raise wrong(400, "properties.destination has to be a WebHook with an endpointUrl.")
    if not (url.startswith("https://") or urlsplit(url).hostname in LOOPBACK):
        raise wrong(400, "endpointUrl has to begin with https, or be on this machine.")
    if schema not in SCHEMAS:
        raise wrong(400, f"eventDeliverySchema is {schema!r}; it can be {' or '.join(SCHEMAS)}.")
    for one in chosen.get("advancedFilters") or []:
        if one.get("operatorType") not in OPERATORS or not one.get("key"):
            raise wrong(400, f"An advanced filter needs a key, and an operatorType of {', '.join(OPERATORS)}.")
    return url, schema, chosen


@operation("puteventsubscription")
async def put_subscription(request: web.Request) -> web.Response:
    """PUT eventSubscriptions/{name}: 201 and Creating; the webhook has to prove itself before it gets events."""
    workspace, control, name = workspace_of(request), control_of(request), request.match_info["name"]
    given = (await body_of(request)).properties
    url, schema, chosen = _checked(given)
    retry = given.get("retryPolicy") or {}
    made = EventSubscription(
        id=assets.key(workspace, "eventSubscriptions", name),
        created=time.time(),
        workspace=workspace.id,
        name=name,
        url=url,
        schema=schema,
        code=guid(),
        filter=chosen,
        attempts=int(retry.get("maxDeliveryAttempts") or 30),
        lifetime=60.0 * int(retry.get("eventTimeToLiveInMinutes") or 1440),
        labels=list(given.get("labels") or []),
    )
    control.store.save(made)
    request.app[DELIVERY].prove(made, str(request.url.origin()))
    return json_response(_shown(workspace, made), 201)


@operation("geteventsubscription")
async def get_subscription(request: web.Request) -> web.Response:
    """GET eventSubscriptions/{name}: all but what follows `?` in its address."""
    return json_response(_shown(*_find(request)))


@operation("listeventsubscriptions")
async def list_subscriptions(request: web.Request) -> web.Response:
    """GET eventSubscriptions of the workspace."""
    workspace = workspace_of(request)
    found = control_of(request).store.all(EventSubscription, workspace=workspace.id)
    return json_response({"value": [_shown(workspace, one) for one in found]})


@operation("geteventsubscriptionurl")
async def get_url(request: web.Request) -> web.Response:
    """POST eventSubscriptions/{name}/getFullUrl."""
    return json_response({"endpointUrl": _find(request)[1].url})


@operation("deleteeventsubscription")
async def delete_subscription(request: web.Request) -> web.Response:
    """DELETE eventSubscriptions/{name}: no event is delivered any more."""
    workspace, name = workspace_of(request), request.match_info["name"]
    store = control_of(request).store
    found = store.find(EventSubscription, assets.key(workspace, "eventSubscriptions", name))
    if found is None:
        return web.Response(status=204)
    store.delete(found)
    return web.Response(status=200)


@operation("validateeventsubscription")
async def validate(request: web.Request) -> web.Response:
    """GET /_eventgrid/validate?id=: the handshake done by hand; whoever has the address may."""
    store = control_of(request).store
    for found in store.all(EventSubscription, code=request.query.get("id", ""), state="AwaitingManualAction"):
        found.state = "Succeeded"
        store.save(found)
        return web.Response(text="Webhook successfully validated as a subscription endpoint.")
    raise wrong(404, "No event subscription waits for this validation.")


ROUTES = [
    web.put(SUBSCRIPTION, put_subscription),
    web.get(SUBSCRIPTION, get_subscription),
    web.delete(SUBSCRIPTION, delete_subscription),
    web.post(SUBSCRIPTION + "/getFullUrl", get_url),
    web.get(SUBSCRIPTIONS, list_subscriptions),
    web.get("/_eventgrid/validate", validate),
]
