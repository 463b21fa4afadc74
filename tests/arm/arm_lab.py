"""`Lab`: "new" web services made out of experiments of the local Studio, for tests. The fixtures are in conftest.py."""

from __future__ import annotations

import copy
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from local.services.arm.client import PREVIEW, STABLE
from local.services.arm.switches import TABLE
from local.services.studio.client import StudioClient
from local.services.tokens.client import MANAGEMENT, managed_token
from tests.lines import rows_csv

SUBSCRIPTION, GROUP = "11111111-2222-3333-4444-555555555555", "models"
PROVIDERS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/Microsoft.MachineLearning"
STARTING_SWITCHES = {name: switch.default for name, switch in TABLE.items()} | {"operationDelay": 0.0}
Json = dict[str, Any]
_names = itertools.count(1)


class Lab:
    """A workspace with a training and a predictive experiment, a commitment plan, and services deployed from them."""

    def __init__(self, client: StudioClient, storage: str, other: str) -> None:
        self.client, self.storage = client, storage
        self.blobs = BlobServiceClient.from_connection_string(storage)
        self.other = BlobServiceClient.from_connection_string(other)
        for account in (self.blobs, self.other):
            if not account.get_container_client("lab").exists():
                account.create_container("lab")
        self.workspace = client.create_workspace("Lab")
        made = client.create_training_experiment(self.workspace, "Line", "regression", "y", csv=rows_csv())
        client.run_experiment(self.workspace, made["id"])
        predictive = client.derive_predictive(self.workspace, made["id"])
        client.add_outputs(self.workspace, made["id"])
        self.scoring = client.export_definition(self.workspace, predictive["id"])
        self.training = client.export_definition(self.workspace, made["id"])
        self.plan = f"{PROVIDERS}/commitmentPlans/plan1"
        body = {"location": "South Central US", "sku": {"name": "S1", "tier": "Standard"}, "properties": {}}
        assert self.call("PUT", self.plan, body, version=PREVIEW).status_code == 200

    def token(self, audience: str = MANAGEMENT) -> str:
        """A token of the managed identity."""
        return managed_token(self.client.url, audience)

    def call(
        self, method: str, path: str, body: Any = None, *, version: str = STABLE, token: str = ""
    ) -> requests.Response:
        """A call to Resource Manager; `path` may be a whole address with its version."""
        url = path if path.startswith("http") else f"{self.client.url}{path}"
        if "api-version" not in url and version:
            url += ("&" if "?" in url else "?") + f"api-version={version}"
        headers = {"Authorization": f"Bearer {token or self.token()}"}
        return requests.request(method, url, headers=headers, json=body, timeout=60)

    def complete(self, definition: Json, **properties: Any) -> Json:
        """An exported definition with what must be added by hand; `properties` are added too."""
        whole = copy.deepcopy(definition)
        account = {"name": self.blobs.account_name, "key": self.blobs.credential.account_key}
        whole["properties"] |= {"storageAccount": account, "commitmentPlan": {"id": self.plan}, **properties}
        return whole

    def path(self, name: str = "") -> str:
        """The path of a web service; of a new one when there is no name."""
        return f"{PROVIDERS}/webServices/{name or f'service{next(_names)}'}"

    def follow(self, answer: requests.Response) -> Json:
        """The operation that an answer began, once it has ended."""
        assert answer.ok, answer.text
        url, end = answer.headers["Azure-AsyncOperation"], time.monotonic() + 30
        while (found := self.call("GET", url).json()).get("status") not in ("Succeeded", "Failed"):
            assert time.monotonic() < end, found
            time.sleep(0.02)
        return dict(found)

    def deployed(self, definition: Json, **properties: Any) -> str:
        """A new service of this definition; its path."""
        path = self.path()
        ended = self.follow(self.call("PUT", path, self.complete(definition, **properties)))
        assert ended["status"] == "Succeeded", ended
        return path

    def get(self, path: str, **options: Any) -> Json:
        """The service."""
        answer = self.call("GET", path, **options)
        assert answer.ok, answer.text
        return dict(answer.json())

    def runtime(self, path: str) -> tuple[str, str]:
        """Where a service answers, and its primary key."""
        location = self.get(path)["properties"]["swaggerLocation"]
        keys = self.call("GET", f"{path}/listKeys").json()
        return str(location).removesuffix("/swagger.json"), str(keys["primary"])

    def score(self, path: str, x: float = 3.0) -> float:
        """The prediction for one row of the line."""
        base, key = self.runtime(path)
        body = {"Inputs": {"input1": {"ColumnNames": ["x", "kind"], "Values": [[x, "a"]]}}, "GlobalParameters": {}}
        answer = self.run("POST", f"{base}/execute?api-version=2.0", key, body)
        assert answer.ok, answer.text
        return float(answer.json()["Results"]["output1"]["value"]["Values"][0][0])

    def run(self, method: str, url: str, key: str, body: Any = None) -> requests.Response:
        """A runtime call."""
        return requests.request(method, url, headers={"Authorization": f"Bearer {key}"}, json=body, timeout=60)

    def train(self, path: str, text: str, output: str = "output2") -> str:
        """Trains by a deployed training service; the address of the model it wrote into the lab's container."""
        base, key = self.runtime(path)
        number = next(_names)
        self.blobs.get_blob_client("lab", f"data{number}.csv").upload_blob(text)
        place = {"ConnectionString": self.storage, "RelativeLocation": f"lab/model{number}.ilearner"}
        body = {
            "Inputs": {"input1": {"ConnectionString": self.storage, "RelativeLocation": f"lab/data{number}.csv"}},
            "Outputs": {output: place},
            "GlobalParameters": {},
        }
        job = self.run("POST", f"{base}/jobs?api-version=2.0", key, body).json()
        assert self.run("POST", f"{base}/jobs/{job}/start?api-version=2.0", key).ok
        end = time.monotonic() + 60
        while True:
            status = self.run("GET", f"{base}/jobs/{job}?api-version=2.0", key).json()
            if status["StatusCode"] in ("Finished", "Failed"):
                break
            assert time.monotonic() < end
            time.sleep(0.02)
        assert status["StatusCode"] == "Finished", status
        result = status["Results"][output]
        return str(result["BaseLocation"] + result["RelativeLocation"])

    def assets_with(self, path: str, uri: str) -> Json:
        """The service's assets, the trained model at another address."""
        assets = copy.deepcopy(self.get(path)["properties"]["assets"])
        trained = next(one for one in assets.values() if one["type"] == "Resource")
        trained["locationInfo"]["uri"] = uri
        return dict(assets)

    def update(self, path: str, uri: str) -> Json:
        """PATCHes the trained model; the ended operation."""
        body = {"properties": {"packageType": "Graph", "assets": self.assets_with(path, uri)}}
        return self.follow(self.call("PATCH", path, body))

    def signed(self, account: BlobServiceClient) -> str:
        """A query that reads the lab's container."""
        return generate_container_sas(
            account.account_name or "",
            "lab",
            account_key=account.credential.account_key,
            permission=ContainerSasPermissions(read=True),
            expiry=datetime.now(UTC) + timedelta(hours=1),
        )


def code(answer: requests.Response) -> tuple[int, str, str]:
    """Status, code and the first detail's code."""
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["details"][0]["code"] if error["details"] else ""
