"""Every kind of service, made on this machine, for the tests that each of them must pass.

A case is a model whose trainer and endpoint are of some kinds, as a configuration makes it. A new kind is one more line
in `SCENES`. With RETRAIN_LIVE_MODELS (a models.toml) and RETRAIN_LIVE_DATA (`container/name.csv` with at least twelve
labelled rows, in the storage account that AzureWebJobsStorage names) each model of that file is one more case: its
services are called for real, and both of its slots are changed and given their model back.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from local import scenery_azureml, scenery_designer
from local.scenery import Scene, stage
from local.scenery_azureml import AzureMlScene
from local.scenery_designer import DesignerScene
from local.scenery_factory import through_factory
from local.scenery_online import served_online
from local.scenery_service import deployed_anew
from local.services.azureml.client import DesignerClient
from local.services.azureml.control.client import ControlClient
from local.services.azureml.online.client import OnlineClient
from local.services.studio.client import StudioClient
from retrain.model import Model
from retrain.ports import Endpoint, JobState, JobStatus, Ports, Rows, Slot, Trainer
from retrain.run import Actor, Artifact, Run, State
from shared.wiring import wire
from tests.waiting import awaited

LIVE = "RETRAIN_LIVE_MODELS"
DATA, TURNED = "runs/contract/train.csv", "runs/contract/turned.csv"
PATIENCE = 1800.0 if LIVE in os.environ else 60.0  # seconds for a job; on this machine they take one or two
LABEL = "income"


@dataclass(frozen=True)
class Faults:
    """Operations of a stand-in by what a client does. `weight` is the parameter of its jobs that changes the model."""

    submit: str = ""
    poll: str = ""
    begin: str = ""
    score: str = ""
    weight: str = "L2 Weight"


@dataclass(frozen=True)
class Case:
    """One model with its services. `services` steers the stand-ins; there is none for a live service."""

    name: str
    ports: Ports
    model: Model
    data: str
    services: StudioClient | None = None
    trainer_faults: Faults = field(default_factory=Faults)
    endpoint_faults: Faults = field(default_factory=Faults)

    @property
    def trainer(self) -> Trainer:
        return self.ports.services.trainer(self.model)

    @property
    def endpoint(self) -> Endpoint:
        return self.ports.services.endpoint(self.model)

    @property
    def staging(self) -> Slot:
        return self.endpoint.staging()[0]

    def run(self, attempt: int = 1, **parameters: str) -> Run:
        """A run of this case that no other test has."""
        now = self.ports.now()
        ident = f"{self.model.name}~{sha256(str(time.time_ns()).encode()).hexdigest()[:16]}"
        return Run(
            id=ident, target=self.model.name, state=State.TRAINING, order="", door="http", actor=Actor(kind="person"),
            created=now, attempt=attempt, parameters=parameters,
        )  # fmt: skip

    def rows(self, count: int = 12) -> Rows:
        """Rows of the data to be scored, without their label."""
        header, *lines = self.table()
        place = header.index(self.model.label)
        return Rows(columns=_without(header, place), values=tuple(_without(line, place) for line in lines[:count]))

    def table(self) -> list[list[str]]:
        """The data, its header first."""
        return list(csv.reader(self.ports.blobs.read(self.data).decode("utf-8-sig").splitlines()))

    def turned(self) -> str:
        """A blob of the same rows, with their labels in the opposite order: another model comes of it."""
        header, *lines = self.table()
        place = header.index(self.model.label)
        labels = [line[place] for line in reversed(lines)]
        rows = ([*line[:place], label, *line[place + 1 :]] for line, label in zip(lines, labels, strict=True))
        self.ports.blobs.write(TURNED, "".join(",".join(row) + "\n" for row in (header, *rows)).encode())
        return TURNED

    def submit(self, run: Run, data: str = "") -> str:
        """A job for the run, over the case's own data or other."""
        folder = f"candidates/{run.id.replace('~', '/')}/{run.attempt}"
        metrics = f"runs/{run.id.replace('~', '/')}/metrics.csv"
        return self.trainer.submit(run, data or self.data, f"{folder}/model.ilearner", metrics)

    def ended(self, job: str) -> JobStatus:
        """How a job that was started ended."""
        return awaited(lambda: self.trainer.poll(job), PATIENCE)

    def trained(self, data: str = "", **parameters: str) -> Artifact:
        """A model that the trainer made, kept in our storage."""
        run = self.run(**parameters)
        job = self.submit(run, data)
        self.trainer.start(job)
        status = self.ended(job)
        assert status.state is JobState.SUCCEEDED, status.details
        content = b"".join(self.trainer.download(self.trainer.results(job).artifact))
        blob = f"candidates/{run.id.replace('~', '/')}/kept.ilearner"
        self.ports.blobs.write(blob, content)
        return Artifact(blob=blob, sha256=sha256(content).hexdigest(), size=len(content))

    def given(self, slot: Slot, artifact: Artifact) -> JobStatus:
        """The slot was given a model, and the service said how that went."""
        begun = self.endpoint.begin(slot, artifact)
        if not begun.operation:
            return JobStatus(state=JobState.SUCCEEDED)
        return awaited(Followed(self.endpoint, slot, begun.operation), PATIENCE)

    def scores(self, slot: Slot) -> list[float]:
        """What the slot answers, by rows or by file, whichever the service does."""
        return self.scores_by_file(slot) if slot.by_file else self.endpoint.score(slot, self.rows())

    def scores_by_file(self, slot: Slot) -> list[float]:
        """What the slot writes into a file."""
        rows, folder = self.rows(), f"runs/contract/{time.time_ns()}"
        text = "\n".join(",".join(row) for row in (rows.columns, *rows.values)) + "\n"
        self.ports.blobs.write(f"{folder}/rows.csv", text.encode())
        job = self.endpoint.score_file(slot, f"{folder}/rows.csv", f"{folder}/scores.csv")
        status = awaited(lambda: self.endpoint.scored_file(slot, job), PATIENCE)
        assert status.state is JobState.SUCCEEDED, status.details
        return self.endpoint.scores_in(self.ports.blobs.open(f"{folder}/scores.csv"))


