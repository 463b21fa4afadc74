"""The rules of classic web services and their endpoints: creating, listing, PATCH, refresh, deleting."""

import re
import time
from typing import Any

import msgspec

from local.services.engine.blobs import Unreachable, expired
from local.services.engine.records import BlobReference, new_id, new_key, wire_time
from local.services.studio.auth import default_of, find_endpoint
from local.services.studio.batch import MODEL_EXTENSIONS, check_reference
from local.services.studio.errors import error, outer_error, refusal
from local.services.studio.records import DEFAULT, Endpoint, Graph, Resource, Service, Workspace
from local.services.studio.studio import Studio

_NAME = re.compile(r"^[a-z0-9]{1,24}$")
LOW_CALLS = 4  # what ThrottleLevel Low allows, whatever was asked
DEFAULT_CALLS = 20
MOST_CALLS = 200
MOST_ENDPOINTS, MOST_FREE_ENDPOINTS = 10_000, 3
LARGEST_MODEL = 256 << 20  # bytes


class EndpointRequest(msgspec.Struct, rename="pascal", kw_only=True):
    """The body of a PUT. `Id`, `PrimaryKey` and `SecondaryKey` are ours: they keep a local configuration stable."""

    web_service_id: str | None = None
    endpoint_name: str | None = None
    description: str | None = None
    throttle_level: str | None = None
    max_concurrent_calls: int | None = None
    prevent_update: bool | None = None
    id: str | None = None
    primary_key: str | None = None
    secondary_key: str | None = None


class _ResourceUpdate(msgspec.Struct, rename="pascal", kw_only=True):
    name: str | None = None
    location: BlobReference | None = None


class _Patch(msgspec.Struct, rename="pascal", kw_only=True):
    resources: list[_ResourceUpdate] | None = None


def decode(body: bytes, kind: Any) -> Any:
    """A request body. Raises: WireError (RequestBodyInvalid)."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise error("RequestBodyInvalid") from wrong


def create_endpoint(studio: Studio, workspace: Workspace, service: Service, name: str, body: bytes) -> Endpoint:
    """A new endpoint with its own keys and a copy of the default endpoint's model. Raises: WireError, 400 or 409."""
    request = decode(body or b"{}", EndpointRequest)
    if service.kind != "predictive":
        raise error("WebServiceTypeInvalid", "a training service has its default endpoint only")
    if not _NAME.match(name):
        raise error("BadParameterValue", "EndpointName", "1 to 24 lowercase letters and digits are allowed")
    if find_endpoint(studio.store, service, name) or (request.id and studio.store.find(Endpoint, request.id)):
        raise outer_error("Conflict", f"The endpoint {name} exists.")
    most = MOST_FREE_ENDPOINTS if workspace.free else MOST_ENDPOINTS
    if sum(1 for _ in studio.store.all(Endpoint, service=service.id)) >= most:
        raise error("UpdateWebServiceResourceFailed", f"this workspace allows {most} endpoints per web service")
    throttle, calls = _throttling(workspace, request)
    endpoint = _copy_of_default(studio, service, name, request)
    endpoint.throttle, endpoint.max_calls = throttle, calls
    studio.store.save(endpoint)
    return endpoint


def _throttling(workspace: Workspace, request: EndpointRequest) -> tuple[str, int]:
    level = request.throttle_level or "Low"
    if level not in ("Low", "High"):
        raise error("BadParameterValue", "ThrottleLevel", "Low and High are allowed")
    if level == "Low":
        return level, LOW_CALLS
    if workspace.free:
        raise error("BadParameterValue", "ThrottleLevel", "a free workspace allows Low only")
    calls = DEFAULT_CALLS if request.max_concurrent_calls is None else request.max_concurrent_calls
    if not 1 <= calls <= MOST_CALLS:
        raise error("BadParameterValue", "MaxConcurrentCalls", f"{calls} is not from 1 to {MOST_CALLS}")
    return level, calls


def _copy_of_default(studio: Studio, service: Service, name: str, request: EndpointRequest) -> Endpoint:
    default = default_of(studio.store, service)
    now = time.time()
    live = tuple(_settled(resource, resource.live(now)) for resource in default.resources)
    return Endpoint(
        id=request.id or new_id(),
        created=now,
        workspace=service.workspace,
        service=service.id,
        name=name,
        description=request.description,
        primary=request.primary_key or new_key(),
        secondary=request.secondary_key or new_key(),
        prevent_update=bool(request.prevent_update),
        graph=default.graph,
        resources=live,
    )


