"""The port `Blobs` on Azure Blob Storage: streams in blocks, so memory stays the same whatever the size.

Signatures are made in `sas`; which containers exist and what lies in them is decided in `retrain`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from time import sleep
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import quote
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobBlock, BlobClient

from retrain.errors import BadRequest, Conflict, NotFound, Replaced, Unavailable
from retrain.ports import BlobInfo, Blobs
from shared.storage.failures import Unanswered, asking, code_of
from shared.storage.sas import Signer, lifetime

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

BLOCK = 4 * 1024 * 1024
"""Bytes that are in memory at a time, and the most that one request carries."""

_CONTAINER = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LONGEST_NAME = 1024  # characters
_COPY_SIGNED = timedelta(hours=1)
_COPY_LOOKS = (0.1, 0.4, 1.0, 2.0)  # seconds before each look at a copy that is not done at once
_WRITER = "writer"

T = TypeVar("T")


def split(blob: str) -> tuple[str, str]:
    """Container and name of `container/name`.

    Raises:
        BadRequest: it is no such path, or one that could mean another place.
    """
    container, _, name = blob.partition("/")
    if not _CONTAINER.fullmatch(container):
        raise BadRequest(f"blob {blob[:80]!r}: write container/name, the container in lowercase letters and digits")
    if not name or len(name) > _LONGEST_NAME:
        raise BadRequest(f"blob {blob[:80]!r}: the name after the container needs 1 to {_LONGEST_NAME} characters")
    if "\\" in name or not name.isprintable() or any(part in (".", "..") for part in name.split("/")):
        raise BadRequest(f"blob {blob[:80]!r}: no backslash, control character, or part that is '.' or '..'")
    return container, name


def _utc_now() -> datetime:
    return datetime.now(UTC)


class AzureBlobs(Blobs):
    """Containers come into being when something is first written to them."""

    def __init__(self, service: BlobServiceClient, signer: Signer, now: Callable[[], datetime] = _utc_now) -> None:
        self._service = service
        self._signer = signer
        self._now = now

    def head(self, blob: str) -> BlobInfo:
        """What is there. Raises NotFound."""
        client = self._client(blob)
        with asking(f"look at blob {blob}"):
            found = client.get_blob_properties()
        return BlobInfo(blob=blob, etag=_bare(found.etag), modified=found.last_modified, size=found.size)

    def open(self, blob: str, etag: str = "") -> Iterator[bytes]:
        """Blocks of one version, even when it is replaced meanwhile. Raises NotFound, Replaced: at once, or between
        blocks."""
        asked = f"read blob {blob}"
        client = self._client(blob)
        with asking(asked):
            stream = client.download_blob(max_concurrency=1, **_only(etag))
        return _blocks_of(asked, stream.chunks())

    def read(self, blob: str) -> bytes:
        """The whole of it. Raises NotFound."""
        return b"".join(self.open(blob))

    def write(
        self, blob: str, data: bytes | BinaryIO | Iterable[bytes], *, only_new: bool = False, etag: str = ""
    ) -> str:
        """Puts it there; its etag. What fits into one block goes in one request; nothing is seen before all is there.

        Raises:
            Conflict: `only_new`, and there is one. Replaced: it is no longer the version `etag`, or gone.
        """
        client, token = self._client(blob), uuid4().hex
        conditions: dict[str, Any] = {"match_condition": MatchConditions.IfMissing} if only_new else _only(etag)
        blocks = _blocks(data)
        first, second = next(blocks, b""), next(blocks, b"")
        try:
            if second:
                return self._commit(client, chain((first, second), blocks), token, conditions)
            return self._put(client, first, token, conditions)
        except (Conflict, Replaced, Unanswered) as doubt:
            # An answer may have been lost on the way: the token tells whether it was us.
            found = self._written(client, token)
            if found is not None:
                return found
            if only_new and isinstance(doubt, Replaced):
                raise Conflict(str(doubt)) from doubt
            raise

    def copy(self, source: str, target: str) -> None:
        """Copies inside the account. Raises NotFound; Unavailable while a long copy is under way."""
        self.copy_from(self.sign(source, "r", _COPY_SIGNED), target)

    def copy_from(self, address: str, target: str) -> None:
        """Copies what a signed address of any account names. Raises as `copy`."""
        client = self._client(target)
        asked = f"copy blob {address.partition('?')[0]} to {target}"
        begun = self._create_on_demand(asked, target, lambda: client.start_copy_from_url(address))
        status = str(begun["copy_status"])
        for pause in _COPY_LOOKS:
            if status == "success":
                return
            sleep(pause)
            with asking(asked):
                status = str(client.get_blob_properties().copy.status)
        if status != "success":
            raise Unavailable(f"{asked}: the copy is {status}; it is asked again later", retry_after=10)

    def delete(self, blob: str, etag: str = "") -> bool:
        """False when it was gone, or another version than `etag`."""
        client = self._client(blob)
        try:
            with asking(f"delete blob {blob}"):
                client.delete_blob(delete_snapshots="include", **_only(etag))
        except (NotFound, Replaced):
            return False
        return True

    def list(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        """In order of names; nothing when there is no such container."""
        split(f"{container}/x")
        found = self._service.get_container_client(container).list_blobs(name_starts_with=prefix or None)
        try:
            with asking(f"list blobs {container}/{prefix}"):
                for item in found:
                    yield BlobInfo(
                        blob=f"{container}/{item.name}",
                        etag=_bare(item.etag),
                        modified=item.last_modified,
                        size=item.size,
                    )
        except NotFound:
            return

    def url(self, blob: str) -> str:
        """Its address without any signature."""
        container, name = split(blob)
        return f"{self._service.primary_endpoint.partition('?')[0].rstrip('/')}/{container}/{quote(name, safe='/~')}"

    def sign(self, blob: str, permissions: str, lifetime_: timedelta) -> str:
        """Its address with a signature that starts five minutes ago, because clocks differ."""
        container, name = split(blob)
        start, expiry = lifetime(permissions, lifetime_, self._now)
        return f"{self.url(blob)}?{self._signer(container, name, permissions, start, expiry)}"

    def _client(self, blob: str) -> BlobClient:
        return self._service.get_blob_client(*split(blob))

    def _put(self, client: BlobClient, data: bytes, token: str, conditions: dict[str, Any]) -> str:
        replacing = conditions.get("match_condition") is not MatchConditions.IfMissing
        options = {"overwrite": replacing, "metadata": {_WRITER: token}, **conditions}
        answer = self._create_on_demand(
            f"write blob {_path(client)}", _path(client), lambda: client.upload_blob(data, length=len(data), **options)
        )
        return _bare(answer["etag"])

    def _commit(self, client: BlobClient, blocks: Iterable[bytes], token: str, conditions: dict[str, Any]) -> str:
        path, staged = _path(client), list[BlobBlock]()
        for n, block in enumerate(blocks):
            # The token keeps the blocks of two writers of the same blob apart.
            block_id = f"{token}{n:06}"
            self._stage(client, block_id, block)
            staged.append(BlobBlock(block_id=block_id))
        with asking(f"write blob {path} of {len(staged)} blocks"):
            answer = client.commit_block_list(staged, metadata={_WRITER: token}, **conditions)
        return _bare(str(answer["etag"]))

    def _stage(self, client: BlobClient, block_id: str, block: bytes) -> None:
        path = _path(client)
        self._create_on_demand(f"write blob {path}", path, lambda: client.stage_block(block_id, block, len(block)))

    def _written(self, client: BlobClient, token: str) -> str | None:
        try:
            with asking(f"look at blob {_path(client)}"):
                found = client.get_blob_properties()
        except NotFound:
            return None
        return _bare(found.etag) if (found.metadata or {}).get(_WRITER) == token else None

    def _create_on_demand(self, asked: str, blob: str, act: Callable[[], T]) -> T:
        with asking(asked):
            try:
                return act()
            except HttpResponseError as error:
                if code_of(error) != "ContainerNotFound":
                    raise
            try:
                self._service.create_container(split(blob)[0])
            except ResourceExistsError as error:
                if code_of(error) != "ContainerAlreadyExists":
                    raise
            return act()


def _only(etag: str) -> dict[str, Any]:
    return {"etag": f'"{_bare(etag)}"', "match_condition": MatchConditions.IfNotModified} if etag else {}


def _bare(etag: str) -> str:
    return etag.strip('"')


def _path(client: BlobClient) -> str:
    return f"{client.container_name}/{client.blob_name}"


def _blocks_of(asked: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    with asking(asked):
        yield from chunks


def _blocks(data: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    """The data in blocks of exactly `BLOCK` bytes, except the last."""
    if isinstance(data, bytes):
        yield from (data[start : start + BLOCK] for start in range(0, len(data), BLOCK))
        return
    reading = getattr(data, "read", None)
    pending = bytearray()
    for piece in iter(lambda: reading(BLOCK), b"") if reading else data:
        pending += piece
        while len(pending) >= BLOCK:
            yield bytes(pending[:BLOCK])
            del pending[:BLOCK]
    if pending:
        yield bytes(pending)
