"""What a fault is: a name, its severities, and what it makes of a batch. The faults themselves are in the other files.

A fault is pure: the same scene, severity and random numbers give the same bytes, and the scene stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import Stream

Rng = np.random.Generator


class DoesNotApplyError(Exception):
    """This stream has nothing that this fault could damage, such as a time column."""


@dataclass(frozen=True)
class Scene:
    """Where a fault strikes: a clean batch, the clean batches before it, and whose they are."""

    stream: Stream
    step: int

    @property
    def batch(self) -> Sheet:
        """The batch as it should have come."""
        return self.stream.batches[self.step]

    def earlier(self, ago: int) -> Sheet:
        """A batch before it; the first one when there are not so many."""
        return self.stream.batches[max(0, self.step - ago)]

    @property
    def label(self) -> str:
        """The label's column."""
        return self.stream.label

    @property
    def time(self) -> str:
        """The time column. Raises: DoesNotApplyError."""
        if self.stream.time is None:
            raise DoesNotApplyError
        return self.stream.time

    def number(self, rng: Rng) -> str:
        """A numeric feature: half of the time the one that says most."""
        return _mostly_first(self.stream.numbers, rng)

    def word(self, rng: Rng) -> str:
        """A feature of words. Raises: DoesNotApplyError when the stream has none."""
        if not self.stream.words:
            raise DoesNotApplyError
        return _mostly_first(self.stream.words, rng)


def _mostly_first(names: Sequence[str], rng: Rng) -> str:
    return names[0] if rng.random() < 0.5 else names[rng.integers(len(names))]


Apply = Callable[[Scene, Rng, Any], Sheet | bytes]


@dataclass(frozen=True)
class Fault:
    """One fault. `severities` gives each its name. A `harmless` one leaves the batch as good as it was."""

    group: str
    name: str
    apply: Apply
    severities: Mapping[str, Any] = field(default_factory=lambda: {"": None})
    harmless: bool = False
    only: str | None = None

    def strike(self, scene: Scene, severity: str, seed: int) -> bytes:
        """The bytes that land instead of the batch. Raises: DoesNotApplyError, also when nothing would change."""
        if self.only not in (None, scene.stream.kind):
            raise DoesNotApplyError
        rng = np.random.default_rng([seed, scene.step, *f"{self.name} {severity}".encode()])
        made = self.apply(scene, rng, self.severities[severity])
        content = made if isinstance(made, bytes) else made.content()
        if not self.harmless and content == scene.batch.content():
            raise DoesNotApplyError
        return content


def some(sheet: Sheet, rng: Rng, share: float) -> list[bool]:
    """Which rows are struck: exactly this share of them, at random."""
    struck = np.zeros(len(sheet), dtype=bool)
    struck[rng.permutation(len(sheet))[: round(share * len(sheet))]] = True
    return struck.tolist()


def changed(sheet: Sheet, column: str, struck: Sequence[bool], change: Callable[[str], str]) -> Sheet:
    """The values of a column changed where a row is struck."""
    pairs = zip(sheet.column(column), struck, strict=True)
    return sheet.with_column(column, [change(value) if hit else value for value, hit in pairs])


def as_number(change: Callable[[float], float]) -> Callable[[str], str]:
    """A change of numbers as a change of texts; what is no number stays."""

    def changing(text: str) -> str:
        try:
            return written(change(float(text)))
        except ValueError:
            return text

    return changing


def written(value: float) -> str:
    """A number as a producer writes it."""
    return f"{value:.10g}"


def numbers_of(sheet: Sheet, column: str) -> np.ndarray:
    """The numbers of a column, NaN where there is none."""
    found = []
    for text in sheet.column(column):
        try:
            found.append(float(text))
        except ValueError:
            found.append(float("nan"))
    return np.array(found)
