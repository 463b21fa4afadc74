"""Makes a model in a local workspace of today's Azure ML as its users do, and Retrain's configuration for it.

A pipeline component that trains and one that scores, a registered first model, and a batch endpoint whose default
deployment scores with it. Datastores are over Retrain's own containers.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from azure.storage.blob import BlobServiceClient

from local.services.azureml.control.client import ENVIRONMENT, ControlClient
from local.services.client import Json
from retrain.paths import CANDIDATES, CHAMPIONS, HISTORY, RUNS

DATASTORES = {container: f"retrain_{container}" for container in (RUNS, HISTORY, CANDIDATES, CHAMPIONS)}
COMPUTE = "cpu"
PATIENCE = 120.0  # seconds for the first model, and for what is deployed


@dataclass(frozen=True)
class AzureMlScene:
    """One model that is being served: names in the workspace, and its configuration as TOML."""

    name: str
    toml: str
    workspace: str
    endpoint: str
    registry: str
    keys: Mapping[str, str] = field(default_factory=dict)


def stage(
    control: ControlClient,
    storage: str,
    name: str,
    csv: str,
    *,
    task: str,
    label: str,
    learner: str,
    metric: str,
    gate: str = "",
    extra: str = "",
    trainer: str = "",
    endpoint: str = "",
    by_endpoint: bool = False,
    since: str = "2000-01-01T00:00:00Z",
) -> AzureMlScene:
    """Makes both components, trains a first model on `csv`, and deploys it.

    `by_endpoint`: what trains is a batch endpoint of its own, not the component. `gate`, `extra`, `trainer` and
    `endpoint` are TOML lines for those tables.
    """
    control.create_workspace()
    control.create_compute(COMPUTE)
    with BlobServiceClient.from_connection_string(storage) as blobs:
        for container, store in DATASTORES.items():
            if not blobs.get_container_client(container).exists():
                blobs.create_container(container)
            control.register_datastore(store, container, storage)
        blobs.get_blob_client(HISTORY, f"{name}/first.csv").upload_blob(csv.encode(), overwrite=True)
    train, score = training_component(control, name, task, label, learner), scoring_component(control, name)
    first = first_model(control, name, train)
    serve(control, name, score, first)
    if by_endpoint:
        create_endpoint(control, f"{name}-training")
        deploy(control, f"{name}-training", "train", train)
    what = f'endpoint = "{name}-training"' if by_endpoint else f'component = "{name}-train:1"'
    toml = f"""
[models.{name}]
label = {_quoted(label)}
since = {since}
{extra}

[models.{name}.trainer]
kind = "azureml-batch"
workspace = "{control.url}{control.scope}"
{what}
{"" if by_endpoint else f'compute = "{COMPUTE}"'}
registry = "{name}"
datastores = {_table(DATASTORES)}
{trainer}

[models.{name}.endpoint]
kind = "azureml-batch"
workspace = "{control.url}{control.scope}"
endpoint = "{name}"
component = "{name}-score:1"
registry = "{name}"
compute = "{COMPUTE}"
datastores = {_table(DATASTORES)}
{endpoint}

