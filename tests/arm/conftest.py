"""A real storage with two accounts, and a real process of services over one of them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from arm_lab import STARTING_SWITCHES, Lab

from local.azurite import Azurite
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient

KEY = base64.b64encode(b"a key for tests").decode()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """Storage with the accounts `own` and `other`."""
    with Azurite(accounts=f"own:{KEY};other:{KEY}") as running:
        yield running


@pytest.fixture(scope="session")
def services(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServicesProcess]:
    """The running services."""
    folder: Path = tmp_path_factory.mktemp("services")
    storage = azurite.connection_string_for("own")
    with ServicesProcess(
        folder / "state", storage, workers=1, switches={"operationDelay": 0}, log=folder / "log"
    ) as running:
        yield running


@pytest.fixture(scope="session")
def shared_lab(services: ServicesProcess, azurite: Azurite) -> Lab:
    """The lab of this test process."""
    client = StudioClient(services.url)
    return Lab(client, azurite.connection_string_for("own"), azurite.connection_string_for("other"))


@pytest.fixture
def lab(shared_lab: Lab) -> Iterator[Lab]:
    """The lab; switches, faults, role and log are as at the start."""
    yield shared_lab
    shared_lab.client.switches(**STARTING_SWITCHES)
    shared_lab.client.clear_faults()
    shared_lab.client.clear_log()
    shared_lab.client.role("Contributor")
