"""How each metric is computed, row by row and as a whole.

Every metric but AUC is a ratio of two sums over rows, put through one more function: so its value on any resample,
without any block, or on a slice follows from sums over blocks, and the figure that is shown and the interval around it
cannot disagree about what the metric is. AUC looks at pairs of rows; how lives in `auc`. Which metrics there are, and
their direction, lives in `facts`.

Shapes: labels and predictions are float64 arrays of n rows. A value that is undefined (AUC of one class) is NaN, never
an error.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.gate import auc
from retrain.gate.facts import CATALOGUE, MetricFacts

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Parts = Callable[[Floats, Floats], tuple[Floats, Floats]]

SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)  # as scikit-learn clips, so that log loss stays finite


def _unchanged(value: Floats) -> Floats:
    return value


@dataclass(frozen=True)
class Metric:
    """A metric that can be computed. `constant` is the best prediction that ignores the features.

    `parts` gives what each row adds above and below the fraction bar; None for AUC. `finish` makes the value of it.
    """

    facts: MetricFacts
    constant: Callable[[Floats], float]
    parts: Parts | None = None
    finish: Callable[[Floats], Floats] = _unchanged

    def compute(self, labels: Floats, predictions: Floats) -> float:
        """The metric's value, NaN where it is undefined.

        Labels are 0 or 1 and predictions the probability of 1 for classification (accuracy and F1 cut at 0.5,
        inclusive), plain numbers for regression.
        """
        if self.parts is None:
            return auc.area(labels, predictions)
        above, below = self.parts(labels, predictions)
        return float(self.of_sums(np.sum(above), np.sum(below)))

    def of_sums(self, above: "np.float64 | Floats", below: "np.float64 | Floats") -> Floats:
        """The value that follows from the sums of `parts` over some rows."""
        with np.errstate(all="ignore"):
            return self.finish(np.divide(above, below))

    def trivial(self, labels: Floats) -> float:
        """The constant that predicts these labels best: mean, median, prevalence, majority, all positive."""
        return self.constant(labels)

    def skill(self, labels: Floats, predictions: Floats) -> float:
        """Share of the way from the trivial predictor (0) to a perfect one (1); negative is worse than trivial."""
        return float(self.share(self.compute(labels, predictions), self.floor(labels)))

    def floor(self, labels: Floats) -> float:
        """The metric's value for the trivial predictor."""
        return self.compute(labels, np.full(len(labels), self.trivial(labels)))

    def share(self, value: "float | Floats", trivial: "float | Floats") -> Floats:
        """Skill from values: (value - trivial) / (perfect - trivial), which for losses is 1 - loss / trivial loss."""
        with np.errstate(all="ignore"):
            skill: Floats = (np.asarray(value) - trivial) / (self.facts.perfect - np.asarray(trivial))
        return skill

    def gain(self, candidate: "float | Floats", champion: "float | Floats") -> Floats:
        """The difference, turned so that positive means that the candidate is better."""
        difference: Floats = np.asarray(candidate) - np.asarray(champion)
        return difference if self.facts.higher_is_better else -difference


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


def _majority(labels: Floats) -> float:
    return float(np.mean(labels) >= 0.5)


def _mean(labels: Floats) -> float:
    return float(np.mean(labels))


def _median(labels: Floats) -> float:
    return float(np.median(labels))


METRICS: dict[str, Metric] = {
    "auc": Metric(CATALOGUE["auc"], lambda labels: 0.5),
    "log_loss": Metric(CATALOGUE["log_loss"], _mean, _surprise),
    "accuracy": Metric(CATALOGUE["accuracy"], _majority, _hit),
    "f1": Metric(CATALOGUE["f1"], lambda labels: 1.0, _overlap, _zero_if_undefined),
    "rmse": Metric(CATALOGUE["rmse"], _mean, _squared_error, np.sqrt),
    "mae": Metric(CATALOGUE["mae"], _median, _absolute_error),
}
