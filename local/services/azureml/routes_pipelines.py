"""Routes of the pipelines service, `/pipelines/v1.0{workspace}`. They translate; rules and states are elsewhere.

Source: the REST client of the pipeline SDK, version 1.
"""

import time

import msgspec
from aiohttp import web

from local.services.azureml import drafts
from local.services.azureml.azureml import SCOPE, AzureMl, azureml_of, workspace_of
from local.services.azureml.errors import Refused, pipelines
from local.services.azureml.records import MlWorkspace, PipelineEndpoint, PipelineRun, PublishedPipeline, StepRun
from local.services.azureml.submitting import submit_endpoint, submit_pipeline
from local.services.azureml.views import Json, Views
from local.services.engine.answers import json_response

BASE = "/pipelines/v1.0" + SCOPE
RUNS = BASE + "/PipelineRuns"


def _views(request: web.Request) -> Views:
    return Views(azureml_of(request).switches, str(request.url.origin()))


def _active_only(request: web.Request) -> bool:
    return request.query.get("activeOnly", "").lower() == "true"


@pipelines("listpublished")
async def list_published(request: web.Request) -> web.Response:
    """GET PublishedPipelines[?activeOnly]."""
    workspace, views = workspace_of(request), _views(request)
    found = azureml_of(request).store.all(PublishedPipeline, workspace=workspace.id)
    shown = [views.pipeline(workspace, one) for one in found if one.active or not _active_only(request)]
    return json_response(shown)


def _pipeline(request: web.Request) -> tuple[MlWorkspace, PublishedPipeline]:
    workspace = workspace_of(request)
    key = request.match_info["pipeline"]
    return workspace, azureml_of(request).get(PublishedPipeline, workspace, key, "published pipeline")


@pipelines("getpublished")
async def get_published(request: web.Request) -> web.Response:
    """GET PublishedPipelines/{id}, Pipelines/{id}."""
    return json_response(_views(request).pipeline(*_pipeline(request)))


@pipelines("setpublishedstatus")
async def set_published_status(request: web.Request) -> web.Response:
    """PUT PublishedPipelines/{id}/status: "Active" or "Disabled"."""
    _, pipeline = _pipeline(request)
    pipeline.active = _is_active(drafts.decode(await request.read(), str | int))
    pipeline.modified = time.time()
    azureml_of(request).store.save(pipeline)
    return web.Response()


@pipelines("getpublishedstatus")
async def get_published_status(request: web.Request) -> web.Response:
    """GET PublishedPipelines/{id}/status."""
    _, pipeline = _pipeline(request)
    return json_response(_views(request).enum("EntityStatus", "Active" if pipeline.active else "Disabled"))


def _is_active(status: object) -> bool:
    meant = {"active": True, "0": True, "disabled": False, "2": False}.get(str(status).lower())
    if meant is None:
        raise Refused(400, f"The status is {status!r}; it can be Active or Disabled.")
    return meant


def _endpoint(request: web.Request) -> tuple[MlWorkspace, PipelineEndpoint]:
    workspace = workspace_of(request)
    key = request.match_info["pipelineendpoint"]
    return workspace, azureml_of(request).get(PipelineEndpoint, workspace, key, "pipeline endpoint")


def _named_endpoint(request: web.Request) -> tuple[MlWorkspace, PipelineEndpoint]:
    workspace = workspace_of(request)
    query = {name.lower(): value for name, value in request.query.items()}
    found = drafts.endpoint_named(azureml_of(request), workspace, query.get("name", ""))
    if found is None:
        raise Refused(404, f"There is no pipeline endpoint {query.get('name')!r} in workspace {workspace.name}.")
    return workspace, found


@pipelines("listpipelineendpoints")
async def list_endpoints(request: web.Request) -> web.Response:
    """GET PipelineEndpoints[?activeOnly]."""
    workspace, views = workspace_of(request), _views(request)
    found = azureml_of(request).store.all(PipelineEndpoint, workspace=workspace.id)
    shown = [views.endpoint(workspace, one) for one in found if one.active or not _active_only(request)]
    return json_response(shown)


@pipelines("getpipelineendpoint")
async def get_endpoint(request: web.Request) -> web.Response:
    """GET PipelineEndpoints/Id/{id}, PipelineEndpoints/Name?name=."""
    find = _endpoint if "pipelineendpoint" in request.match_info else _named_endpoint
    return json_response(_views(request).endpoint(*find(request)))


@pipelines("listversions")
async def list_versions(request: web.Request) -> web.Response:
    """GET PipelineEndpoints/{id}/pipelines: the published pipelines behind it, by version."""
    workspace, endpoint = _endpoint(request)
    views, service = _views(request), azureml_of(request)
    found = [service.get(PublishedPipeline, workspace, key, "published pipeline") for key in endpoint.versions]
    return json_response([views.pipeline(workspace, one) for one in found if one.active or not _active_only(request)])


