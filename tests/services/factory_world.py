"""A local Data Factory beside the stand-in of Studio, and clients of Retrain for its pipelines."""

from __future__ import annotations

import itertools
from typing import Any

from local import scenery_factory
from local.services.datafactory.client import FactoryClient
from retrain.run import Run
from shared.services.arm import MANAGEMENT, Arm
from shared.services.data_factory.trainer import DataFactory, DataFactorySettings
from shared.services.http import Http

from .world import World, a_run

DATA, MODEL, METRICS = "runs/income/train.csv", "candidates/income/model.ilearner", "runs/income/metrics.csv"
SWITCHES = {"queryLag": 0, "queryPageSize": 100, "cancelEnded": 200, "undeclaredParameters": "ignore", "runDelay": 0}
_names = itertools.count()


class FactoryWorld:
    """A factory whose linked services are the tests' own storage (by its identity) and training service."""

    def __init__(self, world: World) -> None:
        self.world, self.studio = world, world.studio
        self.factory = FactoryClient(world.studio.url, "income-factory")
        account = world.blobs.url("runs/x").removesuffix("/runs/x")
        training = world.studio.get_endpoint(world.workspace, str(world.training["WebServiceGroupId"]))
        for name, kind, properties in (
            ("storage", "AzureBlobStorage", {"serviceEndpoint": account}),
            ("training", "AzureML", scenery_factory.machine_learning(training)),
        ):
            self.factory.put("linkedservices", name, {"type": kind, "typeProperties": properties})
        world.blobs.write(MODEL, b"")  # makes the container
        world.blobs.delete(MODEL)

    def pipeline(self, properties: dict[str, Any] | None = None, **handed: str) -> str:
        """A new pipeline: the one that trains, or any other; its name."""
        name = f"pipeline{next(_names)}"
        self.factory.put("pipelines", name, properties or scenery_factory.training_pipeline(handed=handed))
        return name

    def trainer(self, pipeline: str = "", **settings: Any) -> DataFactory:
        """A client for a pipeline."""
        pipeline = pipeline or self.pipeline()
        url = settings.pop("url", f"{self.factory.resource}/pipelines/{pipeline}")

        def token(scope: str) -> str:
            assert scope == MANAGEMENT
            return self.factory.token

        sign = self.world.blobs.sign
        return DataFactory(DataFactorySettings(url=url, **settings), sign, Arm(Http(url), token))

    def calm(self) -> None:
        """Takes back what a test ordered, and ends the runs it left: they would go on asking the training service, use
        up faults that other tests order, and stand in their logs."""
        self.studio.switches(**SWITCHES)
        self.studio.clear_faults()
        self.studio.release_jobs()
        at_work = {"operand": "Status", "operator": "In", "values": ["Queued", "InProgress", "Canceling"]}
        left = [str(run["runId"]) for run in self.factory.runs(filters=[at_work])]
        for run in left:
            self.factory.cancel(run)
        for run in left:
            self.factory.ended(run)
        self.studio.clear_log()

    def calls(self, word: str) -> list[dict[str, Any]]:
        """What the services were asked so far that has this word in its address."""
        return [seen for seen in self.studio.log() if word in seen["path"]]


def submitted(trainer: DataFactory, run: Run | None = None) -> str:
    """A job for a run."""
    return trainer.submit(run or a_run(), DATA, MODEL, METRICS)
