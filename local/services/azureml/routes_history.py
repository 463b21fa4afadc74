"""Routes of run history, `/history/v1.0{workspace}`. They translate; how runs look is in history.py.

Source: the run history client of the core SDK, version 1.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from local.services.azureml.azureml import SCOPE, AzureMl, azureml_of, workspace_of
from local.services.azureml.control.control import control_of
from local.services.azureml.control.records import MlJob
from local.services.azureml.drafts import decode
from local.services.azureml.errors import Refused, services
from local.services.azureml.history import AnyRun, chosen, details_shown, run_shown
from local.services.azureml.records import MlWorkspace, PipelineRun, StepRun
from local.services.engine.answers import json_response

BASE = "/history/v1.0" + SCOPE
OF_EXPERIMENT = BASE + "/experiments/{experiment}"


class Query(msgspec.Struct, rename="camel", kw_only=True):
    """Which runs to answer, and how many."""

    filter: str | None = None
    continuation_token: str | None = None
    orderby: str | None = None
    top: int | None = None


class Change(msgspec.Struct, rename="camel", kw_only=True):
    """What a PATCH of a run sets; tags and properties are added to those there are, null removes a tag."""

    tags: dict[str, str | None] | None = None
    properties: dict[str, str] | None = None
    description: str | None = None


class Selection(msgspec.Struct, rename="camel", kw_only=True):
    """A run whose parts are wanted."""

    run_id: str


def find_run(service: AzureMl, workspace: MlWorkspace, key: str, experiment: str | None = None) -> AnyRun:
    """A pipeline run, a step run, or a job by its name. Raises: Refused, 404."""
    store = service.store
    found = store.find(PipelineRun, key) or store.find(StepRun, key) or store.find(MlJob, f"{workspace.id}/jobs/{key}")
    if found is None or found.workspace != workspace.id or experiment not in (None, found.experiment):
        raise Refused(404, f"Run {key} was not found.", "RunNotFound")
    return found


def run_of(request: web.Request, *, write: bool | None = None) -> AnyRun:
    """The run that a request names. Raises: Refused."""
    workspace = workspace_of(request, write=write)
    named = request.match_info
    return find_run(azureml_of(request), workspace, named["run"], named.get("experiment"))


def page(
    service: AzureMl, items: Sequence[Any], token: str | None, top: int | None = None
) -> tuple[Sequence[Any], Any]:
    """One page of the items and the token of the next. Raises: Refused."""
    if token is not None and not token.isdecimal():
        raise Refused(400, f"The continuation token {token!r} is not one of this service.")
    start = int(token or 0)
    end = start + min(int(service.switches["historyPage"]), top or len(items) or 1)
    return items[start:end], str(end) if end < len(items) else None


def _page_of_runs(service: AzureMl, runs: Sequence[AnyRun], query: Query) -> web.Response:
    meant = chosen(query.filter)
    found = [run for run in runs if meant(run)]
    if (query.orderby or "").lower().endswith("desc"):
        found.reverse()
    shown, token = page(service, found, query.continuation_token, query.top)
    return json_response({"value": [run_shown(service, run) for run in shown], "continuationToken": token})


@services("gethistoryrun")
async def get_run(request: web.Request) -> web.Response:
    """GET [experiments/{name}/]runs/{id}."""
    return json_response(run_shown(azureml_of(request), run_of(request)))


@services("getrundetails")
async def get_details(request: web.Request) -> web.Response:
    """GET [experiments/{name}/]runs/{id}/details."""
    return json_response(details_shown(azureml_of(request), run_of(request)))


@services("getchildren")
async def get_children(request: web.Request) -> web.Response:
    """GET [experiments/{name}/]runs/{id}/children: the steps, and runs submitted with this one as their parent."""
    run, service, given = run_of(request), azureml_of(request), request.query
    top = given.get("$top", "")
    query = Query(
        filter=given.get("$filter"),
        continuation_token=given.get("$continuationToken"),
        orderby=given.get("$orderby") or given.get("$sortorder"),
        top=int(top) if top.isdecimal() else None,
    )
    return _page_of_runs(service, _children(service, request, run), query)


def _children(service: AzureMl, request: web.Request, run: AnyRun) -> list[AnyRun]:
    if isinstance(run, MlJob):
        return list(control_of(request).jobs.children(run))
    steps = service.runs.steps(run) if isinstance(run, PipelineRun) else []
    return [*steps, *service.store.all(PipelineRun, workspace=run.workspace, parent=run.id)]


@services("queryruns")
async def query_runs(request: web.Request) -> web.Response:
    """POST experiments/{name}/runs:query: the experiment's pipeline runs and jobs, newest first."""
    workspace, service = workspace_of(request, write=False), azureml_of(request)
    query, name = decode(await request.read(), Query), request.match_info["experiment"]
    pipelines = service.store.all(PipelineRun, workspace=workspace.id, experiment=name)
    jobs = service.store.all(MlJob, workspace=workspace.id, experiment=name)
    runs: list[AnyRun] = sorted([*pipelines, *jobs], key=lambda run: run.created)
    if not runs and service.switches["unknownExperiment"] == "refuse":
        raise Refused(404, f"Experiment {name} was not found in workspace {workspace.name}.", "ExperimentNotFound")
    return _page_of_runs(service, runs[::-1], query)


@services("cancelrun")
async def cancel(request: web.Request) -> web.Response:
    """POST experiments/{name}/runs/{id}/cancel; a step takes its whole run along."""
    run, service = run_of(request), azureml_of(request)
    if isinstance(run, MlJob):
        control_of(request).jobs.cancel(run)
    else:
        service.runs.cancel(run if isinstance(run, PipelineRun) else service.store.get(PipelineRun, run.run))
    return json_response(run_shown(service, run))


@services("patchrun")
async def patch_run(request: web.Request) -> web.Response:
    """PATCH experiments/{name}/runs/{id} {"tags", "properties", "description"}."""
    run, service = run_of(request), azureml_of(request)
    change = decode(await request.read(), Change)
    tags = {**run.tags, **(change.tags or {})}
    kept = {name: value for name, value in tags.items() if value is not None}
    description = run.description if change.description is None else change.description
    if isinstance(run, MlJob):
        given = {**(run.properties.get("properties") or {}), **(change.properties or {})}
        run.properties |= {"tags": kept, "description": description, "properties": given}
    else:
        run.tags, run.description = kept, description
        run.properties = {**run.properties, **(change.properties or {})}
    service.store.save(run)
    return json_response(run_shown(service, run))


@services("getrundata")
async def get_data(request: web.Request) -> web.Response:
    """POST rundata {"runId"}: the run as a whole."""
    workspace, service = workspace_of(request, write=False), azureml_of(request)
    run = find_run(service, workspace, decode(await request.read(), Selection).run_id)
    return json_response({"runMetadata": run_shown(service, run), "runDefinition": None, "jobSpecification": None})


ROUTES = [
    *(
        web.get(base + path, handler)
        for base in (BASE, OF_EXPERIMENT)
        for path, handler in (
            ("/runs/{run}", get_run),
            ("/runs/{run}/details", get_details),
            ("/runs/{run}/children", get_children),
        )
    ),
    web.post(OF_EXPERIMENT + "/runs:query", query_runs),
    web.post(OF_EXPERIMENT + "/runs/{run}/cancel", cancel),
    web.patch(OF_EXPERIMENT + "/runs/{run}", patch_run),
    web.post(BASE + "/rundata", get_data),
]
