"""A world whose model is trained by one pipeline of the designer and scored with by another, on the Adult data."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import msgspec

from local import adult
from local.scenery_designer import DesignerScene, stage
from local.services.azureml.client import DesignerClient
from local.stack import Stack
from retrain import adoption, advance
from retrain.errors import NotYet
from retrain.messages import Step, encode
from retrain.run import Run
from tests.app.world import TESTER, World

_names = itertools.count()


class DesignerWorld(World):
    """See `World`. `champion` is the CSV that the first model is trained on; further options go to `stage`."""

    def __init__(self, stack: Stack, storage: str, folder: Path, *, champion: str = "", **options: Any) -> None:
        self.designer = DesignerClient(stack.studio.url, f"app-{next(_names)}")
        super().__init__(stack, storage, folder, champion=champion or adult.americans(500), **options)

    def add(self, name: str, champion: str, **options: Any) -> DesignerScene:  # type: ignore[override]
        """One more model that is served."""
        given = {"label": adult.LABEL, "learner": adult.LEARNER, "metric": adult.METRIC, **options}
        scene = stage(self.designer, self.storage, name, champion, **given)
        self.scenes[name] = scene  # type: ignore[assignment]
        self.configure()
        return scene

    @property
    def scene(self) -> DesignerScene:
        """The model's."""
        return self.scenes[self.name]  # type: ignore[return-value]

    def close(self) -> None:
        """Stops what this world started."""
        super().close()
        self.designer.close()

    def adopt(self, name: str = "", **options: Any) -> adoption.Adopted:
        """Adopts the live model, with Americans whom it has not seen as the labelled holdout."""
        name = name or self.name
        holdout = self.put(f"{name}/holdout.csv", adult.held_out(), "history")
        given = {"actor": TESTER, **options}
        stop = time.monotonic() + 60
        while True:
            try:
                return adoption.adopt(name, holdout, self.ports, **given)
            except NotYet:
                assert time.monotonic() < stop
                time.sleep(0.05)

    def handed(self, run: Run) -> Run:
        """The run after one delivery of its present message, which need not be visible yet."""
        now = self.ports.ledger.run(run.id)
        self.hand(advance.QUEUES[now.state], encode(Step(run_id=now.id, seq=now.seq)))
        return self.ports.ledger.run(now.id)

    def finish(self, run: Run) -> Run:
        """Delivers the run's messages without their delays until it sleeps: jobs are looked at as fast as can be."""
        stop = time.monotonic() + 60
        while (now := self.handed(run)).state not in advance.ASLEEP:
            assert time.monotonic() < stop, f"it stands still: {now}"
            time.sleep(0.02)
        return now

    def live(self) -> dict[str, Any]:
        """The pointer that users' scoring reads."""
        found: dict[str, Any] = msgspec.json.decode(self.read(self.scene.live))
        return found

    def jobs(self, experiment: str = "retrain") -> list[dict[str, Any]]:
        """The service's own runs of this world, newest first."""
        path = f"/history/v1.0{self.designer.scope}/experiments/{experiment}/runs:query"
        self.designer.switches(unknownExperiment="empty")
        found: list[dict[str, Any]] = self.designer.call("POST", path, self.designer.token, {}).json()["value"]
        return found
