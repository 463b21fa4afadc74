"""How endpoints, deployments and operations are written in answers. Nothing is decided or stored here."""

from typing import Any

from aiohttp import web

from local.services.azureml.control.control import system_data
from local.services.azureml.online.records import ENDED, OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.engine.records import wire_time

Json = dict[str, Any]
TYPE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"


def endpoint(found: OnlineEndpoint, request: web.Request) -> Json:
    """An endpoint, as GET and PUT answer it."""
    address = scoring_address(found, request) if found.made else None
    return {
        "id": found.arm_id,
        "name": found.name,
        "type": TYPE,
        "location": found.location,
        "tags": found.tags,
        "kind": "Managed",
        "identity": {"type": "SystemAssigned", "principalId": found.id[-36:], "tenantId": None, **found.identity},
        "properties": {
            "mirrorTraffic": {},
            "publicNetworkAccess": "Enabled",
            "description": None,
            **found.properties,
            "properties": _followed(found.properties.get("properties"), found.operation, found, request),
            "traffic": found.traffic,
            "compute": None,
            "provisioningState": found.state,
            "scoringUri": f"{address}/score" if address else None,
            "swaggerUri": f"{address}/swagger.json" if address else None,
        },
        "systemData": system_data(found.created, found.created),
    }


def deployment(found: OnlineDeployment, of: OnlineEndpoint, request: web.Request) -> Json:
    """A deployment, as GET and PUT answer it."""
    properties = found.properties
    return {
        "id": f"{of.arm_id}/deployments/{found.name}",
        "name": found.name,
        "type": f"{TYPE}/deployments",
        "location": found.location,
        "tags": found.tags,
        "kind": "Managed",
        "sku": {"name": "Default", "tier": "Standard", "size": None, "family": None, "capacity": 1, **found.sku},
        "properties": {
            "description": None,
            "appInsightsEnabled": False,
            "egressPublicNetworkAccess": "Enabled",
            "environmentVariables": {},
            "scaleSettings": {"scaleType": "Default"},
            **properties,
            "properties": _followed(properties.get("properties"), found.operation, of, request),
            "provisioningState": found.state,
        },
        "systemData": system_data(found.created, found.created),
    }


def operation(found: OnlineOperation) -> Json:
    """How far a change is."""
    done = found.status in ENDED
    shown: Json = {
        "id": _operation_path(found, "mfeOperationsStatus"),
        "name": found.id,
        "status": found.status,
        "startTime": wire_time(found.created),
        "percentComplete": 100.0 if done else 0.0,
    }
    if found.ended is not None:
        shown["endTime"] = wire_time(found.ended)
    return shown | ({"error": found.error} if found.error else {})


def operation_url(found: OnlineOperation, request: web.Request, kind: str = "mfeOperationsStatus") -> str:
    """Where a change is followed."""
    return _followed_at(_operation_path(found, kind), request)


def scoring_address(found: OnlineEndpoint, request: web.Request) -> str:
    """Where an endpoint answers: `https://{name}.{region}.inference.ml.azure.com`, on this machine a path."""
    return f"{request.url.origin()}/online/{found.location}/{found.name}"


def _operation_path(found: OnlineOperation, kind: str) -> str:
    return _path(found.subscription, found.location, kind, found.id)


def _path(subscription: str, location: str, kind: str, operation: str) -> str:
    provider = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices"
    return f"{provider}/locations/{location}/{kind}/{operation}"


def _followed_at(path: str, request: web.Request) -> str:
    return f"{request.url.origin()}{path}?api-version={request.query.get('api-version', '')}"


def _followed(given: Json | None, operation: str, of: OnlineEndpoint, request: web.Request) -> Json:
    """The free properties, and where the last change was followed."""
    path = _path(of.scope.split("/")[2], of.location, "mfeOperationsStatus", operation)
    return {**(given or {}), "AzureAsyncOperationUri": _followed_at(path, request)}
