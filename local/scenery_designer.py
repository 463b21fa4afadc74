"""Makes a model with the local designer as its users did, and the configuration with which Retrain drives it.

Two pipelines, each published to an endpoint: one trains and evaluates, the other scores a file with the model that it
is given. Datastores over Retrain's own containers, a first model, and the pointer that says it is live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import msgspec
from azure.storage.blob import BlobServiceClient

from local.services.azureml.catalogue import MODULES
from local.services.azureml.client import DesignerClient
from retrain.paths import CANDIDATES, CHAMPIONS, HISTORY, RUNS

SERVING = "serving"
"""The container of pointers, and of the first model."""
DATASTORES = {container: f"retrain_{container}" for container in (RUNS, HISTORY, CANDIDATES, CHAMPIONS, SERVING)}
DATA, MODEL, OUTPUT, SEED = "data", "model", "output", "seed"  # pipeline parameters
SCORES = "scores.csv"
PATIENCE = 120.0  # seconds in which the first model must be trained


@dataclass(frozen=True)
class DesignerScene:
    """One model that is being served: its pipeline endpoints, its pointers, its configuration as TOML."""

    name: str
    toml: str
    training: dict[str, Any] = field(repr=False)
    inference: dict[str, Any] = field(repr=False)
    live: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


def stage(
    designer: DesignerClient,
    storage: str,
    name: str,
    csv: str,
    *,
    label: str,
    learner: str,
    metric: str,
    gate: str = "",
    extra: str = "",
    trainer: str = "",
    endpoint: str = "",
    since: str = "2000-01-01T00:00:00Z",
    parameters: Mapping[str, str] = MappingProxyType({}),
) -> DesignerScene:
    """Publishes both pipelines, trains a first model on `csv` and lets the pointer name it.

    `learner` is a module of the designer; `parameters` makes fields of it pipeline parameters, by parameter. `gate`,
    `extra`, `trainer` and `endpoint` are TOML lines for those tables.
    """
    designer.create_workspace()
    with BlobServiceClient.from_connection_string(storage) as blobs:
        for container, store in DATASTORES.items():
            _ensure(blobs, container)
            designer.register_datastore(store, container, storage)
        blobs.get_blob_client(HISTORY, f"{name}/first.csv").upload_blob(csv.encode(), overwrite=True)
        draft = training_pipeline(designer, name, label, learner)
        for parameter, title in parameters.items():
            designer.set_parameter(draft, parameter, MODULES[learner].fields[title].default or "")
            designer.attach(draft, parameter, "learner", title)
        training = publish(designer, draft, f"{name}-training")
        inference = publish(designer, inference_pipeline(designer, name), f"{name}-scores")
        live = f"{SERVING}/{name}/live.json"
        _point(blobs, live, f"{SERVING}/{name}/first.ilearner", first_model(designer, training))
    toml = f"""
[models.{name}]
label = {_quoted(label)}
since = {since}
{extra}

[models.{name}.trainer]
kind = "pipeline-endpoint"
url = "{training["Url"]}"
data_parameter = "{DATA}"
datastores = {_table(DATASTORES, RUNS)}
{trainer}

[models.{name}.endpoint]
kind = "model-pointer"
production = "{live}"
staging = "{SERVING}/{name}/staging.json"
inference = "{inference["Url"]}"
data_parameter = "{DATA}"
model_parameter = "{MODEL}"
output_parameter = "{OUTPUT}"
datastores = {_table(DATASTORES, *DATASTORES)}
{endpoint}

