"""How sure the gate can be: intervals for the gain and the skills of two models on the same rows.

Both models are scored on the same rows, so what varies is the row with both its scores (paired), and rows of one block
(a day) vary together, because errors of one day are alike and counting them as independent would promise more
certainty than there is (Cameron, Gelbach & Miller 2008; Efron & Tibshirani 1993).

AUC has an exact variance (`auc`) and Student's t around it. The other metrics get the two-sided percentile interval of
a bootstrap over blocks, with the tails moved outwards for a small number of them (Hesterberg 2015, "What Teachers
Should Know About the Bootstrap", section 5.3): the plain one is sqrt((b-1)/b) too narrow and uses a normal where a t
belongs, which matters with nine days.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from retrain.gate import auc
from retrain.gate.blocks import Blocks, arrange, dense
from retrain.gate.metrics import Floats, Ints, Metric
from retrain.gate.quantiles import t_quantile, tail_probability

CHUNK = 250_000  # counts held at a time: a few megabytes, so that they stay in the processor's cache
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
    drawn = arrange(labels, candidate, other, blocks)
    trivial = np.full(len(labels), metric.trivial(labels))
    sums = np.stack([part for scores in (candidate, other, trivial) for part in _sums(metric, labels, scores, drawn)])
    tail = tail_probability(confidence, drawn.groups)
    values = metric.compute(labels, candidate), NAN if champion is None else metric.compute(labels, champion)
    floor = metric.compute(labels, trivial)
    found = np.concatenate([_figures(metric, sums @ counts) for counts in draws(drawn, resamples)], axis=1)
    points = _points(metric, *values, floor)
    gain, skill, champion_skill, skill_gain = (
        _estimate(point, row, tail) for point, row in zip(points, found, strict=True)
    )
    return Comparison(len(labels), drawn.count, *values, gain, skill, champion_skill, skill_gain)


def _sums(metric: Metric, labels: Floats, scores: Floats, drawn: Blocks) -> Iterator[Floats]:
    assert metric.parts is not None
    for part in metric.parts(labels, scores):
        yield np.bincount(drawn.codes, weights=part, minlength=drawn.groups).astype(np.float64, copy=False)


def _figures(metric: Metric, sums: Floats) -> Floats:
    """Gain, skill of both and gain in skill, from sums above and below of candidate, champion and the trivial one."""
    candidate, champion, floor = (metric.of_sums(*sums[start : start + 2]) for start in (0, 2, 4))
    return np.stack(_points(metric, candidate, champion, floor))


def _points(
    metric: Metric, candidate: float | Floats, champion: float | Floats, floor: float | Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    skill, other = metric.share(candidate, floor), metric.share(champion, floor)
    return metric.gain(candidate, champion), skill, other, skill - other


def draws(blocks: Blocks, resamples: int) -> Iterator[Floats]:
    """How often each group is drawn, (groups, some resamples) at a time: as many as there are, with replacement."""
    random = np.random.default_rng(blocks.seed)
    groups = blocks.groups
    size = max(1, CHUNK // max(groups, 1))
    for start in range(0, resamples, size):
        some = min(size, resamples - start)
        drawn = random.integers(0, groups, size=(some, groups)) + groups * np.arange(some)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=some * groups).reshape(some, groups)
        yield np.ascontiguousarray(counts.T, dtype=np.float64)


def _estimate(point: Floats, values: Floats, tail: float) -> Estimate:
    """The values between the two tails, the point among them; NaN when too many resamples are undefined."""
    value, defined = float(point), values[np.isfinite(values)]
    if not math.isfinite(value) or len(values) - len(defined) > UNDEFINED * len(values):
        return Estimate(value, NAN, NAN)
    low, high = np.quantile(defined, (tail, 1 - tail))
    return Estimate(value, min(float(low), value), max(float(high), value))
