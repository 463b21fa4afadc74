"""The interval: is that of SciPy, mirrors when the models swap, ignores the order of rows, covers as it promises."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from retrain.gate.blocks import MOST_BLOCKS, arrange
from retrain.gate.metrics import METRICS
from retrain.gate.quantiles import t_quantile, tail_probability
from retrain.gate.resampling import deviations, drawn, draws, sums_by_block
from retrain.gate.statistics import compare, percentiles
from tests.unit.gate.witnesses import SCIKIT


def scored(seed, rows, kind="regression", better=0.1):
    """Labels with two models' predictions; the first is a little better."""
    random = np.random.default_rng(seed)
    if kind == "regression":
        labels = random.normal(size=rows)
        return labels, *(labels + random.normal(scale=scale, size=rows) for scale in (1 - better, 1.0))
    labels = (random.random(rows) < 0.3).astype(float)
    return labels, *(np.clip(s * labels + (1 - s) * random.random(rows), 0, 1) for s in (0.3 + better, 0.3))


def ends(estimate):
    return estimate.low, estimate.high


def days(rows, count):
    return np.arange(rows) * count // rows


class Given(np.random.Generator):
    """Hands SciPy the draws of the gate instead of its own."""

    def __init__(self, indexes):
        super().__init__(np.random.PCG64())
        self.indexes = iter(indexes)

    def integers(self, *_, size=None, **__):
        return np.array([next(self.indexes) for _ in range(size[0])])


def drawn_rows(labels, candidate, champion, resamples):
    """The rows of each resample, when every row stands alone."""
    arranged = arrange(labels, candidate, champion, None)
    row_of = np.argsort(arranged.codes)
    counts = np.concatenate(list(draws(arranged.groups, arranged.seed, resamples)), axis=1).astype(int)
    return arranged, [row_of[np.repeat(np.arange(len(labels)), count)] for count in counts.T]


@pytest.mark.parametrize("name", [name for name in METRICS if name != "auc"])
def test_the_intervals_are_those_of_scipys_paired_bootstrap_with_the_same_draws(name):
    metric = METRICS[name]
    labels, candidate, champion = scored(1, 300, metric.facts.kind)
    arranged, rows = drawn_rows(labels, candidate, champion, 60)
    sums = sums_by_block(metric, labels, candidate, champion, arranged.codes)
    tail = tail_probability(0.95, arranged.groups)
    ours = np.transpose(percentiles(drawn(metric, sums, arranged.seed, 60), tail))
    sign = 1 if metric.facts.higher_is_better else -1
    constant = metric.trivial(labels)

    def gain(y, a, b):
        return sign * (SCIKIT[name](y, a) - SCIKIT[name](y, b))

    def skill(y, a, b):
        floor = SCIKIT[name](y, np.full(len(y), constant))
        return (SCIKIT[name](y, a) - floor) / (metric.facts.perfect - floor)

    def other(y, a, b):
        return skill(y, b, a)

    def skill_gain(y, a, b):
        return skill(y, a, b) - other(y, a, b)

    for found, statistic in zip(ours, (gain, skill, other, skill_gain), strict=True):
        theirs = stats.bootstrap(
            (labels, candidate, champion),
            statistic,
            paired=True,
            vectorized=False,
            n_resamples=60,
            confidence_level=1 - 2 * tail,
            method="percentile",
            rng=Given(rows),
        ).confidence_interval
        assert tuple(found) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in METRICS if name != "auc"])
def test_the_standard_error_is_that_of_leaving_out_one_day_after_the_other(name):
    metric = METRICS[name]
    labels, candidate, champion = scored(1, 200, metric.facts.kind)
    codes, sign = days(200, 8), 1 if metric.facts.higher_is_better else -1

    def gain(rows):
        return sign * (SCIKIT[name](labels[rows], candidate[rows]) - SCIKIT[name](labels[rows], champion[rows]))

    left = np.array([gain(codes != day) for day in range(8)])
    found = deviations(metric, sums_by_block(metric, labels, candidate, champion, codes))[0]
    assert found == pytest.approx(np.sqrt(7 / 8 * ((left - left.mean()) ** 2).sum()), rel=1e-9)


@pytest.mark.parametrize("count", [6, 60])
def test_the_interval_is_the_wider_one_of_drawing_and_leaving_out(count):
    metric = METRICS["rmse"]
    labels, candidate, champion = scored(4, 600)
    arranged = arrange(labels, candidate, champion, days(600, count))
    sums = sums_by_block(metric, labels, candidate, champion, arranged.codes)
    low, high = percentiles(drawn(metric, sums, arranged.seed, 400), tail_probability(0.95, count))
    found = compare(metric, labels, candidate, champion, days(600, count), resamples=400).gain
    reach = stats.t.ppf(0.975, count - 1) * deviations(metric, sums)[0]
    wider = min(low[0], found.value - reach), max(high[0], found.value + reach)
    assert ends(found) == pytest.approx(wider, rel=1e-9)


def test_draws_are_of_as_many_blocks_as_there_are_with_replacement():
    arranged = arrange(*scored(0, 50), None)
    counts = np.concatenate(list(draws(arranged.groups, arranged.seed, 20_000)), axis=1)
    assert (counts.sum(axis=0) == 50).all()
    seen = np.bincount(counts.astype(int).ravel(), minlength=8)[:8] / counts.size
    assert seen == pytest.approx(stats.binom.pmf(np.arange(8), 50, 1 / 50), abs=0.002)


