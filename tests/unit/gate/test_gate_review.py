"""The look back after a promotion: a champion that is surely worse than its predecessor does not stay."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import binomtest

from retrain.gate import GateRules, Hearing, ModelId, review
from retrain.gate.facts import CATALOGUE
from tests.unit.gate.tables import ERROR, classes, numbers, rows_of, swapped

PREDECESSOR, LIVE = ModelId(name="version 3", sha256="c"), ModelId(name="version 4", sha256="d")


def looked_back(rules, fresh, trusted=None):
    held = None if trusted is None else dataclasses.replace(trusted, holdout="trusted")
    return review(rules, Hearing(fresh=fresh, trusted=held), PREDECESSOR, LIVE)


@pytest.mark.parametrize("metric", CATALOGUE)
def test_a_champion_surely_worse_than_its_predecessor_does_not_stay(metric):
    worse = swapped(rows_of(metric, 1))
    found = looked_back(GateRules(metric=metric), worse)
    assert found.verdict == "worse"
    assert found.reason.startswith("worse: on fresh rows the champion's ")
    assert "the predecessor is surely better" in found.reason
    assert found.holdouts[0].gain_interval[1] < 0
    assert looked_back(GateRules(metric=metric), worse, trusted=rows_of(metric, -0.1, seed=1)).verdict == "worse"


@pytest.mark.parametrize("metric", CATALOGUE)
@pytest.mark.parametrize("better", [0.0, 1.0])
def test_a_champion_that_is_as_good_or_better_stays(metric, better):
    found = looked_back(GateRules(metric=metric), rows_of(metric, better))
    assert found.verdict == "stay"
    assert "the predecessor is not surely better" in found.reason


def test_a_predecessor_that_is_surely_worse_on_trusted_rows_does_not_come_back():
    found = looked_back(GateRules(metric="rmse"), swapped(numbers(0.25)), trusted=numbers(0.25, seed=1))
    assert found.verdict == "stay"
    assert "the predecessor is surely worse there" in found.reason
    assert [held.holdout for held in found.holdouts] == ["fresh", "trusted"]


def test_what_cannot_be_measured_changes_nothing():
    broken = dataclasses.replace(numbers(0.25), champion=np.full(300, np.nan))
    found = looked_back(GateRules(metric="rmse"), broken)
    assert found.verdict == "stay"
    assert found.reason.startswith("stays: 300 of the champion's 300 scores")
    unscored = Hearing(fresh=dataclasses.replace(broken, champion=None), unscored="it is gone")
    assert review(GateRules(metric="rmse"), unscored, PREDECESSOR, LIVE).verdict == "stay"


def test_slices_are_not_asked_for():
    assert looked_back(GateRules(metric="rmse", slices=("station",)), swapped(numbers(0.25))).verdict == "worse"


def test_one_of_two_equal_models_is_called_worse_as_seldom_as_is_said():
    rules, rounds = GateRules(metric="auc"), 600
    worse = sum(looked_back(rules, classes(0.3, 0.3, seed=seed)).verdict == "worse" for seed in range(rounds))
    found = binomtest(worse, rounds).proportion_ci(0.99)
    assert found.low <= ERROR <= found.high
