"""Operating the stand-in from Python: what people did in Studio's user interface.

For tests, the demo and the local stack. A client of the service's published protocol belongs to the project proper.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import requests

from local.services.client import Json, ServiceClient, ServiceRefused

StudioRefused = ServiceRefused


class StudioClient(ServiceClient):
    """One stand-in at `url`; methods return the answers' JSON. Raises: StudioRefused for any error answer."""

    # Studio: workspaces and experiments

    def create_workspace(self, name: str, *, exist_ok: bool = False, **given: Any) -> Json:
        """`given`: id, token, free. With `exist_ok` an existing one of that id and token is answered instead."""
        try:
            return self._json("POST", "/api/workspaces", None, {"name": name, **given})
        except StudioRefused as refused:
            if refused.status != 409 or not exist_ok:
                raise
            return self.get_workspace(given["id"], given["token"])

    def get_workspace(self, workspace: str, token: str) -> Json:
        """The workspace of that id."""
        return self._json("GET", f"/api/workspaces/{workspace}", token)

    def create_training_experiment(self, workspace: Json, name: str, task: str, label: str, **given: Any) -> Json:
        """`given`: csv (text) or data (a blob reference), learner, parameters, id."""
        body = {"name": name, "task": task, "label": label, **given}
        return self._json("POST", f"/api/workspaces/{workspace['id']}/experiments", workspace["token"], body)

    def get_experiment(self, workspace: Json, experiment: str) -> Json:
        """The experiment of that id."""
        return self._experiment("GET", workspace, experiment, "")

    def run_experiment(self, workspace: Json, experiment: str) -> Json:
        """Runs it and waits: a training experiment trains, a predictive one takes over the newest trained model."""
        return self._experiment("POST", workspace, experiment, "/run")

    def derive_predictive(self, workspace: Json, experiment: str, **given: Any) -> Json:
        """`given`: id, name, modelName."""
        return self._experiment("POST", workspace, experiment, "/predictive", given)

    def add_outputs(
        self,
        workspace: Json,
        experiment: str,
        outputs: Iterable[str] = ("evaluation", "model"),
        data: str = "input",
        uri: str | None = None,
    ) -> Json:
        """Web-service outputs in order (`output1`, ...); data comes from `input` or from the parameter `uri`."""
        body = {"outputs": list(outputs), "data": data, "uri": uri}
        return self._experiment("PUT", workspace, experiment, "/ports", body)

    def deploy(self, workspace: Json, experiment: str, *, update: bool = False, **given: Any) -> Json:
        """Deploys and waits; answers the activity (`WebServiceGroupId`, `EndpointId`).

        `given`: name, description, webServiceId, endpointId, primaryKey, secondaryKey.
        """
        query = f"?generateNewPortNames=false&updateExistingWebService={str(update).lower()}"
        begun = self._experiment("POST", workspace, experiment, f"/webservice{query}", given)
        return self._experiment("GET", workspace, begun["ActivityId"], "/webservice")

    def export_definition(self, workspace: Json, experiment: str) -> Json:
        """The experiment as the definition of a "new" web service."""
        return self._experiment("GET", workspace, experiment, "/webservicedefinition")

    # Management: services and endpoints

    def services(self, workspace: Json) -> list[Json]:
        """All web services of the workspace."""
        return self._list("GET", f"/workspaces/{workspace['id']}/webservices", workspace["token"])

    def endpoints(self, workspace: Json, service: str) -> list[Json]:
        """All endpoints of a service."""
        return self._list("GET", self._path(workspace, service), workspace["token"])

    def create_endpoint(self, workspace: Json, service: str, name: str, **given: Any) -> Json:
        """`given`: Description, ThrottleLevel, MaxConcurrentCalls, PreventUpdate; Id, PrimaryKey, SecondaryKey."""
        return self._json("PUT", self._path(workspace, service, name), workspace["token"], given)

    def get_endpoint(self, workspace: Json, service: str, name: str = "default") -> Json:
        """The endpoint: keys, ApiLocation, Resources."""
        return self._json("GET", self._path(workspace, service, name), workspace["token"])

    def patch_url(self, workspace: Json, service: str, name: str) -> str:
        """The URL to PATCH a retrained model to, as the help page shows it."""
        return self.url + self._path(workspace, service, name)

    def patch_endpoint(
        self, workspace: Json, service: str, name: str, resource: str, location: Mapping[str, Any]
    ) -> requests.Response:
        """Puts the model at `location` (BaseLocation, RelativeLocation, SasBlobToken) behind the endpoint."""
        body = {"Resources": [{"Name": resource, "Location": dict(location)}]}
        return self.call("PATCH", self._path(workspace, service, name), workspace["token"], body)

    def refresh_endpoint(self, workspace: Json, service: str, name: str, overwrite: bool) -> bool:
        """Re-applies the default endpoint's graph; False if nothing changed."""
        body = {"OverwriteResources": str(overwrite)}
        path = self._path(workspace, service, name) + "/refresh"
        return self.call("POST", path, workspace["token"], body).status_code != 304

    def delete_endpoint(self, workspace: Json, service: str, name: str) -> None:
        """Deletes an endpoint."""
        self.call("DELETE", self._path(workspace, service, name), workspace["token"])

    def jobs(self, endpoint: str | None = None) -> list[Json]:
        """All jobs with their states, also of queued ones; of one endpoint id, or all."""
        return self._list("GET", "/_local/jobs" + (f"?endpoint={endpoint}" if endpoint else ""))

    def _experiment(self, method: str, workspace: Json, key: str, rest: str, body: Any = None) -> Json:
        path = f"/api/workspaces/{workspace['id']}/experiments/{key}{rest}"
        return self._json(method, path, workspace["token"], body)

    def _path(self, workspace: Json, service: str, endpoint: str | None = None) -> str:
        path = f"/workspaces/{workspace['id']}/webservices/{service}/endpoints"
        return path if endpoint is None else f"{path}/{endpoint}"
