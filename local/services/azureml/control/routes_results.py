"""Where the end of an operation is asked for that was answered with 202: `mfeOperationResults`."""

from aiohttp import web

from local.services.arm.errors import caller
from local.services.azureml.control.control import check_version, control_of
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.records import ENDED, MlJob
from local.services.azureml.control.routes_jobs import LOCATION, RETRY_AFTER
from local.services.azureml.records import MlWorkspace


def _job(request: web.Request, workspace: str, name: str) -> MlJob:
    store = control_of(request).store
    for one in store.all(MlWorkspace, guid=workspace):
        if found := store.find(MlJob, f"{one.id}/jobs/{name}"):
            return found
    raise wrong(404, f"There is no operation of job {name}.")


@operation("getmloperationresult")
async def get_result(request: web.Request) -> web.Response:
    """GET mfeOperationResults/jc:{workspace}:{job}: 202 until the cancelled job has ended, then 200."""
    caller(request)
    check_version(request)
    _, workspace, name = request.match_info["operation"].split(":", 2)
    if _job(request, workspace, name).status in ENDED:
        return web.Response(status=200)
    return web.Response(status=202, headers={"Location": str(request.url), "Retry-After": RETRY_AFTER})


ROUTES = [web.get(LOCATION + "/mfeOperationResults/{operation:jc:[^/]+}", get_result)]