class EndpointBody(msgspec.Struct, rename="pascal", kw_only=True):
    """The members of a pipeline endpoint that a caller may set."""

    name: str | None = None
    description: str | None = None
    pipeline_id: str | None = None
    default_version: str | None = None
    pipeline_version_list: list[dict[str, str | None]] | None = None
    entity_status: str | int | None = None
    tags: dict[str, str] | None = msgspec.field(default=None, name="tags")


@pipelines("createpipelineendpoint")
async def create_endpoint(request: web.Request) -> web.Response:
    """POST PipelineEndpoints/Create {"Name", "Description", "PipelineId"}."""
    workspace, service = workspace_of(request), azureml_of(request)
    given = drafts.decode(await request.read(), EndpointBody)
    pipeline = service.get(PublishedPipeline, workspace, given.pipeline_id or "", "published pipeline")
    if drafts.endpoint_named(service, workspace, given.name or ""):
        raise Refused(409, f"There is a pipeline endpoint {given.name!r} in the workspace.")
    endpoint = drafts.new_endpoint(workspace, given.name or "", given.description or "")
    drafts.add_version(endpoint, pipeline.id, default=True)
    service.store.save(endpoint)
    return json_response(_views(request).endpoint(workspace, endpoint))


@pipelines("updatepipelineendpoint")
async def update_endpoint(request: web.Request) -> web.Response:
    """PUT PipelineEndpoints/{id}: name, description, default version, further versions, status."""
    workspace, endpoint = _endpoint(request)
    service = azureml_of(request)
    _change(service, workspace, endpoint, drafts.decode(await request.read(), EndpointBody))
    service.store.save(endpoint)
    return json_response(_views(request).endpoint(workspace, endpoint))


def _change(service: AzureMl, workspace: MlWorkspace, endpoint: PipelineEndpoint, given: EndpointBody) -> None:
    versions = endpoint.versions
    if given.pipeline_version_list is not None:
        versions = [one.get("PipelineId") or "" for one in given.pipeline_version_list]
        if versions[: len(endpoint.versions)] != endpoint.versions:
            raise Refused(400, "Versions can be added to a pipeline endpoint, not changed or removed.")
        for key in versions:
            service.get(PublishedPipeline, workspace, key, "published pipeline")
    default = endpoint.default if given.default_version is None else given.default_version
    if not default.isdecimal() or int(default) >= len(versions):
        raise Refused(400, f"Pipeline endpoint {endpoint.name} has no version {default!r}.")
    active = endpoint.active if given.entity_status is None else _is_active(given.entity_status)
    endpoint.versions, endpoint.default, endpoint.active = versions, default, active
    endpoint.name, endpoint.modified = given.name or endpoint.name, time.time()
    endpoint.description = endpoint.description if given.description is None else given.description
    endpoint.tags = endpoint.tags if given.tags is None else given.tags


@pipelines("submitpipeline")
async def submit(request: web.Request) -> web.Response:
    """POST PipelineRuns/PipelineSubmit/{id}[?parentRunId]."""
    workspace, pipeline = _pipeline(request)
    parent = request.query.get("parentRunId")
    run = submit_pipeline(azureml_of(request), workspace, pipeline, await request.read(), parent=parent)
    return json_response(_views(request).run(run))


@pipelines("submitpipelineendpoint")
async def submit_to_endpoint(request: web.Request) -> web.Response:
    """POST PipelineRuns/PipelineEndpointSubmit/Id/{id}[/{version}] or /Name?name=, [?pipelineVersion][&parentRunId]."""
    find = _endpoint if "pipelineendpoint" in request.match_info else _named_endpoint
    workspace, endpoint = find(request)
    version = request.match_info.get("version") or request.query.get("pipelineVersion")
    parent = request.query.get("parentRunId")
    run = submit_endpoint(azureml_of(request), workspace, endpoint, version, await request.read(), parent=parent)
    return json_response(_views(request).run(run))


@pipelines("refusedsubmit")
async def refuse(request: web.Request) -> web.Response:
    """Any other method on an address to submit to."""
    raise Refused(
        azureml_of(request).switches["unsupportedMethod"],
        f"The HTTP resource that matches the request URI '{request.url}' with API version '1.0'"
        f" does not support HTTP method '{request.method}'.",
        "UnsupportedApiVersion",
    )


def _run(request: web.Request, *, write: bool | None = None) -> PipelineRun:
    workspace = workspace_of(request, write=write)
    return azureml_of(request).get(PipelineRun, workspace, request.match_info["run"], "pipeline run")


