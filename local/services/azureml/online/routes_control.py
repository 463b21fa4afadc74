"""Routes of the control plane: endpoints, deployments, their keys, and how far changes are. They translate only."""

from aiohttp import web

from local.services.arm.errors import caller
from local.services.azureml.azureml import SCOPE
from local.services.azureml.control.control import paged, workspace_of
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.online import deployments, endpoints, views
from local.services.azureml.online.operations import OPERATIONS, Operations
from local.services.azureml.online.records import ENDED, OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.azureml.online.tokens import make_token
from local.services.engine.answers import json_object, json_response
from local.services.engine.records import new_key

ENDPOINTS = SCOPE + "/{kind:(?i:onlineEndpoints)}"
ENDPOINT = ENDPOINTS + "/{endpoint}"
DEPLOYMENTS = ENDPOINT + "/{deployments:(?i:deployments)}"
DEPLOYMENT = DEPLOYMENTS + "/{deployment}"
FOLLOW = (
    "/subscriptions/{subscription}/providers/{provider:(?i:Microsoft\\.MachineLearningServices)}/locations/{location}"
)
ONLINE = "{operation:o[ed][a-z]*:[^/]+}"
TIMEOUTS = {"endpoint": "PT30M", "deployment": "PT2H"}


def _endpoint(request: web.Request) -> tuple[Operations, OnlineEndpoint]:
    operations, workspace = request.app[OPERATIONS], workspace_of(request)
    return operations, endpoints.find(operations.store, workspace, request.match_info["endpoint"])


def _deployment(request: web.Request) -> tuple[Operations, OnlineEndpoint, OnlineDeployment]:
    operations, endpoint = _endpoint(request)
    return operations, endpoint, deployments.find(operations.store, endpoint, request.match_info["deployment"])


def _headers(request: web.Request, begun: OnlineOperation) -> dict[str, str]:
    return {
        "Azure-AsyncOperation": views.operation_url(begun, request),
        "x-ms-async-operation-timeout": TIMEOUTS[begun.of],
        **_wait(request),
    }


def _wait(request: web.Request) -> dict[str, str]:
    wait = request.app[OPERATIONS].engine.switches["onlineRetryAfter"]
    return {"Retry-After": f"{wait:.0f}"} if wait else {}


def _put_status(request: web.Request, new: bool) -> int:
    return 201 if new else int(request.app[OPERATIONS].engine.switches["onlineUpdateStatus"])


@operation("putonlineendpoint")
async def put_endpoint(request: web.Request) -> web.Response:
    """PUT onlineEndpoints/{name}: creates (201) or changes, traffic too."""
    operations, workspace = request.app[OPERATIONS], workspace_of(request)
    new, begun = endpoints.put(operations, workspace, request.match_info["endpoint"], await json_object(request))
    found = operations.store.get(OnlineEndpoint, begun.target)
    headers = _headers(request, begun) | {"Location": str(request.url)}
    return json_response(views.endpoint(found, request), _put_status(request, new), headers)


@operation("getonlineendpoint")
async def get_endpoint(request: web.Request) -> web.Response:
    """GET onlineEndpoints/{name}."""
    _, found = _endpoint(request)
    return json_response(views.endpoint(found, request))


@operation("patchonlineendpoint")
async def patch_endpoint(request: web.Request) -> web.Response:
    """PATCH onlineEndpoints/{name}: tags and identity."""
    operations, found = _endpoint(request)
    begun = endpoints.patch(operations, found, await json_object(request))
    return json_response(views.endpoint(found, request), 202, _headers(request, begun))


@operation("deleteonlineendpoint")
async def delete_endpoint(request: web.Request) -> web.Response:
    """DELETE onlineEndpoints/{name}, with its deployments: 202, or 204 when there is none."""
    operations, workspace = request.app[OPERATIONS], workspace_of(request)
    found = operations.store.find(OnlineEndpoint, endpoints.id_of(workspace, request.match_info["endpoint"]))
    if found is None:
        return web.Response(status=204)
    return _deleting(request, operations.begin(found, found, "delete", {}))


@operation("listonlineendpoints")
async def list_endpoints(request: web.Request) -> web.Response:
    """GET onlineEndpoints."""
    workspace = workspace_of(request)
    found = request.app[OPERATIONS].store.all(OnlineEndpoint, workspace=workspace.id)
    return paged(request, [views.endpoint(one, request) for one in found])


@operation("putonlinedeployment")
async def put_deployment(request: web.Request) -> web.Response:
    """PUT deployments/{name}: creates (201) or changes."""
    operations, endpoint = _endpoint(request)
    new, begun = deployments.put(operations, endpoint, request.match_info["deployment"], await json_object(request))
    found = operations.store.get(OnlineDeployment, begun.target)
    headers = _headers(request, begun) | {"Location": str(request.url)}
    return json_response(views.deployment(found, endpoint, request), _put_status(request, new), headers)


@operation("getonlinedeployment")
async def get_deployment(request: web.Request) -> web.Response:
    """GET deployments/{name}."""
    _, endpoint, found = _deployment(request)
    return json_response(views.deployment(found, endpoint, request))


@operation("patchonlinedeployment")
async def patch_deployment(request: web.Request) -> web.Response:
    """PATCH deployments/{name}: tags, and how many instances."""
    operations, endpoint, found = _deployment(request)
    begun = deployments.patch(operations, endpoint, found, await json_object(request))
    return json_response(views.deployment(found, endpoint, request), 202, _headers(request, begun))


