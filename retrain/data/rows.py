"""The rows of a block as columns of texts, and the hash of each row. Importing this loads numpy and pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from retrain.data import values
from retrain.data.blocks import Block, Blocks
from retrain.data.tables import Table
from retrain.data.typed import Typed
from retrain.data.values import U64


def parsed(block: Block, names: tuple[str, ...], ragged: Any = None) -> pa.RecordBatch:
    """The block's fields as texts. `ragged` is called with each row of another width, which is left out."""
    table = pyarrow.csv.read_csv(
        pa.BufferReader(block.content),
        pyarrow.csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block.content) + 1),
        pyarrow.csv.ParseOptions(newlines_in_values=block.quoted, invalid_row_handler=ragged),
        pyarrow.csv.ConvertOptions(check_utf8=False, column_types=dict.fromkeys(names, pa.string())),
    )
    return table.combine_chunks().to_batches()[0] if table.num_rows else nothing(names)


def nothing(names: tuple[str, ...]) -> pa.RecordBatch:
    """No rows."""
    return pa.record_batch([pa.array([], pa.string()) for _ in names], names=list(names))


class Hashed:
    """A written part, block by block, with the hash of each row. `columns` are those of its header."""

    def __init__(self, stream: BinaryIO) -> None:
        table = Table(stream)
        self.columns = table.columns
        self.blocks = Blocks(stream, table.line)

    def __iter__(self) -> Iterator[tuple[Block, U64]]:
        columns = [Typed(name) for name in self.columns]
        for block in self.blocks:
            hashes = np.zeros(len(block), np.uint64)
            for column, texts in zip(columns, parsed(block, self.columns).columns, strict=True):
                hashes += column.take(texts).hashes
            values.stir(hashes)
            yield block, hashes


def row_hashes(stream: BinaryIO) -> U64:
    """The hash of each row of a written part, in their order; the caller knows that it is small."""
    found = [hashes for _, hashes in Hashed(stream)]
    return np.concatenate(found) if found else np.zeros(0, np.uint64)


def among(hashes: U64, ascending: U64) -> Any:
    """Which of some hashes are among others."""
    if not len(ascending):
        return np.zeros(len(hashes), np.bool_)
    places = np.minimum(np.searchsorted(ascending, hashes), len(ascending) - 1)
    return ascending[places] == hashes
