"""Operating the local Data Factory from Python, as in its own studio: for tests, the demo, the local stack."""

import time
from collections.abc import Mapping
from typing import Any

from local.services.client import Json, ServiceClient
from local.services.tokens.client import managed_token

SUBSCRIPTION, GROUP = "00000000-0000-4000-8000-00000000005b", "local"
VERSION = "api-version=2018-06-01"
ENDED = ("Succeeded", "Failed", "Cancelled")


class FactoryClient(ServiceClient):
    """One factory of the services at `url`; it is made when it is not there. Raises: ServiceRefused for any refusal."""

    def __init__(self, url: str, name: str = "factory"):
        super().__init__(url)
        self.token = managed_token(self.url)
        provider = "providers/Microsoft.DataFactory/factories"
        self.resource = f"{self.url}/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/{provider}/{name}"
        """The factory's address."""
        self.ask("PUT", "", {"location": "local"})

    def ask(self, method: str, path: str, body: Any = None, query: str = "") -> Any:
        """Any call below the factory; the answer's JSON."""
        answer = self.call(method, f"{self.resource}{path}?{VERSION}{query}", self.token, body)
        return answer.json() if answer.content else None

    def put(self, kind: str, name: str, properties: Mapping[str, Any]) -> Json:
        """A linked service, data set or pipeline; `kind` as in the address."""
        found: Json = self.ask("PUT", f"/{kind}/{name}", {"properties": properties})
        return found

    def start(self, pipeline: str, **parameters: Any) -> str:
        """Starts a pipeline; the run's id."""
        return str(self.ask("POST", f"/pipelines/{pipeline}/createRun", parameters)["runId"])

    def run(self, ident: str) -> Json:
        """A run of a pipeline."""
        found: Json = self.ask("GET", f"/pipelineruns/{ident}")
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
        found = self.ask("POST", f"/pipelineruns/{ident}/queryActivityruns", {**body, "filters": given})
        return list(found["value"])

    def runs(self, **more: Any) -> list[Json]:
        """All runs; `more` are further members of the query."""
        body = {"lastUpdatedAfter": "2000-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z"}
        return list(self.ask("POST", "/queryPipelineRuns", {**body, **more})["value"])

    def cancel(self, ident: str) -> None:
        """Cancels a run."""
        self.ask("POST", f"/pipelineruns/{ident}/cancel", query="&isRecursive=true")
