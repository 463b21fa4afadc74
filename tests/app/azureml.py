"""A world whose model is trained by jobs of today's Azure ML and served by a batch endpoint, on the Adult data."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from local import adult
from local.scenery_azureml import AzureMlScene, deploy, fixed, stage
from local.services.azureml.control.client import ControlClient
from local.stack import Stack
from retrain.run import Run
from tests.app.designer import DesignerWorld

_names = itertools.count()


class AzureMlWorld(DesignerWorld):
    """See `World`. `champion` is the CSV that the first model is trained on; further options go to `stage`."""

    designer: ControlClient

    def __init__(self, stack: Stack, storage: str, folder: Path, *, champion: str = "", **options: Any) -> None:
        self.control = ControlClient(stack.studio.url, f"azureml-{next(_names)}")
        super().__init__(stack, storage, folder, champion=champion or adult.americans(500), **options)

    def add(self, name: str, champion: str, **options: Any) -> AzureMlScene:  # type: ignore[override]
        """One more model that is served."""
        given = {
            "task": "classification",
            "label": adult.LABEL,
            "learner": "logistic-regression",
            "metric": adult.METRIC,
        }
        scene = stage(self.control, self.storage, name, champion, **{**given, **options})
        self.scenes[name] = scene  # type: ignore[assignment]
        self.configure()
        return scene

    def close(self) -> None:
        """Stops what this world started."""
        super().close()
        self.control.close()

    def default(self) -> str:
        """The deployment that users' invocations go to."""
        shown = self.control.arm("GET", f"batchEndpoints/{self.name}")
        return str(shown["properties"]["defaults"]["deploymentName"])

    def deployments(self) -> list[str]:
        """All deployments of the endpoint."""
        shown = self.control.arm("GET", f"batchEndpoints/{self.name}/deployments")["value"]
        return sorted(one["name"] for one in shown)

    def vacate(self) -> None:
        """Leaves the endpoint without a default deployment: nothing is live."""
        properties = {"authMode": "AADToken", "defaults": {"deploymentName": None}}
        self.control.arm("PUT", f"batchEndpoints/{self.name}", properties, location="eastus2")

    def serve_other(self) -> None:
        """Somebody else puts another model live: a copy of the first, as a version of its own."""
        shown = self.control.arm("GET", f"models/{self.name}/versions/1")["properties"]
        other = self.control.register_model(self.name, "2", shown["modelUri"])["id"]
        component = f"{self.control.scope}/components/{self.name}-score/versions/1"
        deploy(self.control, self.name, "other", fixed(self.control, component, f"{self.name}-other", other))

    def versions(self) -> dict[str, dict[str, str]]:
        """Tags of the registered model's versions."""
        shown = self.control.arm("GET", f"models/{self.name}/versions")["value"]
        return {one["name"]: one["properties"]["tags"] for one in shown}

    def submitted(self) -> list[dict[str, Any]]:
        """Jobs that carry the id of one of Retrain's runs."""
        shown = self.control.arm("GET", "jobs")["value"]
        return [one for one in shown if "retrainRun" in (one["properties"].get("tags") or {})]


def short(run: Run) -> str:
    """What deployments of a run's candidate are called."""
    assert run.candidate is not None
    return f"retrain-{run.candidate.sha256[:16]}"
