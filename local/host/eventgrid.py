"""Plays Event Grid from Azurite's access log: BlobCreated events for the app's subscriptions, with its bad manners.

Each EventGrid-source blob function has one subscription, filtered on its container and on the writes that create
block blobs, as a deployment would set it up. Also wakes pollers of queues that were written to (`wakeup.py`).
With a bookmark, events of the time in which this host was down are published when it is back, some of them again, as
the real Event Grid keeps trying for a day; without one they are lost.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, BlobType

from local.host.accesslog import BlobWritten, MessagePut, Tail, understand
from local.host.blobs import BlobFunction
from local.host.options import Chaos
from local.host.storage import Storage
from local.host.wakeup import Wakeups

log = logging.getLogger("local.host.eventgrid")

NO_RETRY = (400, 401, 403, 413)
ANSWER_TIMEOUT = 30.0  # seconds


class EventGrid:
    """One player for the process. url: the webhook; code: its key, if keys are asked for."""

    def __init__(
        self,
        access_log: Path,
        blobs: Iterable[BlobFunction],
        storage: Storage,
        wakeups: Wakeups,
        *,
        chaos: Chaos,
        retries: tuple[float, ...],
        own_queue: str = "",
        bookmark: Path | None = None,
    ) -> None:
        self._tail = Tail(access_log, bookmark)
        self._tail.remember()
        self._storage = storage
        self._wakeups = wakeups
        self._chaos = chaos
        self._retries = retries
        self._own_queue = own_queue
        self._random = random.Random(chaos.seed)
        self._sequence = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscriptions: dict[tuple[str, str], list[BlobFunction]] = {}
        for blob in blobs:
            account = storage.blobs(blob.connection).account_name
            self._subscriptions.setdefault((account, blob.path.container), []).append(blob)

    async def run(self, url: str, code: str) -> None:
        """Follow the log until cancelled."""
        timeout = aiohttp.ClientTimeout(total=ANSWER_TIMEOUT)
        async with aiohttp.ClientSession(timeout=timeout) as self._session:
            self._url, self._code = url, code
            try:
                async for line in self._tail.lines():
                    self._take(understand(line))
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def _take(self, seen: BlobWritten | MessagePut | None) -> None:
        if isinstance(seen, MessagePut):
            if seen.queue != self._own_queue:  # whoever writes there has announced it already
                self._wakeups.announce(seen.account, seen.queue, seen.delay)
        elif isinstance(seen, BlobWritten) and (seen.account, seen.container) in self._subscriptions:
            self._spawn(self._publish(seen))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not self._tasks and not task.cancelled():
            self._tail.remember()

    async def _publish(self, seen: BlobWritten) -> None:
        blobs = self._subscriptions[seen.account, seen.container]
        client = self._storage.blobs(blobs[0].connection).get_blob_client(seen.container, seen.name)
        try:
            properties = await client.get_blob_properties()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            log.warning("no event for %s/%s: %s", seen.container, seen.name, str(error).splitlines()[0])
            return
        if properties.blob_type != BlobType.BLOCKBLOB:
            return
        event = blob_created(seen, client.url, properties, next(self._sequence))
        for blob in blobs:
            for _ in range(self._copies()):
                self._spawn(self._deliver(blob.function.full_name, event))

    def _copies(self) -> int:
        if self._random.random() < self._chaos.drop:
            return 0
        return 2 if self._random.random() < self._chaos.duplicate else 1

    async def _deliver(self, function: str, event: dict[str, Any]) -> None:
        late = self._chaos.delay + self._random.uniform(0, self._chaos.reorder)
        for pause in (late, *self._retries):
            if pause:
                await asyncio.sleep(pause)
            status = await self._post(function, event)
            if status and 200 <= status < 300:
                return
            if status in NO_RETRY:
                break
        log.error("event for %s given up, last answer %s: %s", function, status or "none", event["subject"])

    async def _post(self, function: str, event: dict[str, Any]) -> int | None:
        parameters = {"functionName": function} | ({"code": self._code} if self._code else {})
        headers = {"aeg-event-type": "Notification", "aeg-delivery-count": "0"}
        try:
            async with self._session.post(self._url, params=parameters, headers=headers, json=[event]) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return None


def blob_created(seen: BlobWritten, url: str, properties: BlobProperties, sequence: int) -> dict[str, Any]:
    """A Microsoft.Storage.BlobCreated event; its eTag has no quotes, unlike the one in the properties."""
    return {
        "topic": f"/subscriptions/0/resourceGroups/0/providers/Microsoft.Storage/storageAccounts/{seen.account}",
        "subject": f"/blobServices/default/containers/{seen.container}/blobs/{seen.name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "id": str(uuid.uuid4()),
        "data": {
            "api": seen.api,
            "requestId": str(uuid.uuid4()),
            "eTag": properties.etag.strip('"'),
            "contentType": properties.content_settings.content_type or "application/octet-stream",
            "contentLength": properties.size,
            "blobType": "BlockBlob",
            "url": url,
            "sequencer": f"{sequence:048X}",
            "storageDiagnostics": {"batchId": str(uuid.uuid4())},
        },
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
    }
