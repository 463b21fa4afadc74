"""What is true: how two models compare on clean rows that neither was trained on, and how sure that is.

Computed apart from the gate, so that no mistake of the gate can hide here: plain formulas and a jackknife over groups
of rows (days where there are days), whose standard error tells a difference from chance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

GROUPS = 30  # at most so many are left out in turn


class Comparison(NamedTuple):
    """How much better the first model is than the second, positive for better, and the standard error of that."""

    gain: float
    error: float

    @property
    def better(self) -> bool:
        """Better by more than one standard error."""
        return bool(self.gain > self.error)

    @property
    def worse(self) -> bool:
        """Worse by more than one standard error."""
        return bool(self.gain < -self.error)


Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


def rmse(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """Root of the mean squared error of the weighted rows."""
    return float(np.sqrt((weights * (labels - scores) ** 2).sum() / weights.sum()))


def auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> float:
    """The share of pairs of a 1 and a 0 that stand in the right order, ties counting half; NaN with one class."""
    positive = weights * (labels == 1)
    negative = weights - positive
    values, groups = np.unique(scores, return_inverse=True)
    above = np.bincount(groups, weights=positive, minlength=len(values))
    below = np.bincount(groups, weights=negative, minlength=len(values))
    lower = np.cumsum(below) - below
    pairs = positive.sum() * negative.sum()
    return float((above * (lower + below / 2)).sum() / pairs) if pairs else float("nan")


MEASURES: dict[str, Measure] = {"rmse": rmse, "auc": auc}
HIGHER_IS_BETTER = {"rmse": False, "auc": True}


def value(metric: str, labels: np.ndarray, scores: np.ndarray) -> float:
    """The metric on all rows."""
    return MEASURES[metric](labels, scores, np.ones(len(labels)))


def compare(metric: str, labels: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray) -> Comparison:
    """The first model against the second; rows of one group stay together."""
    sign = 1 if HIGHER_IS_BETTER[metric] else -1

    def gain(weights: np.ndarray) -> float:
        measure = MEASURES[metric]
        return sign * (measure(labels, first, weights) - measure(labels, second, weights))

    kept = _folds(groups)
    without = np.array([gain((kept != fold).astype(float)) for fold in range(int(kept.max()) + 1)])
    spread = (len(without) - 1) / len(without) * ((without - without.mean()) ** 2).sum()
    return Comparison(gain(np.ones(len(labels))), float(np.sqrt(spread)))


def _folds(groups: np.ndarray) -> np.ndarray:
    """Codes 0 to GROUPS - 1 at most: the groups themselves when there are few, else some of them together."""
    codes = np.unique(groups, return_inverse=True)[1]
    return codes % GROUPS
