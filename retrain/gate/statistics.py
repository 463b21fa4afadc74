"""How sure the gate can be: intervals for the gain and the skills of two models on the same rows.

Both models are scored on the same rows, so what varies is the row with both its scores (paired), and rows of one block
(a day) vary together, because errors of one day are alike and counting them as independent would promise more
certainty than there is (Cameron, Gelbach & Miller 2008; Efron & Tibshirani 1993).

AUC has an exact variance (`auc`) and Student's t around it. The other metrics get the two-sided percentile interval of
a bootstrap over blocks, with the tails moved outwards for a small number of them (Hesterberg 2015, "What Teachers
Should Know About the Bootstrap", section 5.3), and where the jackknife with Student's t reaches further, that: with
nine days the percentiles alone promise more than they keep.
"""

import math
from dataclasses import dataclass

import numpy as np

from retrain.gate import auc
from retrain.gate.blocks import arrange, dense
from retrain.gate.metrics import Floats, Ints, Metric
from retrain.gate.quantiles import t_quantile, tail_probability
from retrain.gate.resampling import deviations, drawn, figures, sums_by_block

UNDEFINED = 0.01  # share of resamples that may lack the metric (one class drawn) before there is no interval
NAN = float("nan")


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval. Any of them is NaN when undefined; `criteria` refuses those."""

    value: float
    low: float
    high: float

    @property
    def defined(self) -> bool:
        """Figure and interval are there."""
        return all(math.isfinite(figure) for figure in (self.value, self.low, self.high))


UNKNOWN = Estimate(NAN, NAN, NAN)


@dataclass(frozen=True)
class Comparison:
    """What was measured of two models on one set of rows; of one when there is no champion, whose figures are NaN."""

    rows: int
    blocks: int
    candidate: float
    champion: float
    gain: Estimate
    skill: Estimate
    champion_skill: Estimate
    skill_gain: Estimate


def compare(
    metric: Metric,
    labels: Floats,
    candidate: Floats,
    champion: Floats | None = None,
    blocks: Ints | None = None,
    *,
    confidence: float = 0.95,
    resamples: int = 2_000,
) -> Comparison:
    """Measure the models on the same rows.

    Swapping them negates the gains and mirrors their intervals; the order of the rows and the numbers of the blocks
    change nothing. Deterministic.
    """
    with np.errstate(all="ignore"):
        if metric.parts is None:
            return _by_placements(metric, labels, candidate, champion, blocks, confidence)
        return _by_resamples(metric, labels, candidate, champion, blocks, confidence, resamples)


def _by_placements(
    metric: Metric, labels: Floats, candidate: Floats, champion: Floats | None, blocks: Ints | None, confidence: float
) -> Comparison:
    codes = None if blocks is None else dense(blocks)

    def estimate(placed: Floats) -> Estimate:
        value, (spread, telling) = auc.mean_placement(labels, placed), auc.variance(labels, placed, codes)
        reach = t_quantile((1 + confidence) / 2, max(telling - 1, 1)) * math.sqrt(spread)
        return Estimate(value, value - reach, value + reach)

    def skill(area: Estimate) -> Estimate:
        return Estimate(*(float(metric.share(figure, 0.5)) for figure in (area.value, area.low, area.high)))

    some = auc.placements(labels, candidate)
    others = np.full(len(labels), NAN) if champion is None else auc.placements(labels, champion)
    first, second, gain = estimate(some), estimate(others), estimate(some - others)
    return Comparison(
        rows=len(labels),
        blocks=len(labels) if codes is None else int(codes.max(initial=-1)) + 1,
        candidate=first.value,
        champion=second.value,
        gain=gain,
        skill=skill(first),
        champion_skill=skill(second),
        skill_gain=Estimate(2 * gain.value, 2 * gain.low, 2 * gain.high),
    )


def _by_resamples(
    metric: Metric,
    labels: Floats,
    candidate: Floats,
    champion: Floats | None,
    blocks: Ints | None,
    confidence: float,
    resamples: int,
) -> Comparison:
    other = candidate if champion is None else champion
    arranged = arrange(labels, candidate, other, blocks)
    sums = sums_by_block(metric, labels, candidate, other, arranged.codes)
    points = figures(metric, sums.sum(axis=1, keepdims=True))[:, 0]
    by_drawing = percentiles(drawn(metric, sums, arranged.seed, resamples), tail_probability(confidence, sums.shape[1]))
    reach = t_quantile((1 + confidence) / 2, max(sums.shape[1] - 1, 1)) * deviations(metric, sums)
    ends = np.minimum(by_drawing[0], points - reach), np.maximum(by_drawing[1], points + reach)
    estimates = [
        Estimate(float(point), float(low), float(high)) for point, low, high in zip(points, *ends, strict=True)
    ]
    if champion is None:
        estimates = [UNKNOWN, estimates[1], UNKNOWN, UNKNOWN]
    values = metric.compute(labels, candidate), NAN if champion is None else metric.compute(labels, champion)
    return Comparison(len(labels), arranged.count, *values, *estimates)


def percentiles(found: Floats, tail: float) -> tuple[Floats, Floats]:
    """For each figure the values between the two tails; NaN when too many resamples are undefined."""
    defined = np.isfinite(found)
    enough = (~defined).sum(axis=1) <= UNDEFINED * found.shape[1]
    low, high = np.full(len(found), NAN), np.full(len(found), NAN)
    for at in np.flatnonzero(enough):
        low[at], high[at] = np.quantile(found[at][defined[at]], (tail, 1 - tail))
    return low, high
