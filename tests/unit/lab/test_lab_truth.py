"""The lab's own truth: plain formulas that agree with scikit-learn, and a standard error that is one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, root_mean_squared_error

from benchmarks.gate import truth


def classes(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = (rng.random(count) < 0.3).astype(float)
    return labels, labels + rng.normal(size=count), labels + rng.normal(size=count)


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_of_scikit_learn_when_rows_are_weighted(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, scores, _ = classes(rng, 200)
    weights, rounded = rng.integers(0, 4, 200).astype(float), scores.round(1)
    assert truth.auc(labels, rounded, weights) == pytest.approx(roc_auc_score(labels, rounded, sample_weight=weights))
    found = truth.rmse(labels, scores, weights)
    assert found == pytest.approx(root_mean_squared_error(labels, scores, sample_weight=weights))


def test_auc_is_undefined_when_there_is_one_class() -> None:
    assert np.isnan(truth.value("auc", np.ones(10), np.arange(10.0)))


@pytest.mark.parametrize("metric", ["auc", "rmse"])
def test_a_comparison_turns_its_sign_when_the_models_change_places(metric: str) -> None:
    labels, first, second = classes(np.random.default_rng(1), 300)
    groups = np.arange(300)
    one, other = (truth.compare(metric, labels, *pair, groups) for pair in ((first, second), (second, first)))
    assert one.gain == pytest.approx(-other.gain)
    assert one.error == pytest.approx(other.error)
    assert one.better == other.worse


def test_the_standard_error_is_the_spread_of_the_gain_over_many_samples() -> None:
    rng = np.random.default_rng(2)
    found = [truth.compare("auc", *classes(rng, 400), np.arange(400)) for _ in range(150)]
    spread = np.std([one.gain for one in found])
    assert np.mean([one.error for one in found]) == pytest.approx(spread, rel=0.15)


def test_equal_models_are_neither_better_nor_worse() -> None:
    labels, scores, _ = classes(np.random.default_rng(3), 100)
    found = truth.compare("auc", labels, scores, scores, np.arange(100))
    assert (found.gain, found.better, found.worse) == (0.0, False, False)
