"""A training service and a scoring service on the stand-in of Studio, and clients for them."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from local.services.studio.client import StudioClient
from retrain.ports import JobState
from retrain.run import Actor, Artifact, Run, State
from shared.services.studio.batch import StudioBatch, StudioBatchSettings
from shared.services.studio.classic import StudioClassic, StudioClassicSettings
from shared.storage.accounts import Storage
from shared.storage.blobs import AzureBlobs
from tests.waiting import ended

COLUMNS = ("age", "hours", "job")
SWITCHES = {
    "statusEncoding": "string", "cancelledSpelling": "Cancelled", "detailsWhenNull": "null", "startStatus": 200,
    "cancelStatus": 200, "patchStatus": 200, "propagationDelay": 0, "siblingKey": "accept", "sasLifetime": 86400,
}  # fmt: skip


def people(rows: int, seed: int, sign: int = 1) -> str:
    """A CSV of people whose income depends on age and hours; `sign` -1 turns the world around."""
    chance = random.Random(seed)
    lines = [",".join((*COLUMNS, "income"))]
    for _ in range(rows):
        age, hours, job = chance.randint(18, 70), chance.randint(10, 60), chance.choice(["clerk", "smith", "cook"])
        rich = sign * (age - 44 + hours - 35) + chance.gauss(0, 6) > 0
        lines.append(f"{age},{hours},{job},{'>50K' if rich else '<=50K'}")
    return "\n".join(lines) + "\n"


class World:
    """What the tests share: storage, the stand-in, its services, and how to make clients."""

    def __init__(self, studio: StudioClient, storage: Storage, text: str, other: str) -> None:
        self.studio = studio
        self.storage, self.other = text, other  # connection strings, of the workspaces' account and of another
        self.blobs: AzureBlobs = storage.blobs
        self.workspace = studio.create_workspace("tests")
        experiment = studio.create_training_experiment(
            self.workspace, "Income", "classification", "income", csv=people(300, 1)
        )
        studio.run_experiment(self.workspace, experiment["id"])
        predictive = studio.derive_predictive(self.workspace, experiment["id"])
        self.predictive = str(predictive["id"])
        scoring = studio.deploy(self.workspace, predictive["id"])
        self.scoring = str(scoring["WebServiceGroupId"])
        studio.add_outputs(self.workspace, experiment["id"])
        self.training = studio.deploy(self.workspace, experiment["id"])
        for name in ("live", "trial"):
            studio.create_endpoint(self.workspace, self.scoring, name)
        self.resource = str(self.endpoint("live")["Resources"][0]["Name"])

    def calm(self) -> None:
        """Takes back what a test ordered, and waits for jobs it left: they would use up what the next one orders."""
        self.studio.clear_faults()
        self.studio.release_jobs()
        self.studio.switches(**SWITCHES)
        until = time.monotonic() + 30
        while any(job["state"] in ("Queued", "Running") for job in self.studio.jobs()):
            assert time.monotonic() < until, "jobs of a test do not end"
            time.sleep(0.02)

    def endpoint(self, name: str) -> dict[str, Any]:
        """An endpoint of the scoring service as management shows it."""
        return self.studio.get_endpoint(self.workspace, self.scoring, name)

    def trainer_at(self, service: str, **settings: Any) -> StudioBatch:
        """A trainer for a service's default endpoint; `key` replaces the right one."""
        shown = self.studio.get_endpoint(self.workspace, service)
        env = {"TRAINING_KEY": settings.pop("key", shown["PrimaryKey"])}
        url = settings.pop("url", shown["ApiLocation"] + "/jobs?api-version=2.0")
        return StudioBatch.of(StudioBatchSettings(url=url, key="env:TRAINING_KEY", **settings), self.blobs, env)

    def trainer(self, **settings: Any) -> StudioBatch:
        """A trainer for the training service."""
        return self.trainer_at(str(self.training["WebServiceGroupId"]), **settings)

    def model(self, seed: int, sign: int = 1) -> Artifact:
        """A candidate, trained by the training service; `sign` -1 turns the world around."""
        folder, blob = f"runs/income/{seed}", f"candidates/income/model{seed}.ilearner"
        self.blobs.write(f"{folder}/data.csv", people(400, seed, sign).encode())
        self.blobs.write("candidates/income/note.txt", b"makes the container")
        trainer = self.trainer()
        job = trainer.submit(a_run(), f"{folder}/data.csv", blob, f"{folder}/metrics.csv")
        trainer.start(job)
        status = ended(trainer, job)
        assert status.state is JobState.SUCCEEDED, status.details
        return Artifact(blob=blob, sha256=sha256(self.blobs.read(blob)).hexdigest())

    def url(self, name: str, service: str = "") -> str:
        """A PATCH URL."""
        return self.studio.patch_url(self.workspace, service or self.scoring, name)

    def endpoint_client(self, keys: tuple[str, str] | None = None, **settings: Any) -> StudioClassic:
        """A client with `live` as production and `trial` as staging; `keys` replaces the right ones."""
        given = keys or (self.endpoint("live")["PrimaryKey"], self.endpoint("trial")["PrimaryKey"])
        names = {"production": self.url("live"), "staging": self.url("trial")} | settings
        whole = StudioClassicSettings(production_key="env:LIVE_KEY", staging_key="env:TRIAL_KEY", **names)
        return StudioClassic.of(whole, self.blobs, {"LIVE_KEY": given[0], "TRIAL_KEY": given[1]})


def a_run(**parameters: str) -> Run:
    """A run in training, with these parameters."""
    return Run(
        id="income~0123456789abcdef",
        target="income",
        state=State.TRAINING,
        order="",
        door="http",
        actor=Actor(kind="person"),
        created=datetime.now(UTC),
        parameters=parameters,
    )
