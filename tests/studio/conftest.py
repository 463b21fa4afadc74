"""A real storage and a real Studio for the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from studio_lab import STARTING_SWITCHES, Lab

from local.azurite import Azurite
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The connection string of a real Azurite."""
    with Azurite() as azurite:
        yield azurite.connection_string


@pytest.fixture(scope="session")
def studio_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the running Studio writes its lines to."""
    return tmp_path_factory.mktemp("studio") / "log"


@pytest.fixture(scope="session")
def studio(storage: str, studio_log: Path) -> Iterator[ServicesProcess]:
    """A running Studio."""
    state = studio_log.parent / "state"
    with ServicesProcess(state, storage, switches={"propagationDelay": 0}, log=studio_log) as process:
        yield process


@pytest.fixture(scope="session")
def shared_lab(studio: ServicesProcess, storage: str) -> Lab:
    """The lab of this test process."""
    return Lab(StudioClient(studio.url), storage)


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The lab; switches, faults, holds and log are as at the start."""
    yield shared_lab
    client = shared_lab.client
    client.switches(**STARTING_SWITCHES)
    client.clear_faults()
    client.release_jobs()
    client.clear_log()
