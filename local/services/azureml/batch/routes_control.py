"""Routes of batch endpoints and deployments behind Resource Manager. They translate; the rules are in endpoints.py.

Source: the management API's stable version 2025-12-01 (`batchEndpoints`).
"""

from aiohttp import web

from local.services.arm.errors import caller
from local.services.azureml.batch import endpoints, operations
from local.services.azureml.batch.operations import Changed
from local.services.azureml.batch.records import BatchDeployment, BatchEndpoint, BatchOperation
from local.services.azureml.control.control import (
    SCOPE,
    Json,
    check_version,
    control_of,
    paged,
    workspace_of,
)
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.routes_assets import body_of
from local.services.azureml.control.routes_jobs import LOCATION
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_object, json_response

ENDPOINTS = SCOPE + "/batchEndpoints"
ENDPOINT = ENDPOINTS + "/{endpoint}"
DEPLOYMENTS = ENDPOINT + "/deployments"
DEPLOYMENT = DEPLOYMENTS + "/{deployment}"
FOLLOWED = "{operation:b[ed][a-z]*:[^/]+}"


def _endpoint(request: web.Request) -> tuple[MlWorkspace, BatchEndpoint]:
    workspace = workspace_of(request)
    return workspace, endpoints.find(control_of(request).store, workspace, request.match_info["endpoint"])


def _deployment(request: web.Request) -> tuple[MlWorkspace, BatchEndpoint, BatchDeployment]:
    workspace, endpoint = _endpoint(request)
    found = endpoints.find_deployment(control_of(request).store, endpoint, request.match_info["deployment"])
    return workspace, endpoint, found


def _put(request: web.Request, shown: Json, new: bool, changed: Changed) -> web.Response:
    control = control_of(request)
    last = control.store.get(BatchOperation, changed.operation)
    headers = {
        "Azure-AsyncOperation": operations.address(request, last, "mfeOperationsStatus"),
        "Location": str(request.url),
        "x-ms-async-operation-timeout": "PT30M",
    }
    return json_response(shown, 201 if new else control.switches["batchUpdateStatus"], headers)


@operation("putbatchendpoint")
async def put_endpoint(request: web.Request) -> web.Response:
    """PUT batchEndpoints/{name}: 201 and Creating for a new one; `defaults` are switched so, too."""
    workspace, engine = workspace_of(request), control_of(request).engine
    made, new = endpoints.put(engine, workspace, request.match_info["endpoint"], await body_of(request))
    return _put(request, endpoints.shown(engine, workspace, made, request), new, made)


@operation("getbatchendpoint")
async def get_endpoint(request: web.Request) -> web.Response:
    """GET batchEndpoints/{name}."""
    workspace, found = _endpoint(request)
    return json_response(endpoints.shown(control_of(request).engine, workspace, found, request))


@operation("listbatchendpoints")
async def list_endpoints(request: web.Request) -> web.Response:
    """GET batchEndpoints."""
    workspace, engine = workspace_of(request), control_of(request).engine
    found = engine.store.all(BatchEndpoint, workspace=workspace.id)
    return paged(request, [endpoints.shown(engine, workspace, one, request) for one in found])


@operation("patchbatchendpoint")
async def patch_endpoint(request: web.Request) -> web.Response:
    """PATCH batchEndpoints/{name}: tags and identity, nothing else."""
    workspace, found = _endpoint(request)
    given, engine = await json_object(request), control_of(request).engine
    found.tags = {**found.tags, **(given.get("tags") or {})}
    found.identity = given.get("identity") or found.identity
    engine.store.save(found)
    return json_response(endpoints.shown(engine, workspace, found, request))


@operation("deletebatchendpoint")
async def delete_endpoint(request: web.Request) -> web.Response:
    """DELETE batchEndpoints/{name}: 202 and where to ask, or 204 when there is none."""
    workspace, engine = workspace_of(request), control_of(request).engine
    found = engine.store.find(BatchEndpoint, endpoints.key(workspace, request.match_info["endpoint"]))
    return _removed(request, workspace, found)


