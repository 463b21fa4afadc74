"""A running stand-in of Studio over Azurite, with a training service and a scoring service, and clients for them.

The same tests run against other services of this protocol when RETRAIN_LIVE_STUDIO (a TOML file, see `Live`) is set.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.azurite import Azurite
from local.services.studio.client import StudioClient
from local.services.studio.launch import StudioProcess
from retrain.run import Actor, Run, State
from shared.services.studio_batch import StudioBatch, StudioBatchSettings
from shared.services.studio_classic import StudioClassic, StudioClassicSettings
from shared.storage.accounts import Account, Storage
from shared.storage.blobs import AzureBlobs

COLUMNS = ("age", "hours", "job")


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

    def __init__(self, studio: StudioClient, storage: Storage) -> None:
        self.studio = studio
        self.blobs: AzureBlobs = storage.blobs
        self.workspace = studio.create_workspace("tests")
        experiment = studio.create_training_experiment(
            self.workspace, "Income", "classification", "income", csv=people(300, 1)
        )
        studio.run_experiment(self.workspace, experiment["id"])
        predictive = studio.derive_predictive(self.workspace, experiment["id"])
        scoring = studio.deploy(self.workspace, predictive["id"])
        self.scoring = str(scoring["WebServiceGroupId"])
        studio.add_outputs(self.workspace, experiment["id"])
        self.training = studio.deploy(self.workspace, experiment["id"])
        for name in ("live", "trial"):
            studio.create_endpoint(self.workspace, self.scoring, name)
        self.resource = str(self.endpoint("live")["Resources"][0]["Name"])

    def endpoint(self, name: str) -> dict[str, Any]:
        """An endpoint of the scoring service as management shows it."""
        return self.studio.get_endpoint(self.workspace, self.scoring, name)

    def trainer_at(self, service: str, **settings: Any) -> StudioBatch:
        """A trainer for a service's default endpoint; `key` replaces the right one."""
        shown = self.studio.get_endpoint(self.workspace, service)
        env = {"TRAINING_KEY": settings.pop("key", shown["PrimaryKey"])}
        url = settings.pop("url", shown["ApiLocation"] + "/jobs?api-version=2.0")
        return StudioBatch.of(StudioBatchSettings(url=url, key="env:TRAINING_KEY", **settings), self.blobs.sign, env)

    def trainer(self, **settings: Any) -> StudioBatch:
        """A trainer for the training service."""
        return self.trainer_at(str(self.training["WebServiceGroupId"]), **settings)

    def url(self, name: str, service: str = "") -> str:
        """A PATCH URL."""
        return self.studio.patch_url(self.workspace, service or self.scoring, name)

    def endpoint_client(self, keys: tuple[str, str] | None = None, **settings: Any) -> StudioClassic:
        """A client with `live` as production and `trial` as staging; `keys` replaces the right ones."""
        given = keys or (self.endpoint("live")["PrimaryKey"], self.endpoint("trial")["PrimaryKey"])
        names = {"production": self.url("live"), "staging": self.url("trial")} | settings
        whole = StudioClassicSettings(production_key="env:LIVE_KEY", staging_key="env:TRIAL_KEY", **names)
        return StudioClassic.of(whole, self.blobs.sign, {"LIVE_KEY": given[0], "TRIAL_KEY": given[1]})

    def run(self, **parameters: str) -> Run:
        """A run in training."""
        actor = Actor(kind="person")
        now = datetime.now(UTC)
        return Run(
            id="income~0123456789abcdef", target="income", state=State.TRAINING, order="", door="http", actor=actor,
            created=now, parameters=parameters,
        )  # fmt: skip


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("studio")
    with Azurite() as azurite:
        text = azurite.connection_string
        storage = Storage(Account.from_connection_string(text))
        process = StudioProcess(folder, text, workers=1, switches={"propagationDelay": 0}, log=folder / "studio.log")
        with process as studio:
            client = StudioClient(studio.url)
            made = World(client, storage)
            made.blobs.write("runs/income/train.csv", people(400, 2).encode())
            yield made
            client.close()
            storage.close()


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Takes back what a test ordered from the stand-in."""
    yield
    if "world" in request.fixturenames:
        shared: World = request.getfixturevalue("world")
        shared.studio.clear_faults()
        shared.studio.release_jobs()
        shared.studio.switches(
            statusEncoding="string", cancelledSpelling="Cancelled", detailsWhenNull="null", startStatus=200,
            cancelStatus=200, patchStatus=200, propagationDelay=0, siblingKey="accept", sasLifetime=86400,
        )  # fmt: skip
