"""Operating the stand-in of today's control plane from Python: what people do with its command line and its pages.

For tests, the demo and the local stack. A client of the service's published protocol belongs to the project proper.
"""

import time
from typing import Any

from local.services.azureml.client import DesignerClient, RunDidNotEnd
from local.services.client import Json, ServiceRefused
from local.services.tokens.client import managed_token

API_VERSION = "2025-12-01"
ENVIRONMENT = "azureml://registries/azureml/environments/sklearn-1.5/versions/1"
ENDED = ("Completed", "Failed", "Canceled")


class ControlClient(DesignerClient):
    """One workspace at the stand-ins of `url`. Raises: ServiceRefused for any error answer."""

    def arm(self, method: str, path: str, properties: Json | None = None, **more: Any) -> Json:
        """A call below the workspace, such as `("GET", "jobs/x")`; `more` are members beside `properties`."""
        body = None if properties is None else {"properties": properties, **more}
        mark = "&" if "?" in path else "?"
        answer = self.call(method, f"{self.scope}/{path}{mark}api-version={API_VERSION}", self.token, body)
        return dict(answer.json() or {}) if answer.content else {}

    def create_compute(self, name: str = "cpu") -> str:
        """A compute that jobs may name; answers its id."""
        made = self.arm("PUT", f"computes/{name}", {"computeType": "AmlCompute"}, location="eastus2")
        return str(made["id"])

    def create_component(self, name: str, spec: Json, version: str = "1") -> str:
        """A component; `spec` is what its file would say. Answers its id."""
        named = {"name": name, "version": version, **spec}
        made = self.arm("PUT", f"components/{name}/versions/{version}", {"componentSpec": named})
        return str(made["id"])

    def put_job(self, name: str, properties: Json) -> Json:
        """Begins a job, or changes the tags of one."""
        return self.arm("PUT", f"jobs/{name}", properties)

    def command_job(self, name: str, command: str, inputs: Json, outputs: Json, **more: Any) -> Json:
        """Begins a command job on the environment that Microsoft publishes."""
        given = {"jobType": "Command", "command": command, "environmentId": ENVIRONMENT}
        return self.put_job(name, {**given, "inputs": inputs, "outputs": outputs, **more})

    def job(self, name: str) -> Json:
        """The job's properties."""
        return dict(self.arm("GET", f"jobs/{name}")["properties"])

    def wait_job(self, name: str, patience: float = 60.0) -> Json:
        """The job's properties once it has ended. Raises: RunDidNotEnd."""
        end = time.monotonic() + patience
        while (found := self.job(name))["status"] not in ENDED:
            if time.monotonic() > end:
                raise RunDidNotEnd(f"job {name} is still {found['status']} after {patience:g} s")
            time.sleep(0.05)
        return found

    def register_model(self, name: str, version: str, uri: str, **more: Any) -> Json:
        """A model version. `more`: tags, properties, description, jobName, modelType."""
        return self.arm("PUT", f"models/{name}/versions/{version}", {"modelUri": uri, **more})

    def create_batch_endpoint(self, name: str, default: str | None = None) -> Json:
        """A batch endpoint, or another default deployment for it."""
        given = {"authMode": "AADToken", "defaults": {"deploymentName": default} if default else None}
        return self.arm("PUT", f"batchEndpoints/{name}", given, location="eastus2")

    def create_batch_deployment(self, endpoint: str, name: str, component: str, **settings: str) -> Json:
        """A deployment of a pipeline component, by its id."""
        configuration = {
            "deploymentConfigurationType": "PipelineComponent",
            "componentId": {"referenceType": "Id", "assetId": component},
            "settings": settings,
        }
        given = {"deploymentConfiguration": configuration}
        return self.arm("PUT", f"batchEndpoints/{endpoint}/deployments/{name}", given, location="eastus2")

    def invoke_batch(self, endpoint: str, inputs: Json, outputs: Json, headers: Json | None = None) -> Json:
        """Begins a job by invoking the endpoint."""
        uri = self.arm("GET", f"batchEndpoints/{endpoint}")["properties"]["scoringUri"]
        return self.data_plane("POST", uri, {"properties": {"InputData": inputs, "OutputData": outputs}}, headers)

    def data_plane(self, method: str, url: str, body: Json | None = None, headers: Json | None = None) -> Json:
        """A call with a token for the data plane."""
        own = {"Authorization": f"Bearer {managed_token(self.url, 'https://ml.azure.com')}", **(headers or {})}
        response = self.session.request(method, url, headers=own, json=body, timeout=self.timeout)
        if not response.ok:
            raise ServiceRefused(response)
        return dict(response.json())

    def subscribe(self, name: str, url: str, schema: str = "EventGridSchema", **chosen: Any) -> Json:
        """Subscribes a webhook to the workspace's events, and waits for the handshake; answers its properties.

        `chosen`: members of the filter.
        """
        path = f"providers/Microsoft.EventGrid/eventSubscriptions/{name}"
        destination = {"endpointType": "WebHook", "properties": {"endpointUrl": url}}
        given = {"destination": destination, "eventDeliverySchema": schema, "filter": chosen}
        found = self.arm("PUT", path, given)["properties"]
        while found["provisioningState"] == "Creating":
            time.sleep(0.05)
            found = self.arm("GET", path)["properties"]
        return dict(found)
