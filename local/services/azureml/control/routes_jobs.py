"""Routes of jobs behind Resource Manager. They translate; what a job must be is in checks.py, its life in jobs.py.

Source: the management API's stable version 2025-12-01 (`jobs`).
"""

import time

from aiohttp import web

from local.services.azureml.control import assets
from local.services.azureml.control.bindings import wanted
from local.services.azureml.control.checks import check_job
from local.services.azureml.control.control import (
    SCOPE,
    Control,
    Json,
    control_of,
    listed,
    paged,
    resource,
    workspace_of,
)
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.locations import artifact_folder
from local.services.azureml.control.records import ENDED, MlJob
from local.services.azureml.control.routes_assets import body_of
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_response

JOBS = SCOPE + "/jobs"
JOB = JOBS + "/{job}"
LOCATION = (
    "/{subscriptions:(?i:subscriptions)}/{subscription}/{providers:(?i:providers)}"
    "/{provider:(?i:Microsoft\\.MachineLearningServices)}/locations/{location}"
)
"""A region in the path of a route."""
CHANGEABLE = ("displayName", "description", "tags", "properties", "isArchived")
RETRY_AFTER = "1"  # seconds


def job_of(request: web.Request) -> tuple[MlWorkspace, MlJob]:
    """The job that a request names, and its workspace. Raises: WireError."""
    workspace = workspace_of(request)
    return workspace, control_of(request).job(workspace, request.match_info["job"])


def shown(control: Control, workspace: MlWorkspace, job: MlJob, origin: str) -> Json:
    """The job as a resource."""
    working = control.switches["runningStatus"]
    tracking = f"azureml://{origin.partition('://')[2]}/mlflow/v1.0{workspace.scope}"
    properties = {
        "description": None,
        "tags": {},
        "properties": {},
        "isArchived": False,
        "computeId": None,
        "componentId": None,
        "identity": None,
        "displayName": job.name,
        **job.properties,
        "experimentName": job.experiment,
        "inputs": job.properties.get("inputs") or {},
        "outputs": _outputs(control, job),
        "status": working if job.status == "Running" else job.status,
        "services": {
            "Tracking": _service("Tracking", tracking),
            "Studio": _service("Studio", f"{origin}/azureml{workspace.scope}/jobs/{job.name}"),
        },
    }
    return resource(workspace, f"jobs/{job.name}", properties, job.created, job.modified)


def _service(kind: str, endpoint: str) -> Json:
    return {"jobServiceType": kind, "port": None, "endpoint": endpoint, "status": None, "properties": None}


def _outputs(control: Control, job: MlJob) -> Json:
    given = job.properties.get("outputs") or {}
    own = {name: wanted(one) for name, one in given.items()}
    show = control.switches["jobOutputUri"] == "shown"
    found: Json = {
        name: {
            "jobOutputType": own[name].type if name in own else "uri_folder",
            "uri": uri if show or (name in own and own[name].uri) else None,
            "mode": (given.get(name) or {}).get("mode") or "ReadWriteMount",
            "description": None,
        }
        for name, uri in job.outputs.items()
    }
    folder = {"jobOutputType": "uri_folder", "uri": artifact_folder(job.name), "mode": "ReadWriteMount"}
    return {"default": {**folder, "description": None}, **found}


@operation("putmljob")
async def put_job(request: web.Request) -> web.Response:
    """PUT jobs/{name}: 201 begins one; 200 changes tags, display name, … of one that is there, which runs on."""
    workspace, control, name = workspace_of(request), control_of(request), request.match_info["job"]
    given = (await body_of(request)).properties
    job = control.store.find(MlJob, assets.key(workspace, "jobs", name))
    if job is not None:
        job.properties |= {member: given[member] for member in CHANGEABLE if given.get(member) is not None}
        job.modified = time.time()
        control.store.save(job)
        return json_response(shown(control, workspace, job, str(request.url.origin())))
    check_job(control.engine, workspace, name, given)
    job = control.new_job(workspace, name, given)
    control.jobs.submit(job)
    return json_response(shown(control, workspace, job, str(request.url.origin())), 201)


@operation("getmljob")
async def get_job(request: web.Request) -> web.Response:
    """GET jobs/{name}."""
    workspace, job = job_of(request)
    return json_response(shown(control_of(request), workspace, job, str(request.url.origin())))


@operation("listmljobs")
async def list_jobs(request: web.Request) -> web.Response:
    """GET jobs[?$skip,jobType,tag,listViewType]: the newest first; steps are not listed."""
    workspace, control, query = workspace_of(request), control_of(request), request.query
    found = [
        job
        for job in list(control.store.all(MlJob, workspace=workspace.id, parent=None))[::-1]
        if listed(request, bool(job.properties.get("isArchived")))
        and query.get("jobType", job.type).lower() == job.type.lower()
        and (not query.get("tag") or query["tag"].partition("=")[0] in (job.properties.get("tags") or {}))
    ]
    return paged(request, [shown(control, workspace, job, str(request.url.origin())) for job in found])


@operation("cancelmljob")
async def cancel_job(request: web.Request) -> web.Response:
    """POST jobs/{name}/cancel: 202 with where to ask, or 200; a job that has ended stays as it is."""
    workspace, job = job_of(request)
    control = control_of(request)
    control.jobs.cancel(job)
    if control.switches["jobCancelAnswer"] == 200:
        return web.Response(status=200)
    return web.Response(status=202, headers=followed(request, workspace, f"jc:{workspace.guid}:{job.name}"))


def followed(request: web.Request, workspace: MlWorkspace, key: str) -> dict[str, str]:
    """Headers that say where the end of an operation is asked for."""
    subscription = request.match_info["subscription"]
    where = f"/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{workspace.location}"
    version = request.query["api-version"]
    location = f"{request.url.origin()}{where}/mfeOperationResults/{key}?api-version={version}"
    return {"Location": location, "Retry-After": RETRY_AFTER}


@operation("deletemljob")
async def delete_job(request: web.Request) -> web.Response:
    """DELETE jobs/{name}: 200 for one that has ended, 204 when there is none."""
    workspace, control = workspace_of(request), control_of(request)
    job = control.store.find(MlJob, assets.key(workspace, "jobs", request.match_info["job"]))
    if job is None:
        return web.Response(status=204)
    if job.status not in ENDED:
        raise wrong(409, f"Job {job.name} is {job.status}; cancel it first.")
    control.store.delete(*control.jobs.family(job))
    return web.Response(status=200)


ROUTES = [
    web.put(JOB, put_job),
    web.get(JOB, get_job),
    web.delete(JOB, delete_job),
    web.get(JOBS, list_jobs),
    web.post(JOB + "/cancel", cancel_job),
]
