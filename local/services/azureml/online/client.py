"""Operating the stand-in of online endpoints from Python: what people do with its command line and its pages.

For tests, the demo and the local stack. A client of the service's published protocol belongs to the project proper.
"""

import time
from collections.abc import Mapping
from typing import Any

import requests

from local.services.azureml.control.client import API_VERSION, ControlClient
from local.services.azureml.online.records import ENDED
from local.services.azureml.online.routing import HEADER
from local.services.client import Json, ServiceRefused

ENVIRONMENT = "azureml://registries/azureml/environments/sklearn-1.5/versions/1"
CODE = {"codeId": "azureml:score:1", "scoringScript": "score.py"}
LOCATION = "eastus2"


class NotDone(RuntimeError):
    """A change failed, or is still under way after all the patience there was."""


class OnlineClient(ControlClient):
    """One workspace at the stand-ins of `url`. Raises: ServiceRefused for any error answer."""

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        """A call below the workspace, such as `("GET", "onlineEndpoints/x")`."""
        mark = "&" if "?" in path else "?"
        return self.call(method, f"{self.scope}/{path}{mark}api-version={API_VERSION}", self.token, body)

    def follow(self, answer: requests.Response, patience: float = 60.0) -> Json:
        """The operation that an answer began, once it has ended, whatever became of it."""
        end = time.monotonic() + patience
        while (found := self._json("GET", answer.headers["Azure-AsyncOperation"], self.token))["status"] not in ENDED:
            if time.monotonic() > end:
                raise NotDone(f"{found['name']} is still {found['status']} after {patience:g} s")
            time.sleep(0.02)
        return found

    def done(self, answer: requests.Response) -> None:
        """Waits until what an answer began has succeeded. Raises: NotDone."""
        found = self.follow(answer)
        if found["status"] != "Succeeded":
            raise NotDone(f"{found['name']} is {found['status']}: {found.get('error')}")

    def begin_endpoint(
        self, name: str, traffic: Mapping[str, int] | None = None, mode: str = "Key"
    ) -> requests.Response:
        """Asks for an endpoint, or for other traffic of it."""
        properties = {"authMode": mode, "traffic": dict(traffic or {})}
        return self.ask("PUT", f"onlineEndpoints/{name}", {"location": LOCATION, "properties": properties})

    def endpoint(self, name: str, traffic: Mapping[str, int] | None = None, mode: str = "Key") -> Json:
        """Makes or changes an endpoint and waits; the endpoint."""
        self.done(self.begin_endpoint(name, traffic, mode))
        return self.shown(name)

    def shown(self, path: str) -> Json:
        """An endpoint, or `endpoint/deployments/name`."""
        return dict(self.ask("GET", f"onlineEndpoints/{path}").json())

    def begin_deployment(self, endpoint: str, name: str, model: str, **more: Any) -> requests.Response:
        """Asks for a deployment of a model; `more` are properties of it, and `sku` and `tags`."""
        outer = {key: more.pop(key) for key in ("sku", "tags") if key in more}
        properties = {
            "endpointComputeType": "Managed",
            "model": model,
            "instanceType": "Standard_DS3_v2",
            "environmentId": ENVIRONMENT,
            "codeConfiguration": CODE,
            **more,
        }
        body = {"location": LOCATION, **outer, "properties": properties}
        return self.ask("PUT", f"onlineEndpoints/{endpoint}/deployments/{name}", body)

    def deployment(self, endpoint: str, name: str, model: str, **more: Any) -> Json:
        """Makes or changes a deployment and waits; the deployment."""
        self.done(self.begin_deployment(endpoint, name, model, **more))
        return self.shown(f"{endpoint}/deployments/{name}")

    def key(self, endpoint: str) -> str:
        """The endpoint's primary key."""
        return str(self.ask("POST", f"onlineEndpoints/{endpoint}/listKeys").json()["primaryKey"])

    def score(self, endpoint: str, body: Any, deployment: str = "", bearer: str = "") -> requests.Response:
        """A scoring request; `deployment` goes into the header. Raises: ServiceRefused."""
        headers = {"Authorization": f"Bearer {bearer or self.key(endpoint)}"}
        headers |= {HEADER: deployment} if deployment else {}
        url = self.shown(endpoint)["properties"]["scoringUri"]
        answer = self.session.post(url, json=body, headers=headers, timeout=self.timeout)
        if not answer.ok:
            raise ServiceRefused(answer)
        return answer
