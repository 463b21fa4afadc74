"""Workspaces: as Resource Manager knows them, and discovery of the services behind one."""

import time

import msgspec
from aiohttp import web

from local.services.arm.errors import caller, operation, refused
from local.services.azureml.azureml import SCOPE, azureml_of, scope_of
from local.services.azureml.errors import services
from local.services.azureml.records import DEFAULT_STORE, Datastore, MlWorkspace, guid
from local.services.azureml.views import Json
from local.services.engine.answers import json_response

SERVICES = ("api", "history", "pipelines", "experimentation", "modelmanagement", "hyperdrive", "metric", "artifact")


class WorkspaceBody(msgspec.Struct, kw_only=True):
    """What a PUT says of a workspace."""

    location: str = "eastus2"
    tags: dict[str, str] = {}


def _shown(workspace: MlWorkspace, request: web.Request) -> Json:
    origin = str(request.url.origin())
    return {
        "id": workspace.scope,
        "name": workspace.name,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": workspace.location,
        "tags": workspace.tags,
        "properties": {
            "workspaceId": workspace.guid,
            "discoveryUrl": f"{origin}/discovery",
            "mlFlowTrackingUri": f"azureml://{request.host}/mlflow/v1.0{workspace.scope}",
            "v1LegacyMode": False,
            "provisioningState": "Succeeded",
        },
    }


@operation("getmlworkspace")
async def get_workspace(request: web.Request) -> web.Response:
    """GET {workspace}?api-version."""
    caller(request)
    found = azureml_of(request).store.find(MlWorkspace, scope_of(request).lower())
    if found is None:
        raise refused(404, "ResourceNotFound", f"The resource '{scope_of(request)}' was not found.")
    return json_response(_shown(found, request))


def _decode(body: bytes) -> WorkspaceBody:
    try:
        return msgspec.json.decode(body or b"{}", type=WorkspaceBody)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise refused(400, "InvalidRequestContent", f"The request content was invalid: {wrong}.") from wrong


@operation("putmlworkspace")
async def put_workspace(request: web.Request) -> web.Response:
    """PUT {workspace}?api-version {"location"?, "tags"?}: made with its default datastore, `workspaceblobstore`."""
    caller(request)
    service, scope = azureml_of(request), scope_of(request)
    given = _decode(await request.read())
    found = service.store.find(MlWorkspace, scope.lower())
    if found is not None:
        found.tags = given.tags or found.tags
        service.store.save(found)
        return json_response(_shown(found, request))
    made = MlWorkspace(
        id=scope.lower(),
        created=time.time(),
        scope=scope,
        name=request.match_info["workspace"],
        guid=guid(),
        location=given.location,
        tags=given.tags,
    )
    store = Datastore(
        id=f"{made.id}/{DEFAULT_STORE}",
        created=made.created,
        workspace=made.id,
        name=DEFAULT_STORE,
        container=f"azureml-blobstore-{made.guid}",
    )
    await service.engine.blobs.create_container(store.container)
    service.store.save(made, store)
    return json_response(_shown(made, request), 201)


@services("discover")
async def discover(request: web.Request) -> web.Response:
    """GET /discovery: the base address of each service; no token is needed."""
    return json_response(dict.fromkeys(SERVICES, str(request.url.origin())))


ROUTES = [web.get(SCOPE, get_workspace), web.put(SCOPE, put_workspace), web.get("/discovery", discover)]
