"""`Lab`: the everyday steps of a classic web service's users, for tests. The fixtures are in conftest.py."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import requests
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, generate_blob_sas

from local.services.studio.client import StudioClient
from local.services.studio.switches import TABLE
from tests.lines import rows_csv

ENDED = {"Finished", "Failed", "Cancelled", "Canceled", 2, 3, 4}
STARTING_SWITCHES = {name: switch.default for name, switch in TABLE.items()} | {"propagationDelay": 0}
Json = dict[str, Any]
_names = itertools.count(1)


def classes_csv(count: int = 400) -> str:
    """Two numbers and a Yes/No label that a line separates, some noise added."""
    random = np.random.default_rng(7)
    points = random.normal(size=(count, 2))
    labels = points @ [1.5, -2.0] + random.normal(scale=0.5, size=count) > 0
    lines = [f"{u!r},{v!r},{'Yes' if yes else 'No'}" for (u, v), yes in zip(points.tolist(), labels, strict=True)]
    return "\n".join(["u,v,answer", *lines]) + "\n"


class Lab:
    """One workspace with a training and a predictive service, and the calls that their users make."""

    def __init__(self, client: StudioClient, storage: str):
        self.client, self.storage = client, storage
        self.blobs = BlobServiceClient.from_connection_string(storage)
        self.container = "lab"
        if not self.blobs.get_container_client(self.container).exists():
            self.blobs.create_container(self.container)
        self.workspace = client.create_workspace("Lab")
        self.training_id, self.scoring_id, self.training, self.default = self.services("Line", "regression", "y")

    def services(self, name: str, task: str, label: str, text: str = "", **given: Any) -> tuple[str, str, Json, Json]:
        """Steps 1 to 5: service ids and default endpoints of a training and a predictive service."""
        made = self.client.create_training_experiment(
            self.workspace, name, task, label, csv=text or rows_csv(), **given
        )
        self.client.run_experiment(self.workspace, made["id"])
        predictive = self.client.derive_predictive(self.workspace, made["id"])
        self.client.add_outputs(self.workspace, made["id"])
        training = self.client.deploy(self.workspace, made["id"])["WebServiceGroupId"]
        scoring = self.client.deploy(self.workspace, predictive["id"])["WebServiceGroupId"]
        endpoints = [self.client.get_endpoint(self.workspace, service) for service in (training, scoring)]
        return training, scoring, endpoints[0], endpoints[1]

    def endpoint(self, **given: Any) -> Json:
        """A new endpoint of the predictive service."""
        return self.client.create_endpoint(self.workspace, self.scoring_id, f"e{next(_names)}", **given)

    def upload(self, text: str | bytes, name: str = "") -> str:
        """Puts a blob; returns its name."""
        name = name or f"in{next(_names)}.csv"
        self.blobs.get_blob_client(self.container, name).upload_blob(text, overwrite=True)
        return name

    def reference(self, name: str) -> Json:
        """A blob by connection string."""
        return {"ConnectionString": self.storage, "RelativeLocation": f"{self.container}/{name}"}

    def signed(self, name: str, permission: str = "r", lifetime: float = 600) -> Json:
        """A blob by SAS."""
        token = generate_blob_sas(
            self.blobs.account_name or "",
            self.container,
            name,
            account_key=self.blobs.credential.account_key,
            permission=BlobSasPermissions.from_string(permission),
            expiry=datetime.now(UTC) + timedelta(seconds=lifetime),
        )
        base = self.blobs.url.rstrip("/") + "/"
        return {"BaseLocation": base, "RelativeLocation": f"{self.container}/{name}", "SasBlobToken": "?" + token}

    def call(self, endpoint: Json, method: str, path: str, body: Any = None, key: str = "") -> requests.Response:
        """A runtime call with the endpoint's key."""
        headers = {"Authorization": f"Bearer {key or endpoint['PrimaryKey']}"}
        return requests.request(method, endpoint["ApiLocation"] + path, headers=headers, json=body, timeout=60)

    def submit(self, body: Json, endpoint: Json | None = None) -> requests.Response:
        """Registers a job."""
        return self.call(endpoint or self.training, "POST", "/jobs?api-version=2.0", body)

    def start(self, job: str, endpoint: Json | None = None) -> requests.Response:
        """Starts a job."""
        return self.call(endpoint or self.training, "POST", f"/jobs/{job}/start?api-version=2.0")

    def begin(self, body: Json, endpoint: Json | None = None) -> str:
        """Registers and starts a job; returns its id."""
        submitted = self.submit(body, endpoint)
        assert submitted.status_code == 200, submitted.text
        job: str = submitted.json()
        assert self.start(job, endpoint).ok
        return job

    def status(self, job: str, endpoint: Json | None = None) -> Json:
        """A job's status."""
        answer: Json = self.call(endpoint or self.training, "GET", f"/jobs/{job}?api-version=2.0").json()
        return answer

    def ended(self, job: str, endpoint: Json | None = None, patience: float = 60) -> Json:
        """The status once the job has ended."""
        end = time.monotonic() + patience
        while (status := self.status(job, endpoint))["StatusCode"] not in ENDED:
            assert time.monotonic() < end, f"job {job} is still {status}"
            time.sleep(0.02)
        return status

    def train(self, text: str = "", endpoint: Json | None = None, **parameters: Any) -> Json:
        """Trains on the text; returns the finished status."""
        name = self.upload(text or rows_csv())
        status = self.ended(self.begin(self.request(name, **parameters), endpoint), endpoint)
        assert status["StatusCode"] in ("Finished", 4), status
        return status

    def request(self, name: str, **parameters: Any) -> Json:
        """A batch request for a training service."""
        return {"Inputs": {"input1": self.reference(name)}, "GlobalParameters": parameters}

    def read(self, location: Json) -> bytes:
        """What a result's URL answers."""
        url = location["BaseLocation"] + location["RelativeLocation"] + location["SasBlobToken"]
        response = requests.get(url, timeout=30)
        assert response.status_code == 200, response.text
        return response.content

    def patch(
        self, endpoint: Json, location: Json, name: str | None = None, service: str = "", key: str = ""
    ) -> requests.Response:
        """PATCHes an endpoint with its own key."""
        resource = endpoint["Resources"][0]["Name"] if name is None else name
        url = self.client.patch_url(self.workspace, service or self.scoring_id, endpoint["Name"])
        headers = {"Authorization": f"Bearer {key or endpoint['PrimaryKey']}"}
        body = {"Resources": [{"Name": resource, "Location": location}]}
        return requests.patch(url, headers=headers, json=body, timeout=60)

    def execute(self, endpoint: Json, names: list[str], rows: list[list[Any]], query: str = "") -> requests.Response:
        """Scores rows in table form."""
        body = {"Inputs": {"input1": {"ColumnNames": names, "Values": rows}}, "GlobalParameters": {}}
        return self.call(endpoint, "POST", f"/execute?api-version=2.0{query}", body)

    def predict(self, endpoint: Json, x: float = 3.0, kind: str = "a") -> float:
        """The prediction for one row of the line."""
        answer = self.execute(endpoint, ["x", "kind"], [[x, kind]])
        assert answer.status_code == 200, answer.text
        return float(answer.json()["Results"]["output1"]["value"]["Values"][0][0])


def detail(response: requests.Response) -> tuple[int, str, str]:
    """HTTP status, outer code and first detail code of an error answer."""
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details"}
    return response.status_code, error["code"], error["details"][0]["code"]
