"""Scores by row: what a model answers to a row is kept under the hash of its bytes, so that nobody asks it twice.

A row is known by a digest of its columns and values as they are sent to an endpoint: another column, name or value is
another row. Which rows are asked is in `holdouts`, how they are scored in `scoring`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b

from retrain import paths
from retrain.data.tables import encode
from retrain.errors import NotFound
from retrain.ports import Ports
from retrain.run import Artifact

MOST = 100_000
"""Rows kept for one model: two holdouts at their cap and what came before them, in 2.4 MB."""
_LINE = struct.Struct("<16sd")
_WIDTH = 16

Book = dict[bytes, float]
"""Scores by the key of their row, those used last at the end."""


def keys_of(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> tuple[bytes, ...]:
    """The key of each row, 16 bytes."""
    header = blake2b(encode(columns), digest_size=_WIDTH).digest()
    return tuple(blake2b(encode(row), digest_size=_WIDTH, key=header).digest() for row in rows)


def path(target: str, artifact: Artifact | None, name: str) -> str:
    """Where a model's book is; `name` stands for a model whose bytes could not be read."""
    return f"{paths.RUNS}/{paths.place(target)}/scores/{artifact.sha256[:16] if artifact else name}"


def load(blob: str, ports: Ports) -> Book | None:
    """A book that was kept, or None."""
    try:
        return unpacked(ports.blobs.read(blob))
    except NotFound:
        return None


def extended(known: Mapping[bytes, float], used: Mapping[bytes, float]) -> Book:
    """A book with what was used now at its end; what was not for longest makes room when there is more than `MOST`."""
    idle = [(key, score) for key, score in known.items() if key not in used]
    room = max(MOST - len(used), 0)
    return {**dict(idle[max(len(idle) - room, 0) :]), **used}


def keep(blob: str, book: Mapping[bytes, float], ports: Ports) -> None:
    """Keeps a book."""
    ports.blobs.write(blob, packed(book))


def packed(book: Mapping[bytes, float]) -> bytes:
    """A book as bytes: 24 for each row, its key and its score as a little-endian double."""
    return b"".join(_LINE.pack(key, score) for key, score in book.items())


def unpacked(content: bytes) -> Book:
    """The book in these bytes."""
    return dict(_LINE.iter_unpack(content))
