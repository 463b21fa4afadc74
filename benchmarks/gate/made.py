"""Made-up worlds: logistic data whose law is known, so that a model's true AUC can be measured on rows without end.

A batch is a thousand rows. A world may change for good after a batch, and single batches may have labels flipped.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gate.sheet import Sheet

LABEL = "y"
COUNT = 10  # features
FEATURES = tuple(f"x{place}" for place in range(1, COUNT + 1))
ROWS, BATCHES, CHANGE = 1_000, 60, 30
TRUTH_ROWS = 20_000
STRENGTH = 2.2  # of the signal: the best AUC there is comes to about 0.87
FLIPPED = 0.3  # of the labels of a bad batch
EVERY = 5  # such a batch is bad


class World:
    """One made-up world. `change`: after so many batches its law is another one, for good."""

    def __init__(self, seed: int, change: int | None = None) -> None:
        self.seed, self.change = seed, change

    def law(self, step: int) -> np.ndarray:
        """The weights of the features at a batch. The second law agrees with the first on nothing."""
        weights = self._rng("law").normal(size=COUNT)
        later = self._rng("later law").normal(size=COUNT)
        later -= weights * (later @ weights) / (weights @ weights)
        chosen = later if self.change is not None and step >= self.change else weights
        return STRENGTH * chosen / np.linalg.norm(chosen)

    def batch(self, step: int) -> Sheet:
        """The rows of a batch; the same whenever it is asked for."""
        features, labels = self._rows(self._rng("batch", step), ROWS, step)
        return _sheet(features, labels)

    def batches(self, count: int) -> Iterator[Sheet]:
        """The first batches."""
        return map(self.batch, range(count))

    def truth(self, step: int) -> Sheet:
        """Many rows of the law at a batch, which no model learns from."""
        features, labels = self._rows(self._rng("truth", step), TRUTH_ROWS, step)
        return _sheet(features, labels)

    def _rows(self, rng: np.random.Generator, count: int, step: int) -> tuple[np.ndarray, np.ndarray]:
        features = rng.normal(size=(count, COUNT)).round(4)
        odds = features @ self.law(step)
        return features, (rng.random(count) < 1 / (1 + np.exp(-odds))).astype(int)

    def _rng(self, what: str, step: int = 0) -> np.random.Generator:
        return np.random.default_rng([self.seed, step, *what.encode()])


def flipped(sheet: Sheet, seed: int, share: float = FLIPPED) -> Sheet:
    """The same batch with a share of its labels flipped."""
    chosen = np.random.default_rng([seed, len(sheet)]).random(len(sheet)) < share
    labels = [str(1 - int(label)) if flip else label for label, flip in zip(sheet.column(LABEL), chosen, strict=True)]
    return sheet.with_column(LABEL, labels)


def _sheet(features: np.ndarray, labels: np.ndarray) -> Sheet:
    texts = [tuple(map(repr, row)) for row in features.tolist()]
    return Sheet(
        (*FEATURES, LABEL), tuple((*row, str(label)) for row, label in zip(texts, labels.tolist(), strict=True))
    )
