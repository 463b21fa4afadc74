"""The runtime host's routes: request-response, batch execution, Swagger. They translate; rules are elsewhere."""

from aiohttp import web

from local.services.engine.answers import json_response
from local.services.engine.operation import pause
from local.services.studio import batch, rrs, swagger
from local.services.studio.auth import called_endpoint
from local.services.studio.errors import error, operation, refusal
from local.services.studio.records import CLASSIC, NEW, Endpoint, Job, Service
from local.services.studio.studio import studio_of

BASE = f"/{{realm:{CLASSIC}|{NEW}}}/{{workspace}}/services/{{endpoint}}"
"""Classic services and "new" ones (of Resource Manager) are called alike; only the path begins differently."""


def version_of(request: web.Request, required: bool = False) -> str | None:
    """The api-version of the call; None is the pre-2.0 form. Raises: WireError (BadVersionCall)."""
    version = request.query.get("api-version")
    if version not in (None, "2.0") or (required and version is None):
        raise error("BadVersionCall", version or "none")
    return version


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "").lower() == "true"


@operation("execute")
async def execute(request: web.Request) -> web.Response:
    """POST {base}/execute: scores rows with the live model."""
    endpoint = called_endpoint(request)
    version_of(request, required=True)
    studio = studio_of(request)
    swagger_form = request.query.get("format", "").lower() == "swagger"
    body = await request.read()
    with studio.slot(endpoint):
        await pause(request)
        scores = await studio.in_thread(
            lambda: rrs.score_rows(studio, endpoint, rrs.read(endpoint, body, swagger_form))
        )
    details, table = _flag(request, "details"), studio.switches["tableType"]
    return json_response(rrs.render(endpoint, scores, swagger_form, details, table))


@operation("score")
async def score(request: web.Request) -> web.Response:
    """POST {base}/score: the first protocol, one row in and a list of scored values out."""
    endpoint = called_endpoint(request)
    studio = studio_of(request)
    body = await request.read()
    with studio.slot(endpoint):
        await pause(request)
        scores = await studio.in_thread(lambda: rrs.score_rows(studio, endpoint, rrs.read_legacy(body)))
    return json_response(scores.rows[0])


@operation("submitjob")
async def submit(request: web.Request) -> web.Response:
    """POST {base}/jobs: registers a job; without api-version it starts at once, as before version 2.0."""
    endpoint = called_endpoint(request)
    version = version_of(request)
    studio = studio_of(request)
    job = await batch.job_of(studio, endpoint, await request.read(), version or "1.0")
    studio.jobs.register(job)
    if version is None:
        studio.jobs.start(job)
    return json_response(job.id)


def _job(request: web.Request, endpoint: Endpoint) -> Job:
    studio = studio_of(request)
    job = studio.store.find(Job, request.match_info["job"])
    if job is None or job.endpoint != endpoint.id:
        text = f"There is no job {request.match_info['job']} at this endpoint. Verify the job Id and try again."
        raise refusal(studio.switches["refuseUnknownJob"], text)
    return job


@operation("startjob")
async def start(request: web.Request) -> web.Response:
    """POST {base}/jobs/{id}/start."""
    endpoint = called_endpoint(request)
    version_of(request, required=True)
    studio = studio_of(request)
    studio.jobs.start(_job(request, endpoint))
    return web.Response(status=studio.switches["startStatus"])


@operation("getjobstatus")
async def status(request: web.Request) -> web.Response:
    """GET {base}/jobs/{id}: the status, with fresh SAS tokens once the job has finished."""
    endpoint = called_endpoint(request)
    version = version_of(request)
    return json_response(batch.status_of(studio_of(request), endpoint, _job(request, endpoint), version))


@operation("canceljob")
async def cancel(request: web.Request) -> web.Response:
    """DELETE {base}/jobs/{id}."""
    endpoint = called_endpoint(request)
    version_of(request)
    studio = studio_of(request)
    studio.jobs.cancel(_job(request, endpoint))
    return web.Response(status=studio.switches["cancelStatus"])


@operation("getswagger")
async def get_swagger(request: web.Request) -> web.Response:
    """GET {base}/swagger.json, for anyone."""
    endpoint = called_endpoint(request, authorise=False)
    service = studio_of(request).store.find(Service, endpoint.service)
    title = service.name if service else endpoint.name
    return json_response(swagger.document(endpoint, title, str(request.url.origin())))


async def get_jobs(request: web.Request) -> web.Response:
    """GET /_local/jobs: ids, states and times of all jobs, oldest first; `?endpoint=` narrows."""
    wanted = {"endpoint": request.query["endpoint"]} if "endpoint" in request.query else {}
    shown = ("id", "endpoint", "state", "number", "created", "started", "ended", "details")
    jobs = studio_of(request).store.all(Job, **wanted)
    return json_response([{name: getattr(job, name) for name in shown} for job in jobs])


ROUTES = [
    web.post(BASE + "/execute", execute),
    web.post(BASE + "/score", score),
    web.post(BASE + "/jobs", submit),
    web.post(BASE + "/jobs/{job}/start", start),
    web.get(BASE + "/jobs/{job}", status),
    web.delete(BASE + "/jobs/{job}", cancel),
    web.get(BASE + "/swagger.json", get_swagger),
    web.get("/_local/jobs", get_jobs),
]
