"""evaluate.py's work, in a worker process: one table scored by several models, row by row, and how each of them did."""

import math
from pathlib import Path

import numpy as np

from local.services.engine import metrics, modelfile
from local.services.engine.modelfile import Model, NotAModel
from local.services.engine.outputs import Scores
from local.services.engine.scoring import score
from local.services.engine.tables import (
    MISSING,
    BadTable,
    MissingColumns,
    Table,
    Unparsable,
    numbers,
    read_csv,
    text,
    write_csv,
)
from local.services.engine.tasks import Reply, Task


def compare(task: Task) -> Reply:
    """Writes the data's columns and each model's scores under `{name} {column}`; logs each model's metrics."""
    try:
        return _compare(task)
    except (BadTable, MissingColumns, Unparsable, NotAModel) as cause:
        return Reply(error=str(cause))


def _compare(task: Task) -> Reply:
    table = read_csv(Path(task.data), task.location)
    names, rows = list(table.names), [list(row) for row in zip(*table.columns.values(), strict=True)]
    found: dict[str, float | None] = {}
    for option, path in task.files.items():
        model = modelfile.unpack(Path(path).read_bytes())
        scores = score(model, table)
        names += [f"{option} {column}" for column in scores.names]
        rows = [[*row, *scored] for row, scored in zip(rows, scores.rows, strict=True)]
        found |= {f"{option}.{name}": value for name, value in _metrics(model, table, scores).items()}
    write_csv(Path(task.output), names, ([*map(text, row)] for row in rows))
    return Reply(metrics=found)


def _metrics(model: Model, table: Table, scores: Scores) -> dict[str, float]:
    header = model.header
    labels = table.columns.get(header.label, [])
    rows = [row for row, value in enumerate(labels) if value not in MISSING]
    if not rows:
        return {}
    known, last = [labels[row] for row in rows], [scores.rows[row][-1] for row in rows]
    if header.classes:
        truth = np.array([value == header.classes[1] for value in known], dtype=int)
        found = metrics.classification(truth, np.array(last, dtype=float))
    else:
        found = metrics.regression(numbers(header.label, known), np.array(last, dtype=float))
    return {name: value for name, value in found.items() if math.isfinite(value)}