def _settled(resource: Resource, sha: str) -> Resource:
    return msgspec.structs.replace(resource, sha=sha, effective=0.0, before=None)


async def patch(studio: Studio, service: Service, endpoint: Endpoint, body: bytes) -> None:
    """Puts retrained models behind an endpoint; they answer after the propagation delay. Raises: WireError."""
    _check_updatable(studio, service, endpoint)
    updates = decode(body, _Patch).resources
    if not updates:
        raise error("InvalidWebServiceResources", "the request names no resource")
    resources = {resource.name: resource for resource in endpoint.resources}
    fetched = [await _fetch(studio, endpoint, update, resources) for update in updates]
    now = time.time()
    for name, location, sha in fetched:
        resources[name] = _switched(resources[name], location, sha, now, studio.switches["propagationDelay"])
    endpoint.resources = tuple(resources.values())
    studio.store.save(endpoint)


def _switched(resource: Resource, location: BlobReference, sha: str, now: float, delay: float) -> Resource:
    before = resource.live(now)
    return Resource(name=resource.name, location=location, sha=sha, effective=now + delay, before=before)


def _check_updatable(studio: Studio, service: Service, endpoint: Endpoint) -> None:
    switches = studio.switches
    if service.kind != "predictive":
        text = "This Web Service has no updatable resources: it is a training service, update a predictive one."
        raise refusal(switches["refuseNoResources"], text)
    if endpoint.name == DEFAULT:
        text = "The default endpoint cannot be updated; add an endpoint to the web service and update that."
        raise refusal(switches["refuseDefaultPatch"], text)
    if endpoint.prevent_update:
        raise refusal(switches["refusePreventUpdate"], f"Endpoint {endpoint.name} was created with PreventUpdate.")


async def _fetch(
    studio: Studio, endpoint: Endpoint, update: _ResourceUpdate, known: dict[str, Resource]
) -> tuple[str, BlobReference, str]:
    if not update.name:
        raise refusal(studio.switches["refuseUnknownResource"], "Resource name is empty string")
    if update.name not in known:
        text = f"The endpoint has no resource {update.name!r}; its resources are {', '.join(known)}."
        raise refusal(studio.switches["refuseUnknownResource"], text)
    location = update.location or BlobReference()
    check_reference(location, MODEL_EXTENSIONS, empty=("MissingInputBlobInformation", update.name))
    where = location.relative_location
    try:
        content = await studio.blobs.read(location, LARGEST_MODEL)
    except Unreachable as failed:
        text = f"Unable to access the provided Azure blob - {where}.  Azure error message: {failed}."
        if expired(location.sas_blob_token or "", time.time()):
            text += " The SAS token has expired; get the job's status again for a new one."
        raise refusal(studio.switches["refuseUnreadableModel"], text) from failed
    await studio.in_thread(check_model, studio, endpoint.graph, content)
    return update.name, location, studio.model_files.keep(content)


def check_model(studio: Studio, graph: Graph, content: bytes) -> None:
    """Raises: WireError unless the bytes are a model that a service of this graph can score with."""
    from local.services.engine import modelfile, scoring  # scikit-learn takes seconds to import: not at the start

    try:
        header = scoring.proven(content).header
    except modelfile.NotAModel as wrong:
        raise refusal(studio.switches["refuseNotAModel"], f"The model package is invalid: {wrong}.") from wrong
    if header.task != graph.task:
        raise error("ModelOutputMetadataMismatch", f"a {header.task} model behind a {graph.task} service")
    inputs = {column.name for column in graph.columns}
    foreign = [column.name for column in header.columns if column.kind != "ignored" and column.name not in inputs]
    if foreign:
        raise error("IncompatibleModel", f"it needs column(s) the service does not take: {', '.join(foreign)}")


