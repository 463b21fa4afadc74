"""The rules of deployments: which bodies are taken, and what a deployment may not be asked for."""

import time
from typing import Any

from local.services.azureml.control.errors import wrong
from local.services.azureml.online.endpoints import READ_ONLY, check_name
from local.services.azureml.online.operations import Operations
from local.services.azureml.online.records import OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.engine.store import Store

Json = dict[str, Any]
MOST_DEPLOYMENTS = 20
MOST_INSTANCES = 50


def find(store: Store, endpoint: OnlineEndpoint, name: str) -> OnlineDeployment:
    """The deployment of that name, in whatever case. Raises: WireError, 404."""
    found = store.find(OnlineDeployment, id_of(endpoint, name))
    if found is None:
        raise wrong(404, f"Deployment {name} not found in endpoint {endpoint.name}.")
    return found


def id_of(endpoint: OnlineEndpoint, name: str) -> str:
    """Under which it is kept."""
    return f"{endpoint.id}/deployments/{name.lower()}"


def put(operations: Operations, endpoint: OnlineEndpoint, name: str, body: Json) -> tuple[bool, OnlineOperation]:
    """Creates or changes; whether it is new, and the operation. Raises: WireError, 400 or 409."""
    check_name("deployment", name)
    body = {**body, "properties": _checked(body)}
    known = operations.store.find(OnlineDeployment, id_of(endpoint, name))
    if known is not None:
        _check_first(operations, known)
        operation = operations.begin(endpoint, known, "put", body)
        known.properties, known.tags = body["properties"], body.get("tags") or {}
        operations.store.save(known)
        return False, operation
    if len(list(operations.store.all(OnlineDeployment, endpoint=endpoint.id))) >= MOST_DEPLOYMENTS:
        raise wrong(400, f"An endpoint can have {MOST_DEPLOYMENTS} deployments.", "OutOfQuota")
    made = OnlineDeployment(
        id=id_of(endpoint, name),
        created=time.time(),
        endpoint=endpoint.id,
        name=name,
        location=str(body["location"]),
        tags=body.get("tags") or {},
        sku=body.get("sku") or {},
        properties=body["properties"],
    )
    return True, operations.begin(endpoint, made, "put", body)


def _check_first(operations: Operations, known: OnlineDeployment) -> None:
    """A deployment whose first provisioning failed is of no use any more."""
    if (
        not known.sha
        and known.state in ("Failed", "Canceled")
        and operations.engine.switches["onlineFailedFirst"] == "refuse"
    ):
        raise wrong(400, f"Deployment {known.name} failed its first provisioning; delete it and create it again.")


def _checked(body: Json) -> Json:
    properties = body.get("properties")
    if not isinstance(properties, dict) or not isinstance(body.get("location"), str):
        raise wrong(400, "The request needs location and properties.")
    if properties.get("endpointComputeType") != "Managed":
        raise wrong(
            400, f"endpointComputeType is {properties.get('endpointComputeType')!r}; only Managed is played here."
        )
    if not properties.get("instanceType") or not properties.get("model"):
        raise wrong(400, "A managed deployment needs instanceType and model.")
    capacity = (body.get("sku") or {}).get("capacity") or 1
    if not 1 <= int(capacity) <= MOST_INSTANCES:
        raise wrong(400, f"sku.capacity is {capacity}; it can be 1 to {MOST_INSTANCES}.")
    return {name: value for name, value in properties.items() if name not in READ_ONLY and value is not None}


def patch(operations: Operations, endpoint: OnlineEndpoint, known: OnlineDeployment, body: Json) -> OnlineOperation:
    """Changes tags and instances. Raises: WireError, 400 for anything else."""
    others = sorted(set(body) - {"tags", "sku"})
    if others:
        raise wrong(400, f"PATCH takes tags and sku only, not {', '.join(others)}; PUT the whole deployment.")
    return operations.begin(endpoint, known, "patch", body)


def remove(operations: Operations, endpoint: OnlineEndpoint, known: OnlineDeployment) -> OnlineOperation:
    """Deletes it. Raises: WireError, 400 while it has traffic, 409."""
    if endpoint.traffic.get(known.name) and operations.engine.switches["onlineDeleteWithTraffic"] == "refuse":
        share = endpoint.traffic[known.name]
        raise wrong(400, f"Deployment {known.name} has {share} percent of the traffic; move it away first.")
    return operations.begin(endpoint, known, "delete", {})
