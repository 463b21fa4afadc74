"""What the service answers: web services, skeletons, operations. Nothing is decided or stored here."""

from typing import Any

from aiohttp import web

from local.services.arm.checks import place
from local.services.arm.records import ServiceOperation, WebService
from local.services.arm.schema import PAYLOAD, PREVIEW, written
from local.services.engine.records import wire_time
from local.services.engine.switches import Switches
from local.services.studio.records import NEW

PROVIDER = "Microsoft.MachineLearning"
Json = dict[str, Any]


def id_of(service: WebService) -> str:
    """Its ARM id."""
    group = f"/subscriptions/{service.subscription}/resourceGroups/{service.resource_group}"
    return f"{group}/providers/{PROVIDER}/webServices/{service.name}"


def skeleton(service: WebService, version: str) -> Json:
    """What a change answers: no payload."""
    state: Json = {} if version == PREVIEW else {"payloadsInBlobStorage": False}
    return _resource(service, {**state, "provisioningState": service.state})


def whole(service: WebService, switches: Switches, origin: str, version: str, failed: Json | None) -> Json:
    """What GET answers; `failed` is a definition to be shown instead, that could not be deployed."""
    shown = service.properties if failed is None else failed
    if not service.properties:
        return skeleton(service, version)
    properties = {**_said(service, origin), **shown}
    if switches["showCommitmentPlan"] == "yes":
        properties["commitmentPlan"] = {"id": service.plan}
    return _resource(service, written(properties, version))


def sparse(service: WebService, origin: str, version: str) -> Json:
    """What a list shows of it: no payload."""
    shown = {name: value for name, value in service.properties.items() if name not in PAYLOAD}
    return _resource(service, written({**_said(service, origin), **shown}, version))


def document(service: WebService) -> str:
    """Where its OpenAPI document is, below the address of the host."""
    return f"/{NEW}/{service.subscription.replace('-', '')}/services/{service.id}/swagger.json"


def _said(service: WebService, origin: str) -> Json:
    return {
        "payloadsInBlobStorage": False,
        "provisioningState": service.state,
        "createdOn": wire_time(service.created),
        "modifiedOn": wire_time(service.modified),
        "swaggerLocation": origin + document(service),
    }


def _resource(service: WebService, properties: Json) -> Json:
    return {
        "id": id_of(service),
        "name": service.name,
        "type": f"{PROVIDER}/webServices",
        "location": service.location,
        "tags": service.tags,
        "properties": properties,
    }


def operation_url(operation: ServiceOperation, origin: str, version: str, kind: str = "operationsStatus") -> str:
    """Where the operation is followed."""
    at = f"/subscriptions/{operation.subscription}/providers/{PROVIDER}/locations/{place(operation.location)}"
    return f"{origin}{at}/{kind}/{operation.id}?api-version={version}"


def status(operation: ServiceOperation, switches: Switches, path: str) -> Json:
    """The document behind `Azure-AsyncOperation`."""
    field = switches["operationField"]
    names = ("status", "provisioningState") if field == "both" else (field,)
    shown: Json = {"id": path, "name": operation.id, **dict.fromkeys(names, operation.status)}
    shown["startTime"] = wire_time(operation.created)
    if operation.ended is not None:
        shown["endTime"] = wire_time(operation.ended)
    shown["percentComplete"] = 0.5 if operation.ended is None else 1.0
    return shown | ({"errorInfo": operation.error} if operation.error else {})


def begun(request: web.Request, switches: Switches, operation: ServiceOperation, version: str) -> dict[str, str]:
    """The headers of an answer that begins an operation."""
    if switches["operationHeaders"] == "absent":
        return {}
    origin = str(request.url.origin())
    headers = {
        "Azure-AsyncOperation": operation_url(operation, origin, version),
        "Azure-AsyncOperationPercentComplete": "0",
    }
    return headers | retry_after(switches, operation)


def retry_after(switches: Switches, operation: ServiceOperation) -> dict[str, str]:
    """The header, where the switch asks for it and the operation goes on."""
    wait = switches["operationRetryAfter"]
    return {"Retry-After": f"{wait:g}"} if wait and operation.ended is None else {}
