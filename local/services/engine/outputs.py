"""Names and shapes of what comes out: scored columns and metrics. Imports nothing heavy."""

from typing import NamedTuple

LABELS, PROBABILITIES = "Scored Labels", "Scored Probabilities"
SCORED: dict[str, tuple[str, ...]] = {"regression": (LABELS,), "classification": (LABELS, PROBABILITIES)}
METRICS: dict[str, tuple[str, ...]] = {
    "regression": (
        "Mean Absolute Error",
        "Root Mean Squared Error",
        "Relative Absolute Error",
        "Relative Squared Error",
        "Coefficient of Determination",
    ),
    "classification": (
        "Accuracy",
        "Precision",
        "Recall",
        "F-Score",
        "AUC",
        "Average Log Loss",
        "Training Log Loss",
    ),
}


class Scores(NamedTuple):
    """The scored columns and, row by row, their values as text (floats in full: `float(text)` is the value)."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[list[str]]
