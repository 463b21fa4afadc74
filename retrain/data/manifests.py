"""Which parts a run trains on and is judged by, and how the parts become one stream. Reading blobs is elsewhere."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from retrain.data.tables import BadData, encode

if TYPE_CHECKING:
    from retrain.data.rows import Hashed
    from retrain.data.values import U64

BLOCK = 256 * 1024  # bytes handed on at a time: a good size for a block of an upload


class Part(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One stored file of training data, by exact version: `etag` (without quotes) and `sha256` of its content."""

    blob: str
    etag: str
    sha256: str
    rows: int
    run: str
    kind: Literal["train", "holdout"]


class Segment(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The rows of one batch in the trusted holdout; days are None without a time column."""

    run: str
    rows: int
    first_day: str | None = None
    last_day: str | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The training data of one run: every part, oldest first, and what came out of putting them together.

    withheld: rows of earlier parts that were left out because they are also in a holdout of this run. baseline,
    trusted: blobs with what is known of the newest batches, and with the trusted holdout, whose rows lie in `segments`.
    """

    columns: tuple[str, ...]
    parts: tuple[Part, ...]
    rows: int = 0
    withheld: int = 0
    baseline: str = ""
    trusted: str = ""
    segments: tuple[Segment, ...] = ()


def choose(accepted: Sequence[Part], own: Part, train_on: Literal["all", "batch"] | int) -> tuple[Part, ...]:
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

    def __init__(
        self, streams: Iterable[Iterable[bytes]], columns: Sequence[str], withhold: U64 | None, clear: Container[int]
    ) -> None:
        self._streams, self._columns, self._withhold, self._clear = streams, tuple(columns), withhold, clear
        self.rows = 0
        self.withheld = 0

    def __iter__(self) -> Iterator[bytes]:
        yield encode(self._columns)
        for number, stream in enumerate(self._streams):
            for content in self._kept(number, stream):
                yield from (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))

    def _kept(self, number: int, stream: Iterable[bytes]) -> Iterator[bytes]:
        from retrain.data.forms import streamed
        from retrain.data.rows import Hashed

        part = Hashed(streamed(stream))
        if part.columns != self._columns:
            found, expected = (",".join(names)[:200] for names in (part.columns, self._columns))
            raise BadData([f"part {number + 1} has the columns {found}, expected {expected}"])
        if self._withhold is None or not len(self._withhold) or number in self._clear:
            for block in part.blocks:
                self.rows += len(block)
                yield block.content
        else:
            yield from self._picked(part, self._withhold)

    def _picked(self, part: Hashed, withhold: U64) -> Iterator[bytes]:
        import pyarrow as pa

        from retrain.data.blocks import joined
        from retrain.data.rows import among

        for block, hashes in part:
            held = among(hashes, withhold)
            count = int(held.sum())
            self.withheld += count
            self.rows += len(block) - count
            yield joined(block.rows.filter(pa.array(~held))) if count else block.content


def concatenate(
    streams: Iterable[Iterable[bytes]],
    columns: Sequence[str],
    withhold: U64 | None = None,
    clear: Container[int] = frozenset(),
) -> Concatenation:
    """Put parts (as `split` writes them) together under one header, a block at a time.

    A stream yields blocks of bytes of any size. `withhold` holds the row hashes of holdouts, ascending: such rows of
    any part are left out, since a model must not be judged on rows it was trained on. Parts whose numbers (from 0) are
    in `clear` are known to have none of them and are not looked into.
    Raises BadData, while iterating, when a part's header differs.
    """
    return Concatenation(streams, columns, withhold, clear)
