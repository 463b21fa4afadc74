"""Blob storage as the service uses it: references in requests, reading, writing, and SAS tokens for results."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, unquote

import aiohttp
import msgspec
from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob import (
    BlobSasPermissions,
    ContainerSasPermissions,
    generate_blob_sas,
    generate_container_sas,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient, ExponentialRetry

from local.services.engine.records import BlobReference

EXPERIMENT_OUTPUT = "experimentoutput"
ARTIFACTS = "azureml"
OWN_CONTAINERS = (EXPERIMENT_OUTPUT, ARTIFACTS)
T = TypeVar("T")


class Unreachable(Exception):
    """A blob cannot be read or written; the message is what the storage said, without secrets."""


class BadConnectionString(ValueError):
    """The text is no storage connection string."""


class Account(msgspec.Struct, frozen=True):
    """A storage account: its blob address without a final slash, and its key if there is one."""

    url: str
    name: str
    key: str | None


def account_of(connection_string: str) -> Account:
    """Raises: BadConnectionString."""
    try:
        client = BlobServiceClient.from_connection_string(connection_string)
    except (ValueError, TypeError, AttributeError) as wrong:
        raise BadConnectionString(str(wrong)) from wrong
    key = getattr(client.credential, "account_key", None)
    return Account(f"{client.scheme}://{client.primary_hostname}".rstrip("/"), client.account_name or "", key)


def split_location(relative: str) -> tuple[str, str]:
    """`container/path/name` as container and name; a leading slash is allowed. Raises: ValueError."""
    container, _, name = relative.lstrip("/").partition("/")
    if not container or not name:
        raise ValueError(f"{relative!r} is not container/path/name")
    return container, name


def expired(token: str, now: float) -> bool:
    """Whether the SAS token says that it has ended (a token without an end has not)."""
    ends = parse_qs(token.lstrip("?")).get("se")
    if not ends:
        return False
    try:
        moment = datetime.fromisoformat(ends[0])
    except ValueError:
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() < now


class Blobs:
    """The stand-in's hands on storage; `own` is the account of the workspaces."""

    def __init__(self, connection_string: str):
        self.own = account_of(connection_string)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600, sock_connect=5, sock_read=60))

    async def close(self) -> None:
        """Closes the connections."""
        await self._session.close()

    def _client(self, reference: BlobReference) -> BlobClient:
        account, credential = self._account(reference)
        container, name = split_location(reference.relative_location or "")
        return BlobClient(
            account.url,
            container,
            name,
            credential=credential,
            transport=AioHttpTransport(session=self._session, session_owner=False),
            retry_policy=ExponentialRetry(initial_backoff=1, increment_base=2, retry_total=2),
            connection_timeout=5,
            read_timeout=60,
        )

    def _account(self, reference: BlobReference) -> tuple[Account, str | dict[str, str] | None]:
        if reference.connection_string:
            account = account_of(reference.connection_string)
            return account, {"account_name": account.name, "account_key": account.key} if account.key else None
        account = Account((reference.base_location or "").rstrip("/"), "", None)
        if reference.sas_blob_token:
            return account, reference.sas_blob_token.lstrip("?")
        if account.url.lower() == self.own.url.lower() and self.own.key:
            return account, {"account_name": self.own.name, "account_key": self.own.key}
        return account, None

    async def check(self, reference: BlobReference) -> None:
        """Raises: Unreachable unless the blob can be read."""
        client = self._client(reference)
        await _reached(client.get_blob_properties())

    async def exists(self, reference: BlobReference) -> bool:
        """Whether the blob is there. Raises: Unreachable."""
        return await _reached(self._client(reference).exists())

    async def names(self, folder: BlobReference) -> list[str]:
        """The blobs of a folder and of the folders in it, as `container/path/name`. Raises: Unreachable."""
        account, credential = self._account(folder)
        container, _, path = (folder.relative_location or "").strip("/").partition("/")
        transport = AioHttpTransport(session=self._session, session_owner=False)
        client = ContainerClient(account.url, container, credential=credential, transport=transport)
        prefix = f"{path}/" if path else ""

        async def walk() -> list[str]:
            return [f"{container}/{name}" async for name in client.list_blob_names(name_starts_with=prefix)]

        return await _reached(walk())

    async def read(self, reference: BlobReference, most: int) -> bytes:
        """The blob's bytes. Raises: Unreachable, also when there are more than `most`."""

        async def download() -> bytes:
            stream = await self._client(reference).download_blob()
            if stream.size > most:
                raise Unreachable(f"The blob has {stream.size} bytes; at most {most} are read")
            return await stream.readall()

        return await _reached(download())

    async def fetch(self, reference: BlobReference, path: Path) -> None:
        """Copies the blob into a file. Raises: Unreachable."""

        async def download() -> None:
            stream = await self._client(reference).download_blob()
            with path.open("wb") as file:
                async for chunk in stream.chunks():
                    file.write(chunk)

        await _reached(download())

    async def fetch_url(self, url: str, path: Path) -> None:
        """Copies what an http(s) address answers into a file (Import Data by URL). Raises: Unreachable."""
        try:
            async with self._session.get(url) as response:
                if response.status != 200:
                    raise Unreachable(f"HTTP {response.status} {response.reason}")
                with path.open("wb") as file:
                    async for chunk in response.content.iter_chunked(1 << 20):
                        file.write(chunk)
        except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
            raise Unreachable(type(failed).__name__) from failed

    async def write(self, reference: BlobReference, content: bytes) -> None:
        """Writes the blob; only the stand-in's own containers are created when absent. Raises: Unreachable."""

        async def upload() -> None:
            await self._client(reference).upload_blob(content, overwrite=True)

        try:
            await _reached(upload())
        except Unreachable as failed:
            container, _ = split_location(reference.relative_location or "")
            if not (isinstance(failed.__cause__, ResourceNotFoundError) and container in OWN_CONTAINERS):
                raise
            await self.create_container(container, reference)
            await _reached(upload())

    async def create_container(self, name: str, beside: BlobReference | None = None) -> None:
        """Creates a container in the workspaces' account, or in that of another blob, unless it is there.

        Raises: Unreachable.
        """
        transport = AioHttpTransport(session=self._session, session_owner=False)
        account, credential = self._account(beside or self.own_reference(name))
        service = BlobServiceClient(account.url, credential=credential, transport=transport)
        try:
            await service.create_container(name)
        except HttpResponseError as failed:
            if failed.status_code != 409:
                raise Unreachable(said(failed)) from failed

    def filling(self, container: str, lifetime: float) -> str:
        """The address of a container of the workspaces' account, with a SAS to read, list and write in it."""
        now = datetime.now(UTC)
        token = generate_container_sas(
            account_name=self.own.name,
            container_name=container,
            account_key=self.own.key or "",
            permission=ContainerSasPermissions(read=True, write=True, create=True, list=True, add=True),
            start=now - timedelta(minutes=5),
            expiry=now + timedelta(seconds=lifetime),
        )
        return f"{self.own.url}/{container}?{token}"

    def own_reference(
        self, name: str, container: str = EXPERIMENT_OUTPUT, *, account: str | None = None
    ) -> BlobReference:
        """A blob in the workspaces' account, or in another by its connection string."""
        if account is not None:
            return BlobReference(connection_string=account, relative_location=f"{container}/{name}")
        return BlobReference(base_location=self.own.url + "/", relative_location=f"{container}/{name}")

    def named(self, account: str, key: str) -> str:
        """The connection string of another account, which is where our own is, under its own name."""
        before, _, after = self.own.url.rpartition(self.own.name)
        scheme, url = self.own.url.partition(":")[0], f"{before}{account}{after}"
        return f"DefaultEndpointsProtocol={scheme};AccountName={account};AccountKey={key};BlobEndpoint={url}"

    def within(self, connection: str, url: str) -> BlobReference:
        """A blob of that account by its address; what follows `?` is left off. Raises: Unreachable: another's."""
        base = account_of(connection).url + "/"
        bare = url.partition("?")[0]
        if not bare.lower().startswith(base.lower()):
            raise Unreachable(f"{bare} is not in the storage account {account_of(connection).name}")
        return BlobReference(connection_string=connection, relative_location=unquote(bare[len(base) :]))

    def result(self, reference: BlobReference, lifetime: float) -> BlobReference:
        """How a status or endpoint shows the blob: base, relative location, and a fresh read-only SAS.

        A SAS can be made only with the account's key (given in the request, or the stand-in's own account);
        otherwise the token that was given is echoed.
        """
        account, _ = self._account(reference)
        if account.key is None and account.url.lower() == self.own.url.lower():
            account = self.own
        token = _read_sas(account, reference, lifetime) if account.key else reference.sas_blob_token
        return BlobReference(
            relative_location=(reference.relative_location or "").lstrip("/"),
            base_location=account.url + "/",
            sas_blob_token=token,
        )


def _read_sas(account: Account, reference: BlobReference, lifetime: float) -> str:
    container, name = split_location(reference.relative_location or "")
    now = datetime.now(UTC)
    token = generate_blob_sas(
        account_name=account.name,
        container_name=container,
        blob_name=name,
        account_key=account.key,
        permission=BlobSasPermissions(read=True),
        start=now - timedelta(minutes=5),  # clocks differ; recorded tokens of the service do the same
        expiry=now + timedelta(seconds=lifetime),
    )
    return "?" + token


async def _reached(call: Awaitable[T]) -> T:
    try:
        return await call
    except AzureError as failed:
        raise Unreachable(said(failed)) from failed
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as failed:
        raise Unreachable(type(failed).__name__) from failed


def said(failed: AzureError) -> str:
    """What the storage answered, in one line and without addresses or tokens."""
    if isinstance(failed, HttpResponseError) and failed.status_code is not None:
        code = getattr(failed, "error_code", None) or failed.reason
        return f"The remote server returned an error: ({failed.status_code}) {code}"
    return type(failed).__name__
