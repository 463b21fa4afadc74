"""Batches as intake knows them, made from columns: a stream of bikes with seasons, for rules to look at."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import numpy as np

from retrain.data.baseline import Baseline, Known, Sample
from retrain.data.profile import BatchProfile, ColumnProfile, LabelSummary, SplitSpec

Table = dict[str, np.ndarray]
ROWS = 1_500
RENTALS = SplitSpec(label="rentals", kind="regression", time="day")
BUSY = SplitSpec(label="busy", kind="classification", time="day")


def month(number: int, spec: SplitSpec = RENTALS, *, rows: int = ROWS) -> Table:
    """The rows of one month of a stream that grows and has a mild season."""
    rng = np.random.default_rng(number)
    days = np.sort(rng.integers(1, 29, rows))
    hour, weather = (
        rng.integers(0, 24, rows).astype(float),
        rng.choice(["clear", "mist", "rain"], rows, p=[0.6, 0.3, 0.1]),
    )
    temp = np.round(rng.normal(15 + np.sin(number), 6, rows), 1)
    load = 40 * np.exp(-(((hour - 13) / 5) ** 2)) + temp - 15 * (weather == "rain") + 0.3 * number
    rentals = np.maximum(np.round(5 * load + rng.normal(0, 25, rows) + 60), 0)
    table: Table = {
        "day": np.array([f"2026-{number + 1:02}-{day:02}" for day in days], dtype=object),
        "hour": hour,
        "temp": temp,
        "pressure": np.round(rng.normal(1013, 7, rows), 1),
        "distance": np.round(rng.gamma(3, 700, rows) + 100),
        "weather": weather.astype(object),
        "station": rng.choice(["North", "South", "Harbour", "Hill"], rows, p=[0.4, 0.3, 0.2, 0.1]).astype(object),
    }
    if spec.kind == "regression":
        return {**table, "rentals": rentals}
    return {**table, "busy": (rentals > 150).astype(float)}


def known(table: Table, spec: SplitSpec = RENTALS, run: str = "bikes~0") -> Known:
    """What intake knows of such a batch. Rows are told apart by their values, in whatever order of columns."""
    rows = len(table[spec.label])
    names = sorted(table)
    lines = ["\x1f".join(_spelled(table[name][row]) for name in names) for row in range(rows)]
    hashes = np.array([hash_of(line) for line in lines], dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    columns = tuple(_profile(name, values, spec) for name, values in table.items())
    days = sorted(str(value)[:10] for value in table[spec.time]) if spec.time in table else [None]
    labels = table[spec.label]
    return Known(
        run=run,
        profile=BatchProfile(
            rows=rows,
            columns=columns,
            label=_summary(labels, spec),
            sha256=run,
            duplicates=rows - len(np.unique(hashes)),
            first_day=days[0],
            last_day=days[-1],
        ),
        sample=Sample({name: values[order] for name, values in table.items() if name != spec.label}, labels[order]),
        hashes=np.unique(hashes),
    )


def past(count: int = 5, spec: SplitSpec = RENTALS) -> Baseline:
    """So many accepted months."""
    return Baseline(tuple(known(month(number, spec), spec, f"bikes~{number}") for number in range(count)))


def hash_of(line: str) -> int:
    """64 bits, the same in every process."""
    return int.from_bytes(blake2b(line.encode(), digest_size=8).digest(), "big")


def _spelled(value: Any) -> str:
    return "" if value is None or value != value else f"{value:g}" if isinstance(value, float) else str(value)


def _summary(labels: np.ndarray, spec: SplitSpec) -> LabelSummary:
    if spec.kind == "regression":
        return LabelSummary(mean=float(labels.mean()), low=float(labels.min()), high=float(labels.max()))
    return LabelSummary(classes=dict(sorted(Counter(f"{label:g}" for label in labels).items())))


def _profile(name: str, values: np.ndarray, spec: SplitSpec) -> ColumnProfile:
    if values.dtype.kind == "f":
        return _numbers(name, values)
    filled = [str(value) for value in values if value is not None]
    nulls, different = len(values) - len(filled), len(set(filled))
    distinct = different if different <= 64 else None
    if name == spec.time:
        disorder, ends = sum(later < earlier for earlier, later in pairwise(filled)), (min(filled), max(filled))
        return ColumnProfile(name=name, kind="time", distinct=distinct, first=ends[0], last=ends[1], disorder=disorder)
    kind = "empty" if not filled else "category" if distinct is not None else "text"
    counts = dict(Counter(filled)) if kind == "category" else {}
    numbers = sum(value.isdecimal() for value in filled)
    return ColumnProfile(name=name, kind=kind, nulls=nulls, distinct=distinct, numbers=numbers, values=counts)


def _numbers(name: str, values: np.ndarray) -> ColumnProfile:
    filled = values[np.isfinite(values)]
    nulls, different = len(values) - len(filled), len(np.unique(filled))
    if not len(filled):
        return ColumnProfile(name=name, kind="empty", nulls=nulls, distinct=0)
    return ColumnProfile(
        name=name,
        kind="number",
        nulls=nulls,
        distinct=different if different <= 64 else None,
        numbers=len(filled),
        low=float(filled.min()),
        high=float(filled.max()),
        mean=float(filled.mean()),
        std=float(filled.std()),
        whole=bool((filled % 1 == 0).all()),
    )