def _removed(request: web.Request, workspace: MlWorkspace, gone: Changed | None) -> web.Response:
    if gone is None:
        return web.Response(status=204)
    begun = endpoints.remove(control_of(request).engine, workspace, gone)
    headers = {
        "Azure-AsyncOperation": operations.address(request, begun, "mfeOperationsStatus"),
        "Location": operations.address(request, begun, "mfeOperationResults"),
    }
    return json_response(None, 202, headers)


@operation("putbatchdeployment")
async def put_deployment(request: web.Request) -> web.Response:
    """PUT batchEndpoints/{name}/deployments/{name}."""
    workspace, endpoint = _endpoint(request)
    engine, name = control_of(request).engine, request.match_info["deployment"]
    made, new = endpoints.put_deployment(engine, workspace, endpoint, name, await body_of(request))
    return _put(request, endpoints.shown_deployment(engine, workspace, endpoint, made, request), new, made)


@operation("getbatchdeployment")
async def get_deployment(request: web.Request) -> web.Response:
    """GET batchEndpoints/{name}/deployments/{name}."""
    workspace, endpoint, found = _deployment(request)
    engine = control_of(request).engine
    return json_response(endpoints.shown_deployment(engine, workspace, endpoint, found, request))


@operation("listbatchdeployments")
async def list_deployments(request: web.Request) -> web.Response:
    """GET batchEndpoints/{name}/deployments."""
    workspace, endpoint = _endpoint(request)
    engine = control_of(request).engine
    found = engine.store.all(BatchDeployment, endpoint=endpoint.id)
    return paged(request, [endpoints.shown_deployment(engine, workspace, endpoint, one, request) for one in found])


@operation("patchbatchdeployment")
async def patch_deployment(request: web.Request) -> web.Response:
    """PATCH batchEndpoints/{name}/deployments/{name}: description and tags."""
    workspace, endpoint, found = _deployment(request)
    given, engine = await json_object(request), control_of(request).engine
    found.tags = {**found.tags, **(given.get("tags") or {})}
    found.properties["description"] = (given.get("properties") or {}).get(
        "description", found.properties.get("description")
    )
    engine.store.save(found)
    return json_response(endpoints.shown_deployment(engine, workspace, endpoint, found, request))


@operation("deletebatchdeployment")
async def delete_deployment(request: web.Request) -> web.Response:
    """DELETE batchEndpoints/{name}/deployments/{name}: 202 and where to ask, or 204 when there is none."""
    workspace, endpoint = _endpoint(request)
    found = control_of(request).store.find(BatchDeployment, f"{endpoint.id}/{request.match_info['deployment']}")
    return _removed(request, workspace, found)


def _followed(request: web.Request) -> BatchOperation:
    caller(request)
    check_version(request)
    found = control_of(request).store.find(BatchOperation, request.match_info["operation"])
    if found is None:
        raise wrong(404, f"There is no operation {request.match_info['operation']}.")
    return found


@operation("getbatchoperation")
async def get_operation(request: web.Request) -> web.Response:
    """GET mfeOperationsStatus/{id}: always 200, whatever it says."""
    return json_response(operations.shown(_followed(request)))


@operation("getbatchresult")
async def get_result(request: web.Request) -> web.Response:
    """GET mfeOperationResults/{id}: 202 while it goes on, 204 once it is done."""
    done = _followed(request).status in ("Succeeded", "Failed")
    return web.Response(status=204) if done else json_response(None, 202, {"Location": str(request.url)})


ROUTES = [
    web.get(ENDPOINTS, list_endpoints),
    web.put(ENDPOINT, put_endpoint),
    web.get(ENDPOINT, get_endpoint),
    web.patch(ENDPOINT, patch_endpoint),
    web.delete(ENDPOINT, delete_endpoint),
    web.get(DEPLOYMENTS, list_deployments),
    web.put(DEPLOYMENT, put_deployment),
    web.get(DEPLOYMENT, get_deployment),
    web.patch(DEPLOYMENT, patch_deployment),
    web.delete(DEPLOYMENT, delete_deployment),
    web.get(LOCATION + "/mfeOperationsStatus/" + FOLLOWED, get_operation),
    web.get(LOCATION + "/mfeOperationResults/" + FOLLOWED, get_result),
]
