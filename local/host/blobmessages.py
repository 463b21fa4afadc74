"""The internal message that announces one blob version to one function, and what a function is told about a blob.

The JSON is the platform's own, so that poison messages look the same here and in Azure.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
from azure.storage.blob import BlobProperties

from local.host.protos import TypedData

POISON_QUEUE = "webjobs-blobtrigger-poison"


class BlobMessage(msgspec.Struct, frozen=True, rename="pascal"):
    """Names function, blob and version. The ETag has its quotes unless Event Grid brought it."""

    type: str
    function_id: str
    blob_type: str
    container_name: str
    blob_name: str
    etag: str = msgspec.field(name="ETag")

    def encode(self) -> str:
        """Base64 of indented JSON, whatever host.json says about other queues."""
        return base64.b64encode(msgspec.json.format(msgspec.json.encode(self), indent=2)).decode()


def new_message(function_id: str, blob_type: str, container: str, name: str, etag: str) -> BlobMessage:
    """The message for one blob version."""
    return BlobMessage("BlobTrigger", function_id, blob_type, container, name, etag)


def decode(stored: str) -> BlobMessage | None:
    """The message in a stored text, or None when it is none."""
    try:
        return msgspec.json.decode(base64.b64decode(stored, validate=True), type=BlobMessage)
    except (ValueError, msgspec.MsgspecError):
        return None


def internal_queue(host_id: str) -> str:
    """Name of the queue that these messages travel through."""
    return f"azure-webjobs-blobtrigger-{host_id}"


def quoted(etag: str) -> str:
    """An ETag with its quotes: listings give it without, everything else with."""
    return etag if etag.startswith('"') else f'"{etag}"'


def trigger_metadata(properties: BlobProperties, uri: str, tokens: dict[str, str]) -> dict[str, TypedData]:
    """What a blob function sees besides the content; path tokens win over built-in names."""
    metadata = {
        "BlobTrigger": TypedData(string=f"{properties.container}/{properties.name}"),
        "Uri": TypedData(json=json.dumps(uri)),
        "Properties": TypedData(json=json.dumps(_dotnet(properties))),
        "Metadata": TypedData(json=json.dumps(properties.metadata or {})),
    }
    return metadata | {name: TypedData(string=value) for name, value in tokens.items()}


def reference(connection: str, container: str, name: str) -> TypedData:
    """A blob as an SDK-type binding takes it: by name."""
    content = json.dumps({"Connection": connection, "ContainerName": container, "BlobName": name})
    return TypedData(
        model_binding_data=_Reference("1.0", "AzureStorageBlobs", "application/json", content),
    )


class _Reference(msgspec.Struct, frozen=True):
    version: str
    source: str
    content_type: str
    content: str


def _dotnet(properties: BlobProperties) -> dict[str, Any]:
    settings = properties.content_settings
    return {
        "LastModified": properties.last_modified.isoformat(),
        "CreatedOn": properties.creation_time.isoformat() if properties.creation_time else None,
        "ContentLength": properties.size,
        "ContentType": settings.content_type,
        "ContentEncoding": settings.content_encoding,
        "ETag": properties.etag,
        "BlobType": str(properties.blob_type.value if hasattr(properties.blob_type, "value") else properties.blob_type),
    }
