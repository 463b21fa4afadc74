"""Queue messages in the form the platform has them: encoding, metadata, and what an output becomes. No I/O.

A trigger's metadata is what a function sees as id, dequeue count and so on; a JSON body is merged over it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from azure.storage.queue import QueueMessage

from local.host.protos import TypedData


class UndecodableError(Exception):
    """The stored text is not base64 of UTF-8 although the host expects that."""


def encode(payload: str | bytes, encoding: str) -> str:
    """Stored text of a payload; encoding is 'base64' or 'none' (bytes are then UTF-8 text)."""
    data = payload.encode() if isinstance(payload, str) else payload
    return base64.b64encode(data).decode() if encoding == "base64" else data.decode()


def decode(stored: str, encoding: str) -> str | bytes:
    """Payload of a stored text: text, or bytes that are not UTF-8. Raises UndecodableError."""
    if encoding != "base64":
        return stored
    try:
        data = base64.b64decode(stored, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UndecodableError(f"not base64 ({error}): {stored[:40]!r}") from error
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def trigger_value(payload: str | bytes) -> TypedData:
    """The payload as the worker takes it."""
    return TypedData(string=payload) if isinstance(payload, str) else TypedData(bytes=payload)


def trigger_metadata(message: QueueMessage, payload: str | bytes) -> dict[str, TypedData]:
    """Metadata of a queue trigger, with the members of a JSON object body merged over it, ignoring case."""
    text = payload if isinstance(payload, str) else payload.decode(errors="replace")
    metadata = {
        "QueueTrigger": TypedData(string=text),
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "InsertionTime": _time(message.inserted_on),
        "ExpirationTime": _time(message.expires_on),
        "NextVisibleTime": _time(message.next_visible_on),
    }
    return _merge(metadata, text)


def output_payloads(value: TypedData) -> list[str | bytes]:
    """Messages that a queue output stands for: an array fans out, an object is written anew, the rest is as it is."""
    if value.kind == "bytes":
        return [value.value]
    try:
        parsed = json.loads(value.value)
    except ValueError:
        return [value.value]
    if isinstance(parsed, list):
        return [_element(element) for element in parsed]
    return [_element(parsed)] if isinstance(parsed, dict) else [value.value]


def _element(element: Any) -> str:
    return element if isinstance(element, str) else json.dumps(element, indent=2, ensure_ascii=False)


def _time(moment: datetime | None) -> TypedData:
    return TypedData(json=json.dumps(moment.isoformat() if moment else None))


def _merge(metadata: dict[str, TypedData], text: str) -> dict[str, TypedData]:
    try:
        body = json.loads(text)
    except ValueError:
        return metadata
    if not isinstance(body, Mapping):
        return metadata
    spelled = {name.lower(): name for name in metadata}
    for name, member in body.items():
        if member is None or isinstance(member, list):
            continue
        metadata[spelled.get(name.lower(), name)] = _typed(member)
    return metadata


def _typed(member: Any) -> TypedData:
    return TypedData(string=member) if isinstance(member, str) else TypedData(json=json.dumps(member))
