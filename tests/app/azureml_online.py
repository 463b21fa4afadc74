"""A world whose model is trained by jobs of today's Azure ML and served by a managed online endpoint, blue/green."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local.scenery_azureml import AzureMlScene
from local.scenery_online import served_online
from local.services.azureml.online.client import OnlineClient
from local.services.azureml.online.switches import TABLE
from local.stack import Stack
from retrain import advance
from retrain.run import Run
from tests.app.azureml import AzureMlWorld

QUICK = {"onlineEndpointDelay": 0.02, "onlineDeploymentDelay": 0.02}
SWITCHES = {name: switch.default for name, switch in TABLE.items()} | QUICK


class OnlineWorld(AzureMlWorld):
    """See `AzureMlWorld`; `traffic` are the steps, `bake` the seconds of each, `live` whether anything is."""

    def __init__(
        self,
        stack: Stack,
        storage: str,
        folder: Path,
        *,
        traffic: str = "[10, 50, 100]",
        bake: float = 0,
        live: bool = True,
        more: tuple[str, ...] = (),
        **options: Any,
    ) -> None:
        stack.client.switches(**SWITCHES)
        self._lines = (f"traffic = {traffic}", f"bake = {bake}", "settle = 0", *more)
        self._live = live
        super().__init__(stack, storage, folder, **options)

    def add(self, name: str, champion: str, **options: Any) -> AzureMlScene:  # type: ignore[override]
        """One more model that is served."""
        scene = super().add(name, champion, **options)
        self.online = OnlineClient(self.control.url, self.control.scope)
        lines = [line.replace("{score}", f'"{name}-score:1"') for line in self._lines]
        self.scenes[name] = served_online(self.online, scene, *lines, live=self._live)  # type: ignore[assignment]
        self.configure()
        return scene

    def close(self) -> None:
        """Stops what this world started."""
        super().close()
        self.online.close()

    def traffic(self) -> dict[str, int]:
        """The endpoint's traffic."""
        return dict(self.online.shown(self.name)["properties"]["traffic"])

    def housed(self) -> set[str]:
        """Names of the endpoint's deployments."""
        found = self.online.ask("GET", f"onlineEndpoints/{self.name}/deployments").json()["value"]
        return {one["name"] for one in found}

    def watched(self, run: Run) -> tuple[Run, list[dict[str, int]]]:
        """As `finish`, and the traffic as it was between the steps."""
        seen: list[dict[str, int]] = [self.traffic()]
        while (now := self.handed(run)).state not in advance.ASLEEP:
            if (traffic := self.traffic()) != seen[-1]:
                seen.append(traffic)
        return now, seen if self.traffic() == seen[-1] else [*seen, self.traffic()]
