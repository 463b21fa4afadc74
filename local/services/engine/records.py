"""What records of every service have in common: ids, keys, times, and how blobs and columns are named."""

import base64
import secrets
import uuid
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec


def new_id() -> str:
    """32 lowercase hex characters."""
    return uuid.uuid4().hex


def new_key() -> str:
    """64 random bytes in base64: ends in `==`, as keys of web services and workspace tokens do."""
    return base64.b64encode(secrets.token_bytes(64)).decode()


def wire_time(seconds: float) -> str:
    """UNIX seconds as services write times: `2016-01-29T13:34:50.512Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Record(msgspec.Struct, kw_only=True):
    """Something kept under an id. `group` names the field by which there are many of a kind to look through."""

    group: ClassVar[str] = ""

    id: str
    created: float


class BlobReference(msgspec.Struct, rename="pascal", kw_only=True, frozen=True):
    """`AzureBlobDataReference`: an account (connection string, or base and SAS) and `container/path`."""

    connection_string: str | None = None
    relative_location: str | None = None
    base_location: str | None = None
    sas_blob_token: str | None = None


class Column(msgspec.Struct, frozen=True):
    """A column of the data: `number`, `category`, `date` or `ignored`, and the categories known."""

    name: str
    kind: str
    categories: tuple[str, ...] = ()


def to_builtins(record: Any) -> Any:
    """A record as plain dictionaries, for JSON answers of our own routes."""
    return msgspec.to_builtins(record)
