"""Where pipelines of Azure ML are: submit addresses as the studio shows them, and the services beside them.

No calls are made here. Source: azureml-pipeline-core, `PublishedPipeline.endpoint` and `PipelineEndpoint.endpoint`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from retrain.errors import BadConfiguration
from shared.services.urls import origin, plain

WORKSPACES = "Microsoft.MachineLearningServices/workspaces"
_WORKSPACE = rf"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/{re.escape(WORKSPACES)}/[^/]+"
_SUBMIT = re.compile(
    rf"(?P<root>/(?:pipelines|api)/v1\.0)(?P<workspace>{_WORKSPACE})/PipelineRuns/"
    r"(?:PipelineSubmit/(?P<pipeline>[^/]+)|PipelineEndpointSubmit/(?:Id/(?P<endpoint>[^/]+)(?:/(?P<version>[^/]+))?|Name))/?",
    re.IGNORECASE,
)
_GUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
WANTED = (
    "copy the REST endpoint from the studio (Pipelines, Pipeline endpoints): https://REGION.api.azureml.ms/pipelines/"
    f"v1.0/subscriptions/S/resourceGroups/G/providers/{WORKSPACES}/W/PipelineRuns/PipelineEndpointSubmit/Id/ID"
)


@dataclass(frozen=True)
class Pipeline:
    """What is run: a published pipeline, or one of the versions below an endpoint (the default one without `version`).

    `kind`: how `ident` names it.
    """

    kind: Literal["pipeline", "endpoint", "name"]
    ident: str
    version: str = ""

    @property
    def submit(self) -> str:
        """The tail of the address that runs it."""
        ident = quote(self.ident, safe="")
        if self.kind == "pipeline":
            return f"PipelineRuns/PipelineSubmit/{ident}"
        version = f"pipelineVersion={quote(self.version, safe='')}" if self.version else ""
        if self.kind == "name":
            return f"PipelineRuns/PipelineEndpointSubmit/Name?name={ident}" + (f"&{version}" if version else "")
        return f"PipelineRuns/PipelineEndpointSubmit/Id/{ident}" + (f"?{version}" if version else "")

    @property
    def shown(self) -> str:
        """The tail of the address that describes it."""
        ident = quote(self.ident, safe="")
        tails = {
            "pipeline": "PublishedPipelines/",
            "endpoint": "PipelineEndpoints/Id/",
            "name": "PipelineEndpoints/Name?name=",
        }
        return tails[self.kind] + ident


@dataclass(frozen=True)
class Places:
    """Base addresses of a workspace's services, each ending with the workspace's id."""

    pipelines: str
    history: str
    metrics: str
    artifacts: str


def named(endpoint: str, version: str = "") -> Pipeline:
    """A pipeline endpoint by its id or its name."""
    return Pipeline("endpoint" if _GUID.fullmatch(endpoint) else "name", endpoint, version)


def places(region: str, workspace: str) -> Places:
    """The services of a workspace (its resource id) in its region (`https://REGION.api.azureml.ms`)."""
    base, ident = region.rstrip("/"), "/" + workspace.strip("/")
    return Places(
        pipelines=f"{base}/pipelines/v1.0{ident}",
        history=f"{base}/history/v1.0{ident}",
        metrics=f"{base}/metric/v2.0{ident}",
        artifacts=f"{base}/artifact/v2.0{ident}",
    )


def read(url: str) -> tuple[Places, Pipeline]:
    """The places and the pipeline that a submit address names.

    Raises:
        BadConfiguration: it is no submit address; says which other one it is.
    """
    origin(url)
    parts = urlsplit(url.strip())
    match = _SUBMIT.fullmatch(parts.path)
    query = parse_qs(parts.query)
    name, version = query.get("name", [""])[0], query.get("pipelineVersion", [""])[0]
    if match is None or not (match["pipeline"] or match["endpoint"] or name):
        raise BadConfiguration(f"{plain(url)} {_not_submit(parts.path)}; {WANTED}")
    where = places(f"{parts.scheme}://{_region(parts.netloc)}", match["workspace"])
    if match["pipeline"]:
        return where, Pipeline("pipeline", match["pipeline"])
    if match["endpoint"]:
        return where, Pipeline("endpoint", match["endpoint"], match["version"] or version)
    return where, Pipeline("name", name, version)


def workspace_in(url: str) -> str:
    """The workspace's resource id in the address of anything below it, as its events name it; empty when there is
    none."""
    found = re.search(_WORKSPACE, plain(url), re.IGNORECASE)
    return found[0] if found else ""


def version_problems(setting: str, url: str, version: str) -> list[str]:
    """What is wrong with a version beside the address in a setting. Raises BadConfiguration as `read` does."""
    _, pipeline = read(url)
    if version and pipeline.kind == "pipeline":
        return [f"version: {setting} is a published pipeline, which has no versions; use a pipeline endpoint's address"]
    if version and pipeline.version not in ("", version):
        return [f"version is {version!r}, but {setting} names version {pipeline.version!r}; give one of them"]
    return []


def _region(host: str) -> str:
    """The host of a region's services: pipelines once had one of their own, whose paths still answer there."""
    return f"{host.partition('.')[0]}.api.azureml.ms" if host.endswith(".aether.ms") else host


def _not_submit(path: str) -> str:
    if path.rstrip("/").lower().endswith("/pipelineendpointsubmit/name"):
        return "names no pipeline endpoint (…/Name?name=NAME)"
    if path.endswith("swagger.json"):
        return "is a description of a service, not the service"
    if "/PipelineEndpoints" in path or "/PublishedPipelines" in path:
        return "is where a pipeline is described, not where it is run"
    if "/batchEndpoints/" in path or path.rstrip("/").endswith("/jobs"):
        return "is the address of a batch endpoint, not of a designer pipeline"
    return "is not where a pipeline is run"
