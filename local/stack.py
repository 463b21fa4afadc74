"""The whole of Retrain on one machine: Azurite, Studio (classic), and the Functions host with the app itself.

What is served there (workspaces, models) is made by `local.scenery`; nothing here knows a model.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import Azurite
from local.host.launch import HostProcess
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from local.services.tokens.client import identity
from retrain.messages import EVALUATION_QUEUE, REQUESTS_QUEUE, TRAINING_QUEUE
from retrain.paths import CONTAINERS

ROOT = Path(__file__).parents[1]
QUEUES = (TRAINING_QUEUE, EVALUATION_QUEUE, REQUESTS_QUEUE)
HOST_PORT, STUDIO_PORT = 7071, 7072
BLOB_PORT, QUEUE_PORT, TABLE_PORT = 10000, 10001, 10002


class Stack:
    """Everything running, as a context manager; each part ends with this process, however it dies.

    `folder` holds logs and, with `keep`, the state of every part, so that the next start goes on from there.
    Ports of 0 are chosen freely. The host is started by `start_host`, once models are configured.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: bool = False,
        ports: tuple[int, int, int] = (0, 0, 0),
        studio_port: int = 0,
        switches: Mapping[str, Any] | None = None,
        accounts: str | None = None,
        workers: int | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._exits = folder, ExitStack()
        self.access_log = folder / "azurite.log"
        try:
            self.azurite = self._exits.enter_context(
                Azurite(folder / "azurite" if keep else None, *ports, log=self.access_log, accounts=accounts)
            )
            self.storage = self.azurite.connection_string
            furnish(self.storage)
            self.studio = self._exits.enter_context(
                ServicesProcess(
                    folder / "studio", self.storage, studio_port, switches, workers, log=folder / "studio.log"
                )
            )
            self.identity = {**identity(self.studio.url), "KEY_VAULT_URL": self.studio.url}
            """Settings with which the app has an identity and a vault, as it has in Azure."""
        except BaseException:
            self._exits.close()
            raise
        self.client = StudioClient(self.studio.url)
        self._exits.callback(self.client.close)
        self.host: HostProcess | None = None

    def start_host(
        self,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        hide_time: int = 600,
        events: bool = True,
        chaos: str = "",
        arguments: tuple[str, ...] = (),
    ) -> HostProcess:
        """Starts the Functions host with this app; `events` plays Event Grid, otherwise blobs are polled."""
        given = {
            "AzureWebJobsStorage": self.storage,
            "RETRAIN_BLOB_SOURCE": "EventGrid" if events else "Polling",
            "AzureWebJobsDisableHomepage": "true",
            "RETRAIN_CALLBACK_HOSTS": "127.0.0.1",
            "AzureFunctionsWebHost__hostid": "retrain-local",
            **self.identity,
            **settings,
        }
        log = self.access_log if events else None
        bookmark = ("--event-grid-bookmark", str(self.folder / "events.bookmark")) if events else ()
        given_log, arguments = self.folder / "host.log", (*bookmark, *arguments)
        self.host = HostProcess(ROOT, given, port, log, hide_time, chaos=chaos, log=given_log, arguments=arguments)
        return self.host

    def close(self) -> None:
        """Stops every part, the host first."""
        if self.host is not None:
            self.host.stop()
        self._exits.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def furnish(storage: str) -> None:
    """Makes the containers and queues that a deployment's infrastructure would have made."""
    blobs, queues = (
        BlobServiceClient.from_connection_string(storage),
        QueueServiceClient.from_connection_string(storage),
    )
    with blobs, queues:
        for make, names in ((blobs.create_container, CONTAINERS), (queues.create_queue, QUEUES)):
            for name in names:
                with suppress(ResourceExistsError):
                    make(name)


def free(port: int) -> bool:
    """Whether a port of 127.0.0.1 can be listened on."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
