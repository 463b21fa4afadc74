"""A running Data Factory over Azurite, beside a model that is served; and a server for activities to call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.services.datafactory.switches import TABLE
from local.services.launch import ServicesProcess
from tests.services.wire import Wire

from .plant import Plant

SWITCHES = {"propagationDelay": 0, "activityPollInterval": 0.05, "retryScale": 0.001}
STARTING = {name: switch.default for name, switch in TABLE.items()} | SWITCHES


@pytest.fixture(scope="session")
def storage() -> Iterator[str]:
    """The connection string of a real Azurite."""
    with Azurite() as azurite:
        yield azurite.connection_string


@pytest.fixture(scope="session")
def services_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the running services write their lines to."""
    return tmp_path_factory.mktemp("services") / "log"


@pytest.fixture(scope="session")
def shared_plant(services_log: Path, storage: str) -> Iterator[Plant]:
    """The plant of this test process."""
    folder = services_log.parent / "state"
    with ServicesProcess(folder, storage, switches=SWITCHES, workers=1, log=services_log) as process:
        plant = Plant(process.url, storage)
        yield plant
        plant.close()


@pytest.fixture
def plant(shared_plant: Plant) -> Iterator[Plant]:
    """The plant; switches, faults, holds and log are as at the start."""
    yield shared_plant
    studio = shared_plant.studio
    studio.switches(**STARTING)
    studio.clear_faults()
    studio.release_jobs()
    studio.clear_log()


@pytest.fixture(scope="session")
def shared_wire() -> Iterator[Wire]:
    """One server for the whole session."""
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture
def wire(shared_wire: Wire) -> Wire:
    """A server that answers what a test orders, and remembers what it was asked."""
    return shared_wire
