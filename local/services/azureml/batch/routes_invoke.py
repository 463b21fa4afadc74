"""Routes of the data plane: a batch endpoint is invoked, and its jobs are read, with a token for https://ml.azure.com.

Source: how-to-use-batch-pipeline-deployments.md and recorded answers of `POST {scoringUri}`; lists are the front end's
(`/mferp/managementfrontend`, api-version 2020-09-01-dataplanepreview).
"""

import time

from aiohttp import web

from local.services.azureml.batch import endpoints, invoking
from local.services.azureml.batch.records import BatchEndpoint, BatchInvocation
from local.services.azureml.control.control import SCOPE, control_of, find_workspace, paged
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.records import MlJob
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_object, json_response
from local.services.tokens.tokens import ML, BadToken, authorised

JOBS = "/batch/{location}/{endpoint}/jobs"
FRONT = "/mferp/managementfrontend" + SCOPE + "/batchEndpoints/{endpoint}"
PREVIEW = "2020-09-01-dataplanepreview"


def _authorised(request: web.Request) -> None:
    try:
        authorised(request, ML)
    except BadToken as bad:
        raise wrong(bad.status, str(bad)) from bad


def _called(request: web.Request) -> tuple[MlWorkspace, BatchEndpoint]:
    _authorised(request)
    store, at = control_of(request).store, request.match_info
    for endpoint in store.all(BatchEndpoint):
        if (endpoint.location, endpoint.name) == (at["location"], at["endpoint"]):
            return store.get(MlWorkspace, endpoint.workspace), endpoint
    raise wrong(404, f"There is no batch endpoint {at['endpoint']} in {at['location']}.")


@operation("invokebatch")
async def invoke(request: web.Request) -> web.Response:
    """POST {scoringUri}: 201 with the job, whose `name` is also its name behind Resource Manager."""
    workspace, endpoint = _called(request)
    control, begun = control_of(request), time.monotonic()
    repeated = request.headers.get("repeatability_request-id", "")
    job = invoking.earlier(control, endpoint, repeated)
    if job is None:
        deployment = invoking.route(control, endpoint, request.headers.get("azureml-model-deployment"))
        job = invoking.invoke(control, workspace, endpoint, deployment, await json_object(request))
        control.jobs.submit(job)
        if repeated:
            control.store.save(BatchInvocation(id=f"{endpoint.id}|{repeated}", created=job.created, job=job.id))
    where = f"{workspace.scope}/batchEndpoints/{endpoint.name}/deployments/{job.deployment}?api-version={PREVIEW}"
    headers = {
        "azureml-model-deployment": str(job.deployment),
        "Location": f"{request.url.origin()}/mferp/managementfrontend{where}",
        "x-ms-response-type": "standard",
        "x-request-time": f"{time.monotonic() - begun:.3f}",
    }
    return json_response(invoking.shown(control, workspace, endpoint, job, request), 201, headers)


@operation("getbatchjob")
async def get_job(request: web.Request) -> web.Response:
    """GET {scoringUri}/{name}."""
    workspace, endpoint = _called(request)
    control = control_of(request)
    job = control.job(workspace, request.match_info["job"])
    if job.endpoint != endpoint.name:
        raise wrong(404, f"Batch endpoint {endpoint.name} has no job {job.name}.")
    return json_response(invoking.shown(control, workspace, endpoint, job, request))


@operation("listbatchjobs")
async def list_jobs(request: web.Request) -> web.Response:
    """GET batchEndpoints/{name}[/deployments/{name}]/jobs of the front end: the newest first."""
    _authorised(request)
    workspace, control = find_workspace(request), control_of(request)
    endpoint = endpoints.find(control.store, workspace, request.match_info["endpoint"])
    wanted = {"endpoint": endpoint.name}
    if "deployment" in request.match_info:
        wanted["deployment"] = request.match_info["deployment"]
    found = list(control.store.all(MlJob, workspace=workspace.id, parent=None, **wanted))[::-1]
    return paged(request, [invoking.shown(control, workspace, endpoint, job, request) for job in found])


ROUTES = [
    web.post(JOBS, invoke),
    web.get(JOBS + "/{job}", get_job),
    web.get(FRONT + "/jobs", list_jobs),
    web.get(FRONT + "/deployments/{deployment}/jobs", list_jobs),
]
