"""What modules do to tables, in the worker processes: CSV in, CSV out. Values that nobody changes keep their text.

Each function here is given a task whose `files` are its inputs and outputs and whose `parameters` are the fields.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, median

import numpy as np

from local.services.azureml import expressions
from local.services.engine import metrics, modelfile
from local.services.engine.outputs import LABELS, PROBABILITIES
from local.services.engine.tables import (
    MISSING,
    BadTable,
    Table,
    Unparsable,
    numbers,
    read_csv,
    text,
    write_csv,
)
from local.services.engine.tasks import Reply, Task

PROMISED = {
    "Mean Absolute Error": "Mean_Absolute_Error",
    "Root Mean Squared Error": "Root_Mean_Squared_Error",
    "Relative Squared Error": "Relative_Squared_Error",
    "Relative Absolute Error": "Relative_Absolute_Error",
    "Coefficient of Determination": "Coefficient_of_Determination",
    "Accuracy": "Accuracy",
    "Precision": "Precision",
    "Recall": "Recall",
    "F-Score": "F1 Score",
    "AUC": "AUC",
}
"""Evaluate Model's names for the numbers that the engine names as Studio (classic) did."""


class BadField(ValueError):
    """A field's value that does not suit the data; the message names both."""


_CAUSES = (BadTable, BadField, Unparsable, expressions.BadExpression, modelfile.NotAModel)


def _work(function: Callable[[Task], Reply | None]) -> Callable[[Task], Reply]:
    def perform(task: Task) -> Reply:
        try:
            return function(task) or Reply()
        except _CAUSES as cause:
            return Reply(error=str(cause))

    return perform


@_work
def convert(task: Task) -> None:
    """Writes the table in the form that the output's name asks for."""
    _write(Path(task.output), _read(task))


@_work
def select(task: Task) -> None:
    """Keeps (or leaves out) columns."""
    table, named = _read(task), _names(task.parameters["Select columns"])
    _check_columns(table, named)
    keep = named if task.parameters["Rule"] == "Include" else [name for name in table.names if name not in named]
    if not keep:
        raise BadField("Select columns leaves no column.")
    _write(Path(task.output), Table(keep, {name: table.columns[name] for name in keep}))


@_work
def split(task: Task) -> None:
    """Divides the rows; their order stays."""
    table = _read(task)
    first = _SPLITS[task.parameters["Splitting mode"]](table, task.parameters)
    _write(Path(task.output), rows_of(table, [row for row, chosen in enumerate(first) if chosen]))
    _write(Path(task.files["second"]), rows_of(table, [row for row, chosen in enumerate(first) if not chosen]))


@_work
def clean(task: Task) -> None:
    """Replaces or removes missing values."""
    table, fields = _read(task), task.parameters
    named = _names(fields["Columns to be cleaned"]) or table.names
    _check_columns(table, named)
    least, most = float(fields["Minimum missing value ratio"]), float(fields["Maximum missing value ratio"])
    lacking = {name: sum(value in MISSING for value in table.columns[name]) for name in named}
    affected = [name for name in named if lacking[name] and least <= lacking[name] / len(table) <= most]
    _write(Path(task.output), _cleaned(table, affected, fields["Cleaning mode"], fields["Replacement value"]))


@_work
def evaluate(task: Task) -> Reply:
    """The metrics of one or two scored tables; with two each name says which port it belongs to."""
    found = [_metrics(Path(task.data), Path(task.files["model"]))]
    if "other" in task.files:
        found.append(_metrics(Path(task.files["other"]), Path(task.files["other model"])))
    names = list(found[0])
    write_csv(Path(task.output), names, [[repr(values.get(name, math.nan)) for name in names] for values in found])
    sides = ("",) if len(found) == 1 else (" (left port)", " (right port)")
    named = {name + side: value for side, values in zip(sides, found, strict=True) for name, value in values.items()}
    return Reply(metrics={name: value for name, value in named.items() if math.isfinite(value)})