def refresh(studio: Studio, service: Service, endpoint: Endpoint, body: bytes) -> bool:
    """Applies the default endpoint's graph, and its model if OverwriteResources; False if nothing changed.

    Raises: WireError for the default endpoint and for a body that is not `{"OverwriteResources": "True"|"False"}`.
    """
    if endpoint.name == DEFAULT:
        raise refusal(studio.switches["refuseDefaultPatch"], "The default endpoint cannot be refreshed.")
    overwrite = str(decode(body or b"{}", dict[str, Any]).get("OverwriteResources", "False")).lower()
    if overwrite not in ("true", "false"):
        raise error("BadParameterValue", "OverwriteResources", '"True" and "False" are allowed')
    default = default_of(studio.store, service)
    shas = [resource.sha for resource in endpoint.resources]
    replace = overwrite == "true" and shas != [resource.sha for resource in default.resources]
    if not replace and endpoint.graph == default.graph:
        return False
    if replace:
        endpoint.resources = _like(endpoint, default, studio.switches["propagationDelay"])
    endpoint.graph = default.graph
    studio.store.save(endpoint)
    return True


def _like(endpoint: Endpoint, default: Endpoint, delay: float) -> tuple[Resource, ...]:
    now = time.time()
    own = {resource.name: resource for resource in endpoint.resources}
    return tuple(
        _switched(own.get(theirs.name, theirs), theirs.location, theirs.sha, now, delay) for theirs in default.resources
    )


def delete_endpoint(studio: Studio, endpoint: Endpoint) -> None:
    """Forgets the endpoint; its unfinished jobs are cancelled. Raises: WireError for the default endpoint."""
    if endpoint.name == DEFAULT:
        text = "The default endpoint cannot be deleted; delete the web service."
        raise refusal(studio.switches["refuseDefaultPatch"], text)
    _forget(studio, endpoint)


def delete_service(studio: Studio, service: Service) -> None:
    """Forgets the service and all its endpoints."""
    for endpoint in list(studio.store.all(Endpoint, service=service.id)):
        _forget(studio, endpoint)
    studio.store.delete(service)


def _forget(studio: Studio, endpoint: Endpoint) -> None:
    studio.jobs.forget(endpoint.id)
    studio.store.delete(endpoint)


def render_service(studio: Studio, service: Service) -> dict[str, Any]:
    """A WebService as the management API shows it."""
    return {
        "Id": service.id,
        "Name": service.name,
        "Description": service.description,
        "CreationTime": wire_time(service.created),
        "WorkspaceId": service.workspace,
        "DefaultEndpointName": DEFAULT,
        "EndpointCount": sum(1 for _ in studio.store.all(Endpoint, service=service.id)),
    }


def render_endpoint(studio: Studio, endpoint: Endpoint, origin: str) -> dict[str, Any]:
    """An Endpoint as the management API shows it; `origin` is the address the caller reached us by."""
    path = f"workspaces/{endpoint.workspace}"
    return {
        "Name": endpoint.name,
        "Description": endpoint.description,
        "CreationTime": wire_time(endpoint.created),
        "WorkspaceId": endpoint.workspace,
        "WebServiceId": endpoint.service,
        "HelpLocation": f"{origin}/apihelp/{path}/webservices/{endpoint.service}/endpoints/{endpoint.id}",
        "PrimaryKey": endpoint.primary,
        "SecondaryKey": endpoint.secondary,
        "ApiLocation": origin + endpoint.path,
        "PreventUpdate": endpoint.prevent_update,
        "MaxConcurrentCalls": endpoint.max_calls,
        "DiagnosticsTraceLevel": endpoint.trace,
        "ThrottleLevel": endpoint.throttle,
        "Version": wire_time(endpoint.created),
        "SampleDataEnabled": False,
        "ExperimentLocation": f"{origin}/api/{path}/experiments/{experiment_of(studio, endpoint)}",
        "Resources": [_render_resource(studio, resource) for resource in endpoint.resources],
    }


def experiment_of(studio: Studio, endpoint: Endpoint) -> str:
    """The id of the experiment that the endpoint was deployed from."""
    return studio.store.get(Service, endpoint.service).experiment


def _render_resource(studio: Studio, resource: Resource) -> dict[str, Any]:
    location = msgspec.to_builtins(studio.blobs.result(resource.location, studio.switches["sasLifetime"]))
    return {"Name": resource.name, "Kind": "Trained Model", "Location": location}
