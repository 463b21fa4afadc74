"""A stream of CSV cut into blocks of whole rows, some MB each, so that memory stays bounded and rows keep their bytes.

What can be cut by looking for line ends is; a block with quotes that do not simply enclose fields is read by Python's
`csv` and put in canonical form. Nothing here knows columns. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain.data.tables import LONGEST_LINE, BadData, Fault, encode

SIZE = 2 << 20  # bytes read at a time
_COMMA, _NEWLINE, _QUOTE = b",", b"\n", b'"'
_BESIDE = np.frombuffer(b',\n"', np.uint8)  # what a quote that opens or closes a field may stand beside


@dataclass(frozen=True)
class Block:
    """Whole rows with `\\n` at their ends and no blank lines. offsets: where each row starts, and the end of the last.

    lines: the line of the file on which each row starts. quoted: whether there are quotes.
    """

    content: bytes
    offsets: NDArray[np.int32]
    lines: range | NDArray[np.int64]
    quoted: bool

    @property
    def rows(self) -> pa.Array:
        """The bytes of each row, with its line end; shares the block's memory."""
        buffers = [None, pa.py_buffer(self.offsets), pa.py_buffer(self.content)]
        return pa.Array.from_buffers(pa.binary(), len(self), buffers)

    def __len__(self) -> int:
        return len(self.offsets) - 1


class Blocks:
    """Iterates once over the rows behind the header. `unreadable` and `broken` count the lines that had to be left out.

    `line`: of the file, on which the rows begin. Raises BadData where it makes no sense to go on.
    """

    def __init__(self, source: BinaryIO, line: int, size: int = SIZE) -> None:
        self._source, self._line, self._size = source, line, size
        self.unreadable = Fault("the text is not UTF-8 (save the file as UTF-8)")
        self.broken = Fault("the line is not CSV")

    def __iter__(self) -> Iterator[Block]:
        held = b""
        while True:
            more = self._source.read(self._size)
            held += more
            if not more and held and not held.endswith(_NEWLINE):
                held += _NEWLINE
            if not held:
                return
            end = _end(held)
            if end and _sound(held, end):
                block, held = self._plain(held[:end]), held[end:]
            elif end or not more or len(held) > self._size + LONGEST_LINE:
                block, held = self._careful(held), b""
            else:
                continue
            if len(block):
                yield block

    def _plain(self, content: bytes) -> Block:
        content = self._decodable(content)
        if b"\r" in content:
            content = content.replace(b"\r\n", _NEWLINE)
        ends = _ends(content)
        starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
        quoted = _QUOTE in content
        first, self._line = self._line, self._line + (content.count(_NEWLINE) if quoted else len(ends))
        blank = ends - starts == 1
        if not blank.any() and self._line - first == len(ends):
            return Block(content, _offsets(ends), range(first, self._line), quoted)
        lines = first + np.searchsorted(_places(content, _NEWLINE), starts)
        rows = Block(content, _offsets(ends), lines, True).rows.filter(pa.array(~blank))
        return _of_rows(rows, lines[~blank], quoted)

    def _decodable(self, content: bytes) -> bytes:
        """The content without the lines that are not UTF-8, which are noted; they end as blank ones."""
        if content.isascii():
            return content
        try:
            content.decode()
        except UnicodeDecodeError:
            lines = content.splitlines(keepends=True) if b"\r" not in content else content.split(_NEWLINE)[:-1]
            kept = (self._utf8(line.rstrip(b"\r\n"), number) for number, line in enumerate(lines, self._line))
            return b"".join(line + _NEWLINE for line in kept)
        return content

    def _utf8(self, line: bytes, number: int) -> bytes:
        try:
            line.decode()
        except UnicodeDecodeError as error:
            self.unreadable(number, f"byte 0x{line[error.start]:02x} at position {error.start + 1}")
            return b""
        return line

    def _careful(self, held: bytes) -> Block:
        """The rows that begin in what is held, read to the end of the last, in canonical form."""
        feed = _Feed(held, self._source, self)
        reader = csv.reader(feed, strict=True)
        rows: list[bytes] = []
        lines: list[int] = []
        base = self._line
        while feed.taken < len(held):
            line = base + reader.line_num
            try:
                row = next(reader, None)
            except csv.Error as error:
                self.broken(line, str(error))
                continue
            if row:
                rows.append(encode(row))
                lines.append(line)
        self._line = base + reader.line_num
        return _of_rows(pa.array(rows, pa.binary()), np.array(lines, np.int64), True)

    def text(self, line: bytes, number: int) -> str:
        """One line as text; empty where it is not UTF-8, which is noted."""
        _check_length(len(line), number)
        return self._utf8(line, number).decode() or "\n"


