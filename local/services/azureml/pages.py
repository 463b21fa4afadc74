"""Pages for people: pipeline endpoints and a form to submit each version, runs with what they left, drafts.

They show the service's own state and need no token, as this machine's owner is the one who looks. Forms are taken
from these pages only: what another site's page sends is refused.
"""

from collections.abc import Callable, Iterable, Iterator
from html import escape
from urllib.parse import quote, urlencode

import msgspec
from aiohttp import web

from local.services.azureml import artifacts, history
from local.services.azureml.azureml import AzureMl, azureml_of
from local.services.azureml.errors import Refused, services
from local.services.azureml.records import (
    ENDED,
    MlWorkspace,
    PipelineDraft,
    PipelineEndpoint,
    PipelineRun,
    PublishedPipeline,
    StepRun,
)
from local.services.azureml.submitting import submit_endpoint
from local.services.azureml.views import Views
from local.services.engine.operation import Handler
from local.services.engine.pages import link, page, table
from local.services.engine.records import wire_time
from local.services.engine.store import Store


def _page(title: str, body: str, workspace: MlWorkspace | None = None, *, again: bool = False) -> web.Response:
    menu = {"/designer": "Workspaces"}
    if workspace is not None:
        menu |= {_to(workspace, part): part.capitalize() for part in ("endpoints", "runs", "drafts")}
    return page(title, body, "Designer", menu, again=again)


def _to(workspace: MlWorkspace, *parts: str) -> str:
    return "/".join(["/designer", workspace.guid, *(quote(part, safe="") for part in parts)])


def _lead(to: str) -> web.Response:
    return web.Response(status=303, headers={"Location": to})


def _page_of(name: str) -> Callable[[Handler], Handler]:
    """Names the operation of a page; what is refused is told on a page, too."""

    def wrap(handler: Handler) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except Refused as refused:
                told = _page("This cannot be shown or done", f'<p role="alert">{escape(str(refused))}</p>')
                told.set_status(refused.status)
                return told

        return services(name)(serve)

    return wrap


def _workspace(request: web.Request) -> MlWorkspace:
    key = request.match_info["workspace"]
    found = next(azureml_of(request).store.all(MlWorkspace, guid=key), None)
    if found is None:
        raise Refused(404, f"There is no workspace {key}.")
    return found


def shown(store: Store) -> Iterator[tuple[str, str]]:
    """The workspaces, with links to their pipelines."""
    for workspace in store.all(MlWorkspace):
        yield link(_to(workspace, "endpoints"), workspace.name), "workspace with pipeline endpoints"


@_page_of("pageworkspaces")
async def workspaces(request: web.Request) -> web.Response:
    """GET /designer."""
    found = azureml_of(request).store.all(MlWorkspace)
    rows = ((link(_to(one, "endpoints"), one.name), escape(one.scope)) for one in found)
    return _page("Designer", "<h2>Workspaces</h2>" + table(("Workspace", "Id"), rows))


@_page_of("pageendpoints")
async def endpoints(request: web.Request) -> web.Response:
    """GET /designer/{workspace}/endpoints: Pipelines → Pipeline endpoints."""
    workspace, service = _workspace(request), azureml_of(request)
    found = service.store.all(PipelineEndpoint, workspace=workspace.id)
    rows = (
        (link(_to(workspace, "endpoints", one.id), one.name), str(len(one.versions)), one.default, _active(one.active))
        for one in found
    )
    lone = table(("Pipeline", "Id", "Status"), _pipelines(service, workspace))
    body = table(("Pipeline endpoint", "Versions", "Default version", "Status"), rows)
    return _page("Pipeline endpoints", f"{body}<h2>Published pipelines</h2>{lone}", workspace)


def _pipelines(service: AzureMl, workspace: MlWorkspace) -> Iterable[tuple[str, str, str]]:
    for pipeline in service.store.all(PublishedPipeline, workspace=workspace.id):
        yield escape(pipeline.name), pipeline.id, _active(pipeline.active)


def _active(active: bool) -> str:
    return "Active" if active else "Disabled"


def _endpoint(request: web.Request) -> tuple[MlWorkspace, PipelineEndpoint]:
    workspace = _workspace(request)
    key = request.match_info["pipelineendpoint"]
    return workspace, azureml_of(request).get(PipelineEndpoint, workspace, key, "pipeline endpoint")


@_page_of("pageversions")
async def versions(request: web.Request) -> web.Response:
    """GET /designer/{workspace}/endpoints/{id}: its versions, each with a form to submit it."""
    workspace, endpoint = _endpoint(request)
    service = azureml_of(request)
    address = Views(service.switches, str(request.url.origin())).endpoint(workspace, endpoint)["Url"]
    parts = [f"<p>{escape(endpoint.description)}</p><p>REST: <code>POST {escape(address)}</code></p>"]
    for number, key in reversed(list(enumerate(endpoint.versions))):
        pipeline = service.get(PublishedPipeline, workspace, key, "published pipeline")
        mark = " (default)" if str(number) == endpoint.default else ""
        parts.append(
            f"<section><h2>Version {number}{mark}</h2>{_form(workspace, endpoint, number, pipeline)}</section>"
        )
    return _page(endpoint.name, "".join(parts), workspace)


def _form(workspace: MlWorkspace, endpoint: PipelineEndpoint, number: int, pipeline: PublishedPipeline) -> str:
    if not (pipeline.active and endpoint.active):
        return "<p>Disabled.</p>"
    inputs = [_input("experiment", "Experiment", endpoint.name)]
    inputs += [_input(f"parameter.{name}", name, one.default) for name, one in pipeline.parameters.items()]
    action = escape(_to(workspace, "endpoints", endpoint.id, str(number)))
    return f'<form method="post" action="{action}">{"".join(inputs)}<button>Submit version {number}</button></form>'


