"""Which parts a run trains on and is judged by, and how the parts become one stream. Reading blobs is elsewhere."""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from retrain.data.tables import BadData, digest, encode, records

BLOCK = 256 * 1024  # bytes handed on at a time: a good size for a block of an upload


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One stored file of training data, by exact version: `etag` (without quotes) and `sha256` of its content."""

    blob: str
    etag: str
    sha256: str
    rows: int
    run: str
    kind: Literal["train", "holdout"]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The training data of one run: every part, oldest first, and what came out of putting them together.

    withheld: rows of earlier parts that were left out because they are also in a holdout of this run.
    """

    columns: tuple[str, ...]
    parts: tuple[Part, ...]
    rows: int = 0
    withheld: int = 0


def choose(accepted: Sequence[Part], own: Part, train_on: "Literal['all', 'batch'] | int") -> tuple[Part, ...]:
    """The train parts a run uses, oldest first, its own last.

    `accepted` is oldest first; holdout parts, the run's own earlier parts and repeated content in it are passed over.
    `"all"`: everything accepted so far; `"batch"`: only its own; a number: that many of the newest, its own included.
    Raises ValueError for anything else.
    """
    if train_on not in ("all", "batch") and (isinstance(train_on, (str, bool)) or train_on < 1):
        raise ValueError(f"train_on is {train_on!r}; it must be 'all', 'batch' or a number of batches from 1")
    if train_on == "batch":
        return (own,)
    earlier: list[Part] = []
    for part in reversed(accepted):
        known = {own.sha256, *(chosen.sha256 for chosen in earlier)}
        if part.kind == "train" and part.run != own.run and part.sha256 not in known:
            earlier.append(part)
    if isinstance(train_on, int):
        earlier = earlier[: train_on - 1]
    return (*reversed(earlier), own)


class Concatenation:
    """The parts as one CSV, in blocks of bytes, iterated once. `rows` and `withheld` count while it is consumed."""

    def __init__(self, streams: Iterable[Iterable[bytes]], columns: Sequence[str], withhold: Container[bytes]) -> None:
        self._streams, self._header, self._withhold = streams, encode(columns), withhold
        self.rows = 0
        self.withheld = 0

    def __iter__(self) -> Iterator[bytes]:
        held = bytearray(self._header)
        for number, stream in enumerate(self._streams, start=1):
            for record in self._kept(number, stream):
                held += record
                if len(held) >= BLOCK:
                    yield bytes(held)
                    held.clear()
        if held:
            yield bytes(held)

    def _kept(self, number: int, stream: Iterable[bytes]) -> Iterator[bytes]:
        parts = records(stream)
        header = next(parts, b"")
        if header != self._header:
            found = header.decode(errors="replace").strip()[:200]
            raise BadData([f"part {number} has the columns {found}, expected {self._header.decode().strip()[:200]}"])
        for record in parts:
            if self._withhold and digest(record) in self._withhold:
                self.withheld += 1
            else:
                self.rows += 1
                yield record


def concatenate(
    streams: Iterable[Iterable[bytes]], columns: Sequence[str], withhold: Container[bytes] = frozenset()
) -> Concatenation:
    """Put canonical parts (as `split` writes them) together under one header, a block at a time.

    A stream yields blocks of bytes of any size. `withhold` holds the `row_digests` of holdouts: such rows of
    any part are left out, since a model must not be judged on rows it was trained on.
    Raises BadData, while iterating, when a part's header differs.
    """
    return Concatenation(streams, columns, withhold)


def row_digests(blocks: Iterable[bytes]) -> frozenset[bytes]:
    """The identities of a canonical part's rows, 16 bytes each, for `concatenate` to withhold."""
    parts = records(blocks)
    next(parts, None)
    return frozenset(map(digest, parts))
