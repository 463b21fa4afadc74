"""Decoders of records and messages from JSON, each made once and by one thread at a time.

msgspec prepares a type when it is first decoded. Two threads that prepare one type at once end the process with a
segmentation fault (msgspec 0.22), and a host that finds two messages when it starts has just that. What is prepared
stays so.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_LOCK = threading.Lock()
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}


def from_json(content: bytes | str, kind: type[T]) -> T:
    """The value of this type in a JSON text.

    Raises:
        msgspec.DecodeError: it is no JSON, or (ValidationError) not of this type.
    """
    value: T = prepared(kind).decode(content)
    return value


def prepared(kind: Any) -> msgspec.json.Decoder[Any]:
    """The decoder of a type; after this, `msgspec.convert` to the type is safe as well."""
    found = _DECODERS.get(kind)
    if found is None:
        with _LOCK:
            found = _DECODERS.setdefault(kind, msgspec.json.Decoder(kind))
    return found
