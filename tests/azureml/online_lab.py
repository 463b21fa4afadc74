"""`Online`: an online endpoint with two models that are told apart by what they answer. The fixture is `online`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from local.services.azureml.online.client import OnlineClient
from local.services.azureml.online.switches import TABLE
from local.services.client import Json
from tests.lines import rows_csv

from .lab import IN, Lab, literal

SWITCHES = {name: switch.default for name, switch in TABLE.items()} | {
    "onlineEndpointDelay": 0.05,
    "onlineDeploymentDelay": 0.05,
}
ROW = {"input_data": {"columns": ["x", "kind"], "index": [0], "data": [[3.0, "a"]]}}
SLOPES = {"two": 2.0, "nine": 9.0}
_names = itertools.count(1)


class Online:
    """Models `two` and `nine`, whose answers to `ROW` are 6 and 27, and endpoints by names that nothing has."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.client = OnlineClient(lab.url, lab.client.scope)
        self.client.switches(**SWITCHES)
        self.models = {name: self._model(name, slope) for name, slope in SLOPES.items()}

    def _model(self, name: str, slope: float) -> str:
        """The id of a registered model of that slope."""
        self.lab.upload(rows_csv(slope), f"{name}.csv")
        job = self.lab.trained(data=f"{IN}{name}.csv", inputs={"l2": literal("1e-9")})
        return str(self.client.register_model(name, f"{next(_names)}", f"azureml://jobs/{job}/outputs/model")["id"])

    def name(self) -> str:
        """A name that no endpoint has."""
        return f"endpoint-{next(_names)}"

    def served(self, *, green: bool = False) -> str:
        """An endpoint whose deployment `blue` has model `two` and all traffic; `green` has `nine` and none."""
        name = self.name()
        self.client.endpoint(name)
        self.client.deployment(name, "blue", self.models["two"])
        self.client.endpoint(name, {"blue": 100})
        if green:
            self.client.deployment(name, "green", self.models["nine"])
        return name

    def answer(self, endpoint: str, deployment: str = "") -> float:
        """What it answers to `ROW`."""
        (record,) = self.client.score(endpoint, ROW, deployment).json()
        return round(float(record["Scored Labels"]), 6)

    def traffic(self, endpoint: str) -> Json:
        """Its traffic."""
        return dict(self.client.shown(endpoint)["properties"]["traffic"])


@pytest.fixture(scope="session")
def shared_online(shared_lab: Lab) -> Online:
    """The models of this test process."""
    return Online(shared_lab)


@pytest.fixture
def online(lab: Lab, shared_online: Online) -> Iterator[Online]:
    """Changes take no time; afterwards everything is as at the start."""
    shared_online.client.switches(**SWITCHES)
    yield shared_online
    shared_online.client.switches(**SWITCHES)
