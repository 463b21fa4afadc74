"""The learners of the lab: the local services' own, answering whatever a fault left over.

They swallow what a careless script swallows: at scoring, a text in place of a number is a missing value, and a column
that is not there is empty. So what a fault does to a model is seen, and no error of a service stands in for the gate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.gate.streams import Kind, Stream, TrainOn
from local.backtest.learners import EngineLearner, EngineModel, Floats
from local.services.engine import learners, scoring
from local.services.engine.records import Column
from local.services.engine.tables import Table, table_of
from retrain.gate import GateRules
from retrain.model import Model

Family = Literal["linear", "boosted"]
FAMILIES: tuple[Family, ...] = ("linear", "boosted")
_LEARNERS: dict[tuple[Family, Kind], str] = {
    ("linear", "regression"): "ridge",
    ("linear", "classification"): "logistic-regression",
    ("boosted", "regression"): "boosted-trees",
    ("boosted", "classification"): "boosted-trees",
}


@dataclass(frozen=True)
class Forgiving:
    """A model that scores every row it is given."""

    made: EngineModel

    @property
    def sha256(self) -> str:
        """Of the model inside."""
        return self.made.sha256

    def predict(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Floats:
        """One prediction a row, as the local services give it."""
        table = table_of(columns, rows, "the rows")
        for column in self.made.model.header.columns:
            values = table.columns.get(column.name, [None] * len(rows))
            table.columns[column.name] = _readable(column, values)
        whole = Table([*table.columns], table.columns)
        return np.array([float(row[-1]) for row in scoring.score(self.made.model, whole).rows])


@dataclass(frozen=True)
class ForgivingLearner:
    """Trains as the local services do."""

    learner: EngineLearner

    @property
    def name(self) -> str:
        """What the services call it."""
        return self.learner.name

    def fit(self, content: bytes) -> Forgiving:
        """A model of a CSV with a header line. Raises ValueError: nothing can be learnt from it."""
        return Forgiving(self.learner.fit(content))


def learner_of(stream: Stream, family: Family) -> ForgivingLearner:
    """The learner of a family for a stream. The column of time is no feature."""
    given = {"Excluded Columns": stream.time or ""}
    values = learners.defaults(stream.kind, stream.label, _LEARNERS[family, stream.kind], given)
    return ForgivingLearner(
        EngineLearner(learners.plan(stream.kind, {name: text or "" for name, text in values.items()}))
    )


def model_of(stream: Stream, train_on: TrainOn = "all") -> Model:
    """The stream's model with every default of gate and intake: what is measured is what users get."""
    return Model(
        name="lab",
        label=stream.label,
        trainer=None,
        endpoint=None,
        gate=GateRules(metric=stream.metric),
        time=stream.time,
        train_on=train_on,
    )


def _readable(column: Column, values: Sequence[Any]) -> list[Any]:
    if column.kind == "number":
        return [_number(value) for value in values]
    if column.kind == "date":
        return [value if str(value)[:1].isdigit() else None for value in values]
    return list(values)


def _number(value: Any) -> float | None:
    try:
        found = math.nan if value is None else float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None
