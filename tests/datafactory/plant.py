"""A factory beside a model that is served, and something that activities can call: what these tests work with."""

from __future__ import annotations

import itertools
import random
from typing import Any

from azure.storage.blob import BlobServiceClient

from local import scenery_factory
from local.scenery import Scene, stage
from local.services.datafactory.client import FactoryClient
from local.services.studio.client import StudioClient

Json = dict[str, Any]
CONTAINER = "plant"
_names = itertools.count()


def line(slope: float, rows: int = 60) -> str:
    """x and y = slope * x: learnable, and different for every slope."""
    chance = random.Random(1)
    points = [chance.uniform(0, 10) for _ in range(rows)]
    return "\n".join(["x,y", *(f"{x:.4f},{slope * x:.4f}" for x in points)]) + "\n"


class Plant:
    """The services at `url`: a model of `line`, its linked services, storage; and pipelines made as they are needed."""

    def __init__(self, url: str, storage: str):
        self.url, self.storage = url, storage
        self.studio = StudioClient(url)
        given = {"task": "regression", "label": "y", "learner": "linear-regression", "metric": "rmse"}
        self.scene: Scene = stage(self.studio, "line", line(2), **given)
        self.factory = FactoryClient(url, "plant")
        scenery_factory.link(self.factory, storage, self.scene)
        self.blobs = BlobServiceClient.from_connection_string(storage)
        if not self.blobs.get_container_client(CONTAINER).exists():
            self.blobs.create_container(CONTAINER)
        self.write("train.csv", line(5))

    def close(self) -> None:
        """Closes the connections."""
        for one in (self.studio, self.factory, self.blobs):
            one.close()

    def write(self, name: str, text: str) -> None:
        """A file."""
        self.blobs.get_blob_client(CONTAINER, name).upload_blob(text.encode(), overwrite=True)

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        return self.blobs.get_blob_client(CONTAINER, name).download_blob().readall()

    def pipeline(self, *activities: Json, **more: Any) -> str:
        """A new pipeline of these activities; its name."""
        name = f"pipeline{next(_names)}"
        self.factory.put("pipelines", name, {"activities": list(activities), **more})
        return name

    def training(self, *more: Json) -> str:
        """A pipeline that trains, and what comes after."""
        name = f"training{next(_names)}"
        self.factory.put("pipelines", name, scenery_factory.training_pipeline(*more))
        return name

    def paths(self, tag: str = "") -> Json:
        """The parameters of a training."""
        return {
            "dataPath": f"{CONTAINER}/train.csv",
            "modelPath": f"{CONTAINER}/{tag}model.ilearner",
            "metricsPath": f"{CONTAINER}/{tag}metrics.csv",
            "retrainRun": tag or "by hand",
        }

    def outcome(self, *activities: Json, parameters: Json | None = None, **more: Any) -> tuple[Json, dict[str, Json]]:
        """Runs these activities to their end: the run, and the last attempt of each activity by name."""
        ident = self.factory.start(self.pipeline(*activities, **more), **(parameters or {}))
        run = self.factory.ended(ident)
        return run, {one["activityName"]: one for one in self.factory.activities(ident)}

    def predict(self, x: float) -> float:
        """What the live endpoint says."""
        live = self.scene.live
        body = {"Inputs": {"input1": {"ColumnNames": ["x", "y"], "Values": [[str(x), "0"]]}}, "GlobalParameters": {}}
        url = f"{live['ApiLocation']}/execute?api-version=2.0&details=true"
        found = self.studio.call("POST", url, live["PrimaryKey"], body).json()
        return float(found["Results"]["output1"]["value"]["Values"][0][-1])


def activity(kind: str, name: str, after: str | Json = "", **properties: Any) -> Json:
    """An activity; `after` is the one that has to succeed, or a table of conditions by name."""
    wanted = after if isinstance(after, dict) else {after: ["Succeeded"]} if after else {}
    depends = [{"activity": one, "dependencyConditions": conditions} for one, conditions in wanted.items()]
    made = {"name": name, "type": kind, "dependsOn": depends, "typeProperties": properties}
    return made | ({"userProperties": []})


def wait(name: str, after: str | Json = "", seconds: float = 0) -> Json:
    """A Wait."""
    return activity("Wait", name, after, waitTimeInSeconds=seconds)


def failing(name: str, after: str | Json = "") -> Json:
    """A Fail."""
    return activity("Fail", name, after, message=f"{name} fails", errorCode="77")
