"""Operating the local Data Factory from Python, as in its own studio: for tests, the demo, the local stack."""

import time
from collections.abc import Mapping
from typing import Any

import requests

from local.services.studio.client import StudioRefused
from local.services.tokens.client import identity

Json = dict[str, Any]
SUBSCRIPTION, GROUP = "00000000-0000-4000-8000-00000000005b", "local"
VERSION = "api-version=2018-06-01"
ENDED = ("Succeeded", "Failed", "Cancelled")


class FactoryClient:
    """One factory of the services at `url`; it is made when it is not there. Raises: StudioRefused for any refusal."""

    def __init__(self, url: str, name: str = "factory", token: str = ""):
        self.services, self.name = url.rstrip("/"), name
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy must not stand between two programs of one machine
        self._token = token
        self.call("PUT", "", {"location": "local"})

    @property
    def url(self) -> str:
        """The factory's resource address."""
        provider = "providers/Microsoft.DataFactory/factories"
        return f"{self.services}/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/{provider}/{self.name}"

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def call(self, method: str, path: str, body: Any = None, query: str = "") -> Any:
        """Any call below the factory; the answer's JSON."""
        headers = {"Authorization": f"Bearer {self._bearer()}"}
        url = f"{self.url}{path}?{VERSION}{query}"
        response = self._session.request(method, url, headers=headers, json=body, timeout=60)
        if not response.ok:
            raise StudioRefused(response)
        return response.json() if response.content else None

    def put(self, kind: str, name: str, properties: Mapping[str, Any]) -> Json:
        """A linked service, data set or pipeline; `kind` as in the address."""
        found: Json = self.call("PUT", f"/{kind}/{name}", {"properties": properties})
        return found

    def start(self, pipeline: str, **parameters: Any) -> str:
        """Starts a pipeline; the run's id."""
        return str(self.call("POST", f"/pipelines/{pipeline}/createRun", parameters)["runId"])

    def run(self, ident: str) -> Json:
        """A run of a pipeline."""
        found: Json = self.call("GET", f"/pipelineruns/{ident}")
        return found

    def ended(self, ident: str, patience: float = 30.0) -> Json:
        """The run once it has ended. Raises: TimeoutError."""
        until = time.monotonic() + patience
        while (found := self.run(ident))["status"] not in ENDED:
            if time.monotonic() > until:
                raise TimeoutError(f"after {patience:g} s the run is {found['status']}: {self.activities(ident)}")
            time.sleep(0.03)
        return found

    def activities(self, ident: str, **filters: str) -> list[Json]:
        """The activity runs of a run; `filters` such as `Status="Failed"`."""
        given = [{"operand": name, "operator": "Equals", "values": [value]} for name, value in filters.items()]
        body = {"lastUpdatedAfter": "2000-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
        found = self.call("POST", f"/pipelineruns/{ident}/queryActivityruns", {**body, "filters": given})
        return list(found["value"])

    def runs(self, **more: Any) -> list[Json]:
        """All runs; `more` are further members of the query."""
        body = {"lastUpdatedAfter": "2000-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
        return list(self.call("POST", "/queryPipelineRuns", {**body, **more})["value"])

    def cancel(self, ident: str) -> None:
        """Cancels a run."""
        self.call("POST", f"/pipelineruns/{ident}/cancel", query="&isRecursive=true")

    def _bearer(self) -> str:
        """A token of the app's managed identity, kept; another process of the services knows no token of this one."""
        if not self._token:
            given = identity(self.services)
            resource = "https://management.azure.com/"
            answer = self._session.get(
                f"{given['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={resource}",
                headers={"X-IDENTITY-HEADER": given["IDENTITY_HEADER"]},
                timeout=30,
            )
            answer.raise_for_status()
            self._token = str(answer.json()["access_token"])
        return self._token
