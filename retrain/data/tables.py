"""CSV as bytes in and out: rows with their line numbers, one canonical form per row, and what is wrong with a file.

Nothing here knows what a column means. The file is read line by line, so memory stays bounded however long it is.
Written rows have one canonical form (UTF-8, commas, minimal quotes, `\\n`), so equal rows are equal bytes: that is how
duplicates are found and how parts are put together without being parsed again.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from typing import BinaryIO

LONGEST_LINE = 1 << 20  # bytes; beyond it this is not a table of rows
SHOWN_LINES = 5  # line numbers named per problem: enough to find the pattern

Row = list[str]


class BadData(Exception):
    """The file cannot be used as training data. `problems` says why, one sentence each, for the one who sent it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = list(problems)


class Fault:
    """One kind of problem, met in any number of rows: counts them and keeps the first line numbers and an example."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.count = 0
        self.lines: list[int] = []
        self.example = ""

    def __call__(self, line: int, example: str = "") -> None:
        """Note one more row with this fault."""
        self.count += 1
        if len(self.lines) < SHOWN_LINES:
            self.lines.append(line)
            self.example = self.example or example

    def __str__(self) -> str:
        lines = ", ".join(map(str, self.lines)) + (", …" if self.count > len(self.lines) else "")
        rows = "row" if self.count == 1 else "rows"
        example = f", for example {self.example[:60]!r}" if self.example else ""
        return f"{self.what} in {self.count} {rows} (line {lines}){example}"


class Table:
    """A CSV stream with its header read: `columns`, then `rows()` once. `sha256` holds when the rows are exhausted.

    Raises BadData, while reading, for what makes it impossible to go on: not UTF-8, not CSV, no usable header.
    Rows of the wrong width are yielded as they are; the reader of the rows knows how to report them.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._hash = hashlib.sha256()
        self._reader = csv.reader(self._lines(source), strict=True)
        first = next(self._parsed(), None)
        if first is None:
            raise BadData(["the file is empty; a header line with the column names is expected"])
        self.columns = tuple(first[1])
        _check_header(self.columns)

    @property
    def sha256(self) -> str:
        """Hash of the bytes read so far, of the whole content once the rows are exhausted."""
        return self._hash.hexdigest()

    @property
    def line(self) -> int:
        """The line on which the next row begins."""
        return self._reader.line_num + 1

    def rows(self) -> Iterator[tuple[int, Row]]:
        """(line number where the row starts, fields), blank lines left out."""
        return self._parsed()

    def _parsed(self) -> Iterator[tuple[int, Row]]:
        while True:
            line = self._reader.line_num + 1
            try:
                row = next(self._reader, None)
            except csv.Error as error:
                raise BadData([f"line {line} is not CSV: {error}"]) from error
            if row is None:
                return
            if row:
                yield line, row

    def _lines(self, source: BinaryIO) -> Iterator[str]:
        number = 0
        while raw := source.readline(LONGEST_LINE + 1):
            number += 1
            self._hash.update(raw)
            if len(raw) > LONGEST_LINE:
                raise BadData(
                    [f"line {number} is longer than {LONGEST_LINE:,} bytes; are its line ends \\n or \\r\\n?"]
                )
            yield _decoded(raw, number)


def _decoded(raw: bytes, number: int) -> str:
    if number == 1:
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        for mark, what in ((b"\x1f\x8b", "gzip"), (b"PK\x03\x04", "a ZIP archive"), (b"PAR1", "Parquet")):
            if raw.startswith(mark):
                raise BadData([f"the file is {what}; plain CSV in UTF-8 is expected"])
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise BadData(["the file is UTF-16; save it as UTF-8"])
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = f"byte 0x{raw[error.start]:02x} at position {error.start + 1}"
        raise BadData([f"line {number} is not UTF-8 ({bad}); save the file as UTF-8"]) from error


def _check_header(columns: tuple[str, ...]) -> None:
    problems = []
    if empty := [str(place) for place, name in enumerate(columns, start=1) if not name.strip()]:
        problems.append(f"the header has no name for column {', '.join(empty)}")
    if twice := sorted({name for name in columns if name.strip() and columns.count(name) > 1}):
        problems.append(f"the header names {', '.join(map(repr, twice))} more than once")
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
        problems.append(f"the header is one column, {columns[0][:60]!r}; fields must be separated by commas")
    if problems:
        raise BadData(problems)


class _Echo:
    """A file whose write returns what was written, so that csv.writer hands the line back."""

    def write(self, line: str) -> str:
        return line


# With this line end Python 3.11 quotes a lone \r in a field, which would end the row otherwise.
_writer = csv.writer(_Echo(), lineterminator="\r\n")


def encode(row: Sequence[str]) -> bytes:
    """The row's one canonical form, with its line end."""
    line = str(_writer.writerow(row))  # what write() returned
    return (line.removesuffix("\r\n") + "\n").encode()
