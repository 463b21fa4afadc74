"""Faults of whole columns: missing, empty, renamed, exchanged, noisy, stuck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.gate.faults.scene import DoesNotApplyError, Fault, Rng, Scene, changed, numbers_of, some, written
from benchmarks.gate.sheet import Sheet


def _column(scene: Scene, rng: Rng, which: str) -> str:
    return scene.word(rng) if which == "words" else scene.number(rng)


def missing(scene: Scene, rng: Rng, which: str) -> Sheet:
    """A column is not there; `label` and `time` are columns too."""
    named = {"label": lambda: scene.label, "time": lambda: scene.time}
    return scene.batch.without(named[which]() if which in named else _column(scene, rng, which))


def renamed(scene: Scene, rng: Rng, change: str) -> Sheet:
    """A column has another name."""
    name = scene.number(rng)
    names = {"case": name.upper(), "blank": f" {name}", "other": f"{name}_new"}
    header = tuple(names[change] if column == name else column for column in scene.batch.header)
    return replace(scene.batch, header=header)


def additional(scene: Scene, rng: Rng, kind: str) -> Sheet:
    """A column that was never there before: a number for each row, or always the same text."""
    batch = scene.batch
    extra = [str(place) if kind == "id" else "v2" for place in range(len(batch))]
    return Sheet((*batch.header, "extra"), tuple((*row, value) for row, value in zip(batch.rows, extra, strict=True)))


def emptied(scene: Scene, rng: Rng, severity: tuple[str, float]) -> Sheet:
    """A column without values, or with many missing."""
    which, share = severity
    return changed(scene.batch, _column(scene, rng, which), some(scene.batch, rng, share), lambda _: "")


def null_as(scene: Scene, rng: Rng, severity: tuple[str, float]) -> Sheet:
    """Missing values written as a number that means nothing."""
    value, share = severity
    return changed(scene.batch, scene.number(rng), some(scene.batch, rng, share), lambda _: value)


def swapped(scene: Scene, rng: Rng, share: float) -> Sheet:
    """Two numeric columns exchanged, in all rows or some; the header stays."""
    batch, struck = scene.batch, some(scene.batch, rng, share)
    first = scene.stream.numbers[0]
    second = scene.stream.numbers[1 + rng.integers(len(scene.stream.numbers) - 1)]
    pairs = list(zip(batch.column(first), batch.column(second), struck, strict=True))
    one = batch.with_column(first, [b if hit else a for a, b, hit in pairs])
    return one.with_column(second, [a if hit else b for a, b, hit in pairs])


def swapped_words(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Two columns of words exchanged. Raises: DoesNotApplyError with fewer than two."""
    if len(scene.stream.words) < 2:
        raise DoesNotApplyError
    first, second = scene.stream.words[:2]
    batch = scene.batch
    return batch.with_column(first, batch.column(second)).with_column(second, batch.column(first))


def noisy(scene: Scene, rng: Rng, spreads: float) -> Sheet:
    """Noise of so many standard deviations on top."""
    name = scene.number(rng)
    values = numbers_of(scene.batch, name)
    noise = values + rng.normal(size=len(values)) * np.nanstd(values) * spreads
    return scene.batch.with_column(name, ["" if np.isnan(value) else written(value) for value in noise])


def mixed_up(scene: Scene, rng: Rng, which: str) -> Sheet:
    """The values of a column in the wrong rows: its distribution is as ever."""
    name = _column(scene, rng, which)
    values = scene.batch.column(name)
    return scene.batch.with_column(name, [values[place] for place in rng.permutation(len(values))])


def all_mixed_up(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Every feature in the wrong rows."""
    sheet = scene.batch
    for name in scene.stream.features:
        values = sheet.column(name)
        sheet = sheet.with_column(name, [values[place] for place in rng.permutation(len(values))])
    return sheet


def stuck(scene: Scene, rng: Rng, start: float) -> Sheet:
    """From some row on, a sensor gives its last value again and again."""
    name = scene.number(rng)
    values = scene.batch.column(name)
    first = int(start * len(values))
    return scene.batch.with_column(name, values[:first] + [values[first]] * (len(values) - first))


def reordered(scene: Scene, rng: Rng, _: None) -> Sheet:
    """The columns in another order, header and all."""
    order = rng.permutation(len(scene.batch.header))
    turn = lambda row: tuple(row[place] for place in order)  # noqa: E731  (one line says it)
    return Sheet(turn(scene.batch.header), tuple(map(turn, scene.batch.rows)))


def shifted(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Every value one column to the right, the last one first, below the old header."""
    return replace(scene.batch, rows=tuple((row[-1], *row[:-1]) for row in scene.batch.rows))


def named_twice(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Two columns have the same name."""
    first, second = scene.stream.numbers[:2]
    header = tuple(first if column == second else column for column in scene.batch.header)
    return replace(scene.batch, header=header)


GROUP = "columns"
NUMBERS_AND_WORDS = {"a number": "numbers", "a word": "words"}
FAULTS = (
    Fault(GROUP, "column missing", missing, {**NUMBERS_AND_WORDS, "the label": "label", "the time": "time"}),
    Fault(GROUP, "column renamed", renamed, {"in capitals": "case", "with a blank": "blank", "otherwise": "other"}),
    Fault(GROUP, "column added", additional, {"a number per row": "id", "always the same": "same"}),
    Fault(GROUP, "column named twice", named_twice),
    Fault(
        GROUP,
        "column emptied",
        emptied,
        {
            "numbers, 30 %": ("numbers", 0.3),
            "numbers, all": ("numbers", 1.0),
            "words, 30 %": ("words", 0.3),
            "words, all": ("words", 1.0),
        },
    ),
    Fault(
        GROUP,
        "nulls as a number",
        null_as,
        {"0, 30 %": ("0", 0.3), "0, all": ("0", 1.0), "-999, 30 %": ("-999", 0.3), "-999, all": ("-999", 1.0)},
    ),
    Fault(GROUP, "columns swapped", swapped, {"a tenth": 0.1, "all": 1.0}),
    Fault(GROUP, "columns of words swapped", swapped_words),
    Fault(GROUP, "noise in a column", noisy, {"1 sd": 1.0, "5 sd": 5.0}),
    Fault(GROUP, "column in the wrong rows", mixed_up, NUMBERS_AND_WORDS),
    Fault(GROUP, "all columns in the wrong rows", all_mixed_up),
    Fault(GROUP, "sensor stuck", stuck, {"from the start": 0.0, "from the middle": 0.5}),
    Fault(GROUP, "values a column off", shifted),
    Fault(GROUP, "columns in another order", reordered, harmless=True),
)