def test_many_rows_in_random_groups_give_the_interval_of_drawing_each_row():
    widths = []
    for seed in range(6):
        labels, candidate, champion = scored(seed, 20_000)
        found = compare(METRICS["mae"], labels, candidate, champion).gain
        losses = np.abs(champion - labels) - np.abs(candidate - labels)
        widths.append((found.high - found.low) / (2 * 1.96 * losses.std(ddof=1) / np.sqrt(20_000)))
        assert arrange(labels, candidate, champion, None).groups == MOST_BLOCKS
    assert np.mean(widths) == pytest.approx(1, abs=0.03)  # that of a mean is known; drawing each row is as near to it
    assert np.std(widths) < 0.06


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 8, 30, 31, 499, 500, 20_000])
@pytest.mark.parametrize("probability", [0.8, 0.95, 0.975, 0.999, 1 - 1e-5])
def test_t_quantile_agrees_with_scipy(probability, freedom):
    assert t_quantile(probability, freedom) == pytest.approx(stats.t.ppf(probability, freedom), rel=1e-9)


def test_few_blocks_move_the_tails_outwards():
    assert tail_probability(0.95, 9) < tail_probability(0.95, 90) < tail_probability(0.95, 100_000)
    assert tail_probability(0.95, 100_000) == pytest.approx(0.025, rel=1e-3)


CASES = st.tuples(
    st.sampled_from(sorted(METRICS)), st.integers(0, 10_000), st.integers(30, 120), st.sampled_from([None, 6, 11])
)


def case(name, seed, rows, blocks):
    labels, candidate, champion = scored(seed, rows, METRICS[name].facts.kind)
    return METRICS[name], labels, candidate, champion, None if blocks is None else days(rows, blocks)


@settings(max_examples=40, deadline=None)
@given(CASES)
def test_swapping_the_models_negates_the_gain_and_mirrors_its_interval(drawn):
    metric, labels, candidate, champion, blocks = case(*drawn)
    one = compare(metric, labels, candidate, champion, blocks, resamples=300)
    other = compare(metric, labels, champion, candidate, blocks, resamples=300)
    assert other.gain.value == pytest.approx(-one.gain.value, abs=1e-12)
    low, high = ends(one.gain)
    assert ends(other.gain) == pytest.approx((-high, -low), abs=1e-9, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(CASES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(drawn, shuffler):
    metric, labels, candidate, champion, blocks = case(*drawn)
    order = list(range(len(labels)))
    shuffler.shuffle(order)
    one = compare(metric, labels, candidate, champion, blocks, resamples=300)
    moved = None if blocks is None else blocks[order]
    other = compare(metric, labels[order], candidate[order], champion[order], moved, resamples=300)
    assert ends(other.gain) == pytest.approx(ends(one.gain), abs=1e-9, nan_ok=True)
    assert ends(other.skill) == pytest.approx(ends(one.skill), abs=1e-9, nan_ok=True)


@settings(max_examples=40, deadline=None)
@given(CASES)
def test_the_interval_holds_the_measured_gain(drawn):
    name, seed, _, blocks = drawn
    metric, labels, candidate, champion, codes = case(name, seed, 400, blocks and 20)
    found = compare(metric, labels, candidate, champion, codes, resamples=300)
    assert found.gain.low <= found.gain.value <= found.gain.high


def test_the_same_rows_give_the_same_interval_to_the_last_digit():
    rows = scored(5, 200)
    assert compare(METRICS["rmse"], *rows) == compare(METRICS["rmse"], *rows)


def test_rows_of_a_day_that_err_alike_widen_the_interval():
    random = np.random.default_rng(3)
    blocks = days(600, 20)
    labels = random.normal(size=600)
    candidate = labels + random.normal(size=20)[blocks] + random.normal(scale=0.1, size=600)
    champion = labels + random.normal(size=20)[blocks] + random.normal(scale=0.1, size=600)
    by_row = compare(METRICS["rmse"], labels, candidate, champion)
    by_day = compare(METRICS["rmse"], labels, candidate, champion, blocks)
    assert np.diff(ends(by_day.gain)) > 2 * np.diff(ends(by_row.gain))


def test_resamples_that_lack_a_class_leave_no_interval():
    labels = np.zeros(200)
    labels[0] = 1
    scores = np.linspace(0, 1, 200)
    assert np.isnan(ends(compare(METRICS["auc"], labels, scores, scores[::-1].copy()).gain)).all()


def covered(blocks, rounds=400, rows_a_day=24):
    """How often the 95 % interval holds the true gain, with errors that share a part within each day."""
    truth = np.sqrt(1 + 1.2**2) - np.sqrt(1 + 1.0**2)
    hits = 0
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        labels = np.zeros(blocks * rows_a_day)
        codes = days(len(labels), blocks)
        shared = random.normal(size=(2, blocks))
        noise = random.normal(size=(2, len(labels)))
        candidate = shared[0][codes] + noise[0]
        champion = 1.2 * shared[1][codes] + noise[1]
        found = compare(METRICS["rmse"], labels, candidate, champion, codes, resamples=400)
        hits += found.gain.low <= truth <= found.gain.high
    return hits / rounds


@pytest.mark.parametrize(("blocks", "least"), [(5, 0.92), (9, 0.925), (40, 0.925)])
def test_the_interval_covers_the_true_gain_about_as_often_as_it_promises(blocks, least):
    assert least <= covered(blocks) <= 0.99


def test_twenty_thousand_rows_are_compared_within_seconds():
    rows = scored(9, 20_000, "classification")
    start = time.process_time()
    compare(METRICS["auc"], *rows)
    assert time.process_time() - start < 6  # about 1 s on a quiet machine
