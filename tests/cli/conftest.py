"""One Azurite (and, where a model must really be served, one Studio) for each process, and the real `retrain`."""

from __future__ import annotations

import base64
import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from local.azurite import Azurite
from local.scenery import Scene, stage
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from local.stack import furnish
from retrain.ports import Ports
from shared.wiring import wire
from tests.cli.server import Server, Triggers

RETRAIN = Path(sys.executable).with_name("retrain")
MODEL = "heat"
ACCOUNTS = 160
_numbers = itertools.count(1)
PATIENCE = 100  # seconds for one command on a busy machine
NOWHERE = "http://127.0.0.1:9/workspaces/w"
CONFIGURED = f"""
[models.{MODEL}]
label = "heat"
since = 2000-01-01T00:00:00Z
[models.{MODEL}.trainer]
kind = "studio-batch"
url = "{NOWHERE}/services/{"0" * 32}"
key = "env:SOME_KEY"
input = "input1"
model = "output2"
metrics = "output1"
[models.{MODEL}.endpoint]
kind = "studio-classic"
production = "{NOWHERE}/webservices/s/endpoints/live"
production_key = "env:SOME_KEY"
staging = "{NOWHERE}/webservices/s/endpoints/staging"
staging_key = "env:SOME_KEY"
[models.{MODEL}.gate]
metric = "rmse"
"""


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Done]


def rows(count: int, seed: int, noise: float = 1.0) -> str:
    """A CSV with a value that depends on two columns, so that more rows make a better model."""
    chance, lines = random.Random(seed), ["outside,wind,heat"]
    for _ in range(count):
        outside, wind = chance.uniform(-10, 25), chance.uniform(0, 30)
        lines.append(f"{outside:.3f},{wind:.3f},{40 - outside + wind / 3 + chance.gauss(0, noise):.3f}")
    return "\n".join(lines) + "\n"


def wired(storage: str, folder: Path, toml: str, keys: dict[str, str]) -> Ports:
    """The app's ports over that storage and those models."""
    file = folder / "models.toml"
    file.write_text(toml)
    return wire({"AzureWebJobsStorage": storage, "RETRAIN_MODELS_FILE": str(file), **keys})


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    key = base64.b64encode(b"a key for tests").decode()
    with Azurite(accounts=";".join(f"account{number}:{key}" for number in range(ACCOUNTS))) as running:
        yield running


@pytest.fixture
def storage(azurite: Azurite) -> str:
    """The connection string of an account that no other test has."""
    account = azurite.connection_string_for(f"account{next(_numbers)}")
    furnish(account)
    return account


@pytest.fixture(scope="session")
def studio(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioClient]:
    folder, own = tmp_path_factory.mktemp("studio"), azurite.connection_string_for("account0")
    switches = {"propagationDelay": 0.2}
    with ServicesProcess(folder, own, switches=switches, workers=1, log=folder / "log") as running:
        client = StudioClient(running.url)
        yield client
        client.close()


@pytest.fixture(scope="session")
def scene(studio: StudioClient) -> Scene:
    """A model that was trained on a few bad rows, so that a better one is easily made."""
    few = rows(60, seed=1, noise=30.0)
    served = {"task": "regression", "label": "heat", "learner": "ridge", "metric": "rmse"}
    return stage(studio, MODEL, few, settle=2, **served)


@pytest.fixture
def ports(storage: str, tmp_path: Path) -> Ports:
    """A model whose services are out of reach: for all that needs records and storage only."""
    return wired(storage, tmp_path, CONFIGURED, {"SOME_KEY": "k"})


@pytest.fixture
def server(ports: Ports) -> Iterator[Server]:
    running = Server(ports)
    yield running
    running.close()


@pytest.fixture
def triggers(ports: Ports, storage: str) -> Iterator[Triggers]:
    running = Triggers(ports, storage, MODEL)
    yield running
    running.close()


@pytest.fixture
def bare(tmp_path: Path) -> Command:
    """Runs `retrain` with no settings at all but those given."""

    def run(*arguments: str, **settings: str) -> Done:
        done = subprocess.run(
            [RETRAIN, *arguments],
            env={**surroundings(), **settings},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def surroundings() -> dict[str, str]:
    """The environment without what would change how `retrain` behaves."""
    theirs = ("RETRAIN_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    return {name: value for name, value in os.environ.items() if not name.startswith(theirs)}


@pytest.fixture
def retrain(bare: Command, server: Server) -> Command:
    """Runs `retrain` against this test's app."""
    return lambda *arguments, **settings: bare(*arguments, **{"RETRAIN_URL": server.url, **settings})
