"""Rules about the size of numbers: a column in another unit, whole or in part, and values out of the earlier range."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from retrain.data.quality.finding import Finding
from retrain.data.quality.measures import Floats, noise
from retrain.data.quality.units import FEWEST, Unit, exceeding, fitting, mixed_in
from retrain.data.quality.view import Column, Span, View, found, percent, plain

CLEARER = 0.5  # what explains a column leaves at most so much of its distance
SURE = 0.8  # of a distance that a unit of no power of ten must explain, for it is what a season may do
APART = 0.25  # widths of the earlier range: what lies further out is not just a little more than before
FAR = 1.0  # the same, for values that no unit explains
FITS = 0.15  # so far apart may values in another unit and the ordinary ones be
NARROW = 0.02  # share of rows in a unit that is not ten times another, below which they are just the tail
SPARSE = 5  # rows that are always allowed out of range


def scales(view: View) -> Iterator[Finding]:
    """Columns in another unit, in all rows or in a part of them; values out of the range of accepted batches."""
    for name in view.measured:
        before = [
            column for column in view.before(name) if column.numbers is not None and len(column.numbers) >= FEWEST
        ]
        now = view.now(name)
        if before and now.numbers is not None and len(now.numbers) >= FEWEST:
            unit = _whole(view, name, now, before)
            yield from [unit] if unit else _Outside(view, name, now.numbers, before).findings()


def _whole(view: View, name: str, now: Column, before: Sequence[Column]) -> Finding | None:
    span = view.span(name)
    if not span.unlike:
        return None
    unit, apart = fitting(now.points, [column.points for column in before])
    if apart > CLEARER * span.distance or not _told(view, unit, span, before):
        return None
    assert now.profile.mean is not None
    was, limit = before[-1].profile.mean, span.most + span.chance if unit.wide else span.limit
    assert was is not None
    return found(
        "unit",
        f"the column {name!r} is in another unit: its mean is {plain(now.profile.mean)} and was {plain(was)}, and its "
        f"values fit those of earlier batches {unit.name}; as they are they lie {span.distance:.2f} away, the limit is "
        f"{limit:.2f}",
        column=name,
        figure=span.distance,
        limit=limit,
        most=view.most if unit.wide or span.distance - apart > SURE else "doubt",
    )


def _told(view: View, unit: Unit, span: Span, before: Sequence[Column]) -> bool:
    """Whether the unit is not just what a season looks like: where zero is arbitrary, spring is ten times winter."""
    if view.unseasoned:
        return unit.wide and all(column.profile.low is not None and column.profile.low >= 0 for column in before)
    return unit.wide or span.broken


@dataclass(frozen=True)
class _Outside:
    """What lies beyond the range of the accepted batches, and why it may. `now` is in order."""

    view: View
    name: str
    now: Floats
    before: Sequence[Column]

    def findings(self) -> Iterator[Finding]:
        """The first of three reasons."""
        found_here = self._mixed() or self._beyond("far_values", FAR, self.view.rules.far_beyond, "far beyond")
        found_here = found_here or self._beyond("range", 0.0, self.view.rules.beyond, "beyond")
        yield from [found_here] if found_here else []

    def _mixed(self) -> Finding | None:
        low, high = _range(self.before)
        width = APART * _width(low, high)
        beyond = exceeding(self.now, low, high, width)
        share, limit = len(beyond) / len(self.now), self._limit(APART, self.view.rules.far_beyond)
        if share <= limit:
            return None
        pooled = np.sort(np.concatenate([column.numbers for column in self.before if column.numbers is not None]))
        rest = self.now[(self.now >= low) & (self.now <= high)]
        fits = [mixed_in(beyond, ordinary, low, high, width) for ordinary in (rest, pooled)]
        unit, apart = min(fits, key=lambda fit: fit[1])
        just = len(exceeding(self.now, low, high, 0.0)) / len(self.now) - share
        if apart > FITS + noise(len(beyond), len(pooled)) or not (unit.wide or self._sure_of_narrow(share, just)):
            return None
        return found(
            "mixed_units",
            f"{percent(share)} of the values of {self.name!r} lie far beyond {plain(low)} to {plain(high)}, the range "
            f"of earlier batches, and fit them {unit.name}: some rows are in another unit; the limit is "
            f"{percent(limit)}",
            column=self.name,
            figure=share,
            limit=limit,
            most=self.view.most if unit.wide else "doubt",
        )

    def _sure_of_narrow(self, share: float, just: float) -> bool:
        """Whether so much lies far out, and so little just beyond, that it is no mere growth."""
        return not self.view.unseasoned and share > max(just, NARROW)

    def _beyond(self, rule: str, widths: float, allowed: float, what: str) -> Finding | None:
        low, high = _range(self.before)
        share = len(exceeding(self.now, low, high, widths * _width(low, high))) / len(self.now)
        limit = self._limit(widths, allowed)
        if share <= limit:
            return None
        message = (
            f"{percent(share)} of the values of {self.name!r} lie {what} {plain(low)} to {plain(high)}, the range of "
            f"earlier batches; the limit is {percent(limit)}"
        )
        return found(rule, message, column=self.name, figure=share, limit=limit)

    def _limit(self, widths: float, allowed: float) -> float:
        """What is allowed beyond what the accepted batches had out of the range of those before them."""
        own = [_past_share(column, self.before[:place], widths) for place, column in enumerate(self.before) if place]
        return allowed + self.view.rules.factor * max(own, default=0.0) + SPARSE / len(self.now)


def _range(before: Sequence[Column]) -> tuple[float, float]:
    lows = [column.profile.low for column in before if column.profile.low is not None]
    highs = [column.profile.high for column in before if column.profile.high is not None]
    return min(lows), max(highs)


def _width(low: float, high: float) -> float:
    """Of a range; of a constant, its size."""
    return high - low or abs(high) or 1.0


def _past_share(column: Column, before: Sequence[Column], widths: float) -> float:
    low, high = _range(before)
    assert column.numbers is not None
    return len(exceeding(column.numbers, low, high, widths * _width(low, high))) / len(column.numbers)
