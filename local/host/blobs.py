"""Blob triggers: the one internal queue of the app, and the function runs that its messages stand for.

What puts messages there: scanning (blobscan.py) and the Event Grid webhook (webhooks.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobClient
from azure.storage.queue import QueueMessage

from local.host import blobmessages
from local.host.backoff import ANNOUNCED, SHORTEST
from local.host.blobmessages import BlobMessage
from local.host.blobpaths import BlobPath
from local.host.invocations import Invocations
from local.host.protos import TypedData
from local.host.queues import QueueListener
from local.host.receipts import Receipts
from local.host.settings import QueueSettings, SettingsError, resolve
from local.host.storage import Storage, read_blob, send
from local.host.wakeup import Wakeups
from local.host.worker import Function

log = logging.getLogger("local.host.blobs")


class BlobFunction:
    """A function with a blob trigger: its path, its connection, its source. Raises SettingsError for a bad path."""

    def __init__(self, function: Function, environment: Mapping[str, str]) -> None:
        self.function = function
        try:
            self.path = BlobPath.parse(resolve(function.trigger["path"], environment))
        except ValueError as error:
            raise SettingsError(f"function {function.name}: {error}") from error
        self.connection: str = function.trigger["connection"]
        self.by_event_grid = function.trigger.get("source", "").lower() == "eventgrid"


class BlobDispatcher:
    """Queues blob versions for functions, and runs the functions for what is queued."""

    def __init__(
        self, functions: list[BlobFunction], storage: Storage, wakeups: Wakeups, invocations: Invocations, host_id: str
    ) -> None:
        self.functions = {blob.function.full_name: blob for blob in functions}
        self._storage = storage
        self._wakeups = wakeups
        self._invocations = invocations
        self.queue = storage.queue(blobmessages.internal_queue(host_id))
        self.receipts = Receipts(storage.blobs(), host_id)

    def listener(self, settings: QueueSettings, hide_time: int) -> QueueListener:
        """The reader of the internal queue; one serves all blob functions."""
        poison = self._storage.queue(blobmessages.POISON_QUEUE)
        listener = QueueListener(
            self.queue,
            poison,
            settings,
            hide_time,
            self.handle,
            lambda q: self._announce(q.queue_name),
            ANNOUNCED if self._wakeups.announced else SHORTEST,
        )
        self._wakeups.register(self.queue.account_name, self.queue.queue_name, listener.wake)
        return listener

    async def put(self, message: BlobMessage) -> None:
        """Queue a blob version; the listener wakes at once."""
        await send(self.queue, message.encode())
        self._announce(self.queue.queue_name)

    async def notify(self, blob: BlobFunction, name: str, etag: str, blob_type: str) -> None:
        """Queue a blob version unless its receipt says that this was done: the way of the polling source."""
        message = blobmessages.new_message(
            blob.function.full_name, blob_type, blob.path.container, name, blobmessages.quoted(etag)
        )
        await self.receipts.once(message, lambda: self.put(message))

    async def handle(self, queued: QueueMessage) -> bool | None:
        """Run what a message asks for. True also when there is nothing to run: unknown function, blob gone."""
        message = blobmessages.decode(queued.content)
        if message is None:
            log.error("dropped a message of %s that is not a blob event: %.80r", self.queue.queue_name, queued.content)
            return True
        blob = self.functions.get(message.function_id)
        if blob is None:
            log.warning("dropped an event of %s: the app has no such blob function", message.function_id)
            return True
        client = self._storage.blobs(blob.connection).get_blob_client(message.container_name, message.blob_name)
        try:
            properties = await client.get_blob_properties()
        except ResourceNotFoundError:
            return True
        if not blob.by_event_grid and properties.etag != message.etag:
            await self.notify(blob, message.blob_name, properties.etag, message.blob_type)
            return True
        return await self._run(blob, client, properties)

    async def _run(self, blob: BlobFunction, client: BlobClient, properties: BlobProperties) -> bool:
        value = await self._value(blob, client)
        if value is None:
            return True
        tokens = blob.path.match(client.container_name, client.blob_name) or {}
        metadata = blobmessages.trigger_metadata(properties, client.url, tokens)
        why = f"blob {client.container_name}/{client.blob_name}"
        return (await self._invocations.run(blob.function, value, metadata, why)).ok

    async def _value(self, blob: BlobFunction, client: BlobClient) -> TypedData | None:
        if blob.function.takes_reference:
            return blobmessages.reference(blob.connection, client.container_name, client.blob_name)
        data = await read_blob(client)
        return None if data is None else TypedData(bytes=data)

    def _announce(self, queue: str) -> None:
        self._wakeups.announce(self.queue.account_name, queue)