def _input(name: str, label: str, value: str) -> str:
    return f'<label>{escape(label)} <input name="{escape(name)}" value="{escape(value)}"></label>'


@_page_of("pagesubmit")
async def submit(request: web.Request) -> web.Response:
    """POST /designer/{workspace}/endpoints/{id}/{version}: the form of a version; leads to the run."""
    if request.headers.get("Origin") != str(request.url.origin()):
        raise Refused(403, "Submit pipelines from this service's own pages.")
    workspace, endpoint = _endpoint(request)
    form = {name: str(value) for name, value in (await request.post()).items()}
    given = {name.removeprefix("parameter."): value for name, value in form.items() if name.startswith("parameter.")}
    submission = {"ExperimentName": form.get("experiment"), "ParameterAssignments": given, "RunType": "Portal"}
    body = msgspec.json.encode(submission)
    run = submit_endpoint(azureml_of(request), workspace, endpoint, request.match_info["version"], body)
    return _lead(_to(workspace, "runs", run.id))


@_page_of("pageruns")
async def runs(request: web.Request) -> web.Response:
    """GET /designer/{workspace}/runs: the newest first."""
    workspace = _workspace(request)
    found = list(azureml_of(request).store.all(PipelineRun, workspace=workspace.id))[::-1][:200]
    rows = (
        (link(_to(workspace, "runs", run.id), run.id), escape(run.experiment), _state(run), wire_time(run.created))
        for run in found
    )
    again = any(run.status not in ENDED for run in found)
    return _page("Runs", table(("Run", "Experiment", "Status", "Submitted"), rows), workspace, again=again)


def _state(run: PipelineRun | StepRun) -> str:
    status = history.status_of(run)
    return f'<span class="state {status}">{status}</span>'


@_page_of("pagerun")
async def run(request: web.Request) -> web.Response:
    """GET /designer/{workspace}/runs/{id}: status, parameters, steps, metrics, artifacts."""
    workspace, service = _workspace(request), azureml_of(request)
    found = service.get(PipelineRun, workspace, request.match_info["run"], "pipeline run")
    steps = service.runs.steps(found)
    values = {**found.assignments, **{name: f"{at.datastore}/{at.path}" for name, at in found.data.items()}}
    body = f"<p>{_state(found)} · experiment {escape(found.experiment)} · {found.id}</p>"
    body += f'<p role="alert">{escape(found.detail)}</p>' if found.detail else ""
    body += "<h2>Parameters</h2>" + table(("Parameter", "Value"), ((escape(k), escape(v)) for k, v in values.items()))
    body += "<h2>Steps</h2>" + table(("Module", "Status", "Log"), (_step(step) for step in steps))
    body += "<h2>Metrics</h2>" + table(("Metric", "Value"), (row for step in steps for row in _metrics(step)))
    body += "<h2>Artifacts</h2>" + table(("Path", "Bytes"), (row for step in steps for row in _left(workspace, step)))
    again = found.status not in ENDED
    return _page(f"Run {found.number} of {found.experiment}", body, workspace, again=again)


def _step(step: StepRun) -> tuple[str, str, str]:
    log = f"<details><summary>log</summary><pre>{escape(step.out + step.err)}</pre></details>"
    return f"{escape(step.name)} <small>{escape(step.node)}</small>", _state(step), log


def _metrics(step: StepRun) -> Iterable[tuple[str, str]]:
    return ((escape(name), f"{value:.6g}") for name, value in step.metrics.items())


def _left(workspace: MlWorkspace, step: StepRun) -> Iterable[tuple[str, str]]:
    for path, size in step.artifacts.items():
        if path.startswith(artifacts.LOGS):
            continue  # the table of steps shows them
        to = _to(workspace, "artifacts", step.id) + "?" + urlencode({"path": path})
        yield link(to, f"{step.node}: {path}"), f"{size:,}"


@_page_of("pageartifact")
async def artifact(request: web.Request) -> web.Response:
    """GET /designer/{workspace}/artifacts/{step run}?path=: leads to the blob, with a SAS."""
    workspace, service = _workspace(request), azureml_of(request)
    step = service.get(StepRun, workspace, request.match_info["run"], "step run")
    path = request.query.get("path", "")
    if path not in step.artifacts:
        raise Refused(404, f"Artifact {path} was not found in run {step.id}.")
    return _lead(artifacts.address(service.engine, step.id, path))


@_page_of("pagedrafts")
async def drafts(request: web.Request) -> web.Response:
    """GET /designer/{workspace}/drafts."""
    workspace = _workspace(request)
    found = azureml_of(request).store.all(PipelineDraft, workspace=workspace.id)
    rows = ((escape(one.name), _modules(one), escape(", ".join(one.parameters)), one.id) for one in found)
    return _page("Pipeline drafts", table(("Draft", "Modules", "Parameters", "Id"), rows), workspace)


def _modules(draft: PipelineDraft) -> str:
    return escape(", ".join(node.module for node in draft.graph.nodes.values()))


_BASE = "/designer/{workspace:[0-9a-f-]{36}}"
ROUTES = [
    web.get("/designer", workspaces),
    web.get(_BASE + "/endpoints", endpoints),
    web.get(_BASE + "/endpoints/{pipelineendpoint}", versions),
    web.post(_BASE + "/endpoints/{pipelineendpoint}/{version}", submit),
    web.get(_BASE + "/runs", runs),
    web.get(_BASE + "/runs/{run}", run),
    web.get(_BASE + "/artifacts/{run}", artifact),
    web.get(_BASE + "/drafts", drafts),
]
