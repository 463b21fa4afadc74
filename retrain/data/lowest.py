"""The rows of a batch with the lowest hashes: a fair sample that does not depend on the order of rows, and is the same
in every reading. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain.data.baseline import SAMPLED
from retrain.data.rows import nothing
from retrain.data.values import U64

COUNTED = 2_000_000  # row hashes that are kept to count repeated rows exactly


class Lowest:
    """The lowest row hashes, repeated ones as often as they occur; all of them while they are not too many."""

    def __init__(self) -> None:
        self._kept: list[U64] = []
        self._count = 0
        self._limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def take(self, hashes: U64) -> None:
        """Takes the hashes of a block."""
        low = hashes[hashes <= self._limit]
        self._kept.append(low)
        self._count += len(low)
        if self._count > COUNTED:
            together = np.concatenate(self._kept)
            self._limit = np.partition(together, COUNTED // 2)[COUNTED // 2]
            self._kept = [together[together <= self._limit]]
            self._count = len(self._kept[0])

    def ascending(self) -> U64:
        """What is kept, in order."""
        together = np.concatenate(self._kept) if self._kept else np.zeros(0, np.uint64)
        together.sort()
        return together


class Sampled:
    """The rows with the lowest hashes."""

    def __init__(self) -> None:
        self._hashes: list[U64] = []
        self._rows: list[pa.RecordBatch] = []
        self._limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def take(self, hashes: U64, batch: pa.RecordBatch) -> None:
        """Takes the rows of a block that may be among them."""
        places = np.flatnonzero(hashes <= self._limit)
        if len(places) > SAMPLED:
            places = places[np.argsort(hashes[places], kind="stable")[:SAMPLED]]
        if not len(places):
            return
        self._hashes.append(hashes[places])
        self._rows.append(batch.take(pa.array(places)))
        if sum(map(len, self._hashes)) > 4 * SAMPLED:
            self._shrink()

    def _shrink(self) -> None:
        hashes = np.concatenate(self._hashes)
        best = np.argsort(hashes, kind="stable")[:SAMPLED]
        table = pa.Table.from_batches(self._rows).combine_chunks().take(pa.array(best))
        self._rows = table.combine_chunks().to_batches()
        self._hashes = [hashes[best]]
        self._limit = hashes[best[-1]]

    def rows(self, names: tuple[str, ...]) -> pa.RecordBatch:
        """The rows, in order of hash."""
        if not self._rows:
            return nothing(names)
        self._shrink()
        return self._rows[0]


def different(ascending: U64) -> U64:
    """Each of them once."""
    fresh: NDArray[np.bool_] = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    return ascending[fresh]
