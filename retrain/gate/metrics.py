"""How each metric is computed, for one set of rows and for thousands of resamples of it at once.

Every metric is written once, as a function of *how often each block of rows counts*. The plain value is the case in
which everything counts once, so the figure that is shown and the interval around it cannot disagree about what the
metric is. Which metrics there are, and their direction, lives in `facts`; how the counts are drawn in `statistics`.

Shapes: labels and predictions are float64 arrays of n rows, blocks are integer codes 0..b-1 of n rows, counts are a
(b, r) array for r resamples, values are r long. A value that is undefined (AUC of one class) is NaN, never an error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.gate.facts import CATALOGUE, MetricFacts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Resampled = Callable[[Floats], Floats]

SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)  # as scikit-learn clips, so that log loss stays finite


@dataclass(frozen=True)
class Metric:
    """A metric that can be computed. `constant` is the best prediction that ignores the features."""

    facts: MetricFacts
    constant: Callable[[Floats], float]
    over: Callable[[Floats, Floats, Ints], Resampled]

    def compute(self, labels: Floats, predictions: Floats) -> float:
        """The metric's value, NaN where it is undefined.

        Labels are 0 or 1 and predictions the probability of 1 for classification (accuracy and F1 cut at 0.5,
        inclusive), plain numbers for regression.
        """
        everything = np.zeros(len(labels), dtype=np.int64)
        with np.errstate(all="ignore"):
            return float(self.over(labels, predictions, everything)(np.ones((1, 1)))[0])

    def trivial(self, labels: Floats) -> float:
        """The constant that predicts these labels best: mean, median, prevalence, majority, all positive."""
        return self.constant(labels)

    def skill(self, labels: Floats, predictions: Floats) -> float:
        """Share of the way from the trivial predictor (0) to a perfect one (1); negative is worse than trivial."""
        trivial = np.full(len(labels), self.trivial(labels))
        return float(self.share(self.compute(labels, predictions), self.compute(labels, trivial)))

    def share(self, value: "float | Floats", trivial: "float | Floats") -> Floats:
        """Skill from values: (value - trivial) / (perfect - trivial), which for losses is 1 - loss / trivial loss."""
        with np.errstate(all="ignore"):
            skill: Floats = (np.asarray(value) - trivial) / (self.facts.perfect - np.asarray(trivial))
        return skill

    def gain(self, candidate: "float | Floats", champion: "float | Floats") -> Floats:
        """The difference, turned so that positive means that the candidate is better."""
        difference: Floats = np.asarray(candidate) - np.asarray(champion)
        return difference if self.facts.higher_is_better else -difference


def _ratio(
    rows: Callable[[Floats, Floats], tuple[Floats, Floats]], finish: Callable[[Floats], Floats] = lambda value: value
) -> Callable[[Floats, Floats, Ints], Resampled]:
    """A metric that is a ratio of two sums over rows: the sums of a resample are the sums of its blocks."""

    def over(labels: Floats, predictions: Floats, blocks: Ints) -> Resampled:
        above, below = (np.bincount(blocks, weights=part) for part in rows(labels, predictions))
        return lambda counts: finish((above @ counts) / (below @ counts))

    return over


def _squared_error(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    return (predictions - labels) ** 2, np.ones_like(labels)


def _absolute_error(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    return np.abs(predictions - labels), np.ones_like(labels)


def _surprise(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    clipped = np.clip(predictions, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return -np.where(labels == 1, np.log(clipped), np.log1p(-clipped)), np.ones_like(labels)


def _hit(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    return ((predictions >= 0.5) == (labels == 1)).astype(np.float64), np.ones_like(labels)


def _overlap(labels: Floats, predictions: Floats) -> tuple[Floats, Floats]:
    """Twice the true positives, over labelled plus predicted positives: together, F1."""
    called = (predictions >= 0.5).astype(np.float64)
    return 2 * called * labels, called + labels


def _zero_if_undefined(value: Floats) -> Floats:
    """F1 without a positive anywhere is 0, as scikit-learn has it."""
    defined: Floats = np.where(np.isnan(value), 0.0, value)
    return defined


def _auc(labels: Floats, predictions: Floats, blocks: Ints) -> Resampled:
    """Area under the ROC curve: the share of (positive, negative) pairs in the right order, ties counting half.

    The negatives are sorted once. For each positive the weight of the negatives below it, and of those not above
    it, is then a look-up in a running sum, for all resamples together.
    """
    positive = labels == 1
    negatives = predictions[~positive]
    order = np.argsort(negatives, kind="stable")
    below = np.searchsorted(negatives[order], predictions[positive], side="left")
    not_above = np.searchsorted(negatives[order], predictions[positive], side="right")
    ties = not np.array_equal(below, not_above)
    negative_blocks, positive_blocks = blocks[~positive][order], blocks[positive]

    def values(counts: Floats) -> Floats:
        running = np.zeros((len(order) + 1, counts.shape[1]))
        np.cumsum(counts[negative_blocks], axis=0, out=running[1:])
        weights = counts[positive_blocks]
        right: Floats = np.einsum("ij,ij->j", weights, running[below])
        if ties:
            right = (right + np.einsum("ij,ij->j", weights, running[not_above])) / 2
        pairs: Floats = weights.sum(axis=0) * running[-1]
        return np.divide(right, pairs)

    return values


def _majority(labels: Floats) -> float:
    return float(np.mean(labels) >= 0.5)


def _mean(labels: Floats) -> float:
    return float(np.mean(labels))


def _median(labels: Floats) -> float:
    return float(np.median(labels))


METRICS: dict[str, Metric] = {
    "auc": Metric(CATALOGUE["auc"], lambda labels: 0.5, _auc),
    "log_loss": Metric(CATALOGUE["log_loss"], _mean, _ratio(_surprise)),
    "accuracy": Metric(CATALOGUE["accuracy"], _majority, _ratio(_hit)),
    "f1": Metric(CATALOGUE["f1"], lambda labels: 1.0, _ratio(_overlap, _zero_if_undefined)),
    "rmse": Metric(CATALOGUE["rmse"], _mean, _ratio(_squared_error, np.sqrt)),
    "mae": Metric(CATALOGUE["mae"], _median, _ratio(_absolute_error)),
}
