"""A fault for every rule: the sixth month of the stream, spoiled in one way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrain.data.profile import SplitSpec
from tests.unit.quality.batches import BUSY, RENTALS, ROWS, Table, month

NEXT = 5
Spoil = Callable[[Table, np.random.Generator], Table]


def only(column: str, change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Changes one column as a whole."""
    return lambda table, rng: {**table, column: change(table[column])}


def some(column: str, share: float, change: Callable[[np.ndarray], object]) -> Spoil:
    """Changes one column in a share of the rows."""

    def spoil(table: Table, rng: np.random.Generator) -> Table:
        values, chosen = table[column].copy(), rng.random(len(table[column])) < share
        values[chosen] = change(values[chosen])
        return {**table, column: values}

    return spoil


def named(column: str, names: Callable[[str], str]) -> Spoil:
    """Gives every name of a column another one."""
    return only(column, lambda values: np.array([names(value) for value in values], dtype=object))


def rows(chosen: Callable[[Table, np.random.Generator], np.ndarray]) -> Spoil:
    """Takes rows by their places, in an order, some of them more than once."""
    return lambda table, rng: {name: values[chosen(table, rng)] for name, values in table.items()}


def with_month(number: int, share: float = 1.0) -> Spoil:
    """Puts rows of an earlier month, in another order, in the place of a share of the rows."""

    def spoil(table: Table, rng: np.random.Generator) -> Table:
        earlier, many = month(number), int(share * ROWS)
        order = rng.permutation(ROWS)[:many]
        return {name: np.concatenate([earlier[name][order], values[many:]]) for name, values in table.items()}

    return spoil


def renamed(table: Table, rng: np.random.Generator) -> Table:
    return {{"temp": "temperature"}.get(name, name): values for name, values in table.items()}


def headless(table: Table, rng: np.random.Generator) -> Table:
    names = ["2026-06-01", "7", "12.5", "1013", "820", "clear", "Hill"]
    return dict(zip([*names, "rentals"], table.values(), strict=True))


def swapped(table: Table, rng: np.random.Generator) -> Table:
    return {**table, "temp": table["pressure"], "pressure": table["temp"]}


def leak(noise: float) -> Spoil:
    """A column that knows the label."""

    def spoil(table: Table, rng: np.random.Generator) -> Table:
        label = table["rentals"]
        return {**table, "pressure": 1013 + 7 * (label - label.mean()) / label.std() + rng.normal(0, noise, len(label))}

    return spoil


