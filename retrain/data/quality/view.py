"""A batch beside the accepted ones, as the rules look at it: distributions by column, and how much those differ.

The measure of what is too much is the accepted batches themselves: each is held against those before it. What a rule
makes of that is in the modules of rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from retrain.data.baseline import Baseline, Known
from retrain.data.profile import ColumnProfile, SplitSpec
from retrain.data.quality.finding import Finding, Severity
from retrain.data.quality.measures import Floats, ks, noise, thinned, total_variation
from retrain.data.quality.settings import IntakeRules

GROSS = 0.5
"""So far may distributions differ while it is not known how much batches differ."""
SEASONS = 4
"""Accepted batches from which on a season is no surprise: of months, that of the next quarter is among them."""
Shares = dict[str, float]


@dataclass(frozen=True)
class Column:
    """One column of one batch without nulls: `numbers` in order, or `shares` of its texts, of the rows sampled."""

    profile: ColumnProfile
    rows: int
    numbers: Floats | None = None
    shares: Shares | None = None

    @cached_property
    def points(self) -> Floats:
        """Its numbers, as many as a distance needs."""
        assert self.numbers is not None
        return thinned(self.numbers)

    def distance(self, other: Column) -> float:
        """From 0, the same distribution, to 1; 1 between numbers and texts."""
        if self.numbers is not None and other.numbers is not None:
            return ks(self.points, other.points)
        if self.shares is not None and other.shares is not None:
            return total_variation(self.shares, other.shares)
        return 1.0

    @property
    def filled(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.shares) or (self.numbers is not None and len(self.numbers) > 0)


class View:
    """One batch and its past. `earlier` are the accepted batches, oldest first."""

    def __init__(self, rules: IntakeRules, spec: SplitSpec, batch: Known, baseline: Baseline | None) -> None:
        self.rules, self.spec, self.batch = rules, spec, batch
        self.earlier = baseline.batches if baseline else ()
        self._columns: dict[tuple[int, str], Column] = {}
        self.span = cache(self._span)

    @property
    def young(self) -> bool:
        """Whether it is not known yet how much batches differ."""
        return len(self.earlier) < 2

    @property
    def unseasoned(self) -> bool:
        """Whether a season, which no accepted batch has seen, may explain what a fault would do."""
        return len(self.earlier) < SEASONS

    @property
    def most(self) -> Severity:
        """The most that a calibrated rule may find: with fewer than two accepted batches its limit is a guess."""
        return "doubt" if self.young else "refuse"

    @property
    def most_of_few(self) -> Severity:
        """The same of columns of few values, in which a season may be one that no accepted batch had."""
        return "warn" if self.unseasoned else "refuse"

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Columns that this batch and all accepted ones have, without label and time, in the file's order."""
        common = set(self.batch.profile.names).intersection(*(known.profile.names for known in self.earlier))
        return tuple(name for name in self.batch.profile.names if name in common - {self.spec.label, self.spec.time})

    @cached_property
    def measured(self) -> tuple[str, ...]:
        """The features, and the label where it is a number."""
        return (*self.features, *([self.spec.label] if self.spec.kind == "regression" else []))

    def profiles(self, name: str) -> list[ColumnProfile]:
        """The column in the accepted batches that have it."""
        found = (known.profile.column(name) for known in self.earlier)
        return [column for column in found if column is not None]

    def now(self, name: str) -> Column:
        """The column in this batch."""
        return self.column(self.batch, name)

    def before(self, name: str) -> list[Column]:
        """The column in the accepted batches that have it."""
        return [self.column(known, name) for known in self.earlier if known.profile.column(name)]

    def values(self, known: Known, name: str) -> np.ndarray:
        """The sampled values of a column, the label's too."""
        return known.sample.labels if name == self.spec.label else known.sample.columns[name]

    def column(self, known: Known, name: str) -> Column:
        """The column of one of the batches."""
        place = (id(known), name)
        if place not in self._columns:
            self._columns[place] = self._column(known, name)
        return self._columns[place]

    def _column(self, known: Known, name: str) -> Column:
        profile = known.profile.column(name)
        assert profile is not None
        classes = known.profile.label.classes if name == self.spec.label else None
        values = self.values(known, name)
        if classes is None and values.dtype.kind == "f":
            numbers = np.sort(values[np.isfinite(values)])
            return Column(profile, len(numbers), numbers=numbers)
        counts = classes or profile.values or Counter(str(value) for value in values if value is not None)
        total = sum(counts.values())
        return Column(profile, total, shares={name: count / total for name, count in counts.items()})

    def _span(self, name: str) -> Span:
        """How far the column is from the accepted ones, and how far it may be."""
        before = [column for column in self.before(name) if column.filled]
        return self.over(before, self.now(name), lambda one, past: min(one.distance(other) for other in past))

    def over(
        self, before: Sequence[Column], now: Column, distance: Callable[[Column, Sequence[Column]], float]
    ) -> Span:
        """A distance from the past, with the limit that the past sets: each batch is held against those before it."""
        if not before or not now.filled:
            return Span(0.0, 1.0, 0.0, 0.0)
        own = [distance(column, before[:place]) for place, column in enumerate(before) if place]
        chance = max(noise(now.rows, column.rows) for column in before)
        limit = (self.rules.factor * max(own) if own else GROSS) + self.rules.shift + chance
        return Span(distance(now, before), limit, max(own, default=GROSS), chance)


@dataclass(frozen=True)
class Span:
    """A distance, the most it may be, the most it was among the accepted batches, and what chance alone may add."""

    distance: float
    limit: float
    most: float
    chance: float

    @property
    def broken(self) -> bool:
        """Whether it is too far."""
        return self.distance > self.limit

    @property
    def unlike(self) -> bool:
        """Whether it is further than it ever was: no fault by itself, but one may explain it."""
        return self.distance > self.most + self.chance


def found(
    rule: str, message: str, *, column: str = "", figure: float | None = None, limit: float | None = None,
    most: Severity = "refuse",
) -> Finding:  # fmt: skip
    """A finding that is at most so bad; the settings may make it milder."""
    return Finding(rule=rule, severity=most, message=message, column=column, figure=figure, limit=limit)


def plain(figure: float) -> str:
    """A figure as people read it: `2,220,070`, `12.35`."""
    return f"{figure:,.0f}" if 1_000 <= abs(figure) < 1e12 else f"{figure:.4g}"


def percent(share: float) -> str:
    """A share in percent, as people read it."""
    return f"{100 * share:.3g} %"
