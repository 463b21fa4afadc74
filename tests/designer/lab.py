"""`Lab`: the income pipeline and everyday steps of its users, for tests. The fixtures are in conftest.py."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path
from typing import Any

import requests
from azure.storage.blob import BlobServiceClient

from local.services.azureml.client import DesignerClient
from local.services.azureml.switches import TABLE
from tests.lines import rows_csv

Json = dict[str, Any]
STARTING_SWITCHES = {name: switch.default for name, switch in TABLE.items()}
ADULT = Path(__file__).resolve().parents[2] / "data" / "adult.csv.gz"
US = r'\"native_country" ==United-States'
_names = itertools.count(1)


def adult(count: int | None = None) -> str:
    """The first rows of the income data, as CSV; all of them by default."""
    text = gzip.decompress(ADULT.read_bytes()).decode()
    return text if count is None else "".join(text.splitlines(keepends=True)[: count + 1])


LINE_NODES: dict[str, Json] = {
    "import": {"module": "Import Data", "fields": {"Datastore": "lab", "Path": "line.csv"}},
    "learner": {"module": "Linear Regression", "fields": {}},
    "train": {"module": "Train Model", "fields": {"Label column": "y"}},
    "score": {"module": "Score Model", "fields": {}},
    "evaluate": {"module": "Evaluate Model", "fields": {}},
}
LINE_EDGES: list[Json] = [
    {"from": "learner", "to": "train:Untrained model"},
    {"from": "import", "to": "train:Dataset"},
    {"from": "train", "to": "score:Trained model"},
    {"from": "import", "to": "score:Dataset"},
    {"from": "score", "to": "evaluate:Scored dataset"},
]


class Lab:
    """A workspace with the datastore `lab` and a pipeline that learns a line from `data_path`."""

    def __init__(self, url: str, storage: str):
        self.url, self.storage = url, storage
        self.client = DesignerClient(url, "lab")
        self.client.create_workspace()
        self.client.register_datastore("lab", "designer-lab", storage)
        self.blobs = BlobServiceClient.from_connection_string(storage)
        container = self.blobs.get_container_client("designer-lab")
        if not container.exists():
            container.create_container()
        self.upload(rows_csv(), "line.csv")
        self.draft = self.line_draft()
        published = self.client.publish(self.draft, endpoint="line")
        self.pipeline, self.endpoint = published["pipeline"], published["endpoint"]

    def line_draft(self, name: str = "Line") -> str:
        """A draft with the parameters `data_path` (of Import Data) and `l2` (of the learner)."""
        draft = self.client.create_draft(name, LINE_NODES, LINE_EDGES)["id"]
        self.client.set_parameter(draft, "data_path", "line.csv")
        self.client.attach(draft, "data_path", "import", "Path")
        self.client.set_parameter(draft, "l2", "0.001")
        self.client.attach(draft, "l2", "learner", "L2 regularization weight")
        return str(draft)

    def publish(self, nodes: Json, edges: list[Json], parameters: Json | None = None, name: str = "") -> Json:
        """A published pipeline; `parameters`: {name: (default, node, field)}."""
        draft = self.client.create_draft(name or f"Draft {next(_names)}", nodes, edges)["id"]
        for key, (default, node, field) in (parameters or {}).items():
            self.client.set_parameter(draft, key, default)
            self.client.attach(draft, key, node, field)
        pipeline: Json = self.client.publish(draft)["pipeline"]
        return pipeline

    def upload(self, text: str | bytes, name: str = "") -> str:
        """Puts a blob into the datastore `lab`; returns its path."""
        name = name or f"in{next(_names)}.csv"
        self.blobs.get_blob_client("designer-lab", name).upload_blob(text, overwrite=True)
        return name

    def read(self, name: str) -> str:
        """A file of the datastore `lab`."""
        content: bytes = self.blobs.get_blob_client("designer-lab", name).download_blob().readall()
        return content.decode()

    def call(
        self, method: str, path: str, token: str | None = None, headers: Json | None = None, **more: Any
    ) -> requests.Response:
        """A plain HTTP call with a bearer token (the lab's unless given); `{WS}` in the path is the workspace."""
        bearer = self.client.token if token is None else token
        headers = {**({"Authorization": f"Bearer {bearer}"} if bearer else {}), **(headers or {})}
        url = self.url + path.replace("{WS}", self.client.scope)
        return requests.request(method, url, headers=headers, timeout=60, **more)

    def ran(self, submitted: Json, status: str = "Finished") -> dict[str, Json]:
        """Waits for the run; its step runs by module."""
        ended = self.client.wait(submitted["Id"])
        assert ended["Status"]["StatusCode"] == status, ended["Status"]
        return self.client.children(ended["RunHistoryExperimentName"], submitted["Id"])
