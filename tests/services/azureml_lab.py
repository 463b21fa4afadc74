"""A local workspace of today's Azure ML with components of one model, and Retrain's clients for it."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import Any
from uuid import uuid4

from local.scenery_azureml import (
    COMPUTE,
    DATASTORES,
    create_endpoint,
    scoring_component,
    serve,
    training_component,
)
from local.services.azureml.batch.switches import TABLE as BATCH
from local.services.azureml.control.client import ControlClient
from local.services.azureml.control.switches import TABLE
from local.services.tokens.client import managed_token
from retrain.ports import JobState
from retrain.run import Artifact, Run
from shared.services.azureml.endpoint import AzureMlEndpoint, AzureMlEndpointSettings
from shared.services.azureml.registry import MlRegistry
from shared.services.azureml.trainer import AzureMlTrainer, AzureMlTrainerSettings
from shared.services.azureml.workspace import Workspace
from shared.services.http import Http
from shared.storage.blobs import AzureBlobs
from tests.waiting import ended

from .pipeline_lab import replace_id
from .world import a_run, people

NAME = "income"
TRAINING = "runs/income/azureml/training.csv"


class AzureMlLab:
    """What the tests share."""

    def __init__(self, url: str, storage: str, blobs: AzureBlobs) -> None:
        self.control = ControlClient(url, "today")
        self.blobs, self.storage = blobs, storage
        self.control.create_workspace()
        self.control.create_compute(COMPUTE)
        for container, store in DATASTORES.items():
            blobs.write(f"{container}/income/note.txt", b"makes the container")
            self.control.register_datastore(store, container, storage)
        self.training = training_component(self.control, NAME, "classification", "income", "logistic-regression")
        self.scoring = scoring_component(self.control, NAME)
        blobs.write(TRAINING, people(400, 2).encode())

    def close(self) -> None:
        """Closes connections."""
        self.control.close()

    def calm(self) -> None:
        """Takes back what a test ordered."""
        self.control.clear_faults()
        self.control.switches(**{name: switch.default for name, switch in {**TABLE, **BATCH}.items()})
        self.control.role("Contributor")

    def token(self, scope: str) -> str:
        """What the app's identity would be given."""
        return managed_token(self.control.url, scope)

    @property
    def workspace(self) -> str:
        """The workspace's address at Resource Manager."""
        return self.control.url + self.control.scope

    def settings(self, **settings: Any) -> AzureMlTrainerSettings:
        """Of a trainer by the component; what is given replaces settings."""
        given = {"workspace": self.workspace, "datastores": DATASTORES, **settings}
        if not {"command", "endpoint", "component"} & given.keys():
            given |= {"component": f"{NAME}-train:1", "compute": COMPUTE}
        return AzureMlTrainerSettings(**given)

    def trainer(self, token: Any = None, **settings: Any) -> AzureMlTrainer:
        """A client of what trains."""
        whole = self.settings(**settings)
        assert whole.problems() == []
        http = Http(whole.workspace, sleep=lambda _: None)
        return AzureMlTrainer(whole, self.blobs, http=http, token=token or self.token)

    def registry(self, name: str) -> MlRegistry:
        """A client of one registered model."""
        return MlRegistry(Workspace(self.workspace, DATASTORES, token=self.token), name, self.blobs)

    def run(self, **parameters: str) -> Run:
        """A run of its own."""
        return replace_id(a_run(**parameters), f"income~{uuid4().hex[:16]}")

    def submitted(self, trainer: AzureMlTrainer, run: Run | None = None, data: str = TRAINING) -> str:
        """The id of a job for a run of its own, or for this one."""
        run = run or self.run()
        folder = f"{run.id.replace('~', '/')}/{run.attempt}"
        return trainer.submit(run, data, f"candidates/{folder}/model.ilearner", f"runs/{folder}/metrics.csv")

    def trained(self, trainer: AzureMlTrainer, run: Run | None = None) -> str:
        """The same of a job that succeeded."""
        job = self.submitted(trainer, run)
        status = ended(trainer, job)
        assert status.state is JobState.SUCCEEDED, status.details
        return job

    def artifact(self, content: bytes = b"") -> Artifact:
        """A model's file in our own storage; what is in it does not matter to whoever registers it."""
        content = content or uuid4().bytes
        blob = f"candidates/income/{uuid4().hex[:16]}/1/model.ilearner"
        self.blobs.write(blob, content)
        return Artifact(blob=blob, sha256=sha256(content).hexdigest(), size=len(content))

    def jobs_of(self, run: Run) -> list[dict[str, Any]]:
        """The workspace's jobs that carry this run's tag."""
        listed = self.control.arm("GET", "jobs")["value"]
        return [one for one in listed if (one["properties"].get("tags") or {}).get("retrainRun") == run.id]

    @cached_property
    def first(self) -> Artifact:
        """A model that scores."""
        return self.candidate(1)

    def candidate(self, seed: int) -> Artifact:
        """A model of its own, trained on the people of this seed."""
        data = f"runs/income/azureml/people{seed}.csv"
        self.blobs.write(data, people(300, seed).encode())
        trainer, run = self.trainer(), self.run()
        assert ended(trainer, self.submitted(trainer, run, data)).state is JobState.SUCCEEDED
        return look_at(self.blobs, f"candidates/{run.id.replace('~', '/')}/1/model.ilearner")

    def endpoint(self, name: str = "", *, live: bool = True, **settings: Any) -> AzureMlEndpoint:
        """A client of a batch endpoint of its own, which serves `first` unless nothing is `live`."""
        fresh, name = not name, name or f"income-{uuid4().hex[:8]}"
        if fresh and live:
            model = self.registry(name).version_of(self.first)
            serve(self.control, name, self.scoring, model)
        elif fresh:
            create_endpoint(self.control, name)
        given = {"workspace": self.workspace, "endpoint": name, "component": f"{NAME}-score:1", "registry": name}
        whole = AzureMlEndpointSettings(**{**given, "compute": COMPUTE, "datastores": DATASTORES, **settings})
        assert whole.problems() == []
        return AzureMlEndpoint(whole, self.blobs, http=Http(self.workspace, sleep=lambda _: None), token=self.token)


def look_at(blobs: AzureBlobs, blob: str) -> Artifact:
    """The model that lies there."""
    content = blobs.read(blob)
    return Artifact(blob=blob, sha256=sha256(content).hexdigest(), size=len(content))
