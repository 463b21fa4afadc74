"""`Lab`: a workspace with data that has a line in it, and everyday jobs, for tests. The fixtures are in conftest.py."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from azure.storage.blob import BlobServiceClient

from local.services.azureml.batch.switches import TABLE as BATCH
from local.services.azureml.control.client import ControlClient
from local.services.azureml.control.switches import TABLE
from local.services.azureml.events.switches import TABLE as EVENTS
from tests.lines import rows_csv

Json = dict[str, Any]
STARTING_SWITCHES = {name: switch.default for name, switch in (TABLE | BATCH | EVENTS).items()}
IN = "azureml://datastores/lab/paths/"
TRAIN = (
    "python train.py --data ${{inputs.data}} --label ${{inputs.label}} "
    "--model ${{outputs.model}} --evaluation ${{outputs.evaluation}} $[[--l2-weight ${{inputs.l2}}]]"
)
EVALUATE = (
    "python evaluate.py --data ${{inputs.data}} --candidate ${{inputs.candidate}} --production ${{inputs.production}} "
    "--scores ${{outputs.scores}}"
)
SCORE = "python score.py --data ${{inputs.data}} --model ${{inputs.model}} --scores ${{outputs.scores}}"
TRAINING: Json = {
    "type": "command",
    "command": TRAIN,
    "inputs": {
        "data": {"type": "uri_file"},
        "label": {"type": "string", "default": "y"},
        "l2": {"type": "number", "optional": True},
    },
    "outputs": {"model": {"type": "custom_model"}, "evaluation": {"type": "uri_file"}},
}
SCORING: Json = {
    "type": "command",
    "command": SCORE,
    "inputs": {"data": {"type": "uri_file"}, "model": {"type": "custom_model"}},
    "outputs": {"scores": {"type": "uri_file"}},
}
_names = itertools.count(1)


def until(happened: Callable[[], bool], patience: float = 30.0) -> None:
    """Waits until it has happened."""
    end = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def literal(value: str) -> Json:
    """A literal input."""
    return {"jobInputType": "literal", "value": value}


def at(uri: str, kind: str = "uri_file") -> Json:
    """An input of data or a model."""
    return {"jobInputType": kind, "uri": uri}


class Lab:
    """The workspace `lab` with the datastore `lab`, which holds `line.csv`."""

    def __init__(self, url: str, storage: str):
        self.url, self.storage = url, storage
        self.client = ControlClient(url, "lab")
        self.client.create_workspace()
        self.client.register_datastore("lab", "azureml-lab", storage)
        self.compute = self.client.create_compute("cpu")
        self.blobs = BlobServiceClient.from_connection_string(storage)
        container = self.blobs.get_container_client("azureml-lab")
        if not container.exists():
            container.create_container()
        self.upload(rows_csv(), "line.csv")

    def upload(self, text: str, path: str) -> None:
        """A file of the datastore `lab`."""
        self.blobs.get_blob_client("azureml-lab", path).upload_blob(text, overwrite=True)

    def download(self, path: str, container: str = "azureml-lab") -> bytes:
        """The bytes of one."""
        return self.blobs.get_blob_client(container, path).download_blob().readall()

    def default_blobs(self, prefix: str) -> list[str]:
        """What is in the workspace's default datastore below the prefix."""
        container = self.client.arm("GET", "datastores/workspaceblobstore")["properties"]["containerName"]
        return list(self.blobs.get_container_client(container).list_blob_names(name_starts_with=prefix))

    def name(self) -> str:
        """A name that nothing has."""
        return f"job-{next(_names)}"

    def train(self, name: str | None = None, data: str = IN + "line.csv", **more: Any) -> str:
        """Begins a training of the line; answers the job's name. `more`: members of the job."""
        name = name or self.name()
        inputs = {"data": at(data), "label": literal("y"), **more.pop("inputs", {})}
        outputs = {
            "model": {"jobOutputType": "custom_model", "uri": f"{IN}out/{name}/model"},
            "evaluation": {"jobOutputType": "uri_file", "uri": f"{IN}out/{name}/evaluation.csv"},
            **more.pop("outputs", {}),
        }
        self.client.command_job(
            name, more.pop("command", TRAIN), inputs, outputs, **{"computeId": self.compute, **more}
        )
        return name

    def trained(self, **more: Any) -> str:
        """The name of a training that has completed."""
        name = self.train(**more)
        found = self.client.wait_job(name)
        assert found["status"] == "Completed", found
        return name


def bound(expression: str) -> Json:
    """An input or output of a step as job bodies write it."""
    return {"job_input_type": "literal", "value": "${{" + expression + "}}"}


def steps(lab: Lab) -> Json:
    """Training, and scoring with what it trained."""
    train, score = lab.client.create_component("train", TRAINING), lab.client.create_component("score", SCORING)
    return {
        "score": {
            "type": "command",
            "componentId": score,
            "inputs": {"data": bound("parent.inputs.data"), "model": bound("parent.jobs.train.outputs.model")},
            "outputs": {"scores": bound("parent.outputs.scores")},
        },
        "train": {"type": "command", "componentId": train, "inputs": {"data": bound("parent.inputs.data")}},
    }


def whole(lab: Lab, name: str = "whole") -> str:
    """The id of a pipeline component of these steps: data in, scores out; the label may be given."""
    spec = {
        "type": "pipeline",
        "inputs": {"data": {"type": "uri_file"}, "label": {"type": "string", "default": "y"}},
        "outputs": {"scores": {"type": "uri_file"}},
        "jobs": steps(lab),
    }
    spec["jobs"]["train"]["inputs"]["label"] = bound("parent.inputs.label")
    return lab.client.create_component(name, spec)