@operation("deleteonlinedeployment")
async def delete_deployment(request: web.Request) -> web.Response:
    """DELETE deployments/{name}: 202, or 204 when there is none."""
    operations, endpoint = _endpoint(request)
    found = operations.store.find(OnlineDeployment, deployments.id_of(endpoint, request.match_info["deployment"]))
    if found is None:
        return web.Response(status=204)
    return _deleting(request, deployments.remove(operations, endpoint, found))


def _deleting(request: web.Request, begun: OnlineOperation) -> web.Response:
    headers = _headers(request, begun) | {"Location": views.operation_url(begun, request, "mfeOperationResults")}
    return json_response(None, 202, headers)


@operation("listonlinedeployments")
async def list_deployments(request: web.Request) -> web.Response:
    """GET deployments."""
    operations, endpoint = _endpoint(request)
    found = operations.store.all(OnlineDeployment, endpoint=endpoint.id)
    return paged(request, [views.deployment(one, endpoint, request) for one in found])


@operation("getdeploymentlogs")
async def get_logs(request: web.Request) -> web.Response:
    """POST deployments/{name}/getLogs {"containerType", "tail"}."""
    _, _, found = _deployment(request)
    tail = (await json_object(request)).get("tail") or 100
    return json_response({"content": "\n".join(found.log[-int(tail) :])})


@operation("listdeploymentskus")
async def list_skus(request: web.Request) -> web.Response:
    """GET deployments/{name}/skus."""
    _deployment(request)
    capacity = {"default": 1, "minimum": 1, "maximum": deployments.MOST_INSTANCES, "scaleType": "Manual"}
    sku = {"name": "Default", "tier": "Standard"}
    return json_response({"value": [{"resourceType": views.TYPE + "/deployments", "sku": sku, "capacity": capacity}]})


@operation("listonlinekeys")
async def list_keys(request: web.Request) -> web.Response:
    """POST listKeys."""
    _, found = _endpoint(request)
    if found.auth_mode != "Key":
        raise wrong(400, f"Endpoint {found.name} takes {found.auth_mode}; it has no keys.")
    return json_response({"primaryKey": found.primary, "secondaryKey": found.secondary})


@operation("regenerateonlinekeys")
async def regenerate_keys(request: web.Request) -> web.Response:
    """POST regenerateKeys {"keyType", "keyValue"?}."""
    operations, found = _endpoint(request)
    body = await json_object(request)
    name = {"primary": "primary", "secondary": "secondary"}.get(str(body.get("keyType")).lower())
    if name is None:
        raise wrong(400, f"keyType is {body.get('keyType')!r}; it can be Primary or Secondary.")
    setattr(found, name, body.get("keyValue") or new_key())
    operations.store.save(found)
    return web.Response(status=200)


@operation("getonlinetoken")
async def get_token(request: web.Request) -> web.Response:
    """POST token: one that opens the endpoint, where it takes AMLToken (or AADToken)."""
    operations, found = _endpoint(request)
    if found.auth_mode == "Key":
        raise wrong(400, f"Endpoint {found.name} takes keys; it gives no tokens.")
    token, ends = make_token(found, operations.engine.switches["onlineTokenLifetime"])
    return json_response(
        {"accessToken": token, "expiryTimeUtc": ends, "refreshAfterTimeUtc": ends - 60, "tokenType": "Bearer"}
    )


def _followed(request: web.Request) -> OnlineOperation:
    caller(request)
    found = request.app[OPERATIONS].store.find(OnlineOperation, request.match_info["operation"])
    if found is None:
        raise wrong(404, f"There is no operation {request.match_info['operation']}.")
    return found


@operation("getonlineoperation")
async def get_operation(request: web.Request) -> web.Response:
    """GET mfeOperationsStatus/{id}: always 200, whatever it says."""
    found = _followed(request)
    return json_response(views.operation(found), headers={} if found.status in ENDED else _wait(request))


@operation("getonlineresult")
async def get_result(request: web.Request) -> web.Response:
    """GET mfeOperationResults/{id}: 202 while it goes on, 204 once it is done."""
    found = _followed(request)
    return web.Response(status=204) if found.status in ENDED else json_response(None, 202)


ROUTES = [
    web.get(ENDPOINTS, list_endpoints),
    web.put(ENDPOINT, put_endpoint),
    web.get(ENDPOINT, get_endpoint),
    web.patch(ENDPOINT, patch_endpoint),
    web.delete(ENDPOINT, delete_endpoint),
    web.post(ENDPOINT + "/{what:(?i:listKeys)}", list_keys),
    web.post(ENDPOINT + "/{what:(?i:regenerateKeys)}", regenerate_keys),
    web.post(ENDPOINT + "/{what:(?i:token)}", get_token),
    web.get(DEPLOYMENTS, list_deployments),
    web.put(DEPLOYMENT, put_deployment),
    web.get(DEPLOYMENT, get_deployment),
    web.patch(DEPLOYMENT, patch_deployment),
    web.delete(DEPLOYMENT, delete_deployment),
    web.post(DEPLOYMENT + "/{what:(?i:getLogs)}", get_logs),
    web.get(DEPLOYMENT + "/{what:(?i:skus)}", list_skus),
    web.get(FOLLOW + "/{what:(?i:mfeOperationsStatus)}/" + ONLINE, get_operation),
    web.get(FOLLOW + "/{what:(?i:mfeOperationResults)}/" + ONLINE, get_result),
]
