"""Faults of rows: doubled, old ones again, too few, not all kinds of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.gate.faults.scene import Fault, Rng, Scene, numbers_of, some
from benchmarks.gate.sheet import Sheet


def doubled(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Rows twice, one below the other."""
    twice = zip(scene.batch.rows, some(scene.batch, rng, share), strict=True)
    return replace(scene.batch, rows=tuple(row for row, again in twice for _ in range(1 + again)))


def one_row_often(scene: Scene, rng: Rng, times: float) -> Sheet:
    """One row, over and over."""
    row = scene.batch.rows[rng.integers(len(scene.batch))]
    return replace(scene.batch, rows=scene.batch.rows + (row,) * int(times * len(scene.batch)))


def repeated(scene: Scene, rng: Rng, ago: int) -> Sheet:
    """An earlier batch under another name, in another order."""
    old = scene.earlier(ago)
    return old.picked(rng.permutation(len(old)).tolist())


def stale(scene: Scene, rng: Rng, share: float) -> Sheet:
    """An old batch again, with some rows changed a little: a number of each is another row's."""
    old, name = scene.earlier(3), scene.number(rng)
    values, struck = old.column(name), some(old, rng, share)
    others = [values[place] for place in rng.permutation(len(old))]
    return old.with_column(name, [b if hit else a for a, b, hit in zip(values, others, struck, strict=True)])


def partly_old(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Some of the rows are of the batch before."""
    old, new = scene.earlier(1), scene.batch
    kept = sorted(rng.permutation(len(new))[: round((1 - share) * len(new))].tolist())
    again = sorted(rng.permutation(len(old))[: round(share * len(old))].tolist())
    return replace(new, rows=old.picked(again).rows + new.picked(kept).rows)


def few(scene: Scene, rng: Rng, rows: int) -> Sheet:
    """Only so many rows, spread over the batch."""
    return scene.batch.picked(sorted(rng.permutation(len(scene.batch))[:rows].tolist()))


def first_only(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Only the beginning of the batch."""
    return scene.batch.picked(range(round(share * len(scene.batch))))


def one_kind(scene: Scene, rng: Rng, keep: bool) -> Sheet:
    """Only the most frequent category, or all but it: a branch that sent nothing."""
    name = scene.word(rng)
    values = scene.batch.column(name)
    most = max(sorted(set(values)), key=values.count)
    return scene.batch.picked(place for place, value in enumerate(values) if (value == most) == keep)


def half_range(scene: Scene, rng: Rng, upper: bool) -> Sheet:
    """Only rows on one side of the middle of a number: half the day, half the people."""
    values = numbers_of(scene.batch, scene.stream.numbers[0])
    chosen = values > np.nanmedian(values)
    return scene.batch.picked(np.flatnonzero(chosen if upper else ~chosen).tolist())


def chosen_by_label(scene: Scene, rng: Rng, share: float) -> Sheet:
    """A share of the rows whose label is high is lost where the most telling number is high."""
    labels, column = numbers_of(scene.batch, scene.label), numbers_of(scene.batch, scene.stream.numbers[0])
    high = (labels >= labels.mean()) & (column > np.nanmedian(column))
    lost = high & (rng.random(len(labels)) < share)
    return scene.batch.picked(np.flatnonzero(~lost).tolist())


def reordered(scene: Scene, rng: Rng, _: None) -> Sheet:
    """The same rows in another order."""
    return scene.batch.picked(rng.permutation(len(scene.batch)).tolist())


def thinned(scene: Scene, rng: Rng, share: float) -> Sheet:
    """A fair sample of the rows, in order."""
    return scene.batch.picked(np.flatnonzero(some(scene.batch, rng, share)).tolist())


def untouched(scene: Scene, rng: Rng, _: None) -> Sheet:
    """No fault at all."""
    return scene.batch


GROUP = "rows"
FAULTS = (
    Fault(GROUP, "rows doubled", doubled, {"every row": 1.0, "a tenth": 0.1}),
    Fault(GROUP, "one row over and over", one_row_often, {"10 %": 0.1, "half of all": 1.0}),
    Fault(GROUP, "batch repeated in another order", repeated, {"the last": 1, "the one before": 2}),
    Fault(GROUP, "stale batch, some rows changed", stale, {"5 %": 0.05, "30 %": 0.3}),
    Fault(GROUP, "partly the last batch", partly_old, {"30 %": 0.3, "80 %": 0.8}),
    Fault(GROUP, "hardly any rows", few, {"none": 0, "1": 1, "30": 30}),
    Fault(GROUP, "only the beginning", first_only, {"half": 0.5, "a tenth": 0.1}),
    Fault(GROUP, "one kind of rows", one_kind, {"only the most frequent": True, "all but it": False}),
    Fault(GROUP, "one side of a number", half_range, {"upper": True, "lower": False}),
    Fault(GROUP, "rows lost by their label", chosen_by_label, {"half": 0.5, "all": 1.0}),
    Fault(GROUP, "rows in another order", reordered, harmless=True),
    Fault(GROUP, "a fair sample", thinned, {"70 %": 0.7}, harmless=True),
    Fault(GROUP, "nothing", untouched, harmless=True),
)