[models.{name}.gate]
metric = "{metric}"
{gate}
"""
    return DesignerScene(name, toml, training, inference, live)


def training_pipeline(designer: DesignerClient, name: str, label: str, learner: str) -> str:
    """A draft that trains on all rows it is given, and evaluates what a part of them teaches; its id.

    Its data path and its seed are pipeline parameters.
    """
    nodes = {
        "import": {
            "module": "Import Data",
            "fields": {"Datastore": DATASTORES[HISTORY], "Path": f"{name}/first.csv"},
        },
        "split": {
            "module": "Split Data",
            "fields": {"Fraction of rows in the first output dataset": "0.8"},
        },
        "learner": {"module": learner},
        "train": {"module": "Train Model", "fields": {"Label column": label}},
        "check": {"module": "Train Model", "name": "Train on a part", "fields": {"Label column": label}},
        "score": {"module": "Score Model"},
        "evaluate": {"module": "Evaluate Model"},
    }
    wires = (
        ("import", "train:Dataset"),
        ("learner", "train:Untrained model"),
        ("import", "split"),
        ("learner", "check:Untrained model"),
        ("split:Results dataset1", "check:Dataset"),
        ("check", "score:Trained model"),
        ("split:Results dataset2", "score:Dataset"),
        ("score", "evaluate:Scored dataset"),
    )
    draft = _draft(designer, f"{name} training", nodes, wires)
    _parameter(designer, draft, DATA, f"{name}/first.csv", ("import", "Path"))
    _parameter(designer, draft, SEED, "0", ("split", "Random seed"), ("learner", "Random number seed"))
    return draft


def inference_pipeline(designer: DesignerClient, name: str) -> str:
    """A draft that scores a file with a model and exports the scores, its three paths pipeline parameters; its id."""
    nodes = {
        "import": {"module": "Import Data", "fields": {"Datastore": DATASTORES[HISTORY], "Path": f"{name}/first.csv"}},
        "model": {
            "module": "Trained Model",
            "fields": {"Datastore": DATASTORES[SERVING], "Path": f"{name}/first.ilearner"},
        },
        "score": {"module": "Score Model"},
        "export": {"module": "Export Data", "fields": {"Datastore": DATASTORES[RUNS], "Path": f"{name}/{SCORES}"}},
    }
    wires = (("import", "score:Dataset"), ("model", "score:Trained model"), ("score", "export"))
    draft = _draft(designer, f"{name} scores", nodes, wires)
    _parameter(designer, draft, DATA, f"{name}/first.csv", ("import", "Path"))
    _parameter(designer, draft, MODEL, f"{name}/first.ilearner", ("model", "Path"))
    _parameter(designer, draft, OUTPUT, f"{name}/{SCORES}", ("export", "Path"))
    return draft


def publish(designer: DesignerClient, draft: str, endpoint: str) -> dict[str, Any]:
    """Publishes a draft as the next version of an endpoint; the endpoint as the service shows it."""
    shown: dict[str, Any] = designer.publish(draft, endpoint)["endpoint"]
    return shown


def first_model(designer: DesignerClient, training: Mapping[str, Any]) -> bytes:
    """Runs a training endpoint on its default data; the model it trains."""
    run = designer.submit_endpoint(training["Id"], ExperimentName="first")["Id"]
    found = designer.wait(run, PATIENCE)
    assert found["HasErrors"] is False, found["Status"]
    step = designer.children("first", run)["Train Model"]["runId"]
    path = next(path for path in designer.artifacts(step) if path.endswith(".ilearner"))
    return designer.artifact(step, path)


def _draft(designer: DesignerClient, name: str, nodes: Mapping[str, Any], wires: tuple[tuple[str, str], ...]) -> str:
    edges = [{"from": start, "to": end} for start, end in wires]
    return str(designer.create_draft(name, nodes, edges)["id"])


def _parameter(designer: DesignerClient, draft: str, name: str, default: str, *fields: tuple[str, str]) -> None:
    designer.set_parameter(draft, name, default)
    for node, label in fields:
        designer.attach(draft, name, node, label)


def _ensure(blobs: BlobServiceClient, container: str) -> None:
    if not blobs.get_container_client(container).exists():
        blobs.create_container(container)


def _point(blobs: BlobServiceClient, pointer: str, model: str, content: bytes) -> None:
    for blob, data in (
        (model, content),
        (pointer, msgspec.json.encode({"model": model, "sha256": sha256(content).hexdigest()})),
    ):
        container, _, path = blob.partition("/")
        blobs.get_blob_client(container, path).upload_blob(data, overwrite=True)


def _table(stores: Mapping[str, str], *containers: str) -> str:
    return "{ " + ", ".join(f"{container} = {_quoted(stores[container])}" for container in containers) + " }"


def _quoted(text: str) -> str:
    """A TOML string; JSON's are among them."""
    return msgspec.json.encode(text).decode()