def _read(task: Task) -> Table:
    return read_csv(Path(task.data), task.location)


def _write(path: Path, table: Table) -> None:
    rows = zip(*(table.columns[name] for name in table.names), strict=True)
    write_csv(path, table.names, ([*map(text, row)] for row in rows))


def rows_of(table: Table, rows: Sequence[int]) -> Table:
    """These rows of the table."""
    return Table(table.names, {name: [values[row] for row in rows] for name, values in table.columns.items()})


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _check_columns(table: Table, named: Iterable[str]) -> None:
    absent = [name for name in named if name not in table.columns]
    if absent:
        raise BadField(f"There is no column {absent[0]!r}; there are {', '.join(table.names)}.")


def _split_rows(table: Table, fields: dict[str, str]) -> list[bool]:
    fraction, seed = float(fields["Fraction of rows in the first output dataset"]), int(fields["Random seed"])
    random = np.random.default_rng(seed) if fields["Randomized split"] == "True" else None
    first = [False] * len(table)
    for rows in _strata(table, fields):
        order = random.permutation(rows).tolist() if random else rows
        for row in order[: round(len(order) * fraction)]:
            first[row] = True
    return first


def _strata(table: Table, fields: dict[str, str]) -> list[list[int]]:
    if fields["Stratified split"] != "True":
        return [list(range(len(table)))]
    key = fields["Stratification key column"]
    _check_columns(table, [key])
    strata: dict[str, list[int]] = {}
    for row, value in enumerate(table.columns[key]):
        strata.setdefault(value, []).append(row)
    return list(strata.values())


_SPLITS: dict[str, Callable[[Table, dict[str, str]], list[bool]]] = {
    "Split Rows": _split_rows,
    "Regular Expression": lambda table, fields: expressions.regular(table, fields["Regular expression"]),
    "Relative Expression": lambda table, fields: expressions.relational(table, fields["Relational expression"]),
}


def _cleaned(table: Table, affected: list[str], mode: str, replacement: str) -> Table:
    if mode == "Remove entire column":
        keep = [name for name in table.names if name not in affected]
        return Table(keep, {name: table.columns[name] for name in keep})
    if mode == "Remove entire row":
        whole = (row for row in range(len(table)) if not any(table.columns[name][row] in MISSING for name in affected))
        return rows_of(table, list(whole))
    columns = dict(table.columns)
    for name in affected:
        value = replacement if mode == "Custom substitution value" else _typical(name, columns[name], mode)
        columns[name] = [value if given in MISSING else given for given in columns[name]]
    return Table(table.names, columns)


def _typical(name: str, values: list[str], mode: str) -> str:
    present = [value for value in values if value not in MISSING]
    if not present:
        raise BadField(f"Column {name!r} has no value at all; {mode.lower()} is impossible.")
    if mode == "Replace with mode":
        return max(Counter(present).items(), key=lambda item: (item[1], item[0]))[0]
    kind = fmean if mode == "Replace with mean" else median
    return repr(float(kind(numbers(name, present).tolist())))


def _metrics(path: Path, model: Path) -> dict[str, float]:
    table, header = read_csv(path, path.name), modelfile.header_of(model.read_bytes())
    _check_columns(table, [header.label])
    table = rows_of(table, [row for row, value in enumerate(table.columns[header.label]) if value not in MISSING])
    if not len(table):
        raise BadField(f"No row has a value in {header.label!r}; there is nothing to compare scores with.")
    if header.classes:
        truth = np.array([value == header.classes[1] for value in table.columns[header.label]], dtype=int)
        found = metrics.classification(truth, numbers(PROBABILITIES, table.columns[PROBABILITIES]))
    else:
        truth = numbers(header.label, table.columns[header.label])
        found = metrics.regression(truth, numbers(LABELS, table.columns[LABELS]))
    return {PROMISED[name]: value for name, value in found.items() if name in PROMISED}
