"""Routes of computes, which are all this machine under the names that jobs want."""

import time

from aiohttp import web

from local.services.azureml.control import assets
from local.services.azureml.control.control import SCOPE, Json, control_of, paged, resource, workspace_of
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.records import MlCompute
from local.services.azureml.control.routes_assets import body_of
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_response
from local.services.engine.records import wire_time

COMPUTES = SCOPE + "/computes"
COMPUTE = COMPUTES + "/{compute}"


def _shown(workspace: MlWorkspace, compute: MlCompute) -> Json:
    given = compute.properties
    properties = {
        "description": None,
        "disableLocalAuth": True,
        "isAttachedCompute": False,
        "provisioningErrors": None,
        "resourceId": None,
        "properties": {"vmSize": "local", "vmPriority": "Dedicated", "osType": "Linux"},
        **{name: value for name, value in given.items() if value is not None},
        "provisioningState": "Succeeded",
        "createdOn": wire_time(compute.created),
        "modifiedOn": wire_time(compute.created),
    }
    return {
        **resource(workspace, f"computes/{compute.name}", properties, compute.created),
        "location": compute.location,
    }


@operation("putmlcompute")
async def put_compute(request: web.Request) -> web.Response:
    """PUT computes/{name}: ready at once."""
    workspace, control, name = workspace_of(request), control_of(request), request.match_info["compute"]
    body = await body_of(request)
    if not body.properties.get("computeType"):
        raise wrong(400, "properties.computeType is needed, such as AmlCompute.")
    key = assets.key(workspace, "computes", name)
    found = control.store.find(MlCompute, key)
    made = MlCompute(
        id=key,
        created=found.created if found else time.time(),
        workspace=workspace.id,
        name=name,
        location=body.location or workspace.location,
        properties=body.properties,
    )
    control.store.save(made)
    return json_response(_shown(workspace, made), 200 if found else 201)


@operation("getmlcompute")
async def get_compute(request: web.Request) -> web.Response:
    """GET computes/{name}."""
    workspace, name = workspace_of(request), request.match_info["compute"]
    found = control_of(request).store.find(MlCompute, assets.key(workspace, "computes", name))
    if found is None:
        raise wrong(404, f"There is no compute {name!r} in workspace {workspace.name}.", "ComputeNotFound")
    return json_response(_shown(workspace, found))


@operation("listmlcomputes")
async def list_computes(request: web.Request) -> web.Response:
    """GET computes."""
    workspace = workspace_of(request)
    found = control_of(request).store.all(MlCompute, workspace=workspace.id)
    return paged(request, [_shown(workspace, compute) for compute in found])


ROUTES = [web.put(COMPUTE, put_compute), web.get(COMPUTE, get_compute), web.get(COMPUTES, list_computes)]
