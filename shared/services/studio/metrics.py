"""Reads what Evaluate Model writes (in Studio one CSV row per evaluated data set) into our names of metrics."""

from __future__ import annotations

import csv
import io
import math

from retrain.errors import BadRequest

NAMES = {
    "auc": "auc",
    "accuracy": "accuracy",
    "overall accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f-score": "f1",
    "f1 score": "f1",
    "average log loss": "log_loss",
    "log loss": "log_loss",
    "mean absolute error": "mae",
    "root mean squared error": "rmse",
    "relative absolute error": "rae",
    "relative squared error": "rse",
    "coefficient of determination": "r2",
}
"""Columns of Evaluate Model for two-class, multi-class and regression models, in lower case. Others are left out."""


def our_name(name: str) -> str | None:
    """Our name of one of Evaluate Model's metrics; the designer writes underscores for spaces. None for others."""
    return NAMES.get(name.strip().lower().replace("_", " "))


def read_evaluation(data: bytes) -> dict[str, float]:
    """The metrics of the first row, which Evaluate Model gives to the data set on its left input.

    Raises:
        BadRequest: no CSV with such a row; says which columns there are.
    """
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", errors="replace"), newline=""))
    try:
        header, values = next(rows, []), next(rows, [])
    except csv.Error as error:
        raise BadRequest(f"read the job's evaluation: no CSV ({error}); check which output gives the metrics") from None
    found: dict[str, float] = {}
    for column, text in zip(header, values, strict=False):
        name = our_name(column)
        number = finite(text)
        if name and number is not None:
            found.setdefault(name, number)
    if not found:
        columns = ", ".join(header)[:300] or "none"
        raise BadRequest(f"read the job's evaluation: no known metric in it; its columns are: {columns}")
    return found


def finite(value: object) -> float | None:
    """The number that a value is or spells; None for anything else, NaN and infinities included."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
