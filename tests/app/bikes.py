"""Real bike rentals as CSV text, by month, and what can go wrong with them."""

from __future__ import annotations

import csv
import gzip
import io
import random
from functools import cache
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "bike_dc_hourly.csv.gz"
LABEL = "cnt"


@cache
def _rows() -> tuple[list[str], list[list[str]]]:
    with gzip.open(DATA, "rt", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def months(*wanted: str) -> str:
    """The rows of these months (`2011-01`) with the header."""
    header, rows = _rows()
    return text([header, *(row for row in rows if row[0][:7] in wanted)])


def shuffled(month: str, seed: int = 1) -> str:
    """A month whose labels were mixed up: every column plausible, nothing to learn."""
    header, *rows = table(months(month))
    labels = [row[-1] for row in rows]
    random.Random(seed).shuffle(labels)
    return text([header, *([*row[:-1], label] for row, label in zip(rows, labels, strict=True))])


def scaled(content: str, factor: float) -> str:
    """The same rows at a station with so many times the rentals: what there is to learn differs from other stations."""
    header, *rows = table(content)
    return text([header, *([*row[:-1], f"{float(row[-1]) * factor:.2f}"] for row in rows)])


def table(content: str) -> list[list[str]]:
    """The rows of a CSV text, the header first."""
    return list(csv.reader(io.StringIO(content)))


def text(rows: list[list[str]]) -> str:
    """Rows as CSV text."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
