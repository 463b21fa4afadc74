"""What a file is, by its content: CSV, gzip'd CSV or Parquet. All are read as one stream of CSV.

A Parquet file is written out as CSV first, a group of rows at a time, so that what follows need not know of it. pyarrow
is loaded only for that.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from retrain.data.tables import BadData, encode

if TYPE_CHECKING:
    import pyarrow as pa

Form = Literal["csv", "csv.gz", "parquet"]
ROWS = 1 << 15  # of a Parquet file at a time


def form_of(source: BinaryIO) -> Form:
    """Told by the first bytes; `source` is left where it stands.

    Raises:
        BadData: it is something that is known and cannot be read.
    """
    start = source.read(4)
    source.seek(-len(start), io.SEEK_CUR)
    if start.startswith(b"\x1f\x8b"):
        return "csv.gz"
    if start == b"PAR1":
        return "parquet"
    if start == b"PK\x03\x04":
        raise BadData(["the file is a ZIP archive; CSV in UTF-8 (also compressed by gzip) or Parquet is expected"])
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadData(["the file is UTF-16; save it as UTF-8"])
    return "csv"


def unpacked(source: BinaryIO, new_file: Callable[[], BinaryIO]) -> tuple[BinaryIO, Form]:
    """The file itself if it is CSV (compressed or not), otherwise its rows as a CSV file; and what it is."""
    source.seek(0)
    form = form_of(source)
    if form != "parquet":
        return source, form
    into = new_file()
    for content in _csv_of(source):
        into.write(content)
    return into, form


def opened(source: BinaryIO) -> BinaryIO:
    """The content of a CSV file, compressed or not, from the start and without a byte order mark."""
    source.seek(0)
    stream: Any = _Gzip(source) if form_of(source) == "csv.gz" else source
    if stream.read(3) != b"\xef\xbb\xbf":
        stream.seek(0)
    return cast(BinaryIO, stream)


class _Gzip(gzip.GzipFile):
    """A gzip'd stream whose damage is bad data."""

    def __init__(self, source: BinaryIO) -> None:
        super().__init__(fileobj=source, mode="rb")

    def read(self, size: int | None = -1) -> bytes:
        try:
            return super().read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise BadData([f"the gzip'd file is damaged or cut short ({error}); upload it again"]) from error

    def readline(self, size: int | None = -1) -> bytes:
        try:
            return super().readline(-1 if size is None else size)
        except (OSError, EOFError, zlib.error) as error:
            raise BadData([f"the gzip'd file is damaged or cut short ({error}); upload it again"]) from error


def streamed(blocks: Iterable[bytes]) -> BinaryIO:
    """Blocks of bytes as a file to read."""
    return io.BufferedReader(_Stream(iter(blocks)), 1 << 20)


class _Stream(io.RawIOBase):
    """Blocks of bytes as a readable file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._held = blocks, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if not self._held:
            self._held = memoryview(next(self._blocks, b""))
        count = min(len(into), len(self._held))
        into[:count] = self._held[:count]
        self._held = self._held[count:]
        return count


def _csv_of(source: BinaryIO) -> Iterator[bytes]:
    """The rows of a Parquet file as CSV, the header first."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    try:
        file = parquet.ParquetFile(source, buffer_size=1 << 20, pre_buffer=False)
        _check_types(file.schema_arrow)
        yield encode(file.schema_arrow.names)
        for group in range(file.num_row_groups):
            for batch in file.iter_batches(ROWS, [group]):
                yield _text_of(batch)
    except (pa.ArrowException, OSError) as error:
        raise BadData([f"the Parquet file cannot be read ({str(error)[:200]}); write it again"]) from error


def _check_types(schema: pa.Schema) -> None:
    import pyarrow as pa

    wrong = [
        f"the column {field.name!r} of the Parquet file is of type {field.type}; numbers, texts and times are expected"
        for field in schema
        if pa.types.is_nested(field.type)
    ]
    if wrong:
        raise BadData(wrong)


def _text_of(batch: pa.RecordBatch) -> bytes:
    import pyarrow as pa
    import pyarrow.csv

    from retrain.data.blocks import joined
    from retrain.data.texts import as_text, csv_rows, simple

    columns = [simple(column) for column in batch.columns]
    into = io.BytesIO()
    try:
        options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
        pyarrow.csv.write_csv(pa.record_batch(columns, names=batch.schema.names), into, options)
    except pa.ArrowInvalid:  # some text needs quotes
        return joined(csv_rows([as_text(column) for column in columns]))
    return into.getvalue()
