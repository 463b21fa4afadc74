"""Pages for people: the jobs and models of a workspace, and what a job did. They need no token, and change nothing."""

from collections.abc import Iterable, Iterator
from html import escape
from urllib.parse import quote

from aiohttp import web

from local.services.azureml import artifacts, history
from local.services.azureml.control import assets
from local.services.azureml.control.control import SCOPE, Control, control_of, find_workspace
from local.services.azureml.control.errors import operation
from local.services.azureml.control.history import LOGS
from local.services.azureml.control.records import ENDED, MlJob
from local.services.azureml.records import MlWorkspace
from local.services.engine.pages import link, page, table
from local.services.engine.records import wire_time
from local.services.engine.store import Store

BASE = "/azureml"


def _page(title: str, body: str, workspace: MlWorkspace, *, again: bool = False) -> web.Response:
    menu = {_to(workspace, part): part.capitalize() for part in ("jobs", "models")}
    return page(title, body, "Azure ML", menu, again=again)


def _to(workspace: MlWorkspace, *parts: str) -> str:
    return BASE + "/".join([workspace.scope, *(quote(part, safe="") for part in parts)])


def shown(store: Store) -> Iterator[tuple[str, str]]:
    """The workspaces, with links to their jobs and models."""
    for workspace in store.all(MlWorkspace):
        links = link(_to(workspace, "jobs"), workspace.name), link(_to(workspace, "models"), "its models")
        yield links[0], f"workspace with jobs; {links[1]}"


def _state(job: MlJob) -> str:
    return f'<span class="state {escape(job.status)}">{escape(job.status)}</span>'


def _rows(workspace: MlWorkspace, jobs: Iterable[MlJob]) -> Iterator[tuple[str, ...]]:
    for job in jobs:
        name = link(_to(workspace, "jobs", job.name), history.name_of(job))
        yield name, _state(job), escape(job.experiment), escape(job.type), wire_time(job.created)


@operation("pagemljobs")
async def jobs(request: web.Request) -> web.Response:
    """GET /azureml{workspace}/jobs: the newest first."""
    workspace, store = find_workspace(request), control_of(request).store
    found = list(store.all(MlJob, workspace=workspace.id, parent=None))[::-1]
    body = table(("Job", "Status", "Experiment", "Type", "Created"), _rows(workspace, found))
    return _page(f"Jobs of {workspace.name}", body, workspace, again=any(job.status not in ENDED for job in found))


@operation("pagemljob")
async def job(request: web.Request) -> web.Response:
    """GET /azureml{workspace}/jobs/{name}: what went in and came out, its steps, metrics and log."""
    workspace, control = find_workspace(request), control_of(request)
    found = control.job(workspace, request.match_info["job"])
    parts = (
        f"<p>{_state(found)} {escape(found.error or '')}</p>",
        f"<h2>Inputs</h2>{table(('Name', 'Value'), _inputs(found))}",
        f"<h2>Outputs</h2>{table(('Name', 'Where'), _texts(found.outputs.items()))}",
        f"<h2>Metrics</h2>{table(('Name', 'Value'), _texts(found.metrics.items()))}",
        _steps(control, workspace, found),
        *(f"<p>{link(artifacts.address(control.engine, found.name, path), path)}</p>" for path in _logs(found)),
    )
    return _page(history.name_of(found), "".join(parts), workspace, again=found.status not in ENDED)


def _inputs(job: MlJob) -> Iterable[tuple[str, str]]:
    given = job.properties.get("inputs") or {}
    return _texts((name, str(one.get("uri") or one.get("value"))) for name, one in given.items())


def _texts(pairs: Iterable[tuple[str, object]]) -> Iterable[tuple[str, str]]:
    return ((escape(name), f"<code>{escape(str(value).partition('?')[0])}</code>") for name, value in pairs)


def _steps(control: Control, workspace: MlWorkspace, job: MlJob) -> str:
    steps = control.jobs.children(job)
    heads = ("Step", "Status", "Experiment", "Type", "Created")
    return f"<h2>Steps</h2>{table(heads, _rows(workspace, steps))}" if steps else ""


def _logs(job: MlJob) -> Iterable[str]:
    return (path for path in job.artifacts if path.startswith(LOGS))


@operation("pagemlmodels")
async def models(request: web.Request) -> web.Response:
    """GET /azureml{workspace}/models: every version with its tags."""
    workspace, store = find_workspace(request), control_of(request).store
    rows = (
        (escape(name), escape(one.version), _tags(one.properties.get("tags") or {}), _where(one.properties))
        for name in assets.names(store, workspace, "models")
        for one in assets.versions(store, workspace, "models", name)
    )
    return _page(f"Models of {workspace.name}", table(("Model", "Version", "Tags", "Where"), rows), workspace)


def _tags(tags: dict[str, str]) -> str:
    return "<br>".join(f"{escape(name)}: {escape(value)}" for name, value in tags.items())


def _where(properties: dict[str, str]) -> str:
    return f"<code>{escape(str(properties.get('modelUri')).partition('?')[0])}</code>"


ROUTES = [
    web.get(BASE + SCOPE + "/jobs", jobs),
    web.get(BASE + SCOPE + "/jobs/{job}", job),
    web.get(BASE + SCOPE + "/models", models),
]
