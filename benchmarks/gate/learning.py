"""The learners of the lab: the estimators of the local services, behind an encoding that is fast and forgives anything.

Hundreds of faults are tried, so rows are encoded a column at a time; kinds of columns are told as the services tell
them. A careless script swallows what a fault leaves over: at scoring, a text in place of a number is a missing value,
and a column that is not there is empty. So what a fault does to a model is seen, and no error of a service stands in
for the gate.
"""

from __future__ import annotations

import csv
import io
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from benchmarks.gate.streams import Kind, Stream, TrainOn
from local.backtest.learners import Floats
from local.services.engine import estimators, learners
from local.services.engine.records import Column
from local.services.engine.tables import MISSING, MOST_CATEGORIES
from retrain.gate import GateRules
from retrain.model import Model

Family = Literal["linear", "boosted"]
FAMILIES: tuple[Family, ...] = ("linear", "boosted")
FEWEST_ROWS = 10
_LEARNERS: dict[tuple[Family, Kind], str] = {
    ("linear", "regression"): "ridge",
    ("linear", "classification"): "logistic-regression",
    ("boosted", "regression"): "boosted-trees",
    ("boosted", "classification"): "boosted-trees",
}


class Texts:
    """Rows of texts by column. What was found out about a column is kept: many models are asked about the same rows."""

    def __init__(self, columns: Mapping[str, Sequence[str]], count: int) -> None:
        self._columns, self.count = columns, count
        self._numbers: dict[str, np.ndarray] = {}
        self._words: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def numbers(self, name: str) -> np.ndarray:
        """The numbers of a column, NaN where a text is none."""
        if name not in self._numbers:
            found = pd.to_numeric(pd.Series(self._columns[name], dtype=object), errors="coerce").to_numpy(dtype=float)
            self._numbers[name] = np.where(np.isfinite(found), found, np.nan)
        return self._numbers[name]

    def words(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The different texts of a column, and which of them stands in each row."""
        if name not in self._words:
            codes, known = pd.factorize(np.array(self._columns[name], dtype=object))
            self._words[name] = known, codes
        return self._words[name]


@dataclass(frozen=True)
class Forgiving:
    """A model that scores every row it is given."""

    sha256: str
    columns: tuple[Column, ...]
    pipeline: Pipeline

    def predict(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Floats:
        """One prediction a row, for classification the probability of the positive class."""
        return self.answer(_texts_of(tuple(columns), rows))

    def answer(self, texts: Texts) -> Floats:
        """The same for rows that may be asked for often."""
        matrix = _encoded(self.columns, texts)
        if hasattr(self.pipeline[-1], "predict_proba"):
            return np.asarray(self.pipeline.predict_proba(matrix)[:, 1])
        return np.asarray(self.pipeline.predict(matrix))


@dataclass(frozen=True)
class ForgivingLearner:
    """Trains on whatever has labels."""

    plan: learners.Plan

    @property
    def name(self) -> str:
        """What the services call it."""
        return self.plan.learner

    def fit(self, content: bytes) -> Forgiving:
        """A model of a CSV with a header line. Raises ValueError: nothing can be learnt from it."""
        texts = _read(content, self.plan.label)
        truth = _truth(texts, self.plan)
        ignored = (self.plan.label, *self.plan.excluded)
        columns = tuple(column for name in texts if name not in ignored if (column := _described(name, texts)))
        if not columns:
            raise ValueError("no column says anything")
        made = estimators.pipeline(self.plan, columns).fit(_encoded(columns, texts), truth)
        return Forgiving(sha256(self.plan.learner.encode() + content).hexdigest(), columns, made)


def learner_of(stream: Stream, family: Family) -> ForgivingLearner:
    """The learner of a family for a stream. The column of time is no feature."""
    given = {"Excluded Columns": stream.time or ""}
    values = learners.defaults(stream.kind, stream.label, _LEARNERS[family, stream.kind], given)
    return ForgivingLearner(learners.plan(stream.kind, {name: text or "" for name, text in values.items()}))


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


def _read(content: bytes, label: str) -> Texts:
    """The rows that have a label."""
    header, *rows = csv.reader(io.StringIO(content.decode()))
    place = header.index(label)
    rows = [row for row in rows if row and row[place] not in MISSING]
    return Texts(_by_column(header, rows), len(rows))


def _by_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Sequence[str]]:
    return dict(zip(header, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(header, ())


_TEXTS: OrderedDict[int, tuple[Sequence[Sequence[str]], Texts]] = OrderedDict()
MOST_TEXTS = 64


def _texts_of(columns: tuple[str, ...], rows: Sequence[Sequence[str]]) -> Texts:
    """The same object for the same rows: the clean batches, which every model meets, are read once."""
    if id(rows) not in _TEXTS:
        _TEXTS[id(rows)] = rows, Texts(_by_column(columns, rows), len(rows))
        while len(_TEXTS) > MOST_TEXTS:
            _TEXTS.popitem(last=False)
    _TEXTS.move_to_end(id(rows))
    return _TEXTS[id(rows)][1]


def _truth(texts: Texts, plan: learners.Plan) -> np.ndarray:
    if texts.count < FEWEST_ROWS:
        raise ValueError(f"only {texts.count} rows have a label")
    if plan.task == "regression":
        return texts.numbers(plan.label)
    known, codes = texts.words(plan.label)
    if len(known) != 2:
        raise ValueError(f"two classes are needed, not {len(known)}")
    return (known[codes] == max(known)).astype(int)


def _described(name: str, texts: Texts) -> Column | None:
    """What kind of column it is; None when nothing can be learnt from it."""
    known, codes = texts.words(name)
    counts = {text: count for text, count in zip(known, np.bincount(codes), strict=True) if text not in MISSING}
    present = sum(counts.values())
    if not present:
        return None
    if np.isfinite(texts.numbers(name)).sum() == present:
        return Column(name, "number")
    if len(counts) > max(MOST_CATEGORIES, present / 2):
        return None
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_CATEGORIES]
    return Column(name, "category", tuple(sorted(text for text, _ in most)))


def _encoded(columns: Sequence[Column], texts: Texts) -> np.ndarray:
    return np.column_stack([_column(column, texts) for column in columns])


def _column(column: Column, texts: Texts) -> np.ndarray:
    if column.name not in texts:
        return np.full(texts.count, -1.0 if column.kind == "category" else np.nan)
    if column.kind == "number":
        return texts.numbers(column.name)
    places = {text: place for place, text in enumerate(column.categories)}
    known, codes = texts.words(column.name)
    return np.array([places.get(text, -1) for text in known], dtype=float)[codes]
