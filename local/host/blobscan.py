"""The polling source of blob triggers: lists containers now and then, and queues versions that have no receipt.

Without `$logs`, which storage writes best effort and minutes late, and Azurite not at all.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties
from azure.storage.blob.aio import BlobServiceClient

from local.host.blobs import BlobDispatcher, BlobFunction
from local.host.pause import pause
from local.host.storage import HOSTS_CONTAINER, Storage, read_blob, write_blob

log = logging.getLogger("local.host.blobs")

BUDGET = 10_000  # blobs looked at in one sweep, shared by all containers
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class ContainerScan:
    """One container and the functions that watch it; keeps its place in a long listing from sweep to sweep."""

    def __init__(self, service: BlobServiceClient, host_id: str, blobs: list[BlobFunction]) -> None:
        self.blobs = blobs
        container = blobs[0].path.container
        self._container = service.get_container_client(container)
        name = f"blobscaninfo/{host_id}/{service.account_name}/{container}/scanInfo"
        self._state = (service, name)
        self._pages: AsyncIterator[Any] | None = None
        self._latest: datetime | None = None
        self._newest = _BEGINNING

    async def changed(self, budget: int) -> AsyncIterator[BlobProperties]:
        """Blobs that changed since the last complete sweep, at most about `budget` listed."""
        latest = self._latest = self._latest or await self._load()
        seen = 0
        async for page in self._some_pages():
            for blob in page:
                seen += 1
                self._newest = max(self._newest, blob.last_modified)
                if blob.last_modified >= latest:
                    yield blob
            if seen >= budget:
                return
        if self._newest > latest:
            self._latest = self._newest
            await self._save(self._newest - timedelta(milliseconds=1))

    async def _some_pages(self) -> AsyncIterator[list[BlobProperties]]:
        if self._pages is None:
            self._pages = self._container.list_blobs().by_page()
        with suppress(ResourceNotFoundError):
            async for page in self._pages:
                yield [blob async for blob in page]
        self._pages = None

    async def _load(self) -> datetime:
        service, name = self._state
        data = await read_blob(service.get_blob_client(HOSTS_CONTAINER, name))
        return datetime.fromisoformat(json.loads(data)["LatestScan"]) if data else _BEGINNING

    async def _save(self, moment: datetime) -> None:
        service, name = self._state
        text = json.dumps({"LatestScan": moment.isoformat()})
        await write_blob(service.get_blob_client(HOSTS_CONTAINER, name), text, overwrite=True)


class BlobScanner:
    """Sweeps the containers of all polling functions, one after the other."""

    def __init__(
        self, blobs: Iterable[BlobFunction], storage: Storage, dispatcher: BlobDispatcher, host_id: str, interval: float
    ) -> None:
        self._dispatcher = dispatcher
        self._interval = interval
        self._stopping = asyncio.Event()
        groups: dict[tuple[str, str], list[BlobFunction]] = {}
        for blob in blobs:
            groups.setdefault((blob.connection, blob.path.container), []).append(blob)
        self._scans = [
            ContainerScan(storage.blobs(connection), host_id, group) for (connection, _), group in groups.items()
        ]

    def stop(self) -> None:
        """Begin no further sweep."""
        self._stopping.set()

    async def run(self) -> None:
        """Sweep every interval until stopped."""
        while self._scans and not self._stopping.is_set():
            for scan in self._scans:
                await self._sweep(scan)
            await pause(self._stopping, self._interval)

    async def _sweep(self, scan: ContainerScan) -> None:
        try:
            async for found in scan.changed(BUDGET // len(self._scans)):
                for blob in scan.blobs:
                    if blob.path.match(found.container or blob.path.container, found.name) is not None:
                        await self._dispatcher.notify(blob, found.name, found.etag, _type(found))
        except AzureError as error:
            log.warning("sweep of %s not finished: %s", scan.blobs[0].path.container, str(error).splitlines()[0])


def _type(blob: BlobProperties) -> str:
    return getattr(blob.blob_type, "value", None) or str(blob.blob_type)
