"""Web services of the "new" kind on the stand-in of Resource Manager, out of the world's experiments, and clients."""

from __future__ import annotations

import copy
import itertools
import time
from hashlib import sha256
from typing import Any

import requests

from retrain.ports import JobState, JobStatus, Slot
from retrain.run import Artifact
from shared.services.studio_service import StudioService, StudioServiceSettings

from .world import World, a_run, people

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/models"
PROVIDER = f"{GROUP}/providers/Microsoft.MachineLearning"
PLAN = f"{PROVIDER}/commitmentPlans/plan1"
_numbers = itertools.count(1)


class NewServices:
    """What the tests share: tokens, a plan, a definition, and how services and clients are made."""

    def __init__(self, world: World) -> None:
        self.world, self.studio = world, world.studio
        self.definition = self.studio.export_definition(world.workspace, world.predictive)
        body = {"location": "South Central US", "sku": {"name": "S1"}}
        assert self.call("PUT", PLAN, body, version="2016-05-01-preview").ok

    def token(self, scope: str) -> str:
        """As azure-identity would get one."""
        known = self.studio.call("GET", "/_local/identity").json()
        url = f"{known['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={scope}"
        answer = requests.get(url, headers={"X-IDENTITY-HEADER": known["IDENTITY_HEADER"]}, timeout=30)
        return str(answer.json()["access_token"])

    def call(self, method: str, path: str, body: Any = None, version: str = "2017-01-01") -> requests.Response:
        """Straight at Resource Manager."""
        url = f"{self.studio.url}{path}?api-version={version}"
        headers = {"Authorization": f"Bearer {self.token('https://management.azure.com')}"}
        return requests.request(method, url, headers=headers, json=body, timeout=60)

    def complete(self, **properties: Any) -> dict[str, Any]:
        """The definition with what must be added by hand."""
        whole = copy.deepcopy(self.definition)
        own = {"name": self.world.account.name, "key": self.world.account.key}
        whole["properties"] |= {"storageAccount": own, "commitmentPlan": {"id": PLAN}, **properties}
        return dict(whole)

    def deploy(self, body: dict[str, Any] | None = None, name: str = "") -> str:
        """A service; its address."""
        path = f"{PROVIDER}/webServices/{name or f'income{next(_numbers)}'}"
        assert self.call("PUT", path, body or self.complete()).ok
        until = time.monotonic() + 30
        while (state := self.get(path)["properties"]["provisioningState"]) == "Provisioning":
            assert time.monotonic() < until
        assert state == "Succeeded", self.get(path)
        return self.studio.url + path

    def get(self, path: str) -> dict[str, Any]:
        """A service as Resource Manager shows it."""
        return dict(self.call("GET", path.removeprefix(self.studio.url)).json())

    def patch(self, url: str, **properties: Any) -> None:
        """Changes a service behind the client's back."""
        path = url.removeprefix(self.studio.url)
        assert self.call("PATCH", path, {"properties": {"packageType": "Graph", **properties}}).ok
        while self.get(path)["properties"]["provisioningState"] == "Provisioning":
            time.sleep(0.01)

    def client(
        self, production: str, staging: str, env: dict[str, str] | None = None, **settings: Any
    ) -> StudioService:
        """A client for two services."""
        whole = StudioServiceSettings(production=production, staging=staging, **settings)
        return StudioService.of(whole, self.world.blobs.sign, env or {}, token=self.token)

    def model(self, seed: int, sign: int = 1) -> Artifact:
        """A candidate, trained by the classic training service; `sign` -1 turns the world around."""
        blob = f"candidates/income/model{seed}.ilearner"
        self.world.blobs.write(f"runs/income/data{seed}.csv", people(400, seed, sign).encode())
        self.world.blobs.write("candidates/income/note.txt", b"makes the container")
        trainer = self.world.trainer()
        job = trainer.submit(a_run(), f"runs/income/data{seed}.csv", blob, f"candidates/income/metrics{seed}.csv")
        trainer.start(job)
        until = time.monotonic() + 30
        while trainer.poll(job).state is not JobState.SUCCEEDED:
            assert time.monotonic() < until
            time.sleep(0.05)
        return Artifact(blob=blob, sha256=sha256(self.world.blobs.read(blob)).hexdigest())


def ended(client: StudioService, slot: Slot, operation: str) -> JobStatus:
    """How a change ended."""
    until = time.monotonic() + 30
    while (status := client.check(slot, operation)).state is JobState.RUNNING:
        assert time.monotonic() < until
        time.sleep(0.02)
    return status