class Followed:
    """A change, looked at as the domain does: each time what the look before gave is checked."""

    def __init__(self, endpoint: Endpoint, slot: Slot, operation: str) -> None:
        self._endpoint, self._slot, self._operation = endpoint, slot, operation

    def __call__(self) -> JobStatus:
        status = self._endpoint.check(self._slot, self._operation)
        self._operation = status.operation or self._operation
        return status


def _without(row: list[str], place: int) -> tuple[str, ...]:
    return tuple(row[:place] + row[place + 1 :])


Maker = Callable[[StudioClient, str, str, str], Scene | DesignerScene | AzureMlScene]
"""(services, storage, name, CSV text) → a model that is served, trained on that text."""


def _classic(services: StudioClient, storage: str, name: str, text: str) -> Scene:
    return stage(services, name, text, task="classification", label=LABEL, learner="logistic-regression", metric="auc",
                 settle=0)  # fmt: skip


def _designer(services: StudioClient, storage: str, name: str, text: str) -> DesignerScene:
    designer = DesignerClient(services.url, "contract")
    return scenery_designer.stage(
        designer, storage, name, text, label=LABEL, learner="Two-Class Logistic Regression", metric="auc",
        parameters={"L2 Weight": "L2 regularization weight"},
    )  # fmt: skip


def _factory(services: StudioClient, storage: str, name: str, text: str) -> Scene:
    handed = {"L2 Weight": "1.0"}
    return through_factory(services.url, storage, _classic(services, storage, name, text), handed)


def _new(services: StudioClient, storage: str, name: str, text: str) -> Scene:
    return deployed_anew(services, _classic(services, storage, name, text), storage)


