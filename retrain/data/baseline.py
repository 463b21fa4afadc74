"""What intake knows of earlier accepted batches: their profiles, samples of rows and row hashes, in one blob.

How a batch is compared with them is in `retrain.data.quality`. Importing this loads numpy and pyarrow: import it inside
functions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain.data.profile import BatchProfile
from retrain.decoding import from_json

SAMPLED = 5_000  # rows of a batch that are kept as a sample
HASHES = 200_000  # lowest row hashes of a batch that are kept
BATCHES = 8  # so many of the newest batches are remembered
LONGEST_TEXT = 200  # characters of a text that a sample keeps


@dataclass(frozen=True)
class Sample:
    """Rows of a batch, those with the lowest row hashes, in order of hash.

    columns: every column but the label; float64 for numbers (NaN where null), otherwise objects: str, None where null.
    labels: the number for regression, 1.0 for the positive class and 0.0 for the other.
    """

    columns: dict[str, NDArray[Any]]
    labels: NDArray[np.float64]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.labels)


@dataclass(frozen=True)
class Known:
    """One batch. `hashes`: the lowest of its distinct row hashes, ascending, at most `HASHES`."""

    run: str
    profile: BatchProfile
    sample: Sample
    hashes: NDArray[np.uint64]

    @property
    def complete(self) -> bool:
        """Whether the hashes of all its rows are kept."""
        return len(self.hashes) < HASHES


@dataclass(frozen=True)
class Baseline:
    """The newest accepted batches, oldest first, at most `BATCHES`."""

    batches: tuple[Known, ...] = field(default=())

    def extended(self, *batches: Known) -> Baseline:
        """With newer batches behind; a run that is there already is not repeated, the oldest make room."""
        known = {batch.run for batch in self.batches}
        newer = [batch for batch in batches if batch.run not in known]
        return Baseline((*self.batches, *newer)[-BATCHES:])

    def of(self, run: str) -> Known | None:
        """The batch that a run brought."""
        return next((batch for batch in self.batches if batch.run == run), None)

    def to_bytes(self) -> bytes:
        """As an Arrow IPC stream, one row a batch."""
        columns = {
            "run": pa.array([batch.run for batch in self.batches], pa.string()),
            "profile": pa.array([msgspec.json.encode(batch.profile) for batch in self.batches], pa.large_binary()),
            "sample": pa.array([_sample_bytes(batch.sample) for batch in self.batches], pa.large_binary()),
            "hashes": pa.array([batch.hashes.astype("<u8").tobytes() for batch in self.batches], pa.large_binary()),
        }
        return _stream(pa.table(columns))

    @staticmethod
    def from_bytes(content: bytes) -> Baseline:
        """What `to_bytes` wrote."""
        with pa.ipc.open_stream(content) as stream:
            rows = stream.read_all().to_pylist()
        return Baseline(tuple(_known(row) for row in rows))


def in_common(batch: Known, earlier: Known) -> tuple[int, int]:
    """(distinct rows of the batch that the earlier one has too, distinct rows compared).

    Exact while both keep all their hashes; otherwise both are compared below the hash up to which both are known, which
    is a fair sample of either.
    """
    bounds = [each.hashes[-1] for each in (batch, earlier) if not each.complete]
    own, other = (
        (each.hashes[: np.searchsorted(each.hashes, min(bounds), "right")] if bounds else each.hashes)
        for each in (batch, earlier)
    )
    return len(np.intersect1d(own, other, assume_unique=True)), len(own)


def _known(row: dict[str, Any]) -> Known:
    return Known(
        run=row["run"],
        profile=from_json(row["profile"], BatchProfile),
        sample=_sample_from(row["sample"]),
        hashes=np.frombuffer(row["hashes"], dtype="<u8"),
    )


def _sample_bytes(sample: Sample) -> bytes:
    names = [f"column {name}" for name in sample.columns]
    arrays = [pa.array(values, from_pandas=False) if values.dtype.kind == "f" else pa.array(list(values), pa.string())
              for values in sample.columns.values()]  # fmt: skip
    return _stream(pa.Table.from_arrays([*arrays, pa.array(sample.labels)], names=[*names, "labels"]))


def _sample_from(content: bytes) -> Sample:
    with pa.ipc.open_stream(content) as stream:
        table = stream.read_all()
    columns = {name.removeprefix("column "): _values(table[name]) for name in table.column_names[:-1]}
    return Sample(columns=columns, labels=table["labels"].to_numpy())


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    if pa.types.is_floating(column.type):
        return np.asarray(column.to_numpy())
    values = np.empty(len(column), dtype=object)
    values[:] = column.to_pylist()
    return values


def _stream(table: pa.Table) -> bytes:
    into = BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(into, table.schema, options=options) as stream:
        stream.write_table(table)
    return into.getvalue()
