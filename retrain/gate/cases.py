"""A hearing with its columns as arrays, whatever was in them. What is wrong with them is said in `checks`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.gate.blocks import dense
from retrain.gate.decision import ModelId
from retrain.gate.metrics import Floats, Ints
from retrain.gate.table import Coded, Hearing, HoldoutKind, ScoreTable


@dataclass(frozen=True)
class Case:
    """One holdout. A column that is no list of numbers is empty; `champion` is None when there are no such scores.

    span: the smallest and the largest label of the fresh and the trusted holdout.
    """

    holdout: HoldoutKind
    unit: str
    labels: Floats
    candidate: Floats
    champion: Floats | None
    blocks: Ints | None
    slices: Mapping[str, Sequence[str] | Coded]
    span: tuple[float, float]

    @property
    def of_blocks(self) -> int:
        """How many blocks there are."""
        return len(self.labels) if self.blocks is None else int(dense(self.blocks).max(initial=-1)) + 1


@dataclass(frozen=True)
class Trial:
    """All holdouts of a hearing, the fresh one first, and the models it is about."""

    hearing: Hearing
    champion: ModelId | None
    candidate: ModelId
    cases: tuple[Case, ...]

    @classmethod
    def of(cls, hearing: Hearing, champion: ModelId | None, candidate: ModelId) -> "Trial":
        """Turn all columns into arrays without ever raising."""
        span = _span([_floats(table.labels) for table in hearing.tables() if table.holdout != "doubted"])
        scored = champion is not None and not hearing.unscored
        cases = tuple(_case(table, span, scored) for table in hearing.tables())
        return cls(hearing, champion, candidate, cases)

    @property
    def compared(self) -> bool:
        """There is a champion whose scores are known."""
        return self.champion is not None and not self.hearing.unscored


def _case(table: ScoreTable, span: tuple[float, float], scored: bool) -> Case:
    champion = table.champion if table.champion is not None else ()
    return Case(
        holdout=table.holdout,
        unit=table.unit,
        labels=_floats(table.labels),
        candidate=_floats(table.candidate),
        champion=_floats(champion) if scored else None,
        blocks=_codes(table.blocks),
        slices=table.slices,
        span=span,
    )


def _span(columns: list[Floats]) -> tuple[float, float]:
    labels = np.concatenate(columns) if columns else np.empty(0)
    known = labels[np.isfinite(labels)]
    return (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)


def _floats(column: npt.ArrayLike) -> Floats:
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.empty(0)
    return values if values.ndim == 1 else np.empty(0)


def _codes(column: npt.ArrayLike | None) -> Ints | None:
    if column is None:
        return None
    values = _floats(column)
    whole = np.isfinite(values).all() and (np.abs(values) < 2**53).all() and (values == np.floor(values)).all()
    return values.astype(np.int64) if whole else np.empty(0, dtype=np.int64)
