"""Faults of single values: units, spellings of numbers, categories, dates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from benchmarks.gate.faults.scene import DoesNotApplyError, Fault, Rng, Scene, as_number, changed, some
from benchmarks.gate.sheet import Sheet

UNITS: dict[str, Callable[[float], float]] = {
    "×1000": lambda value: value * 1000,
    "×0.001": lambda value: value * 0.001,
    "×1.8+32": lambda value: value * 1.8 + 32,
    "×2.54": lambda value: value * 2.54,
    "negated": lambda value: -value,
}


def unit(scene: Scene, rng: Rng, severity: tuple[str, float]) -> Sheet:
    """A numeric column in another unit, in all rows or some."""
    name, share = severity
    return changed(scene.batch, scene.number(rng), some(scene.batch, rng, share), as_number(UNITS[name]))


def rounded(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Decimals are cut off every numeric feature."""
    sheet = scene.batch
    for name in scene.stream.numbers:
        sheet = changed(sheet, name, [True] * len(sheet), as_number(lambda value: float(int(value))))
    return sheet


def outliers(scene: Scene, rng: Rng, share: float) -> Sheet:
    """A few values that cannot be."""
    return changed(scene.batch, scene.number(rng), some(scene.batch, rng, share), as_number(lambda value: value * 1e6))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "decimal comma": lambda text: text.replace(".", ","),
    "thousands": lambda text: _thousands(text),
    "blanks": lambda text: f" {text} ",
    "currency": lambda text: f"${text}" if text else text,
    "unit": lambda text: f"{text} km" if text else text,
    "error": lambda text: "#REF!",
    "words": lambda text: "unknown",
}


def _thousands(text: str) -> str:
    try:
        return f"{float(text):,}" if "." in text else f"{int(text):,}"
    except ValueError:
        return text


def spelled(scene: Scene, rng: Rng, severity: tuple[str, str, float]) -> Sheet:
    """Numbers written in another way: in one column, in all of them, or in the label."""
    spelling, where, share = severity
    places = {"one": lambda: [scene.number(rng)], "label": lambda: [scene.label], "every": lambda: _every(scene)}
    sheet = scene.batch
    for name in places[where]():
        sheet = changed(sheet, name, some(sheet, rng, share), SPELLINGS[spelling])
    return sheet


def _every(scene: Scene) -> list[str]:
    return [*scene.stream.numbers, scene.label]


def recoded(scene: Scene, rng: Rng, how: str) -> Sheet:
    """The categories of a column get other names: each other's, numbers, or none that was seen before."""
    name = scene.word(rng)
    known = sorted(set(scene.batch.column(name)))
    others = {
        "mixed": lambda: [known[place] for place in np.roll(np.arange(len(known)), 1)],
        "codes": lambda: [str(place) for place in range(len(known))],
        "new": lambda: [f"new {value}" for value in known],
    }
    names = dict(zip(known, others[how](), strict=True))
    return changed(scene.batch, name, [True] * len(scene.batch), names.__getitem__)


def respelled(scene: Scene, rng: Rng, severity: tuple[Callable[[str], str], float]) -> Sheet:
    """The categories of a column spelled otherwise, in all rows or some."""
    change, share = severity
    return changed(scene.batch, scene.word(rng), some(scene.batch, rng, share), change)


def merged(scene: Scene, rng: Rng, _: None) -> Sheet:
    """The most frequent category goes by the name of the next."""
    name = scene.word(rng)
    values = scene.batch.column(name)
    frequent = sorted(set(values), key=lambda value: (-values.count(value), value))
    if len(frequent) < 2:
        raise DoesNotApplyError
    gone = frequent[0]
    return changed(scene.batch, name, [True] * len(values), lambda value: frequent[1] if value == gone else value)


def moved(scene: Scene, rng: Rng, days: int) -> Sheet:
    """Every date moved by so many days."""
    return _dates(scene, lambda day: (day + timedelta(days=days)).isoformat())


