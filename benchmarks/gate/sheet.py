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


def read_anyhow(content: bytes) -> Sheet:
    """What a careless script makes of any bytes: wrong bytes replaced, rows of another width left out.

    Raises: ValueError when there is not even a header.
    """
    try:
        text = _unpacked(content).decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = _unpacked(content).decode("latin-1")
    lines = [row for row in csv.reader(io.StringIO(text.replace("\0", ""))) if row]
    if not lines:
        raise ValueError("there is no header")
    header = tuple(lines[0])
    return Sheet(header, tuple(tuple(row) for row in lines[1:] if len(row) == len(header)))


def _unpacked(content: bytes) -> bytes:
    if not content.startswith(b"\x1f\x8b"):
        return content
    with gzip.open(io.BytesIO(content)) as file:
        out = bytearray()
        try:
            while block := file.read(1 << 16):
                out += block
        except EOFError:
            pass  # cut short: what there is, is what a careless script reads
        return bytes(out)
