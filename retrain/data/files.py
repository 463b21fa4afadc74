"""Whole files: several of one batch put together, or one put into canonical form."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, BinaryIO, cast

from retrain.data.forms import opened, unpacked
from retrain.data.profile import SplitSpec, Survey
from retrain.data.tables import BadData, Table, encode

if TYPE_CHECKING:
    from retrain.data.baseline import Known

IN_MEMORY = 16 * 1024 * 1024  # bytes of a file kept in memory before it goes to a temporary one
COPIED = 1 << 20  # bytes at a time


def temporary() -> closing[BinaryIO]:
    """A file that is in memory while it is small, and gone when it is closed."""
    return closing(cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)))


def gather(files: Sequence[BinaryIO], new_file: Callable[[], BinaryIO]) -> BinaryIO:
    """One CSV with the rows of all, in the first file's order of columns, at its start.

    Rows of the wrong width are carried along as they are, so that whoever examines the whole names them.
    Raises BadData when the files do not have the same columns.
    """
    whole = new_file()
    columns: tuple[str, ...] = ()
    for number, file in enumerate(files, start=1):
        stream = opened(unpacked(file, new_file)[0])
        table = Table(stream)
        if not columns:
            columns = table.columns
            whole.write(encode(columns))
        if set(table.columns) != set(columns):
            raise BadData(
                [f"file {number} has the columns {', '.join(table.columns)}; the first has {', '.join(columns)}"]
            )
        if table.columns == columns:
            _copy(stream, whole)
        else:
            _append(table, [table.columns.index(name) for name in columns], whole)
    whole.seek(0)
    return whole


def _copy(stream: BinaryIO, whole: BinaryIO) -> None:
    last = b"\n"
    while block := stream.read(COPIED):
        whole.write(block)
        last = block[-1:]
    if last != b"\n":
        whole.write(b"\n")


def _append(table: Table, order: Sequence[int], whole: BinaryIO) -> None:
    for _, row in table.rows():
        whole.write(encode([row[place] for place in order] if len(row) == len(order) else row))


def rewrite(source: BinaryIO, spec: SplitSpec, into: BinaryIO, run: str = "") -> tuple[Survey, Known]:
    """Writes a whole file in the form of a part, and says what it is remembered by. `source` must be seekable.

    Raises BadData with every problem; then the output is of no use.
    """
    from retrain.data.reading import read
    from retrain.data.split import whole

    with ExitStack() as stack:
        reading = read(source, spec, lambda: stack.enter_context(temporary()))
        whole(reading, into)
    return reading.survey, reading.known(run)
