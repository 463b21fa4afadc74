"""Real bike rentals by month (data/README.md says whose), and two ways in which such a file goes wrong.

`cnt`, rentals in an hour, is predicted from weather and calendar. The demo and the local stack deploy a model of it.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "bike_dc_hourly.csv.gz"
NAME, LABEL, TIME, METRIC = "bikes", "cnt", "day", "rmse"
LEARNER = "boosted-trees"
PARAMETERS = {"Excluded Columns": TIME}
"""Trees cannot look beyond the days they have seen, so the date itself is kept from them."""
FIRST = ("2011-01", "2011-02", "2011-03", "2011-04", "2011-05")
"""The months that the first champion is made from; the rest lands later."""

Rows = list[list[str]]


@cache
def _table() -> tuple[list[str], Rows]:
    with gzip.open(DATA, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def every_month() -> list[str]:
    """All months there are, as `2011-01`, oldest first."""
    return list(dict.fromkeys(row[0][:7] for row in _table()[1]))


def months(*wanted: str) -> str:
    """The rows of these months as CSV text with a header, in order of time."""
    header, rows = _table()
    return _text([header, *(row for row in rows if row[0][:7] in wanted)])


def shuffled(month: str, seed: int = 1) -> str:
    """A month whose labels were mixed up: every value is plausible, and nothing can be learnt from it."""
    header, rows = _table()
    chosen = [row for row in rows if row[0].startswith(month)]
    labels = [row[-1] for row in chosen]
    random.Random(seed).shuffle(labels)
    return _text([header, *([*row[:-1], label] for row, label in zip(chosen, labels, strict=True))])


def broken(month: str) -> str:
    """A month as a failing exporter writes it: an error text among the labels, and the last line cut off."""
    lines = months(month).splitlines()
    lines[100] = lines[100].rpartition(",")[0] + ",#REF!"
    return "\n".join([*lines[:400], lines[400][:20]]) + "\n"


def _text(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
