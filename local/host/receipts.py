"""Receipts: which blob version was already queued for which function. A receipt means queued, not succeeded.

Layout as in Azure: azure-webjobs-hosts/blobreceipts/{hostId}/{functionId}/{"etag"}/{container}/{blob}.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from local.host.blobmessages import BlobMessage
from local.host.storage import HOSTS_CONTAINER, create_blob

LEASE = 30  # seconds
_INCOMPLETE = {"Incomplete": "Incomplete"}


class Receipts:
    """The receipts of one host id."""

    def __init__(self, service: BlobServiceClient, host_id: str) -> None:
        self._service = service
        self._host_id = host_id

    async def once(self, message: BlobMessage, put: Callable[[], Awaitable[None]]) -> None:
        """Call `put` unless the receipt says that it was done; then complete the receipt.

        Ending between the two leaves the receipt incomplete, and the next sweep queues the version again.
        When somebody else is at it, nothing happens: the next sweep looks again.
        """
        receipt = self._blob(message)
        if await create_blob(receipt, b"", _INCOMPLETE) or not await self._completed(receipt):
            await self._leased(receipt, put)

    async def _leased(self, receipt: BlobClient, put: Callable[[], Awaitable[None]]) -> None:
        try:
            lease = await receipt.acquire_lease(LEASE)
        except HttpResponseError as error:
            if error.status_code == 409:
                return
            raise
        try:
            if not await self._completed(receipt):
                await put()
                await receipt.set_blob_metadata({}, lease=lease)
        finally:
            await lease.release()

    def _blob(self, message: BlobMessage) -> BlobClient:
        name = (
            f"blobreceipts/{self._host_id}/{message.function_id}/{message.etag}"
            f"/{message.container_name}/{message.blob_name}"
        )
        return self._service.get_blob_client(HOSTS_CONTAINER, name)

    async def _completed(self, receipt: BlobClient) -> bool:
        try:
            properties = await receipt.get_blob_properties()
        except ResourceNotFoundError:
            return False
        return "Incomplete" not in (properties.metadata or {})
