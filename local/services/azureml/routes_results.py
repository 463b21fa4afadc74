"""Routes of what runs leave: metrics (`/metric/v2.0`) and artifacts (`/artifact/v2.0`).

Source: the metric and artifact clients of the core SDK, version 1.
"""

import uuid
from typing import Any

import msgspec
from aiohttp import web

from local.services.azureml import artifacts
from local.services.azureml.azureml import SCOPE, azureml_of, workspace_of
from local.services.azureml.drafts import decode
from local.services.azureml.errors import Refused, services
from local.services.azureml.history import AnyRun, id_of
from local.services.azureml.records import PipelineRun
from local.services.azureml.routes_history import OF_EXPERIMENT, find_run, page, run_of
from local.services.engine.answers import json_response
from local.services.engine.blobs import Unreachable
from local.services.engine.records import wire_time

METRICS = "/metric/v2.0" + SCOPE + "/runs/{run}"
ARTIFACTS = "/artifact/v2.0" + SCOPE + "/artifacts"
LARGEST = 1 << 30


class Listing(msgspec.Struct, rename="camel", kw_only=True):
    """Which metrics to list."""

    metric_namespace: str | None = None
    continuation_token: str | None = None


class Wanted(msgspec.Struct, rename="camel", kw_only=True):
    """A metric, whole."""

    metric_name: str


def _metrics(run: AnyRun) -> dict[str, float]:
    return {} if isinstance(run, PipelineRun) else run.metrics


@services("listmetrics")
async def list_metrics(request: web.Request) -> web.Response:
    """POST runs/{id}/list: the metrics that this very run logged."""
    run, query = run_of(request, write=False), decode(await request.read(), Listing)
    logged = [] if query.metric_namespace else list(_metrics(run))  # all are logged without a namespace
    names, token = page(azureml_of(request), logged, query.continuation_token)
    found = [{"metricKey": {"namespace": "", "name": name}, "columns": {name: "Double"}} for name in names]
    return json_response({"value": found, "continuationToken": token})


@services("getmetric")
async def get_metric(request: web.Request) -> web.Response:
    """POST runs/{id}/full {"metricName"}: 404 when the run did not log it."""
    run, name = run_of(request, write=False), decode(await request.read(), Wanted).metric_name
    if name not in _metrics(run):
        raise Refused(404, f"Metric {name} was not found in run {id_of(run)}.", "MetricNotFound")
    point = {
        "metricId": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{id_of(run)}/{name}")),
        "createdUtc": wire_time(run.ended or run.created),
        "step": 0,
        "data": {name: _metrics(run)[name]},
    }
    return json_response(
        {
            "dataContainerId": artifacts.container(id_of(run)),
            "name": name,
            "columns": {name: "Double"},
            "value": [point],
            "properties": {"uxMetricType": "azureml.v1.scalar"},
            "continuationToken": None,
        }
    )


def _kept(request: web.Request) -> tuple[AnyRun, dict[str, int]]:
    if "run" in request.match_info:
        run = run_of(request)
    else:
        key = request.match_info["container"].removeprefix("dcid.")
        run = find_run(azureml_of(request), workspace_of(request), key)
    return run, {} if isinstance(run, PipelineRun) else run.artifacts


def _path(request: web.Request) -> str:
    return request.match_info.get("path") or request.query.get("path", "")


def _shown(run: AnyRun, path: str) -> dict[str, Any]:
    container = artifacts.container(id_of(run))
    return {
        "artifactId": f"{artifacts.ORIGIN}/{container}/{path}",
        "origin": artifacts.ORIGIN,
        "container": container,
        "path": path,
        "etag": None,
        "createdTime": wire_time(run.ended or run.created),
        "dataPath": None,
    }


@services("listartifacts")
async def list_artifacts(request: web.Request) -> web.Response:
    """GET artifacts/ExperimentRun/dcid.{run}[/{prefix}]: what the run left, by path."""
    run, kept = _kept(request)
    paths = [path for path in kept if path.startswith(_path(request))]
    shown, token = page(azureml_of(request), paths, request.query.get("continuationToken"))
    return json_response({"value": [_shown(run, path) for path in shown], "continuationToken": token})


def _named(request: web.Request) -> tuple[AnyRun, str]:
    run, kept = _kept(request)
    path = _path(request)
    if path not in kept:
        raise Refused(404, f"Artifact {path} was not found in run {id_of(run)}.", "ArtifactNotFound")
    return run, path


@services("getartifactinfo")
async def get_info(request: web.Request) -> web.Response:
    """GET artifacts/contentinfo/ExperimentRun/dcid.{run}/{path}: an address with a SAS."""
    run, path = _named(request)
    address = artifacts.address(azureml_of(request).engine, id_of(run), path)
    shown = {name: value for name, value in _shown(run, path).items() if name in ("origin", "container", "path")}
    return json_response({"contentUri": address, **shown})


@services("getartifactinfos")
async def get_infos(request: web.Request) -> web.Response:
    """GET artifacts/prefix/contentinfo/ExperimentRun/dcid.{run}/{prefix}: the addresses of all under it."""
    run, kept = _kept(request)
    paths = [path for path in kept if path.startswith(_path(request))]
    shown, token = page(azureml_of(request), paths, request.query.get("continuationToken"))
    engine = azureml_of(request).engine
    found = [
        {
            "contentUri": artifacts.address(engine, id_of(run), path),
            "origin": artifacts.ORIGIN,
            "container": artifacts.container(id_of(run)),
            "path": path,
        }
        for path in shown
    ]
    return json_response({"value": found, "continuationToken": token})


@services("getartifact")
async def get_content(request: web.Request) -> web.Response:
    """GET artifacts/content/ExperimentRun/dcid.{run}/{path}: the bytes."""
    run, path = _named(request)
    engine = azureml_of(request).engine
    try:
        content = await engine.blobs.read(artifacts.reference(engine, id_of(run), path), LARGEST)
    except Unreachable as failed:
        raise Refused(404, f"Artifact {path} cannot be read: {failed}.", "ArtifactNotFound") from failed
    return web.Response(body=content, content_type="application/octet-stream")


_OF = "/ExperimentRun/{container}"
_OLD = OF_EXPERIMENT + "/runs/{run}/artifacts"
ROUTES = [
    web.post(METRICS + "/list", list_metrics),
    web.post(METRICS + "/full", get_metric),
    web.get(ARTIFACTS + _OF, list_artifacts),
    web.get(ARTIFACTS + _OF + "/{path:.+}", list_artifacts),
    web.get(ARTIFACTS + "/contentinfo" + _OF + "/{path:.+}", get_info),
    web.get(ARTIFACTS + "/prefix/contentinfo" + _OF + "/{path:.*}", get_infos),
    web.get(_OLD, list_artifacts),
    web.get(_OLD + "/path", list_artifacts),
    web.get(_OLD + "/path/{path:.+}", list_artifacts),
    web.get(_OLD + "/contentinfo", get_info),
    web.get(_OLD + "/contentinfo/{path:.+}", get_info),
    web.get(ARTIFACTS + "/content" + _OF + "/{path:.+}", get_content),
]
