"""One Azurite for each test process, an account of its own for each test, and hosts that are stopped afterwards."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient

from local.azurite import Azurite
from local.host.launch import HostProcess

APPS = Path(__file__).parent / "apps"
ACCOUNTS = 80
_numbers = itertools.count()


class Account:
    """A storage account nobody else uses, and what tests ask of it."""

    def __init__(self, name: str, connection_string: str) -> None:
        self.name = name
        self.connection_string = connection_string
        self.blobs = BlobServiceClient.from_connection_string(connection_string)
        self.queues = QueueServiceClient.from_connection_string(connection_string)

    def container(self, name: str) -> ContainerClient:
        """A container, made now."""
        return self.blobs.create_container(name)

    def queue(self, name: str) -> QueueClient:
        """A queue, made now."""
        return self.queues.create_queue(name)

    def take(self, queue: str) -> list[str]:
        """Every visible message of a queue, removed from it; none when the queue does not exist."""
        client = self.queues.get_queue_client(queue)
        try:
            messages = list(client.receive_messages(messages_per_page=32))
        except ResourceNotFoundError:
            return []
        for message in messages:
            client.delete_message(message)
        return [message.content for message in messages]

    def read(self, container: str, prefix: str = "") -> dict[str, bytes]:
        """Blobs of a container by name."""
        client = self.blobs.get_container_client(container)
        return {name: client.download_blob(name).readall() for name in client.list_blob_names(name_starts_with=prefix)}

    def close(self) -> None:
        """Close the connections."""
        self.blobs.close()
        self.queues.close()


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    key = base64.b64encode(b"a key for tests").decode()
    accounts = ";".join(f"account{number}:{key}" for number in range(ACCOUNTS))
    with Azurite(log=tmp_path_factory.mktemp("azurite") / "access.log", accounts=accounts) as running:
        yield running


def _account(azurite: Azurite) -> Iterator[Account]:
    name = f"account{next(_numbers)}"
    account = Account(name, azurite.connection_string_for(name))
    yield account
    account.close()


@pytest.fixture
def account(azurite: Azurite) -> Iterator[Account]:
    yield from _account(azurite)


@pytest.fixture(scope="module")
def shared_account(azurite: Azurite) -> Iterator[Account]:
    yield from _account(azurite)


@pytest.fixture
def start(account: Account, azurite: Azurite, tmp_path: Path) -> Iterator[Callable[..., HostProcess]]:
    """Starts a host for an app of tests/host/apps with the test's account; stopped at the end."""
    started: list[HostProcess] = []

    def start_host(
        app: str, settings: dict[str, str] | None = None, *, events: bool = True, **more: Any
    ) -> HostProcess:
        host = HostProcess(
            APPS / app,
            {"AzureWebJobsStorage": account.connection_string, **(settings or {})},
            event_grid_log=azurite.log if events else None,
            log=tmp_path / f"host{len(started)}.log",
            **more,
        )
        started.append(host)
        return host

    yield start_host
    for host in started:
        host.stop()


@pytest.fixture
def eventually() -> Callable[..., Any]:
    """Asks until the answer is true, and returns it; fails with the last answer after ten seconds."""

    def ask(question: Callable[[], Any], what: str = "", seconds: float = 10.0) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            if time.monotonic() > deadline:
                pytest.fail(f"never came: {what or 'what was waited for'}; last answer {answer!r}")
            time.sleep(0.03)
        return answer

    return ask


@pytest.fixture
def collect(account: Account) -> Callable[..., list[str]]:
    """Takes messages of a queue until there are as many as expected, in order of arrival."""

    def collected(queue: str, count: int, seconds: float = 10.0) -> list[str]:
        found: list[str] = []
        deadline = time.monotonic() + seconds
        while len(found) < count:
            found += account.take(queue)
            if time.monotonic() > deadline:
                pytest.fail(f"queue {queue} brought {len(found)} of {count} messages: {found}")
            time.sleep(0.03)
        return found

    return collected


@pytest.fixture
def saw(collect: Callable[..., list[str]]) -> Callable[..., list[dict[str, Any]]]:
    """What the functions of the app "basics" reported."""
    return lambda count=1, seconds=10.0: [json.loads(text)["saw"] for text in collect("seen", count, seconds)]
