"""A real storage and the running services for the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.services.launch import ServicesProcess

from .lab import STARTING_SWITCHES, Lab


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The connection string of a real Azurite."""
    with Azurite() as azurite:
        yield azurite.connection_string


@pytest.fixture(scope="session")
def services(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServicesProcess]:
    """The running services."""
    folder = tmp_path_factory.mktemp("azureml")
    with ServicesProcess(folder / "state", storage, log=folder / "log") as process:
        yield process


@pytest.fixture(scope="session")
def shared_lab(services: ServicesProcess, storage: str) -> Lab:
    """The lab of this test process."""
    return Lab(services.url, storage)


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The lab; switches, faults, holds and the managed identity's role are as at the start."""
    yield shared_lab
    client = shared_lab.client
    client.switches(**STARTING_SWITCHES)
    client.clear_faults()
    client.release_jobs()
    client.role("Contributor")
