"""A running stand-in of Studio over Azurite for these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.azurite import DEFAULT_ACCOUNT, DEFAULT_KEY, Azurite
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from shared.storage.accounts import Account, Storage

from .wire import Wire
from .world import World, people


@pytest.fixture(scope="session")
def server() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("studio")
    with Azurite(accounts=f"{DEFAULT_ACCOUNT}:{DEFAULT_KEY};other:{DEFAULT_KEY}") as azurite:
        text = azurite.connection_string_for(DEFAULT_ACCOUNT)
        storage = Storage(Account.from_connection_string(text))
        switches = {"propagationDelay": 0, "operationDelay": 0}
        process = ServicesProcess(folder, text, workers=1, switches=switches, log=folder / "studio.log")
        with process as studio:
            client = StudioClient(studio.url)
            made = World(client, storage, text, azurite.connection_string_for("other"))
            made.blobs.write("runs/income/train.csv", people(400, 2).encode())
            yield made
            client.close()
            storage.close()


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Takes back what a test ordered from the stand-in."""
    yield
    if "world" in request.fixturenames:
        shared: World = request.getfixturevalue("world")
        shared.studio.clear_faults()
        shared.studio.release_jobs()
        shared.studio.switches(
            statusEncoding="string", cancelledSpelling="Cancelled", detailsWhenNull="null", startStatus=200,
            cancelStatus=200, patchStatus=200, propagationDelay=0, siblingKey="accept", sasLifetime=86400,
        )  # fmt: skip
