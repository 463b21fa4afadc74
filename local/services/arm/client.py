"""Operating the stand-in from Python: what a person does in the portal when he deploys an exported definition.

For tests, demos and the local stack. A client of the service's published protocol belongs to the project proper.
"""

import copy
import time
from typing import Any

import requests

from local.services.engine.blobs import account_of
from local.services.tokens.client import MANAGEMENT, managed_token

Json = dict[str, Any]
GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/local"
PROVIDER = f"{GROUP}/providers/Microsoft.MachineLearning"
PLAN = f"{PROVIDER}/commitmentPlans/local"
STABLE, PREVIEW = "2017-01-01", "2016-05-01-preview"
PATIENCE = 60.0  # seconds for one change


class NotDeployed(RuntimeError):
    """The service was not deployed; the message is what the stand-in said."""


class ArmClient:
    """Resource Manager at `url`, asked as the managed identity; its services are deployed into one group and plan."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy must not stand between two programs of one machine

    def token(self, audience: str = MANAGEMENT) -> str:
        """A token of the managed identity."""
        return managed_token(self.url, audience)

    def call(self, method: str, path: str, body: Any = None, version: str = STABLE) -> requests.Response:
        """Any call, whatever comes back; `path` may be a whole URL."""
        url = f"{self.url}{path.removeprefix(self.url)}?api-version={version}"
        headers = {"Authorization": f"Bearer {self.token()}"}
        return self._session.request(method, url, headers=headers, json=body, timeout=60)

    def get(self, path: str) -> Json:
        """A web service."""
        return dict(self.call("GET", path).json())

    def complete(self, definition: Json, storage: str, **properties: Any) -> Json:
        """An exported definition with what must be added by hand; `storage` is the connection string of its account."""
        account = account_of(storage)
        whole = copy.deepcopy(definition)
        added = {"storageAccount": {"name": account.name, "key": account.key}, "commitmentPlan": {"id": PLAN}}
        whole["properties"] |= {**added, **properties}
        return whole

    def deploy(self, name: str, definition: Json) -> str:
        """Deploys a complete definition and waits; the address of the web service. Raises: NotDeployed."""
        plan = {"location": "South Central US", "sku": {"name": "S1", "tier": "Standard"}}
        path = f"{PROVIDER}/webServices/{name}"
        for answer in (self.call("PUT", PLAN, plan, PREVIEW), self.call("PUT", path, definition)):
            if not answer.ok:
                raise NotDeployed(answer.text)
        if self.settled(path) != "Succeeded":
            raise NotDeployed(str(self.get(path)["properties"]))
        return self.url + path

    def settled(self, path: str) -> str:
        """The state of a web service once nothing is under way."""
        end = time.monotonic() + PATIENCE
        while (state := str(self.get(path)["properties"]["provisioningState"])) == "Provisioning":
            if time.monotonic() > end:
                raise NotDeployed(f"{path} is still {state}")
            time.sleep(0.02)
        return state
