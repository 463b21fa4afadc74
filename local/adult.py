"""Adults of the 1994 census and whether they earn more than 50,000 dollars (data/README.md says whose rows these are).

The designer's sample: income is predicted by a model of people from the United States, and retrained on all others.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "adult.csv.gz"
NAME, LABEL, METRIC = "income", "income", "auc"
LEARNER = "Two-Class Logistic Regression"
COUNTRY = "native_country"
HELD_OUT = 1000
"""So many people of the United States, the last ones, are kept from every model, to look at them with."""

Rows = list[list[str]]


@cache
def _table() -> tuple[list[str], Rows, Rows]:
    with gzip.open(DATA, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    place = header.index(COUNTRY)
    return (
        header,
        [row for row in rows if row[place] == "United-States"],
        [row for row in rows if row[place] != "United-States"],
    )


def americans(count: int | None = None) -> str:
    """The first people of the United States as CSV text with a header; all but those held out without a count."""
    header, rows, _ = _table()
    return _text([header, *rows[: len(rows) - HELD_OUT if count is None else count]])


def held_out() -> str:
    """People of the United States whom no model learns from."""
    header, rows, _ = _table()
    return _text([header, *rows[-HELD_OUT:]])


def others() -> str:
    """Everybody else."""
    header, _, rows = _table()
    return _text([header, *rows])


def shuffled(seed: int = 1) -> str:
    """Everybody else with mixed-up labels: every value is plausible, and nothing can be learnt from it."""
    header, _, rows = _table()
    labels = [row[-1] for row in rows]
    random.Random(seed).shuffle(labels)
    return _text([header, *([*row[:-1], label] for row, label in zip(rows, labels, strict=True))])


def _text(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