[models.{name}.gate]
metric = "{metric}"
{gate}
"""
    return AzureMlScene(name, toml, f"{control.url}{control.scope}", name, name)


def training_component(control: ControlClient, name: str, task: str, label: str, learner: str) -> str:
    """A pipeline of one step that trains on a file and leaves model and evaluation; its id."""
    command = (
        f"python train.py --data ${{{{inputs.data}}}} --task {task} --label {label} --learner {learner} "
        "--l2-weight ${{inputs.l2_weight}} --model ${{outputs.model}} --evaluation ${{outputs.metrics}}"
    )
    inputs = {"data": {"type": "uri_file"}, "l2_weight": {"type": "number", "default": "1.0"}}
    outputs = {"model": {"type": "uri_file"}, "metrics": {"type": "uri_file"}}
    return _pipeline(control, f"{name}-train", command, inputs, outputs)


def scoring_component(control: ControlClient, name: str) -> str:
    """A pipeline of one step that scores a file with a model; its id."""
    command = "python score.py --data ${{inputs.data}} --model ${{inputs.model}} --scores ${{outputs.scores}}"
    inputs = {"data": {"type": "uri_file"}, "model": {"type": "custom_model"}}
    return _pipeline(control, f"{name}-score", command, inputs, {"scores": {"type": "uri_file"}})


def _pipeline(control: ControlClient, name: str, command: str, inputs: Json, outputs: Json) -> str:
    """A command as a component, and a pipeline around it with the same inputs and outputs."""
    spec = {"type": "command", "command": command, "environment": ENVIRONMENT, "inputs": inputs, "outputs": outputs}
    step = {
        "type": "command",
        "componentId": control.create_component(f"{name}-step", spec),
        "inputs": {one: {"job_input_type": "literal", "value": f"${{{{parent.inputs.{one}}}}}"} for one in inputs},
        "outputs": {one: {"type": "literal", "value": f"${{{{parent.outputs.{one}}}}}"} for one in outputs},
    }
    return control.create_component(
        name, {"type": "pipeline", "inputs": inputs, "outputs": outputs, "jobs": {"work": step}}
    )


def first_model(control: ControlClient, name: str, component: str) -> str:
    """Trains on the first data, and registers what comes of it as version 1; the id of that."""
    stored = f"azureml://datastores/{DATASTORES[HISTORY]}/paths/{name}"
    job = control.put_job(
        f"{name}-first",
        {
            "jobType": "Pipeline",
            "componentId": component,
            "experimentName": "first",
            "settings": {"default_compute": f"{control.scope}/computes/{COMPUTE}"},
            "inputs": {"data": {"jobInputType": "uri_file", "uri": f"{stored}/first.csv"}},
            "outputs": {"model": {"jobOutputType": "uri_file", "uri": f"{stored}/first.ilearner"}},
        },
    )
    ended = control.wait_job(job["name"], PATIENCE)
    assert ended["status"] == "Completed", ended
    return str(control.register_model(name, "1", f"{stored}/first.ilearner", jobName=job["name"])["id"])


def serve(control: ControlClient, name: str, component: str, model: str) -> None:
    """A batch endpoint whose default deployment scores with this model."""
    create_endpoint(control, name)
    deploy(control, name, "first", fixed(control, component, f"{name}-score-first", model))


def fixed(control: ControlClient, component: str, name: str, model: str) -> str:
    """The scoring component under another name, with this model in its step instead of an input for one; its id."""
    spec = control.arm("GET", component.partition(f"{control.scope}/")[2])["properties"]["componentSpec"]
    spec["jobs"]["work"]["inputs"]["model"] = {"job_input_type": "custom_model", "uri": model}
    del spec["inputs"]["model"], spec["name"], spec["version"]
    return control.create_component(name, spec)


def create_endpoint(control: ControlClient, name: str) -> None:
    """A batch endpoint without deployments."""
    path = f"batchEndpoints/{name}"
    control.arm("PUT", path, {"authMode": "AADToken"}, location="eastus2")
    _settled(control, path)


def deploy(control: ControlClient, endpoint: str, name: str, component: str) -> None:
    """A deployment of a pipeline component, which becomes the endpoint's default one."""
    path = f"batchEndpoints/{endpoint}"
    configuration = {
        "deploymentConfigurationType": "PipelineComponent",
        "componentId": {"referenceType": "Id", "assetId": component},
        "settings": {"default_compute": f"{control.scope}/computes/{COMPUTE}"},
    }
    control.arm("PUT", f"{path}/deployments/{name}", {"deploymentConfiguration": configuration}, location="eastus2")
    _settled(control, f"{path}/deployments/{name}")
    properties = {"authMode": "AADToken", "defaults": {"deploymentName": name}}
    control.arm("PUT", path, properties, location="eastus2")
    _settled(control, path)


def _settled(control: ControlClient, path: str) -> None:
    end = time.monotonic() + PATIENCE
    while (state := control.arm("GET", path)["properties"]["provisioningState"]) != "Succeeded":
        assert state not in ("Failed", "Canceled") and time.monotonic() < end, f"{path} is {state}"
        time.sleep(0.05)


def _table(stores: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{container} = {_quoted(store)}" for container, store in stores.items()) + " }"


def _quoted(text: str) -> str:
    """A TOML string; JSON's are among them."""
    return msgspec.json.encode(text).decode()
