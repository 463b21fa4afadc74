"""What the columns tell of the label, as one number a column and one for all of them together.

A column tells as much as the mean label of its twentieths, or of its names, does of the label in rows that were not
asked. Labels enter as ranks, so that their unit does not matter. What is too little or too much is in `labels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrain.data.baseline import Known
from retrain.data.quality.measures import Floats, correlation, ranks

BINS = 20  # parts of a column's numbers, of about equally many rows
ROWS = 1_500  # of a batch that a lesson is learned from
DRAWN = 5.0  # so many rows of the overall mean are added to each part, so that few rows do not say much
RIDGE = 1e-3
MOST_NAMES = 0.1  # of the rows; a column of more names tells rows apart, not kinds of rows


@dataclass(frozen=True)
class Rows:
    """Sampled rows of one or several batches: numbers, or places of names in a list common to all; labels as ranks."""

    columns: dict[str, NDArray[Any]]
    labels: Floats

    def where(self, chosen: slice) -> Rows:
        """Some of the rows. They are in order of their hash, so any slice is a fair choice."""
        return Rows({name: values[chosen] for name, values in self.columns.items()}, self.labels[chosen])


def rows_of(batches: Sequence[Known], features: Sequence[str]) -> list[Rows]:
    """The samples of batches, their labels as ranks within the batch."""
    coded = {name: _alike([known.sample.columns[name] for known in batches]) for name in features}
    return [
        Rows({name: coded[name][place] for name in features}, ranks(known.sample.labels))
        for place, known in enumerate(batches)
    ]


def _alike(parts: list[NDArray[Any]]) -> list[NDArray[Any]]:
    """Numbers as they are; texts as places in the list of all of them, nulls as an empty text."""
    if all(part.dtype.kind == "f" for part in parts):
        return parts
    import pyarrow as pa

    values = np.concatenate([_texts(part) for part in parts])
    coded = pa.array(values, pa.string(), from_pandas=True).fill_null("").dictionary_encode()
    ranks = np.argsort(np.argsort(coded.dictionary.to_numpy(zero_copy_only=False)))
    places = ranks[coded.indices.to_numpy(zero_copy_only=False)]
    if len(ranks) > MOST_NAMES * len(values):
        places = np.zeros(len(values), dtype=np.int64)
    return np.split(places, np.cumsum([len(part) for part in parts])[:-1])


def _texts(part: NDArray[Any]) -> NDArray[Any]:
    """Numbers of a column that holds texts elsewhere, spelled out; None where there is none."""
    if part.dtype.kind != "f":
        return part.astype(object)
    return np.array([None if value != value else str(value) for value in part.tolist()], dtype=object)


def together(many: Sequence[Rows]) -> Rows:
    """Rows of several batches as one."""
    parts = [one.where(slice(0, ROWS)) for one in many]
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Rows(columns, np.concatenate([part.labels for part in parts]))


@dataclass(frozen=True)
class _Meaning:
    """The mean label by part of one column: between `edges`, or by name; the last part is of nulls and unknown names.

    centre, spread: of the rows that it was learned from, so that it does not matter which rows are asked.
    """

    edges: Floats | None
    means: Floats
    centre: float
    spread: float

    def standard(self, values: NDArray[Any]) -> Floats:
        """The mean label that each value had, standardised."""
        if not self.spread:
            return np.zeros(len(values))
        return (self.means[_places(values, self.edges, len(self.means))] - self.centre) / self.spread


def _places(values: NDArray[Any], edges: Floats | None, many: int) -> NDArray[np.int64]:
    """In which part each value lies."""
    if edges is None:
        return np.asarray(np.minimum(values, many - 1))
    return np.where(np.isfinite(values), np.searchsorted(edges, values, "right"), many - 1)


def _meaning(values: NDArray[Any], labels: Floats) -> _Meaning:
    edges = _edges(values) if values.dtype.kind == "f" else None
    many = (int(values.max()) if edges is None else len(edges) + 1) + 2
    places, overall = _places(values, edges, many), float(labels.mean())
    sums = np.bincount(places, weights=labels, minlength=many)
    means = (sums + DRAWN * overall) / (np.bincount(places, minlength=many) + DRAWN)
    return _Meaning(edges, means, overall, float(means[places].std()))


def _edges(values: Floats) -> Floats:
    filled = values[np.isfinite(values)]
    return np.unique(np.quantile(filled, np.linspace(0, 1, BINS + 1)[1:-1])) if len(filled) else filled


@dataclass(frozen=True)
class Told:
    """How well rows tell the labels of other rows: as correlations, of all columns together and of each alone.

    Negative when the opposite is true.
    """

    strength: float
    by_column: dict[str, float]


@dataclass(frozen=True)
class Lesson:
    """What some rows say of the label: by column, and the weights with which the columns together say it."""

    meanings: dict[str, _Meaning]
    weights: Floats

    def asked(self, rows: Rows) -> Told:
        """How well it tells the labels of these rows."""
        parts = {name: one.standard(rows.columns[name]) for name, one in self.meanings.items()}
        return Told(
            strength=correlation(np.column_stack(list(parts.values())) @ self.weights, rows.labels),
            by_column={name: correlation(part, rows.labels) for name, part in parts.items()},
        )


def learn(rows: Rows) -> Lesson:
    """The lesson of these rows."""
    meanings = {name: _meaning(values, rows.labels) for name, values in rows.columns.items()}
    design = np.column_stack([one.standard(rows.columns[name]) for name, one in meanings.items()])
    ridge = RIDGE * len(rows.labels) * np.eye(design.shape[1])
    weights = np.linalg.solve(design.T @ design + ridge, design.T @ (rows.labels - rows.labels.mean()))
    return Lesson(meanings, weights)


def inside(rows: Rows) -> Told:
    """A batch asked by itself: what one half of its rows tells of the other, the mean of both ways."""
    odd, even = rows.where(slice(0, None, 2)), rows.where(slice(1, None, 2))
    one, other = learn(odd).asked(even), learn(even).asked(odd)
    return Told(
        strength=(one.strength + other.strength) / 2,
        by_column={name: (one.by_column[name] + other.by_column[name]) / 2 for name in one.by_column},
    )
