"""Counts one column of a batch, block by block, into its `ColumnProfile`. Importing this loads numpy and pyarrow."""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain.data import values
from retrain.data.profile import ColumnProfile
from retrain.data.typed import Numbers, Texts
from retrain.data.values import Floats, Meaning, Style

T = TypeVar("T")

MOST = 64  # different values that are counted one by one
_GLANCE = 512  # values that show at once that a column has more


class Moments:
    """Count, range, mean and spread of numbers that come in parts."""

    def __init__(self) -> None:
        self.count, self.mean, self.spread = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf
        self.whole = True

    def add(self, numbers: Floats, weights: NDArray[np.int64] | None = None) -> None:
        """Takes numbers, none of them NaN, each as often as its weight says."""
        count = len(numbers) if weights is None else int(weights.sum())
        if not count:
            return
        mean = float(np.average(numbers, weights=weights))
        squares = (numbers - mean) ** 2
        spread = float(squares.sum() if weights is None else squares @ weights)
        total, apart = self.count + count, mean - self.mean
        self.spread += spread + apart**2 * self.count * count / total
        self.mean += apart * count / total
        self.count = total
        self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
        self.whole = self.whole and bool((np.floor(numbers) == numbers).all())

    @property
    def std(self) -> float:
        """The standard deviation of all of them."""
        return math.sqrt(self.spread / self.count) if self.count else 0.0


