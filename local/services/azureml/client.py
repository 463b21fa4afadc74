"""Operating the stand-in from Python: what people do in the designer and the workspace's pages.

For tests, the demo and the local stack. A client of the services' published protocol belongs to the project proper.
"""

import time
from collections.abc import Mapping
from typing import Any

from local.services.client import Json, ServiceClient
from local.services.tokens.client import managed_token

SUBSCRIPTION, GROUP = "00000000-0000-4000-8000-00000000000a", "local"
ENDED = ("Finished", "Failed", "Canceled", 2, 3, 4)


def scope(workspace: str, subscription: str = SUBSCRIPTION, group: str = GROUP) -> str:
    """A workspace's Resource Manager id."""
    provider = "Microsoft.MachineLearningServices"
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{provider}/workspaces/{workspace}"


class RunDidNotEnd(RuntimeError):
    """A run is still at work after all the patience there was."""


class DesignerClient(ServiceClient):
    """One workspace at the stand-ins of `url`. Raises: ServiceRefused for any error answer.

    `token` is a bearer token for Resource Manager; without one it is asked for as the app's managed identity would.
    """

    def __init__(self, url: str, workspace: str, token: str | None = None, timeout: float = 120.0):
        super().__init__(url, timeout)
        self.scope = workspace if workspace.startswith("/") else scope(workspace)
        self._token = token

    @property
    def token(self) -> str:
        """The bearer token of all calls."""
        if self._token is None:
            self._token = managed_token(self.url)
        return self._token

    # Workspace, datastores, data sets

    def create_workspace(self, location: str = "eastus2") -> Json:
        """Makes the workspace, or answers it when it is there."""
        path = f"{self.scope}?api-version=2025-12-01"
        return self._json("PUT", path, self.token, {"location": location})

    def register_datastore(self, name: str, container: str, connection: str | None = None) -> Json:
        """A container under a name; without a connection string in the workspaces' own account."""
        body = {"container": container, "connectionString": connection}
        return self._design("PUT", f"/datastores/{name}", body)

    def register_dataset(self, name: str, datastore: str, path: str) -> Json:
        """A file under a name; again the same name is the next version."""
        return self._design("POST", "/datasets", {"name": name, "datastore": datastore, "path": path})

    # Drafts

    def create_draft(self, name: str, nodes: Mapping[str, Json], edges: list[Json]) -> Json:
        """`nodes`: {id: {"module", "fields", "name"}}; `edges`: [{"from", "to"}], each end `id` or `id:port`."""
        return self._design("POST", "/drafts", {"name": name, "nodes": dict(nodes), "edges": edges})

    def edit_draft(self, draft: str, **given: Any) -> Json:
        """`given`: name, description, nodes, edges; what is absent stays."""
        return self._design("PUT", f"/drafts/{draft}", given)

    def set_fields(self, draft: str, node: str, **fields: str) -> Json:
        """Changes fields of one module; names with spaces go in as `**{...}`."""
        return self._design("PATCH", f"/drafts/{draft}/nodes/{node}", {"fields": fields})

    def get_draft(self, draft: str) -> Json:
        """The draft."""
        return self._design("GET", f"/drafts/{draft}")

    def drafts(self) -> list[Json]:
        """All drafts."""
        return self._list("GET", f"/designer/v1{self.scope}/drafts", self.token)

    # Pipeline parameters

    def set_parameter(self, draft: str, name: str, default: str) -> Json:
        """Creates a pipeline parameter, or changes its default."""
        return self._design("PUT", f"/drafts/{draft}/parameters/{name}", {"default": default})

    def parameters(self, draft: str) -> Json:
        """The draft's parameters by name."""
        return self._design("GET", f"/drafts/{draft}/parameters")

    def attach(self, draft: str, name: str, node: str, field: str) -> Json:
        """Lets the parameter fill a field."""
        return self._design("POST", f"/drafts/{draft}/parameters/{name}/attach", {"node": node, "field": field})

    def detach(self, draft: str, name: str, node: str, field: str) -> Json:
        """Ends that."""
        return self._design("POST", f"/drafts/{draft}/parameters/{name}/detach", {"node": node, "field": field})

    def delete_parameter(self, draft: str, name: str) -> None:
        """Deletes a parameter that is attached to nothing."""
        self.call("DELETE", f"/designer/v1{self.scope}/drafts/{draft}/parameters/{name}", self.token)

    # Publishing

    def submit_draft(self, draft: str, **given: Any) -> Json:
        """Runs the draft without publishing it; `given` as for `submit`."""
        return self._design("POST", f"/drafts/{draft}/submit", given)

    def publish(self, draft: str, endpoint: str | None = None, **given: Any) -> Json:
        """Answers {"pipeline", "endpoint"}. `given`: name, description, version, setDefault, continueOnStepFailure."""
        return self._design("POST", f"/drafts/{draft}/publish", {"endpoint": endpoint, **given})

    def pipelines(self) -> list[Json]:
        """All published pipelines."""
        return self._list("GET", f"/pipelines/v1.0{self.scope}/PublishedPipelines", self.token)

    def endpoint(self, name: str) -> Json:
        """The pipeline endpoint of that name."""
        return self._pipe("GET", f"/PipelineEndpoints/Name?name={name}")

    def set_default_version(self, endpoint: str, version: str) -> Json:
        """By endpoint id."""
        return self._pipe("PUT", f"/PipelineEndpoints/{endpoint}", {"DefaultVersion": version})

    def set_status(self, pipeline: str, status: str) -> None:
        """`Disabled` or `Active`, by the id of a published pipeline."""
        path = f"/pipelines/v1.0{self.scope}/PublishedPipelines/{pipeline}/status"
        self.call("PUT", path, self.token, status)

    # Runs

    def submit(self, pipeline: str, **given: Any) -> Json:
        """Runs a published pipeline. `given`: ExperimentName, ParameterAssignments, DataPathAssignments, tags, ..."""
        return self._pipe("POST", f"/PipelineRuns/PipelineSubmit/{pipeline}", given)

    def submit_endpoint(self, endpoint: str, version: str | None = None, **given: Any) -> Json:
        """Runs the endpoint's default version, or the given one; by endpoint id."""
        query = f"?pipelineVersion={version}" if version is not None else ""
        return self._pipe("POST", f"/PipelineRuns/PipelineEndpointSubmit/Id/{endpoint}{query}", given)

    def run(self, run: str) -> Json:
        """The run as the pipelines service shows it."""
        return self._pipe("GET", f"/PipelineRuns/{run}")

    def wait(self, run: str, patience: float = 60.0) -> Json:
        """The run once it has ended. Raises: RunDidNotEnd."""
        end = time.monotonic() + patience
        while True:
            found = self.run(run)
            if (found["Status"] or {}).get("StatusCode") in ENDED:
                return found
            if time.monotonic() > end:
                raise RunDidNotEnd(f"run {run} is still {found['Status']} after {patience:g} s")
            time.sleep(0.05)

    def cancel(self, run: str) -> None:
        """Cancels the run."""
        self.call("DELETE", f"/pipelines/v1.0{self.scope}/PipelineRuns/{run}/Execution", self.token)

    def details(self, run: str) -> Json:
        """The run, or a step's run, in run history's words."""
        return self._json("GET", f"/history/v1.0{self.scope}/runs/{run}/details", self.token)

    def children(self, experiment: str, run: str) -> dict[str, Json]:
        """The step runs by their names: the modules', unless the draft calls them otherwise."""
        path = f"/history/v1.0{self.scope}/experiments/{experiment}/runs/{run}/children"
        return {child["name"]: child for child in self._json("GET", path, self.token)["value"]}

    def metrics(self, run: str) -> dict[str, float]:
        """The metrics that this very run logged."""
        base = f"/metric/v2.0{self.scope}/runs/{run}"
        names = [one["metricKey"]["name"] for one in self._json("POST", f"{base}/list", self.token, {})["value"]]
        whole = {name: self._json("POST", f"{base}/full", self.token, {"metricName": name}) for name in names}
        return {name: metric["value"][0]["data"][name] for name, metric in whole.items()}

    def artifacts(self, run: str) -> list[str]:
        """Paths of what this very run left."""
        path = f"/artifact/v2.0{self.scope}/artifacts/ExperimentRun/dcid.{run}"
        return [one["path"] for one in self._json("GET", path, self.token)["value"]]

    def artifact(self, run: str, path: str) -> bytes:
        """The bytes of one."""
        base = f"/artifact/v2.0{self.scope}/artifacts/content/ExperimentRun/dcid.{run}"
        return self.call("GET", f"{base}/{path}", self.token).content

    def _pipe(self, method: str, path: str, body: Any = None) -> Json:
        return self._json(method, f"/pipelines/v1.0{self.scope}{path}", self.token, body)

    def _design(self, method: str, path: str, body: Any = None) -> Json:
        return self._json(method, f"/designer/v1{self.scope}{path}", self.token, body)
