"""Whole files: several of one batch put together, or one put into canonical form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO

from retrain.data.profile import SplitSpec, Survey, examine
from retrain.data.tables import BadData, Table, encode


def gather(files: Sequence[BinaryIO], new_file: Callable[[], BinaryIO]) -> BinaryIO:
    """One CSV with the rows of all, in the first file's order of columns, at its start.

    Rows of the wrong width are carried along as they are, so that whoever examines the whole names them.
    Raises BadData when the files do not have the same columns.
    """
    whole = new_file()
    columns: tuple[str, ...] = ()
    for number, file in enumerate(files, start=1):
        file.seek(0)
        table = Table(file)
        if not columns:
            columns = table.columns
            whole.write(encode(columns))
        if set(table.columns) != set(columns):
            raise BadData(
                [f"file {number} has the columns {', '.join(table.columns)}; the first has {', '.join(columns)}"]
            )
        _append(table, [table.columns.index(name) for name in columns], whole)
    whole.seek(0)
    return whole


def _append(table: Table, order: Sequence[int], whole: BinaryIO) -> None:
    for _, row in table.rows():
        whole.write(encode([row[place] for place in order] if len(row) == len(order) else row))


def rewrite(source: BinaryIO, spec: SplitSpec, into: BinaryIO) -> Survey:
    """Writes a whole file in the canonical form of a part. `source` must be seekable.

    Raises BadData with every problem; then the output is of no use.
    """
    survey = examine(source, spec)
    source.seek(0)
    into.write(encode(survey.columns))
    for _, row in Table(source).rows():
        into.write(encode([row[place] for place in survey.order]))
    return survey