def foreign_dates(scene: Scene, rng: Rng, form: str) -> Sheet:
    """Dates in another form."""
    return _dates(scene, lambda day: day.strftime(form))


def one_day(scene: Scene, rng: Rng, _: None) -> Sheet:
    """The day of the export in place of each row's own."""
    last = max(scene.batch.column(scene.time))
    return scene.batch.with_column(scene.time, [last] * len(scene.batch))


def mixed_days(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Every row on the day of another, so that days mean nothing and the rows look out of order."""
    days = scene.batch.column(scene.time)
    return scene.batch.with_column(scene.time, [days[place] for place in rng.permutation(len(days))])


def _dates(scene: Scene, change: Callable[[date], str]) -> Sheet:
    days = scene.batch.column(scene.time)
    return scene.batch.with_column(scene.time, [change(date.fromisoformat(day)) for day in days])


def moved_clock(scene: Scene, rng: Rng, hours: int) -> Sheet:
    """Another time zone: the hour of the day moved, the rest as it was. Only where there is an hour."""
    if "hour" not in scene.batch.header:
        raise DoesNotApplyError
    turned = as_number(lambda value: (value + hours) % 24)
    return changed(scene.batch, "hour", [True] * len(scene.batch), turned)


def accented(scene: Scene, rng: Rng, _: None) -> Sheet:
    """Words whose letters were decoded wrongly once, in a file that is UTF-8."""
    name = scene.word(rng)
    wrong = replace(scene.batch)
    return changed(wrong, name, [True] * len(wrong), lambda value: value.replace("e", "Ã©").replace("a", "Ã¤"))


GROUP = "values"
FAULTS = (
    Fault(GROUP, "another unit", unit, {name: (name, 1.0) for name in UNITS}),
    Fault(GROUP, "another unit in a tenth of the rows", unit, {name: (name, 0.1) for name in UNITS}),
    Fault(GROUP, "decimals cut off", rounded),
    Fault(GROUP, "outliers", outliers, {"1 %": 0.01, "0.1 %": 0.001}),
    Fault(
        GROUP,
        "numbers spelled otherwise",
        spelled,
        {
            "decimal commas, one column": ("decimal comma", "one", 1.0),
            "decimal commas, every column": ("decimal comma", "every", 1.0),
            "thousands separators, every column": ("thousands", "every", 1.0),
            "blanks around, every column": ("blanks", "every", 1.0),
            "with a currency": ("currency", "one", 1.0),
            "with a unit, a tenth": ("unit", "one", 0.1),
        },
    ),
    Fault(
        GROUP,
        "texts among the numbers",
        spelled,
        {
            "#REF! in 1 % of a column": ("error", "one", 0.01),
            "#REF! in all of a column": ("error", "one", 1.0),
            "#REF! in 1 % of the labels": ("error", "label", 0.01),
            "`unknown` in a tenth of a column": ("words", "one", 0.1),
        },
    ),
    Fault(GROUP, "categories recoded", recoded, {"each other's": "mixed", "numbers": "codes", "never seen": "new"}),
    Fault(
        GROUP,
        "categories respelled",
        respelled,
        {
            "in capitals": (str.upper, 1.0),
            "in capitals, a tenth": (str.upper, 0.1),
            "with a blank": (lambda value: f"{value} ", 1.0),
            "three letters": (lambda value: value[:3], 1.0),
            "a tenth never seen": (lambda value: "other", 0.1),
        },
    ),
    Fault(GROUP, "letters decoded twice", accented),
    Fault(GROUP, "categories merged", merged),
    Fault(GROUP, "time moved", moved, {"a year back": -365, "a year on": 365, "20 years on": 7305}),
    Fault(GROUP, "dates in another form", foreign_dates, {"31/12/2011": "%d/%m/%Y", "12-31-11": "%m-%d-%y"}),
    Fault(GROUP, "all rows of one day", one_day),
    Fault(GROUP, "days mixed up", mixed_days),
    Fault(GROUP, "clock in another zone", moved_clock, {"+2 hours": 2, "+8 hours": 8}),
)