@pipelines("getpipelinerun")
async def get_run(request: web.Request) -> web.Response:
    """GET PipelineRuns/{id}."""
    return json_response(_views(request).run(_run(request)))


@pipelines("listpipelineruns")
async def list_runs(request: web.Request) -> web.Response:
    """GET PipelineRuns/Pipeline/{pipeline}: the runs of a published pipeline, oldest first."""
    workspace, pipeline = _pipeline(request)
    found = azureml_of(request).store.all(PipelineRun, workspace=workspace.id, pipeline=pipeline.id)
    return json_response([_views(request).run(run) for run in found])


@pipelines("cancelpipelinerun")
async def cancel(request: web.Request) -> web.Response:
    """DELETE PipelineRuns/{id}/Execution, POST PipelineRuns/{id}/Cancel."""
    azureml_of(request).runs.cancel(_run(request))
    return web.Response()


def _all_steps(request: web.Request) -> dict[str, StepRun]:
    return {step.node: step for step in azureml_of(request).runs.steps(_run(request, write=False))}


async def _step(request: web.Request) -> StepRun:
    steps = _all_steps(request)
    named = request.query.get("nodeId") or "/".join(drafts.decode(await request.read() or b"[]", list[str]))
    if named not in steps:
        raise Refused(404, f"The run has no node {named!r}; it has {', '.join(steps)}.")
    return steps[named]


@pipelines("getstepstatus")
async def get_step_status(request: web.Request) -> web.Response:
    """Graph/AllNodes/Status and Graph/Node/Status, and StatusCode of both; the body of one node is `["node id"]`."""
    views = _views(request)
    code = request.match_info["what"] == "StatusCode"

    def shown(step: StepRun) -> str | int | Json:
        return views.enum("NodeStatusCode", step.status) if code else views.step(step)

    if request.match_info["which"] == "AllNodes":
        return json_response({node: shown(step) for node, step in _all_steps(request).items()})
    return json_response(shown(await _step(request)))


@pipelines("getsteplog")
async def get_step_log(request: web.Request) -> web.Response:
    """Graph/Shareable/STDOUT, STDERR, JobLog of one node, as text."""
    step = await _step(request)
    logs = {"STDOUT": step.out, "STDERR": step.err, "JobLog": step.out + step.err}
    return web.Response(text=logs[request.match_info["log"]])


_SUBMIT = (
    (RUNS + "/PipelineSubmit/{pipeline}", submit),
    (RUNS + "/PipelineEndpointSubmit/Id/{pipelineendpoint}", submit_to_endpoint),
    (RUNS + "/PipelineEndpointSubmit/Id/{pipelineendpoint}/{version}", submit_to_endpoint),
    (RUNS + "/PipelineEndpointSubmit/Name", submit_to_endpoint),
)
_PUBLISHED = (
    ("GET", "", list_published),
    ("GET", "/{pipeline}", get_published),
    ("GET", "/{pipeline}/status", get_published_status),
    ("PUT", "/{pipeline}/status", set_published_status),
)
_STATUS = RUNS + "/{run}/Graph/{which:AllNodes|Node}/{what:Status|StatusCode}"
_LOG = RUNS + "/{run}/Graph/Shareable/{log:STDOUT|STDERR|JobLog}"
ROUTES = [
    *(
        web.route(method, f"{BASE}/{name}{tail}", handler)
        for name in ("PublishedPipelines", "Pipelines")
        for method, tail, handler in _PUBLISHED
    ),
    web.get(BASE + "/PipelineEndpoints", list_endpoints),
    web.get(BASE + "/PipelineEndpoints/Name", get_endpoint),
    web.get(BASE + "/PipelineEndpoints/Id/{pipelineendpoint}", get_endpoint),
    web.get(BASE + "/PipelineEndpoints/{pipelineendpoint}/pipelines", list_versions),
    web.post(BASE + "/PipelineEndpoints/Create", create_endpoint),
    web.put(BASE + "/PipelineEndpoints/{pipelineendpoint}", update_endpoint),
    *(web.post(path, handler) for path, handler in _SUBMIT),
    *(web.route("*", path, refuse) for path, _ in _SUBMIT),
    web.get(RUNS + "/Pipeline/{pipeline}", list_runs),
    web.get(RUNS + "/{run}", get_run),
    web.delete(RUNS + "/{run}/Execution", cancel),
    web.post(RUNS + "/{run}/Cancel", cancel),
    *(
        web.route(method, path, handler)
        for method in ("GET", "POST")
        for path, handler in ((_STATUS, get_step_status), (_LOG, get_step_log))
    ),
]
