"""A batch as text: a header and rows of fields, to CSV bytes and back. Knows nothing of what a column means."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

Row = tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A table of texts. Never changed: every fault makes another one, so that batches can be shared."""

    header: Row
    rows: tuple[Row, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, name: str) -> int:
        """Where a column stands."""
        return self.header.index(name)

    def column(self, name: str) -> list[str]:
        """The values of a column, top to bottom."""
        place = self.place(name)
        return [row[place] for row in self.rows]

    def with_column(self, name: str, values: Sequence[str]) -> Sheet:
        """The same sheet with other values in one column."""
        place = self.place(name)
        pairs = zip(self.rows, values, strict=True)
        return replace(self, rows=tuple((*row[:place], value, *row[place + 1 :]) for row, value in pairs))

    def without(self, name: str) -> Sheet:
        """The same sheet without a column."""
        place = self.place(name)
        cut = lambda row: (*row[:place], *row[place + 1 :])  # noqa: E731  (one line says it)
        return Sheet(cut(self.header), tuple(map(cut, self.rows)))

    def picked(self, places: Iterable[int]) -> Sheet:
        """The rows at these places, in the order given."""
        return replace(self, rows=tuple(self.rows[place] for place in places))

    def text(self) -> str:
        """CSV with a header line."""
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows((self.header, *self.rows))
        return out.getvalue()

    def content(self) -> bytes:
        """CSV in UTF-8, as a tidy producer writes it."""
        return self.text().encode()


def read(content: bytes) -> Sheet:
    """The sheet that `content` wrote, gzip or not. Raises: what the csv and codecs modules raise."""
    header, *rows = csv.reader(io.StringIO(_unpacked(content).decode("utf-8-sig")))
    return Sheet(tuple(header), tuple(map(tuple, rows)))


def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
