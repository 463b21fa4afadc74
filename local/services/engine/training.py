"""Training: rows and a plan in, an evaluation and a model out. Runs in worker processes; knows no HTTP and no jobs.

The evaluation is made inside: the model is fitted on the split's first part and judged on the rest. The model that
comes out is then fitted on all rows given. The same bytes and parameters give the same predictions.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from local.services.engine import estimators, metrics, modelfile
from local.services.engine.learners import Plan
from local.services.engine.records import Column
from local.services.engine.tables import MISSING, Table, describe, encode, numbers

FEWEST_ROWS = 10


class CannotTrain(ValueError):
    """The data does not suit the plan; the message says what is wrong with it."""


class Trained(NamedTuple):
    """The model file's bytes, the evaluation, and the rows that the model has not seen."""

    model: bytes
    metrics: dict[str, float]
    held: Table


class _Rows(NamedTuple):
    matrix: np.ndarray
    truth: np.ndarray
    columns: tuple[Column, ...]
    classes: tuple[str, ...]


def train(
    table: Table, plan: Plan, parameters: Mapping[str, str], evaluate: bool = True, hold_back: bool = False
) -> Trained:
    """Trains and evaluates; `parameters` are kept in the model's header. Raises: CannotTrain, tables.Unparsable.

    With `hold_back` the model is fitted on the first part of the split only, and the rest is given back.
    """
    rows = _rows(table, plan)
    first, rest = _split(len(rows.truth), plan) if hold_back else (slice(None), np.arange(0))
    evaluation = _evaluation(rows, plan) if evaluate else {}
    model = _model(rows, plan, parameters, first)
    held = _picked(_labelled(table, plan.label), rest.tolist())
    return Trained(modelfile.pack(model.header, model.pipeline), evaluation, held)


def fit(table: Table, plan: Plan, parameters: Mapping[str, str]) -> modelfile.Model:
    """The model that `train` would write, in memory. Raises: CannotTrain, tables.Unparsable."""
    return _model(_rows(table, plan), plan, parameters, slice(None))


def _model(rows: _Rows, plan: Plan, parameters: Mapping[str, str], which: np.ndarray | slice) -> modelfile.Model:
    """Fitted on some of the rows."""
    header = modelfile.Header(
        format=modelfile.FORMAT,
        task=plan.task,
        label=plan.label,
        learner=plan.learner,
        columns=rows.columns,
        classes=rows.classes,
        rows=len(rows.truth),
        parameters=dict(parameters),
        versions=modelfile.versions(),
        sha256="",
    )
    return modelfile.Model(header, _fit(rows, plan, which))


def _rows(table: Table, plan: Plan) -> _Rows:
    absent = [name for name in (plan.label, *plan.excluded, *plan.categories) if name not in table.columns]
    if absent:
        raise CannotTrain(f"The data has no column {absent[0]!r}; it has {', '.join(table.names)}.")
    table = _labelled(table, plan.label)
    columns = describe(table, (plan.label, *plan.excluded), plan.categories)
    if all(column.kind == "ignored" for column in columns):
        raise CannotTrain("No column is left to learn from; all are the label, excluded, empty or unique texts.")
    truth, classes = _truth(table.columns[plan.label], plan)
    return _Rows(encode(columns, table), truth, columns, classes)


def _labelled(table: Table, label: str) -> Table:
    keep = [row for row, value in enumerate(table.columns[label]) if value not in MISSING]
    if len(keep) < FEWEST_ROWS:
        raise CannotTrain(f"Only {len(keep)} rows have a value in {label!r}; at least {FEWEST_ROWS} are needed.")
    if len(keep) == len(table):
        return table
    return _picked(table, keep)


def _picked(table: Table, keep: list[int]) -> Table:
    return Table(table.names, {name: [values[row] for row in keep] for name, values in table.columns.items()})


def _truth(values: list[str], plan: Plan) -> tuple[np.ndarray, tuple[str, ...]]:
    if plan.task == "regression":
        return numbers(plan.label, values), ()
    classes = sorted(set(values))
    if len(classes) != 2:
        shown = ", ".join(classes[:5])
        raise CannotTrain(f"Two-class learners need two classes; {plan.label!r} has {len(classes)}: {shown}.")
    positive = plan.positive or classes[-1]
    if positive not in classes:
        raise CannotTrain(f"Positive Class {positive!r} is not one of {', '.join(classes)}.")
    negative = classes[0] if positive == classes[1] else classes[1]
    return np.array([value == positive for value in values], dtype=int), (negative, positive)


def _split(count: int, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    order = np.arange(count)
    if plan.split_mode == "random":
        order = np.random.default_rng(plan.seed).permutation(count)
    cut = max(1, int(count * plan.split))
    first, rest = order[:cut], order[cut:]
    # Nothing held back (Split Fraction 1): the evaluation is on the training rows, as Studio's would be.
    return (first, rest) if len(rest) else (order, order)


def _fit(rows: _Rows, plan: Plan, which: np.ndarray | slice) -> Pipeline:
    features = [column for column in rows.columns if column.kind != "ignored"]
    truth = rows.truth[which]
    if plan.task == "classification" and len(np.unique(truth)) < 2:
        raise CannotTrain("The training part of the split has one class only; give more rows or another split.")
    fitted: Pipeline = estimators.pipeline(plan, features).fit(rows.matrix[which], truth)
    return fitted


def _evaluation(rows: _Rows, plan: Plan) -> dict[str, float]:
    first, rest = _split(len(rows.truth), plan)
    return _evaluate(_fit(rows, plan, first), rows, rest)


def _evaluate(pipeline: Pipeline, rows: _Rows, which: np.ndarray) -> dict[str, float]:
    matrix, truth = rows.matrix[which], rows.truth[which]
    if rows.classes:
        return metrics.classification(truth, pipeline.predict_proba(matrix)[:, 1])
    return metrics.regression(truth, pipeline.predict(matrix))
