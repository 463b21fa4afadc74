"""One Azurite for all tests here; each test has a table, a container and a queue of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from uuid import uuid4

import pytest

from local.azurite import Azurite
from shared.storage.accounts import Storage
from shared.storage.blobs import AzureBlobs
from shared.storage.ledger import TableLedger
from shared.storage.queues import StorageQueues

from .builders import NOW
from .lossy import Lossy


class Clock:
    """The ledger's present; tests move it."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    with Azurite() as running:
        yield running


@pytest.fixture
def storages(azurite: Azurite) -> Iterator[Callable[..., Storage]]:
    """Makes storages, and closes them; `table=`, `blob=` name an address to reach that service at instead."""
    with ExitStack() as opened:

        def make(*, table: str = "", blob: str = "", **options: object) -> Storage:
            text = azurite.connection_string
            for service, address in (("table", table), ("blob", blob)):
                if address:
                    text = text.replace(f"http://127.0.0.1:{azurite.ports[service]}", address)
            storage = Storage.from_env({"STORE": text}, "STORE", **options)
            opened.callback(storage.close)
            return storage

        yield make


@pytest.fixture
def storage(storages: Callable[..., Storage]) -> Storage:
    return storages()


@pytest.fixture
def name() -> str:
    """A name nobody else uses, good for tables, containers and queues."""
    return f"t{uuid4().hex[:20]}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(storages: Callable[..., Storage], name: str, clock: Clock) -> TableLedger:
    return storages(now=clock).ledger(name)


@pytest.fixture
def blobs(storage: Storage) -> AzureBlobs:
    return storage.blobs


@pytest.fixture
def queues(storage: Storage) -> StorageQueues:
    return storage.queues


@pytest.fixture
def lossy_table(azurite: Azurite) -> Iterator[Lossy]:
    with Lossy(azurite.ports["table"]) as proxy:
        yield proxy


@pytest.fixture
def lossy_blob(azurite: Azurite) -> Iterator[Lossy]:
    with Lossy(azurite.ports["blob"]) as proxy:
        yield proxy
