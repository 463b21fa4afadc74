"""A managed online endpoint in the local workspace of today's Azure ML, and Retrain's client for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from local.scenery_azureml import DATASTORES
from local.services.azureml.online.client import OnlineClient
from local.services.azureml.online.switches import TABLE
from retrain.ports import Begun, JobState, JobStatus, Rows, Slot
from retrain.run import Artifact
from shared.services.azureml.online import AzureMlOnline, AzureMlOnlineSettings

from .azureml_lab import AzureMlLab
from .world import people

QUICK = {"onlineEndpointDelay": 0.05, "onlineDeploymentDelay": 0.05}
SWITCHES = {name: switch.default for name, switch in TABLE.items()} | QUICK
LINES = [line.split(",") for line in people(12, 7).splitlines()]
ROWS = Rows(columns=tuple(LINES[0][:-1]), values=tuple(tuple(line[:-1]) for line in LINES[1:]))


class OnlineLab:
    """An endpoint of its own, whose deployment `blue` serves the workspace's first model with all traffic."""

    def __init__(self, azureml: AzureMlLab, *, live: bool = True, mode: str = "Key") -> None:
        self.azureml, self.blobs = azureml, azureml.blobs
        self.control = OnlineClient(azureml.control.url, azureml.control.scope)
        self.control.switches(**SWITCHES)
        self.name, self.moved = f"online-{uuid4().hex[:8]}", timedelta()
        self.control.endpoint(self.name, mode=mode)
        if live:
            self.first = azureml.registry(self.name).version_of(azureml.first)
            self.control.deployment(self.name, "blue", self.first)
            self.control.endpoint(self.name, {"blue": 100}, mode=mode)

    def close(self) -> None:
        """Closes connections; what a test ordered is taken back."""
        self.control.switches(**SWITCHES)
        self.control.close()

    def settings(self, **settings: Any) -> AzureMlOnlineSettings:
        """Of the client; what is given replaces settings."""
        given = {
            "workspace": self.azureml.workspace,
            "endpoint": self.name,
            "registry": self.name,
            "datastores": DATASTORES,
            "bake": 0.0,
            "settle": 0.0,
        }
        return AzureMlOnlineSettings(**{**given, **settings})

    def client(self, token: Callable[[str], str] | None = None, **settings: Any) -> AzureMlOnline:
        """A client whose clock `moved` moves."""
        whole = self.settings(**settings)
        assert whole.problems() == []
        token = token or self.azureml.token
        return AzureMlOnline(whole, self.blobs, token=token, now=lambda: datetime.now(UTC) + self.moved)

    def traffic(self) -> dict[str, int]:
        """The endpoint's traffic."""
        return dict(self.control.shown(self.name)["properties"]["traffic"])

    def deployments(self) -> dict[str, str]:
        """States of its deployments."""
        found = self.control.ask("GET", f"onlineEndpoints/{self.name}/deployments").json()["value"]
        return {one["name"]: one["properties"]["provisioningState"] for one in found}

    def asked(self, *operations: str) -> list[str]:
        """What was asked of this endpoint, in order."""
        return [
            seen["operation"]
            for seen in self.control.log()
            if self.name in seen["path"] and seen["operation"] in operations
        ]


def short(artifact: Artifact) -> str:
    """What a deployment of this model is called."""
    return f"retrain-{artifact.sha256[:16]}"


class Change:
    """A change that somebody follows, as the domain does: what `check` gave is what is checked next."""

    def __init__(self, client: AzureMlOnline, slot: Slot, begun: Begun) -> None:
        self.client, self.slot, self.operation = client, slot, begun.operation
        self.partly: list[str] = []

    def look(self) -> JobStatus:
        """One look."""
        status = self.client.check(self.slot, self.operation)
        self.operation = status.operation or self.operation
        if status.partly and status.partly not in self.partly:
            self.partly.append(status.partly)
        return status

    def until(self, there: Callable[[JobStatus], bool], patience: float = 30) -> JobStatus:
        """Looks until that is so."""
        stop = time.monotonic() + patience
        while not there(status := self.look()):
            assert time.monotonic() < stop, f"still {status}"
            time.sleep(0.03)
        return status

    def ended(self) -> JobStatus:
        """How it ended."""
        return self.until(lambda status: status.state is not JobState.RUNNING)


def given(client: AzureMlOnline, slot: Slot, artifact: Artifact) -> Change:
    """The slot was given a model, and whoever asked for it saw it succeed."""
    change = Change(client, slot, client.begin(slot, artifact))
    status = change.ended()
    assert status.state is JobState.SUCCEEDED, status.details
    return change
