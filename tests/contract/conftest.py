"""One Azurite and one process of services for all contract tests; a case for every kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from local.stack import furnish
from tests.identity import identified
from tests.services.world import people

from .cases import SCENES, Case, case, live


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StudioClient, str]]:
    """The stand-ins, and the storage they work on."""
    folder: Path = tmp_path_factory.mktemp("services")
    with Azurite() as azurite:
        storage = azurite.connection_string
        furnish(storage)
        switches = {"propagationDelay": 0, "activityPollInterval": 0.05, "operationDelay": 0}
        with ServicesProcess(folder, storage, workers=1, switches=switches, log=folder / "log") as process:
            client = StudioClient(process.url)
            with identified(process.url):
                yield client, storage
            client.close()


@pytest.fixture(scope="session")
def made() -> dict[str, Case]:
    """Cases by name, made when first asked for."""
    return {}


@pytest.fixture(params=[*SCENES, *(found.name for found in live(os.environ))])
def subject(
    request: pytest.FixtureRequest, made: dict[str, Case], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    """A case; what a test ordered from the stand-ins is taken back."""
    name = request.param
    if name not in made:
        if name in SCENES:
            client, storage = request.getfixturevalue("services")
            made[name] = case(name, client, storage, tmp_path_factory.mktemp("case"), people(400, 2))
        else:
            made[name] = next(found for found in live(os.environ) if found.name == name)
    yield made[name]
    if (client := made[name].services) is not None:
        client.clear_faults()
        client.release_jobs()
