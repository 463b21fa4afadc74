"""A model in the local designer, its two pipelines, and clients for them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any
from uuid import uuid4

import msgspec

from local.scenery_designer import DATASTORES, stage
from local.services.azureml.client import DesignerClient
from local.services.azureml.switches import TABLE
from local.services.client import ServiceRefused
from local.services.tokens.client import managed_token
from retrain.ports import JobState
from retrain.run import Artifact, Run
from shared.services.designer.model_pointer import ModelPointer, ModelPointerSettings
from shared.services.designer.pipeline_endpoint import PipelineEndpoint, PipelineEndpointSettings
from shared.services.http import Http
from shared.storage.blobs import AzureBlobs
from tests.waiting import ended

from .world import a_run, people

NAME = "income"
TRAINING = "runs/income/designer/training.csv"


class PipelineLab:
    """What the tests share."""

    def __init__(self, url: str, storage: str, blobs: AzureBlobs) -> None:
        self.designer = DesignerClient(url, "clients")
        self.blobs = blobs
        self.scene = stage(
            self.designer,
            storage,
            NAME,
            people(300, 1),
            label="income",
            learner="Two-Class Logistic Regression",
            metric="auc",
        )
        blobs.write(TRAINING, people(400, 2).encode())
        self.pages = {name: switch.default for name, switch in TABLE.items()}

    def close(self) -> None:
        """Closes connections."""
        self.designer.close()

    def calm(self) -> None:
        """Takes back what a test ordered, and ends the runs it left: their steps would use up others' faults."""
        self.designer.clear_faults()
        self.designer.switches(**self.pages)
        self.designer.role("Contributor")
        for run in self.runs("Status ne Completed and Status ne Failed and Status ne Canceled"):
            self.designer.cancel(run["runId"])
        self.designer.release_jobs()

    def token(self, scope: str) -> str:
        """What the app's identity would be given."""
        return managed_token(self.designer.url, scope)

    @property
    def workspace(self) -> str:
        """The workspace's address at Resource Manager."""
        return self.designer.url + self.designer.scope

    def trainer(self, token: Any = None, **settings: Any) -> PipelineEndpoint:
        """A client of the training pipeline; what is given replaces settings."""
        given = {"url": self.scene.training["Url"], "datastores": DATASTORES, **settings}
        whole = PipelineEndpointSettings(**given)
        assert whole.problems() == []
        http = Http(whole.url or whole.workspace, sleep=lambda _: None)
        return PipelineEndpoint(whole, http=http, token=token or self.token)

    def endpoint(self, **settings: Any) -> ModelPointer:
        """A client of pointers of its own, the live one naming a model, and the inference pipeline."""
        folder = f"serving/{uuid4().hex[:8]}"
        given = {
            "production": f"{folder}/live.json",
            "staging": f"{folder}/staging.json",
            "inference": self.scene.inference["Url"],
            "datastores": DATASTORES,
            **settings,
        }
        first = self.blobs.read(self.scene.live)
        self.blobs.write(given["production"], first)
        whole = ModelPointerSettings(**given)
        assert whole.problems() == []
        return ModelPointer(whole, self.blobs, token=self.token)

    def run(self, **parameters: str) -> Run:
        """A run of its own."""
        return replace_id(a_run(**parameters), f"income~{uuid4().hex[:16]}")

    def runs_of(self, run: Run) -> list[dict[str, Any]]:
        """The service's runs that carry this run's tags, by their states."""
        return self.runs(f"Tags/retrainRun eq {run.id}")

    def runs(self, chosen: str) -> list[dict[str, Any]]:
        """The service's runs for Retrain that a filter means; none before the first one made the experiment."""
        path = f"/history/v1.0{self.designer.scope}/experiments/retrain/runs:query"
        try:
            answer = self.designer.call("POST", path, self.designer.token, {"filter": chosen})
        except ServiceRefused as refused:
            assert refused.status == 404, refused
            return []
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def trained(self, trainer: PipelineEndpoint, run: Run | None = None) -> str:
        """The id of a run that trained on `TRAINING`."""
        job = trainer.submit(run or self.run(), TRAINING, "unused.ilearner", "unused.csv")
        status = ended(trainer, job)
        assert status.state is JobState.SUCCEEDED, status.details
        return job

    def candidate(self) -> Artifact:
        """Another model in our own storage."""
        trainer = self.trainer()
        content = b"".join(trainer.download(trainer.results(self.trained(trainer, self.run(seed="3"))).artifact))
        blob = f"candidates/income/{uuid4().hex[:8]}/1/model.ilearner"
        self.blobs.write(blob, content)
        return Artifact(blob=blob, sha256=sha256(content).hexdigest(), size=len(content))


def replace_id(run: Run, ident: str) -> Run:
    """The same run under another id."""
    return msgspec.structs.replace(run, id=ident)