class _Feed:
    """Lines for csv.reader: those that are held, then those that follow in the source."""

    def __init__(self, held: bytes, source: BinaryIO, blocks: Blocks) -> None:
        self._held, self._source, self._blocks = held, source, blocks
        self._number = blocks._line
        self.taken = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        end = self._held.find(_NEWLINE, self.taken) + 1
        raw = self._held[self.taken : end or None] + (b"" if end else self._source.readline(LONGEST_LINE + 1))
        if not raw:
            raise StopIteration
        self.taken += len(raw)
        self._number += 1
        return self._blocks.text(raw, self._number - 1)


def _end(held: bytes) -> int:
    """Behind the last line end that is outside quotes; 0 when there is none."""
    if _QUOTE not in held:
        return held.rfind(_NEWLINE) + 1
    ends = _ends(held)
    return int(ends[-1]) if len(ends) else 0


def _sound(held: bytes, end: int) -> bool:
    """Whether every quote opens, closes or doubles one inside a field, and every \\r ends a line with its \\n."""
    returns = b"\r" in held and held.count(b"\r", 0, end)
    if returns and returns != held.count(b"\r\n", 0, end):
        return False
    if _QUOTE not in held:
        return True
    quotes = _places(held, _QUOTE)
    quotes = quotes[quotes < end]
    if not len(quotes):
        return True
    if returns:
        return False
    content = np.frombuffer(held, np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    before = content[opening[1:] - 1] if opening[0] == 0 else content[opening - 1]
    return bool(np.isin(before, _BESIDE).all() and np.isin(content[closing + 1], _BESIDE).all())


def _ends(content: bytes) -> NDArray[np.int64]:
    """Behind each line end that is outside quotes."""
    ends = _places(content, _NEWLINE)
    if len(ends):
        _check_length(int(np.max(np.diff(ends, prepend=-1))), 0)
    if _QUOTE in content:
        ends = ends[np.searchsorted(_places(content, _QUOTE), ends) % 2 == 0]
    return ends + 1


def _check_length(length: int, number: int) -> None:
    if length > LONGEST_LINE:
        which = f"line {number}" if number else "a line"
        raise BadData([f"{which} is longer than {LONGEST_LINE:,} bytes; are its line ends \\n or \\r\\n?"])


def _places(content: bytes, mark: bytes) -> NDArray[np.int64]:
    return np.flatnonzero(np.frombuffer(content, np.uint8) == mark[0])


def _offsets(ends: NDArray[np.int64]) -> NDArray[np.int32]:
    offsets = np.zeros(len(ends) + 1, np.int32)
    offsets[1:] = ends
    return offsets


def _of_rows(rows: pa.Array, lines: NDArray[np.int64], quoted: bool) -> Block:
    """A block of rows that were picked one by one."""
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset :][: len(rows) + 1]
    return Block(joined(rows), offsets - offsets[:1], lines, quoted)


def joined(rows: pa.Array) -> bytes:
    """The bytes of all rows one behind the other."""
    if not len(rows):
        return b""
    offsets = np.frombuffer(rows.buffers()[1], np.int32)[rows.offset :]
    return bytes(memoryview(rows.buffers()[2])[offsets[0] : offsets[len(rows)]])
