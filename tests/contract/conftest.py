"""One Azurite and one process of services for all contract tests; a case for every kind."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from local.azurite import Azurite
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from local.stack import furnish
from tests.identity import identified
from tests.services.world import people

from .cases import SCENES, Case, case, live


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StudioClient, str]]:
    """The stand-ins, and the storage they work on; this process has their identity as long."""
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


@pytest.fixture(scope="package")
def case_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Case]:
    """Cases by name, each made when it is first asked for."""

    @cache
    def make(name: str) -> Case:
        if name not in SCENES:
            return next(found for found in live(os.environ) if found.name == name)
        client, storage = request.getfixturevalue("services")
        return case(name, client, storage, tmp_path_factory.mktemp("case"), people(400, 2))

    return make


@pytest.fixture(params=[*SCENES, *(found.name for found in live(os.environ))])
def subject(request: pytest.FixtureRequest, case_of: Callable[[str], Case]) -> Iterator[Case]:
    """A case; what a test ordered from the stand-ins is taken back."""
    found = case_of(request.param)
    yield found
    if (client := found.services) is not None:
        client.clear_faults()
        client.release_jobs()