class Column:
    """Counts a column that is read in blocks."""

    def __init__(self, name: str, style: Style = "plain") -> None:
        self.name, self.style = name, style
        self.rows = self.nulls = self.quoted = self.disorder = 0
        self.moments = Moments()
        self._texts: dict[str, int] | None = {}
        self._distinct: dict[float, int] | None = {}
        self._timely, self._odd, self._dotted, self._undotted = True, False, False, False
        self._signs = {"comma": 0, "grouped": 0, "thousands": 0, "either": 0}
        self._first, self._last, self._before = math.inf, -math.inf, -math.inf

    def count(self, taken: Numbers | Texts) -> NDArray[np.int64] | None:
        """Counts a block. The times of its distinct texts, while the column has nothing else."""
        self.rows += len(taken.hashes)
        if isinstance(taken, Texts):
            return self._by_text(taken)
        self._by_number(taken)
        return None

    def _by_number(self, taken: Numbers) -> None:
        there = taken.there
        self.nulls += len(taken.floats) - len(there)
        if not pa.types.is_integer(taken.parsed.type):
            self._dotted = self._undotted = True
        self.moments.add(there)
        self._timely = self._timely and not len(there)
        self._count(taken.parsed.drop_null() if taken.parsed.null_count else taken.parsed)

    def _count(self, there: pa.Array) -> None:
        """Counts different numbers while there are few."""
        if self._distinct is None or not len(there):
            return
        if len(pc.unique(there.slice(0, _GLANCE))) > MOST:
            self._distinct = None
            return
        for pair in pc.value_counts(there).slice(0, MOST + 1):
            self._distinct[float(pair["values"].as_py())] = (
                self._distinct.get(float(pair["values"].as_py()), 0) + pair["counts"].as_py()
            )
        if len(self._distinct) > MOST:
            self._distinct = None

    def _by_text(self, taken: Texts) -> NDArray[np.int64] | None:
        texts, meaning = taken.texts, taken.meaning
        counts = np.bincount(taken.codes, minlength=len(texts))
        number = ~np.isnan(meaning.numbers)
        other = ~number & ~meaning.null
        self.nulls += int(counts[meaning.null].sum())
        self.quoted += int(counts[meaning.coerced].sum())
        self.moments.add(meaning.numbers[number], counts[number])
        self._count_texts(texts, counts, meaning.numbers, number, other)
        self._look_for_style(texts, number, other)
        return self._watch(texts, taken.codes, meaning)

    def _count_texts(
        self, texts: pa.StringArray, counts: NDArray[np.int64], numbers: Floats, number: NDArray[np.bool_],
        other: NDArray[np.bool_],
    ) -> None:  # fmt: skip
        if self._distinct is not None:
            if number.sum() > MOST:
                self._distinct = None
            else:
                _tally(self._distinct, numbers[number].tolist(), counts[number])
                self._distinct = self._distinct if len(self._distinct) <= MOST else None
        if self._texts is not None:
            if other.sum() > MOST:
                self._texts = None
            else:
                _tally(self._texts, texts.filter(pa.array(other)).to_pylist(), counts[other])
                self._texts = self._texts if len(self._texts) <= MOST else None

    def _look_for_style(self, texts: pa.StringArray, number: NDArray[np.bool_], other: NDArray[np.bool_]) -> None:
        """Notes what speaks for and against a way of writing numbers, until something that is none is met."""
        if self._odd or self.style != "plain":
            return
        strange = pc.utf8_trim_whitespace(texts.filter(pa.array(other)))
        signs = values.style_of(strange)
        self._odd = signs["comma"] + signs["thousands"] + signs["either"] < len(strange)
        for name, count in signs.items():
            self._signs[name] += count
        plain = pc.utf8_trim_whitespace(texts.filter(pa.array(number)))
        dots = plain.filter(pc.match_substring(plain, "."))
        self._dotted = self._dotted or len(dots) > 0
        self._undotted = (
            self._undotted or not pc.all(pc.match_substring_regex(dots, values.DOTTED), min_count=0).as_py()
        )

    def _watch(self, texts: pa.StringArray, codes: NDArray[np.int32], meaning: Meaning) -> NDArray[np.int64] | None:
        there = ~meaning.null
        if not self._timely or not there.any():
            return None
        found = None if np.isfinite(meaning.numbers).any() else values.times(texts.filter(pa.array(there)))
        if found is None:
            self._timely = False
            return None
        clock = np.zeros(len(texts), np.int64)
        clock[there] = found
        self._first, self._last = min(self._first, int(found.min())), max(self._last, int(found.max()))
        rows = clock[codes[there[codes]]] if meaning.null.any() else clock[codes]
        self.disorder += int((rows[0] < self._before) + (rows[1:] < rows[:-1]).sum())
        self._before = int(rows[-1])
        return clock

    @property
    def wanted(self) -> Style:
        """The style that the column shows beyond doubt, if it is not read in that already."""
        there = self.rows - self.nulls
        if self._odd or self.style != "plain" or there == self.moments.count or not any(self._signs.values()):
            return self.style
        if self._signs["thousands"] and not self._signs["comma"]:
            return "thousands"
        dots_fit = not self._dotted or (self._signs["grouped"] > 0 and not self._undotted)
        return "comma" if self._signs["comma"] and not self._signs["thousands"] and dots_fit else "plain"

    def profile(self) -> ColumnProfile:
        """What was counted."""
        there, moments = self.rows - self.nulls, self.moments
        numeric = there > 0 and moments.count == there
        timely = there > 0 and self._timely and not moments.count
        values_of = self._values() if not numeric and not timely else {}
        kind = "number" if numeric else "time" if timely else "category" if values_of else "text"
        numbers = {"low": moments.low, "high": moments.high, "mean": moments.mean, "std": moments.std}
        return ColumnProfile(
            name=self.name,
            kind=kind if there else "empty",  # type: ignore[arg-type]
            nulls=self.nulls,
            distinct=self._different(numeric),
            numbers=moments.count,
            quoted=self.quoted if numeric else 0,
            whole=numeric and moments.whole,
            first=_iso(self._first) if timely else "",
            last=_iso(self._last) if timely else "",
            disorder=self.disorder if timely else 0,
            values=values_of,
            **(numbers if moments.count else {}),
        )

    def _different(self, numeric: bool) -> int | None:
        if self._distinct is None or (self._texts is None and not numeric):
            return None
        count = len(self._distinct) + (0 if numeric else len(self._texts or ()))
        return count if count <= MOST else None

    def _values(self) -> dict[str, int]:
        """How often each value occurs, the most frequent first; nothing when there are too many."""
        if self._texts is None or self._distinct is None:
            return {}
        found = self._texts | {f"{number:g}": count for number, count in self._distinct.items()}
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0]))) if len(found) <= MOST else {}


def _tally(into: dict[T, int], names: list[T], counts: NDArray[np.int64]) -> None:
    for name, count in zip(names, counts.tolist(), strict=True):
        into[name] = into.get(name, 0) + count


def _iso(microseconds: float) -> str:
    text = str(np.datetime64(int(microseconds), "us"))
    return text.removesuffix(".000000").removesuffix("T00:00:00")
