"""AUC and its variance, against a count of all pairs, the formulas as published, SciPy's normal and resampling."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from retrain.gate import auc
from retrain.gate.metrics import METRICS
from retrain.gate.statistics import compare

TIED = st.sampled_from([0.0, 0.2, 0.2000001, 0.5, 0.9])


def kernel(positives, negatives):
    """1, 0.5 or 0 for each pair of a positive and a negative."""
    return (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)


def delong(labels, first, second):
    """The covariance matrix of two AUCs as DeLong, DeLong & Clarke-Pearson (1988) write it: all pairs, no ranks."""
    positive = labels == 1
    pairs = [kernel(scores[positive], scores[~positive]) for scores in (first, second)]
    some = np.cov([pair.mean(axis=1) for pair in pairs])
    others = np.cov([pair.mean(axis=0) for pair in pairs])
    return some / positive.sum() + others / (~positive).sum()


def obuchowski(labels, first, second, blocks):
    """The variance of the difference of two AUCs by Obuchowski (1997, section 2): sums over clusters of all pairs."""
    positive, clusters = labels == 1, np.unique(blocks)
    count, m, n = len(clusters), positive.sum(), (~positive).sum()
    pairs = [kernel(scores[positive], scores[~positive]) for scores in (first, second)]
    pair = pairs[0] - pairs[1]
    theta, v10, v01 = pair.mean(), pair.mean(axis=1), pair.mean(axis=0)
    own = [(blocks[positive] == cluster, blocks[~positive] == cluster) for cluster in clusters]
    a = np.array([v10[some].sum() - some.sum() * theta for some, _ in own])
    b = np.array([v01[others].sum() - others.sum() * theta for _, others in own])
    holding = sum(some.any() for some, _ in own), sum(others.any() for _, others in own)
    s10 = holding[0] / ((holding[0] - 1) * m) * (a @ a)
    s01 = holding[1] / ((holding[1] - 1) * n) * (b @ b)
    s11 = count / (count - 1) * (a @ b)
    return s10 / m + s01 / n + 2 * s11 / (m * n)


def rows(least=2):
    """(label, two tied scores, day) with at least so many of each class."""
    row = st.tuples(TIED, TIED, st.integers(0, 4))
    return st.tuples(st.lists(row, min_size=least, max_size=25), st.lists(row, min_size=least, max_size=25)).map(
        lambda both: np.array([(1.0, *row) for row in both[0]] + [(0.0, *row) for row in both[1]]).T
    )


@given(rows(1))
def test_the_area_is_that_of_scikit_learn_and_of_counting_pairs(drawn):
    labels, scores = drawn[0], drawn[1]
    positive = labels == 1
    assert auc.area(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert auc.area(labels, scores) == pytest.approx(kernel(scores[positive], scores[~positive]).mean(), abs=1e-12)


@given(rows())
def test_the_variance_without_blocks_is_delongs(drawn):
    labels, first, second, _ = drawn
    covariance = delong(labels, first, second)
    placed = [auc.placements(labels, scores) for scores in (first, second)]
    assert auc.variance(labels, placed[0])[0] == pytest.approx(covariance[0, 0], abs=1e-12)
    assert auc.variance(labels, placed[0] - placed[1])[0] == pytest.approx(
        covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1], abs=1e-12
    )


@given(rows())
def test_the_variance_with_blocks_is_obuchowskis(drawn):
    labels, first, second, days = drawn
    codes = np.unique(days, return_inverse=True)[1]
    placed = auc.placements(labels, first) - auc.placements(labels, second)
    found, telling = auc.variance(labels, placed, codes)
    assert telling == min(len(np.unique(codes[labels == label])) for label in (0, 1))
    if telling >= 2:
        assert found == pytest.approx(max(obuchowski(labels, first, second, codes), 0), abs=1e-12)
    else:
        assert math.isnan(found)


@given(rows())
def test_blocks_of_one_row_each_are_no_blocks(drawn):
    labels, first, second, _ = drawn
    placed = auc.placements(labels, first) - auc.placements(labels, second)
    alone = auc.variance(labels, placed, np.arange(len(labels)))
    assert alone[0] == pytest.approx(auc.variance(labels, placed)[0], abs=1e-12)


def scored(seed, count, better=0.03):
    random = np.random.default_rng(seed)
    labels = (random.random(count) < 0.3).astype(float)
    return labels, *(np.clip(s * labels + (1 - s) * random.random(count), 0, 1) for s in (0.3 + better, 0.3))


def test_gain_and_interval_have_the_p_value_of_delongs_test():
    labels, first, second = scored(1, 3_000)
    covariance = delong(labels, first, second)
    z = (roc_auc_score(labels, first) - roc_auc_score(labels, second)) / math.sqrt(
        covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    )
    found, freedom = compare(METRICS["auc"], labels, first, second).gain, int((labels == 1).sum()) - 1
    deviation = (found.high - found.low) / 2 / stats.t.ppf(0.975, freedom)
    assert 2 * stats.norm.sf(found.value / deviation) == pytest.approx(2 * stats.norm.sf(z), rel=1e-9)
    sure = compare(METRICS["auc"], labels, first, second, confidence=1 - 2 * stats.t.sf(z, freedom)).gain
    assert sure.low == pytest.approx(0, abs=1e-9)


def test_the_interval_agrees_with_resampling_whole_days():
    labels, first, second = scored(2, 3_000)
    random = np.random.default_rng(0)
    days = np.arange(3_000) // 50
    first = np.clip(first + 0.2 * random.normal(size=60)[days], 0, 1)
    gains = []
    for _ in range(1_000):
        rows = np.concatenate([np.arange(day * 50, day * 50 + 50) for day in random.integers(0, 60, 60)])
        gains.append(auc.area(labels[rows], first[rows]) - auc.area(labels[rows], second[rows]))
    found = compare(METRICS["auc"], labels, first, second, days).gain
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 59) * np.std(gains), rel=0.1)


def test_one_positive_or_one_day_with_positives_leaves_no_interval():
    labels = np.zeros(200)
    labels[0] = 1
    scores = np.random.default_rng(0).random(200)
    assert math.isnan(compare(METRICS["auc"], labels, scores, scores[::-1].copy()).gain.low)
    labels[:20] = 1
    days = np.arange(200) // 20
    assert math.isnan(compare(METRICS["auc"], labels, scores, scores[::-1].copy(), days).gain.low)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000))
def test_only_the_order_of_the_scores_counts(seed):
    labels, first, second = scored(seed, 300)
    one = compare(METRICS["auc"], labels, first, second)
    other = compare(METRICS["auc"], labels, np.exp(3 * first), 100 * second - 7)
    assert one == other


def test_two_thousand_rows_take_milliseconds():
    labels, first, second = scored(3, 2_000)
    spent = []
    for _ in range(5):
        start = time.process_time()
        compare(METRICS["auc"], labels, first, second)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.01  # about 1 ms
