"""Routes of MLflow's REST interface under a workspace, for reading: `/mlflow/{v1.0,v2.0}{workspace}/api/2.0/mlflow/…`.

Source: MLflow's REST API, version 2.0. Registering is done behind Resource Manager.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from aiohttp import web

from local.services.arm.errors import caller
from local.services.azureml import history
from local.services.azureml.control import assets
from local.services.azureml.control.control import SCOPE, control_of, find_workspace
from local.services.azureml.control.locations import NoSuchPlace, resolved
from local.services.azureml.control.records import MlJob, RegistryAsset
from local.services.azureml.mlflow import views
from local.services.azureml.mlflow.errors import operation, wrong
from local.services.azureml.mlflow.filters import chosen
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_response
from local.services.engine.engine import Engine

BASE = "/mlflow/{api:v[12]\\.0}" + SCOPE + "/api/{version:2\\.0}/mlflow"
Json = dict[str, Any]
MOST = 1000  # items on one page


class Asked:
    """A request: who may read, which workspace, and what was asked, in the query or in the body."""

    def __init__(self, engine: Engine, workspace: MlWorkspace, given: Json):
        self.engine, self.store, self.workspace, self.given = engine, engine.store, workspace, given

    def text(self, name: str) -> str:
        """A member. Raises: MlflowError, 400, when it lacks."""
        found = self.given.get(name)
        if not found:
            raise wrong(400, f"Missing value for required parameter '{name}'.")
        return str(found)

    def page(self, items: Sequence[Json], member: str) -> web.Response:
        """One page of items. Raises: MlflowError."""
        token, size = str(self.given.get("page_token") or "0"), min(int(self.given.get("max_results") or MOST), MOST)
        if not token.isdecimal():
            raise wrong(400, f"The page token {token!r} is not one of this service.")
        end = int(token) + size
        more = {"next_page_token": str(end)} if end < len(items) else {}
        return json_response({member: list(items[int(token) : end]), **more})

    def job(self, name: str) -> MlJob:
        """The run of that id. Raises: MlflowError, 404."""
        found = self.store.find(MlJob, assets.key(self.workspace, "jobs", name))
        if found is None:
            raise wrong(404, f"Run with id={name} not found")
        return found

    def jobs(self) -> list[MlJob]:
        """All jobs, the newest first."""
        return list(self.store.all(MlJob, workspace=self.workspace.id))[::-1]


async def _asked(request: web.Request) -> Asked:
    caller(request, write=False)
    try:
        body = msgspec.json.decode(await request.read() or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as unreadable:
        raise wrong(400, f"The request is invalid: {unreadable}.") from unreadable
    return Asked(control_of(request).engine, find_workspace(request), {**request.query, **body})


@operation("mlflowgetmodel")
async def get_model(request: web.Request) -> web.Response:
    """GET registered-models/get?name=."""
    asked = await _asked(request)
    return json_response({"registered_model": _model(asked, asked.text("name"))})


def _model(asked: Asked, name: str) -> Json:
    about = assets.about(asked.store, asked.workspace, "models", name)
    return views.model(name, about, assets.versions(asked.store, asked.workspace, "models", name))


@operation("mlflowsearchmodels")
async def search_models(request: web.Request) -> web.Response:
    """GET registered-models/search?filter=: by name and tags."""
    asked = await _asked(request)
    meant = chosen(str(asked.given.get("filter") or ""), ("name", "tags"))
    models = [_model(asked, name) for name in assets.names(asked.store, asked.workspace, "models")]
    return asked.page([one for one in models if meant({**one, "tags": _map(one["tags"])})], "registered_models")


def _map(pairs: Iterable[Json]) -> dict[str, str]:
    return {one["key"]: one["value"] for one in pairs}


@operation("mlflowlatestversions")
async def latest_versions(request: web.Request) -> web.Response:
    """GET, POST registered-models/get-latest-versions {"name", "stages"?}."""
    asked = await _asked(request)
    latest, stages = _model(asked, asked.text("name"))["latest_versions"], asked.given.get("stages") or []
    found = [one for one in latest if not stages or one["current_stage"] in stages]
    return json_response({"model_versions": found})


def _version(asked: Asked) -> RegistryAsset:
    return assets.get(asked.store, asked.workspace, "models", asked.text("name"), asked.text("version"))


@operation("mlflowgetversion")
async def get_version(request: web.Request) -> web.Response:
    """GET model-versions/get?name=&version=."""
    return json_response({"model_version": views.version(_version(await _asked(request)))})


@operation("mlflowsearchversions")
async def search_versions(request: web.Request) -> web.Response:
    """GET model-versions/search?filter=: by name, run_id and tags, the newest first."""
    asked = await _asked(request)
    meant = chosen(str(asked.given.get("filter") or ""), ("name", "run_id", "tags"))
    found = list(asked.store.all(RegistryAsset, workspace=asked.workspace.id, collection="models"))[::-1]
    shown = [views.version(one) for one in found if not one.properties.get("isArchived")]
    return asked.page([one for one in shown if meant({**one, "tags": _map(one["tags"])})], "model_versions")


@operation("mlflowdownloaduri")
async def download_uri(request: web.Request) -> web.Response:
    """GET model-versions/get-download-uri?name=&version=."""
    asked = await _asked(request)
    try:
        uri = resolved(asked.engine, asked.workspace, str(_version(asked).properties["modelUri"]))
    except NoSuchPlace as nowhere:
        raise wrong(404, str(nowhere)) from nowhere
    return json_response({"artifact_uri": uri})


def _experiments(asked: Asked) -> list[Json]:
    return list({job.experiment: views.experiment(job) for job in asked.jobs()}.values())


def _experiment(asked: Asked, member: str, value: str) -> web.Response:
    for one in _experiments(asked):
        if one[member] == value:
            return json_response({"experiment": one})
    raise wrong(404, f"Could not find experiment with {member} {value}")


@operation("mlflowgetexperiment")
async def get_experiment(request: web.Request) -> web.Response:
    """GET experiments/get?experiment_id=."""
    asked = await _asked(request)
    return _experiment(asked, "experiment_id", asked.text("experiment_id"))


@operation("mlflowexperimentbyname")
async def experiment_by_name(request: web.Request) -> web.Response:
    """GET experiments/get-by-name?experiment_name=."""
    asked = await _asked(request)
    return _experiment(asked, "name", asked.text("experiment_name"))


@operation("mlflowsearchexperiments")
async def search_experiments(request: web.Request) -> web.Response:
    """GET, POST experiments/search {"filter"}: by name."""
    asked = await _asked(request)
    meant = chosen(str(asked.given.get("filter") or ""), ("name",))
    return asked.page([one for one in _experiments(asked) if meant(one)], "experiments")


@operation("mlflowgetrun")
async def get_run(request: web.Request) -> web.Response:
    """GET runs/get?run_id=: a job with its metrics."""
    asked = await _asked(request)
    return json_response({"run": views.run(asked.job(asked.text("run_id")))})


@operation("mlflowsearchruns")
async def search_runs(request: web.Request) -> web.Response:
    """POST runs/search {"experiment_ids", "filter"}: by status, tags and params, the newest first."""
    asked = await _asked(request)
    meant = chosen(str(asked.given.get("filter") or ""), ("status", "tags", "params"))
    wanted = asked.given.get("experiment_ids") or []
    shown = [views.run(job) for job in asked.jobs() if history.experiment_id(job) in wanted]
    return asked.page([one for one in shown if meant(_searched(one))], "runs")


def _searched(run: Json) -> Json:
    data = run["data"]
    return {"status": run["info"]["status"], "tags": _map(data["tags"]), "params": _map(data["params"])}


@operation("mlflowmetrichistory")
async def metric_history(request: web.Request) -> web.Response:
    """GET metrics/get-history?run_id=&metric_key=."""
    asked = await _asked(request)
    job, name = asked.job(asked.text("run_id")), asked.text("metric_key")
    return json_response({"metrics": [views.metric(job, name)] if name in job.metrics else []})


ROUTES = [
    web.get(BASE + "/registered-models/get", get_model),
    web.get(BASE + "/registered-models/search", search_models),
    web.get(BASE + "/registered-models/get-latest-versions", latest_versions),
    web.post(BASE + "/registered-models/get-latest-versions", latest_versions),
    web.get(BASE + "/model-versions/get", get_version),
    web.get(BASE + "/model-versions/search", search_versions),
    web.get(BASE + "/model-versions/get-download-uri", download_uri),
    web.get(BASE + "/experiments/get", get_experiment),
    web.get(BASE + "/experiments/get-by-name", experiment_by_name),
    web.get(BASE + "/experiments/search", search_experiments),
    web.post(BASE + "/experiments/search", search_experiments),
    web.get(BASE + "/runs/get", get_run),
    web.post(BASE + "/runs/search", search_runs),
    web.get(BASE + "/metrics/get-history", metric_history),
]
