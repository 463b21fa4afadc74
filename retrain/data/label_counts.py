"""Counts the labels of a batch that is read in blocks, and the rows whose label is none. Importing this loads numpy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain.data import values
from retrain.data.labels import positive_class
from retrain.data.profile import MOST_CLASSES, LabelSummary, SplitSpec, not_a_label
from retrain.data.tables import BadData, Fault
from retrain.data.typed import Numbers, Texts
from retrain.data.values import Style


class LabelCounts:
    """Counts labels, and the rows whose label is none."""

    def __init__(self, spec: SplitSpec) -> None:
        self.spec = spec
        self.classes: Counter[str] = Counter()
        self.count, self.sum = 0, 0.0
        self.low, self.high = float("inf"), float("-inf")
        self.null = Fault(f"the label {spec.label!r} is empty")
        self.wrong = Fault(f"the label {spec.label!r} is {not_a_label(spec)}")
        self.faults = (self.null, self.wrong)

    def take(self, taken: Numbers | Texts, lines: Any) -> None:
        """The labels of one block, of the rows on these lines."""
        if isinstance(taken, Numbers):
            for row in np.flatnonzero(np.isnan(taken.floats)) if taken.parsed.null_count else ():
                self.null(int(lines[row]))
            self._sum(taken.there)
            return
        null = taken.meaning.null
        wrong = np.isnan(taken.meaning.numbers) if self.spec.kind == "regression" else ~self._classes(taken)
        for row in np.flatnonzero((null | wrong)[taken.codes]):
            code = taken.codes[row]
            if null[code]:
                self.null(int(lines[row]))
            else:
                self.wrong(int(lines[row]), taken.texts[int(code)].as_py())
        if self.spec.kind == "regression":
            numbers = taken.meaning.numbers[taken.codes]
            self._sum(numbers[~np.isnan(numbers)])

    def _sum(self, numbers: NDArray[np.float64]) -> None:
        if len(numbers):
            self.count += len(numbers)
            self.sum += float(numbers.sum())
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))

    def _classes(self, taken: Texts) -> NDArray[np.bool_]:
        """Which of the distinct texts are classes; their rows are counted."""
        counts = np.bincount(taken.codes, minlength=len(taken.texts))
        found = np.zeros(len(taken.texts), np.bool_)
        for code, text in enumerate(taken.texts.to_pylist()):
            if not taken.meaning.null[code] and self._is_class(text):
                self.classes[text] += int(counts[code])
                found[code] = True
        return found

    def _is_class(self, text: str) -> bool:
        if self.spec.classes is not None:
            return text in self.spec.classes
        return text in self.classes or len(self.classes) < MOST_CLASSES

    def problems(self) -> Iterator[str]:
        """What is wrong with the classes as a whole."""
        if self.spec.kind == "classification":
            try:
                positive_class(self.spec.classes or self.classes, self.spec.positive)
            except BadData as error:
                yield from error.problems

    def summary(self) -> LabelSummary:
        """What the labels of all rows look like."""
        if self.spec.kind == "regression":
            return LabelSummary(mean=self.sum / self.count, low=self.low, high=self.high)
        return LabelSummary(classes=dict(sorted(self.classes.items())))

    def numbers(self, texts: pa.StringArray, style: Style) -> NDArray[np.float64]:
        """Labels as a gate sees them."""
        if self.spec.kind == "regression":
            return values.meaning(texts, style).numbers
        positive = positive_class(self.spec.classes or self.classes, self.spec.positive)
        return np.asarray(pc.equal(texts, positive).to_numpy(zero_copy_only=False), dtype=np.float64)
