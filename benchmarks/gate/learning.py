"""The learners of the lab: the local services' own, fitted without a job and fed with whatever a fault left over.

They swallow what a careless script swallows: texts among numbers become missing, columns that are not there are empty.
So what a fault does to a model is seen, and no error of the trainer stands in for the gate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.pipeline import Pipeline

from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import Kind, Stream
from local.services.engine import estimators, learners
from local.services.engine.records import Column
from local.services.engine.tables import Table, describe, encode

Family = Literal["linear", "boosted"]
FAMILIES: tuple[Family, ...] = ("linear", "boosted")
FEWEST_ROWS = 20
_LEARNERS: dict[tuple[Family, Kind], str] = {
    ("linear", "regression"): "ridge",
    ("linear", "classification"): "logistic-regression",
    ("boosted", "regression"): "boosted-trees",
    ("boosted", "classification"): "boosted-trees",
}


class CannotTrain(Exception):
    """No model can be made of these rows: too few, or one class only."""


@dataclass(frozen=True)
class Fitted:
    """A model; `name` tells it from others."""

    name: str
    columns: tuple[Column, ...]
    pipeline: Pipeline

    def scores(self, sheet: Sheet) -> np.ndarray:
        """A number for each row, for classification the probability of 1."""
        matrix = _matrix(self.columns, sheet)
        if hasattr(self.pipeline[-1], "predict_proba"):
            return np.asarray(self.pipeline.predict_proba(matrix)[:, 1])
        return np.asarray(self.pipeline.predict(matrix))


def fit(sheets: Sequence[Sheet], stream: Stream, family: Family, name: str) -> Fitted:
    """A model of all rows of these sheets that have a label. Raises: CannotTrain."""
    sheet = _joined(sheets)
    truth = labels_of(sheet, stream)
    usable = np.isfinite(truth)
    sheet, truth = sheet.picked(np.flatnonzero(usable).tolist()), truth[usable]
    if len(truth) < FEWEST_ROWS or (stream.kind == "classification" and len(np.unique(truth)) < 2):
        raise CannotTrain(f"{len(truth)} rows with a label, {len(np.unique(truth))} different ones")
    columns = describe(_table(sheet), (stream.label, *([stream.time] if stream.time else ())))
    if all(column.kind == "ignored" for column in columns):
        raise CannotTrain("no column says anything")
    plan = learners.plan(stream.kind, _parameters(stream, family))
    features = [column for column in columns if column.kind != "ignored"]
    made = estimators.pipeline(plan, features).fit(_matrix(columns, sheet), truth)
    return Fitted(name, columns, made)


def labels_of(sheet: Sheet, stream: Stream) -> np.ndarray:
    """The labels as numbers, NaN where there is none or, for classes, neither 0 nor 1."""
    if stream.label not in sheet.header:
        return np.full(len(sheet), np.nan)
    values = np.array([_number(text) for text in sheet.column(stream.label)])
    if stream.kind == "classification":
        values[~np.isin(values, (0.0, 1.0))] = np.nan
    return values


def _parameters(stream: Stream, family: Family) -> dict[str, str]:
    known = learners.defaults(stream.kind, stream.label, _LEARNERS[family, stream.kind], {})
    return {name: value or "" for name, value in known.items()}


def _joined(sheets: Sequence[Sheet]) -> Sheet:
    """The rows of all, below the last one's header; what a sheet lacks is empty."""
    header = sheets[-1].header
    rows: list[tuple[str, ...]] = []
    for sheet in sheets:
        if sheet.header == header:
            rows += sheet.rows
        else:
            places = [sheet.header.index(name) if name in sheet.header else None for name in header]
            rows += (tuple("" if place is None else row[place] for place in places) for row in sheet.rows)
    return Sheet(header, tuple(rows))


def _table(sheet: Sheet) -> Table:
    columns = [list(values) for values in zip(*sheet.rows, strict=True)] if sheet.rows else [[] for _ in sheet.header]
    return Table(list(sheet.header), dict(zip(sheet.header, columns, strict=True)))


def _matrix(columns: Sequence[Column], sheet: Sheet) -> np.ndarray:
    table = _table(sheet)
    for column in columns:
        if column.name not in table.columns:
            table.columns[column.name] = [""] * len(sheet)
        elif column.kind == "number":
            table.columns[column.name] = [_number(text) for text in table.columns[column.name]]
        elif column.kind == "date":
            table.columns[column.name] = [text if text[:1].isdigit() else "" for text in table.columns[column.name]]
    return encode(columns, table)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
