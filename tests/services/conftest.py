"""Running stand-ins of Studio and of the designer over one Azurite for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import DEFAULT_ACCOUNT, DEFAULT_KEY, Azurite
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from shared.storage.accounts import Account, Storage

from .azureml_lab import AzureMlLab
from .pipeline_lab import PipelineLab
from .wire import Wire
from .world import World, people


@pytest.fixture(scope="session")
def server() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A real Azurite with two accounts."""
    with Azurite(accounts=f"{DEFAULT_ACCOUNT}:{DEFAULT_KEY};other:{DEFAULT_KEY}") as running:
        yield running


@pytest.fixture(scope="session")
def storage(azurite: Azurite) -> str:
    """The connection string of the account that everything works on."""
    return azurite.connection_string_for(DEFAULT_ACCOUNT)


@pytest.fixture(scope="session")
def services(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of all stand-ins."""
    folder: Path = tmp_path_factory.mktemp("services")
    switches = {"propagationDelay": 0, "operationDelay": 0, "activityPollInterval": 0.05}
    with ServicesProcess(folder, storage, workers=1, switches=switches, log=folder / "log") as process:
        yield process.url


@pytest.fixture(scope="session")
def world(services: str, storage: str, azurite: Azurite) -> Iterator[World]:
    opened = Storage(Account.from_connection_string(storage))
    client = StudioClient(services)
    made = World(client, opened, storage, azurite.connection_string_for("other"))
    made.blobs.write("runs/income/train.csv", people(400, 2).encode())
    yield made
    client.close()
    opened.close()


@pytest.fixture(scope="session")
def shared_lab(services: str, storage: str) -> Iterator[PipelineLab]:
    opened = Storage(Account.from_connection_string(storage))
    made = PipelineLab(services, storage, opened.blobs)
    yield made
    made.close()
    opened.close()


@pytest.fixture
def lab(shared_lab: PipelineLab) -> Iterator[PipelineLab]:
    """The designer, a model in it, and clients; what a test ordered is taken back."""
    yield shared_lab
    shared_lab.calm()


@pytest.fixture(scope="session")
def shared_azureml(services: str, storage: str) -> Iterator[AzureMlLab]:
    opened = Storage(Account.from_connection_string(storage))
    made = AzureMlLab(services, storage, opened.blobs)
    yield made
    made.close()
    opened.close()


@pytest.fixture
def azureml(shared_azureml: AzureMlLab) -> Iterator[AzureMlLab]:
    """A workspace of today's Azure ML, and clients; what a test ordered is taken back."""
    yield shared_azureml
    shared_azureml.calm()


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Takes back what a test ordered from the stand-in."""
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").calm()
