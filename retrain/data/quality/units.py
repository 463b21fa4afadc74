"""What one unit is in another, and whether values are an earlier column's in another unit. Which rule says so is in
`numbers`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrain.data.quality.measures import Floats, ks

FEWEST = 20  # values of which a distribution can be told


@dataclass(frozen=True)
class Unit:
    """Values that were `factor * x + offset` once they were x; `name` for people."""

    name: str
    factor: float
    offset: float = 0.0

    def undone(self, values: Floats) -> Floats:
        """The values in the unit that they had."""
        return (values - self.offset) / self.factor

    def applied(self, values: Floats) -> Floats:
        """The values in this unit."""
        return values * self.factor + self.offset

    @property
    def wide(self) -> bool:
        """Whether it changes values tenfold or more, which no season does."""
        return not 0.1 < self.factor < 10


_TIMES = {
    10.0: "", 100.0: "", 1_000.0: "", 10_000.0: "", 1e6: "", 60.0: "minutes and seconds, or hours", 3_600.0: "hours",
    24.0: "days and hours", 2.54: "inches and centimetres", 25.4: "inches and millimetres",
    0.3048: "feet and metres", 0.453592: "pounds and kilograms", 1.609344: "miles and kilometres",
    0.514444: "knots", 3.6: "m/s and km/h", 1.852: "nautical miles", 28.3495: "ounces and grams",
    3.785412: "gallons and litres", 33.8639: "inches of mercury", 4.184: "calories and joules",
}  # fmt: skip


def _both(factor: float, what: str) -> list[Unit]:
    said = f" ({what})" if what else ""
    return [Unit(f"times {factor:g}{said}", factor), Unit(f"divided by {factor:g}{said}", 1 / factor)]


UNITS = (
    *(unit for factor, what in _TIMES.items() for unit in _both(factor, what)),
    Unit("times 1.8 plus 32 (Fahrenheit instead of Celsius)", 1.8, 32.0),
    Unit("minus 32, divided by 1.8 (Celsius instead of Fahrenheit)", 1 / 1.8, -32 / 1.8),
    Unit("plus 273.15 (kelvin instead of Celsius)", 1.0, 273.15),
    Unit("minus 273.15 (Celsius instead of kelvin)", 1.0, -273.15),
)


def fitting(values: Floats, before: Sequence[Floats]) -> tuple[Unit, float]:
    """The unit in which sorted values are most like an earlier column, and how far from it they are then.

    Zeros stay zeros in most units and say nothing: a unit without offset is tried on the others.
    """
    apart, number = min((_apart(unit, values, before), number) for number, unit in enumerate(UNITS))
    return UNITS[number], apart


def _apart(unit: Unit, values: Floats, before: Sequence[Floats]) -> float:
    if not unit.offset:
        values, before = values[values != 0], [past[past != 0] for past in before]
    past = [one for one in before if len(one)]
    return min(ks(unit.undone(values), one) for one in past) if len(values) and past else 1.0


def exceeding(values: Floats, low: float, high: float, width: float) -> Floats:
    """Those of sorted values that lie more than `width` beyond a range."""
    return values[(values < low - width) | (values > high + width)]


def mixed_in(beyond: Floats, pooled: Floats, low: float, high: float, width: float) -> tuple[Unit, float]:
    """The unit in which sorted values far out of range would be ordinary ones, and how far they are from those then.

    They are held against the `pooled`, sorted ordinary values that the unit takes so far out of range.
    """

    def unlike(unit: Unit) -> float:
        there = exceeding(unit.applied(pooled), low, high, width)
        return ks(beyond, there) if len(there) >= FEWEST else 1.0

    apart, number = min((unlike(unit), number) for number, unit in enumerate(UNITS))
    return UNITS[number], apart
