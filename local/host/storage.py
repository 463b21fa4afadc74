"""Clients for the storage accounts that the app's connections name, one of each for the process.

Not here: what is stored (receipts.py, messages.py, timers.py), and retries beyond one: the loops that call try again.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobServiceClient
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local.host.settings import SettingsError

HOST_CONNECTION = "AzureWebJobsStorage"
HOSTS_CONTAINER = "azure-webjobs-hosts"
SECRETS_CONTAINER = "azure-webjobs-secrets"

# The clients' own default waits 15 s before the first retry; our loops come again sooner than that.
_RETRY: dict[str, Any] = {"initial_backoff": 1, "retry_total": 1, "random_jitter_range": 0}


class Storage:
    """Blob and queue clients by connection name. Close it when done, on the loop that used it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._blobs: dict[str, BlobServiceClient] = {}
        self._queues: dict[str, QueueServiceClient] = {}

    def blobs(self, connection: str = HOST_CONNECTION) -> BlobServiceClient:
        """Blob service of a connection. Raises SettingsError when the connection is not set."""
        text = self._connection_string(connection)
        if text not in self._blobs:
            self._blobs[text] = BlobServiceClient.from_connection_string(text, **_RETRY)
        return self._blobs[text]

    def queue(self, name: str, connection: str = HOST_CONNECTION) -> QueueClient:
        """A queue of a connection, without any decode policy. Raises SettingsError as `blobs` does."""
        text = self._connection_string(connection)
        if text not in self._queues:
            self._queues[text] = QueueServiceClient.from_connection_string(text, **_RETRY)
        return self._queues[text].get_queue_client(name)

    async def close(self) -> None:
        """Close every connection."""
        for client in (*self._blobs.values(), *self._queues.values()):
            await client.close()

    def _connection_string(self, connection: str) -> str:
        for name in (connection, f"AzureWebJobs{connection}"):
            if self._environment.get(name):
                return self._environment[name]
        raise SettingsError(
            f"connection {connection!r} is not set: put a connection string into the app setting {connection!r} "
            "(identity-based connections need Azure; this host runs over Azurite)"
        )


async def write_blob(client: BlobClient, data: bytes | str, **conditions: Any) -> None:
    """Write a blob, making its container when that is missing. Conditions as in `upload_blob`."""
    try:
        await client.upload_blob(data, **conditions)
    except ResourceNotFoundError:
        with suppress(ResourceExistsError):
            await client._get_container_client().create_container()
        await client.upload_blob(data, **conditions)


async def create_blob(client: BlobClient, data: bytes, metadata: dict[str, str] | None = None) -> bool:
    """Create a blob if there is none; False when it exists already."""
    try:
        await write_blob(client, data, metadata=metadata)
    except ResourceExistsError:
        return False
    return True


async def read_blob(client: BlobClient) -> bytes | None:
    """A blob's bytes, or None when it (or its container) does not exist."""
    try:
        return await (await client.download_blob()).readall()
    except ResourceNotFoundError:
        return None


async def send(queue: QueueClient, text: str) -> None:
    """Put a message as it is, making the queue when it is missing."""
    try:
        await queue.send_message(text)
    except ResourceNotFoundError:
        with suppress(ResourceExistsError):
            await queue.create_queue()
        await queue.send_message(text)
