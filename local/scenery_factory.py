"""A model whose training is a pipeline of the local Data Factory: what it needs there, and its configuration.

The model itself is served by Studio (classic), as `local.scenery` makes it; the pipeline trains with the same web
service that its trainer `studio-batch` would call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from local.scenery import Scene
from local.services.datafactory.client import FactoryClient

PIPELINE = "retrain"
STORAGE_LINK, TRAINING_LINK, SCORING_LINK = "storage", "training", "scoring"


def through_factory(services: str, storage: str, scene: Scene, handed: Mapping[str, str] | None = None) -> Scene:
    """The same model with a pipeline as its trainer. Repeating it makes the factory as it was at first.

    `services` is where they are, `storage` the app's own account. `handed` are parameters of the web service that a
    run may set, with the pipeline's defaults.
    """
    factory = FactoryClient(services, f"{scene.name}-factory")
    try:
        link(factory, storage, scene)
        factory.put("pipelines", PIPELINE, training_pipeline(handed=handed))
        return replace(scene, toml=driven_by(scene, f"{factory.resource}/pipelines/{PIPELINE}"))
    finally:
        factory.close()


def link(factory: FactoryClient, storage: str, scene: Scene) -> None:
    """The linked services: the app's storage, the training web service, and the endpoint that is updated."""
    variable = scene.name.upper().replace("-", "_")
    for name, kind, properties in (
        (STORAGE_LINK, "AzureBlobStorage", {"connectionString": secured(storage)}),
        (TRAINING_LINK, "AzureML", machine_learning(scene.training)),
        (
            SCORING_LINK,
            "AzureML",
            {
                "mlEndpoint": f"{scene.live['ApiLocation']}/jobs",
                "apiKey": secured(scene.keys[f"{variable}_LIVE_KEY"]),
                "updateResourceEndpoint": scene.patch_url,
            },
        ),
    ):
        factory.put("linkedservices", name, {"type": kind, "typeProperties": properties})


def machine_learning(endpoint: dict[str, Any]) -> dict[str, Any]:
    """typeProperties of the linked service of a web service's endpoint."""
    return {"mlEndpoint": f"{endpoint['ApiLocation']}/jobs", "apiKey": secured(endpoint["PrimaryKey"])}


def secured(text: str) -> dict[str, str]:
    """A secret as a linked service holds it."""
    return {"type": "SecureString", "value": text}


def reference(name: str) -> dict[str, str]:
    """A linked service, as activities name it."""
    return {"referenceName": name, "type": "LinkedServiceReference"}


def training_activity(name: str = "train", handed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Trains on `dataPath`, and writes the evaluation to `metricsPath` and the model to `modelPath`."""

    def file(parameter: str) -> dict[str, Any]:
        return {"linkedServiceName": reference(STORAGE_LINK), "filePath": f"@pipeline().parameters.{parameter}"}

    return {
        "name": name,
        "type": "AzureMLBatchExecution",
        "linkedServiceName": reference(TRAINING_LINK),
        "policy": {"timeout": "0.02:00:00", "retry": 0},
        "typeProperties": {
            "webServiceInputs": {"input1": file("dataPath")},
            "webServiceOutputs": {"output1": file("metricsPath"), "output2": file("modelPath")},
            "globalParameters": {one: f"@pipeline().parameters['{one}']" for one in handed or {}},
        },
    }


def training_pipeline(*more: dict[str, Any], handed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A pipeline that trains for Retrain; `more` are further activities."""
    filled = {name: {"type": "String"} for name in ("dataPath", "modelPath", "metricsPath", "retrainRun")}
    chosen = {name: {"type": "String", "defaultValue": value} for name, value in (handed or {}).items()}
    return {"parameters": filled | chosen, "activities": [training_activity(handed=handed), *more]}


def driven_by(scene: Scene, pipeline: str) -> str:
    """The scene's configuration with the pipeline as its trainer."""
    head, _, rest = scene.toml.partition(f"[models.{scene.name}.trainer]\n")
    tail = rest[rest.index(f"[models.{scene.name}.endpoint]") :]
    return f'{head}[models.{scene.name}.trainer]\nkind = "data-factory"\nurl = "{pipeline}"\n\n{tail}'