FAULTS: dict[str, tuple[str, str, Spoil, SplitSpec]] = {
    "the header is missing": ("header_missing", "", headless, RENTALS),
    "a column is missing": (
        "missing_column", "temp", lambda t, rng: {name: t[name] for name in t if name != "temp"}, RENTALS
    ),
    "a column is renamed": ("renamed_column", "temp", renamed, RENTALS),
    "a column is new": ("new_column", "snow", lambda t, rng: {**t, "snow": np.zeros(ROWS)}, RENTALS),
    "columns are in another order": ("reordered_columns", "", lambda t, rng: dict(reversed(t.items())), RENTALS),
    "numbers became words": (
        "column_type", "temp", only("temp", lambda v: np.array([f"{x} C" for x in v], dtype=object)), RENTALS
    ),
    "names became numbers": (
        "column_type", "station", only("station", lambda v: np.unique(v, return_inverse=True)[1].astype(float)), RENTALS
    ),
    "there are thirty rows": ("few_rows", "", rows(lambda t, rng: np.arange(30)), RENTALS),
    "there are a tenth of the rows": ("fewer_rows", "", rows(lambda t, rng: np.arange(0, ROWS, 10)), RENTALS),
    "there are six times the rows": ("more_rows", "", lambda t, rng: month(NEXT, rows=6 * ROWS), RENTALS),
    "rows are doubled": ("duplicate_rows", "", rows(lambda t, rng: np.repeat(np.arange(ROWS), 2)), RENTALS),
    "a tenth of the rows is doubled": (
        "duplicate_rows", "", rows(lambda t, rng: np.sort(np.r_[: ROWS, : ROWS // 10])), RENTALS
    ),
    "the last batch comes again in another order": ("repeated_batch", "", with_month(4), RENTALS),
    "an older batch comes again": ("repeated_batch", "", with_month(1), RENTALS),
    "a third of the rows was there before": ("seen_rows", "", with_month(4, 0.33), RENTALS),
    "the batch is older than the accepted data": (
        "stale_batch", "day", only("day", lambda v: np.array([f"2025{day[4:]}" for day in v], dtype=object)), RENTALS
    ),
    "half of the days were accepted": (
        "overlapping_days", "day", some("day", 0.5, lambda v: np.array(["2026-01-05"] * len(v), dtype=object)), RENTALS
    ),
    "rows are not in the order of time": ("time_order", "day", rows(lambda t, rng: rng.permutation(ROWS)), RENTALS),
    "a column is empty": ("empty_column", "temp", only("temp", lambda v: np.full(len(v), np.nan)), RENTALS),
    "names are empty": ("empty_column", "station", only("station", lambda v: np.full(len(v), None)), RENTALS),
    "a third of a column is empty": ("null_rate", "temp", some("temp", 0.33, lambda v: np.nan), RENTALS),
    "a column is stuck": ("constant_column", "temp", only("temp", lambda v: np.full(len(v), v[0])), RENTALS),
    "a column is a thousand times as large": ("unit", "distance", only("distance", lambda v: 1000 * v), RENTALS),
    "a column is in miles": ("unit", "distance", only("distance", lambda v: v / 1.609344), RENTALS),
    "a column is in Fahrenheit": ("unit", "temp", only("temp", lambda v: 1.8 * v + 32), RENTALS),
    "labels are a thousand times as large": ("unit", "rentals", only("rentals", lambda v: 1000 * v), RENTALS),
    "labels are ten times as large": ("unit", "rentals", only("rentals", lambda v: 10 * v), RENTALS),
    "a tenth of a column is in metres": (
        "mixed_units", "distance", some("distance", 0.1, lambda v: 1000 * v), RENTALS
    ),
    "a tenth of a column is in Fahrenheit": ("mixed_units", "temp", some("temp", 0.1, lambda v: 1.8 * v + 32), RENTALS),
    "a tenth of the labels is ten times as large": (
        "mixed_units", "rentals", some("rentals", 0.1, lambda v: 10 * v), RENTALS
    ),
    "nulls are written as -9999": ("far_values", "temp", some("temp", 0.05, lambda v: -9999.0), RENTALS),
    "a tenth is a little out of range": ("range", "temp", some("temp", 0.1, lambda v: 40.0), RENTALS),
    "two columns changed places": ("swapped_columns", "temp", swapped, RENTALS),
    "a column is drawn together": (
        "distribution", "pressure", only("pressure", lambda v: 1013 + (v - 1013) / 10), RENTALS
    ),
    "names are in capitals": ("recased_categories", "station", named("station", str.upper), RENTALS),
    "names have blanks": ("recased_categories", "station", named("station", lambda name: f" {name}"), RENTALS),
    "names are coded otherwise": (
        "recoded_categories", "station", named("station", lambda name: name[::-1]), RENTALS
    ),
    "names changed places": (
        "recoded_categories", "weather",
        named("weather", {"clear": "rain", "rain": "mist", "mist": "clear"}.__getitem__), RENTALS,
    ),
    "a fifth of the names is new": (
        "unseen_categories", "station", some("station", 0.2, lambda v: "Airport"), RENTALS
    ),
    "all labels are the same": ("constant_label", "rentals", only("rentals", lambda v: np.full(len(v), 7.0)), RENTALS),
    "all labels are of one class": ("constant_label", "busy", only("busy", np.zeros_like), BUSY),
    "labels are shifted": ("label_shift", "rentals", only("rentals", lambda v: 150 + v / 5), RENTALS),
    "few rows are of a class": ("label_shift", "busy", rows(lambda t, rng: _thinned(t["busy"])), BUSY),
    "labels are shuffled": (
        "label_unrelated", "rentals", lambda t, rng: {**t, "rentals": rng.permutation(t["rentals"])}, RENTALS
    ),
    "classes are shuffled": (
        "label_unrelated", "busy", lambda t, rng: {**t, "busy": rng.permutation(t["busy"])}, BUSY
    ),
    "labels are inverted": (
        "label_relation", "rentals", only("rentals", lambda v: v.max() + v.min() - v), RENTALS
    ),
    "classes are inverted": ("label_relation", "busy", only("busy", lambda v: 1 - v), BUSY),
    "a column holds the label": ("leak", "pressure", leak(0.1), RENTALS),
    "a column holds the label with noise": ("sudden_relation", "pressure", leak(6.0), RENTALS),
}  # fmt: skip
"""By what is wrong: the rule that must say so, of which column, how the batch is spoiled, and of which model."""


def _thinned(labels: np.ndarray) -> np.ndarray:
    """Places of all zeros and of each sixth one."""
    ones = np.flatnonzero(labels == 1.0)
    return np.sort(np.concatenate([np.flatnonzero(labels == 0.0), ones[::6]]))


def spoiled(name: str) -> Table:
    """The batch with this fault; the same each time."""
    _, _, spoil, spec = FAULTS[name]
    return spoil(month(NEXT, spec), np.random.default_rng(7))