def _azureml(services: StudioClient, storage: str, name: str, text: str) -> AzureMlScene:
    tried = 'scores = "deployment"\nstaging = "trial"'
    return scenery_azureml.stage(
        ControlClient(services.url, "contract-today"), storage, name, text, task="classification", label=LABEL,
        learner="logistic-regression", metric="auc", endpoint=tried,
    )  # fmt: skip


def _azureml_invoked(services: StudioClient, storage: str, name: str, text: str) -> AzureMlScene:
    return scenery_azureml.stage(
        ControlClient(services.url, "contract-today"), storage, name, text, task="classification", label=LABEL,
        learner="logistic-regression", metric="auc", by_endpoint=True,
    )  # fmt: skip


def _azureml_online(services: StudioClient, storage: str, name: str, text: str) -> AzureMlScene:
    online = OnlineClient(services.url, "contract-today")
    online.switches(onlineEndpointDelay=0.02, onlineDeploymentDelay=0.02)
    return served_online(online, _azureml(services, storage, name, text), "bake = 0", "settle = 0")


SCENES: Mapping[str, tuple[Maker, Faults, Faults]] = {
    "studio-batch to studio-classic": (
        _classic,
        Faults(submit="submitjob", poll="getjobstatus"),
        Faults(begin="patch", score="execute"),
    ),
    "pipeline-endpoint to model-pointer": (
        _designer,
        Faults(submit="submitpipelineendpoint", poll="getrundetails"),
        Faults(),
    ),
    "data-factory to studio-classic": (
        _factory,
        Faults(submit="createfactoryrun", poll="getfactoryrun"),
        Faults(begin="patch", score="execute"),
    ),
    "studio-batch to studio-service": (
        _new,
        Faults(submit="submitjob", poll="getjobstatus"),
        Faults(begin="patchwebservice", score="execute"),
    ),
    "azureml-batch to azureml-batch": (
        _azureml,
        Faults(submit="putmljob", poll="getmljob", weight="l2_weight"),
        Faults(begin="putbatchdeployment"),
    ),
    "azureml-batch by an endpoint to azureml-batch by jobs": (
        _azureml_invoked,
        Faults(submit="invokebatch", poll="getmljob", weight="l2_weight"),
        Faults(),
    ),
    "azureml-batch to azureml-online": (
        _azureml_online,
        Faults(submit="putmljob", poll="getmljob", weight="l2_weight"),
        Faults(begin="putonlinedeployment", score="scoreonline"),
    ),
}
"""By name: what makes the model, and the operations by which faults of trainer and endpoint are ordered."""


def stand_ins(endpoint_fault: str = "") -> pytest.MarkDecorator:
    """For tests that break something on purpose, which is not done to a live service; with `endpoint_fault` only the
    cases whose endpoint has an operation for it (a pointer in our own storage has none)."""
    names = [name for name, (_, _, faults) in SCENES.items() if not endpoint_fault or getattr(faults, endpoint_fault)]
    return pytest.mark.parametrize("subject", names, indirect=True)


def case(name: str, services: StudioClient, storage: str, folder: Path, text: str) -> Case:
    """The case of that name, with `text` as its data."""
    make, trainer, endpoint = SCENES[name]
    scene = make(services, storage, f"contract-{list(SCENES).index(name)}", text)
    file = folder / "models.toml"
    file.write_text(scene.toml, encoding="utf-8")
    ports = wire({"AzureWebJobsStorage": storage, "RETRAIN_MODELS_FILE": str(file), **scene.keys})
    ports.blobs.write(DATA, text.encode())
    (model,) = ports.models.all()
    return Case(name, ports, model, DATA, services, trainer, endpoint)


def live(env: Mapping[str, str]) -> list[Case]:
    """The models that the environment names, with real services."""
    if LIVE not in env:
        return []
    given: dict[str, Any] = {**env, "RETRAIN_MODELS_FILE": env[LIVE]}
    ports = wire(given)
    return [Case(f"live {model.name}", ports, model, env["RETRAIN_LIVE_DATA"]) for model in ports.models.all()]
