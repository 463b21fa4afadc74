"""Records as table rows and back: one JSON text, spread over as many properties as it needs, beside columns for people.

Which key a row has is in `keys`; what is written together is in `ledger`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from retrain.decoding import from_json
from retrain.errors import BadRequest
from retrain.run import Record, Run

PART = 16_000  # characters per property; the service takes 32 K of UTF-16, and a character may need two
LARGEST = 25 * PART  # characters per record; the service takes rows of 1 MiB of UTF-16
RECORD = "record"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Write:
    """One row of a transaction: inserted, put whatever was there, or replacing the version `etag`."""

    partition: str
    key: str
    values: Mapping[str, Any]
    how: Literal["insert", "put", "replace"] = "insert"
    etag: str = ""


@dataclass(frozen=True)
class Row:
    """A row as it was read; `writer` is the token of the write that left it so."""

    partition: str
    key: str
    etag: str
    writer: str
    values: Mapping[str, Any] = field(repr=False)


def spread(name: str, text: str) -> dict[str, str]:
    """The text as properties `name`, `name1`, `name2` …

    Raises:
        BadRequest: it is longer than a row can hold.
    """
    if len(text) > LARGEST:
        raise BadRequest(f"{name} of {len(text)} characters: a row holds at most {LARGEST}; keep it as a blob")
    parts = [text[start : start + PART] for start in range(0, len(text), PART)] or [""]
    return {f"{name}{n or ''}": part for n, part in enumerate(parts)}


def gather(name: str, values: Mapping[str, Any]) -> str:
    """The text that `spread` took apart."""
    parts = [values[name]]
    while (part := values.get(f"{name}{len(parts)}")) is not None:
        parts.append(part)
    return "".join(parts)


def packed(record: Record) -> dict[str, Any]:
    """A record's properties. Its etag is the row's own and not stored."""
    bare = msgspec.structs.replace(record, etag="") if hasattr(record, "etag") else record
    return spread(RECORD, msgspec.json.encode(bare).decode())


def unpacked(kind: type[R], row: Row, *, etag: bool = True) -> R:
    """The record in a row, with the row's etag if it has one to carry."""
    record = from_json(gather(RECORD, row.values), kind)
    if etag and hasattr(record, "etag"):
        return msgspec.structs.replace(record, etag=row.etag)
    return record


def run_columns(run: Run) -> dict[str, Any]:
    """A run's properties, with what people look for in columns of their own."""
    due = {"due": run.due.isoformat()} if run.due else {}
    return {**packed(run), "state": run.state.value, "seq": run.seq, **due}
