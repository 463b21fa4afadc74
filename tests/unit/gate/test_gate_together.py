"""Two holdouts that say the same: a gain that neither shows alone, and a loss that is weighed against the gain."""

import dataclasses
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, combine_pvalues

from retrain.gate import GateRules
from retrain.gate.facts import CATALOGUE
from tests.unit.gate.tables import ERROR, SHOWN, ask, classes, failed, measured, numbers, rows_of, swapped

METRIC = st.sampled_from(sorted(CATALOGUE))
SEED = st.integers(0, 10_000)
RMSE = GateRules(metric="rmse")
HINT, AGREEING = measured(0.915), measured(0.915, seed=1)  # a gain that 300 rows cannot show


def gain_of(decision):
    return next(finding for finding in decision.findings if finding.rule == "gain")


def shown(metric, fresh, trusted, **more):
    """The gain was shown, one way or the other."""
    found = ask(GateRules(metric=metric, resamples=200, **more), fresh, trusted=trusted)
    return gain_of(found).verdict == "pass", found


# The gain


def test_a_gain_that_neither_holdout_shows_alone_passes_when_both_together_do():
    assert failed(ask(RMSE, HINT)) == {"gain"}
    assert failed(ask(RMSE, AGREEING)) == {"gain"}
    decision = ask(RMSE, HINT, trusted=AGREEING)
    assert decision.approved, decision.reason
    assert decision.gain_interval[0] < 0 < decision.gain
    assert f"is above 0 with {SHOWN}, together with that on trusted rows, in skill +4.1 % [" in decision.reason
    assert gain_of(decision).figure == decision.gain > gain_of(decision).limit


def test_a_gain_that_fresh_rows_show_alone_does_not_mention_the_trusted_ones():
    decision = ask(RMSE, numbers(0.25), trusted=numbers(0.25, seed=1))
    assert "together" not in decision.reason
    assert gain_of(decision).figure == decision.gain_interval[0]


def test_trusted_rows_cannot_show_a_gain_that_fresh_rows_do_not_hint_at():
    fresh = swapped(HINT)
    assert failed(ask(RMSE, fresh, trusted=numbers(0.1, 0.5, seed=1))) == {"gain"}


def test_both_together_must_reach_the_gain_that_is_asked_for():
    assert failed(ask(GateRules(metric="rmse", min_gain=0.04), HINT, trusted=AGREEING)) == {"gain"}


@pytest.mark.parametrize("rule", ["even", "strict", "lenient"])
def test_rules_that_let_a_measured_loss_through_leave_no_error_for_a_second_way(rule):
    better = numbers(0.25, seed=1)
    assert ask(RMSE, HINT, trusted=better).approved
    assert failed(ask(GateRules(metric="rmse", trusted_rule=rule), HINT, trusted=better)) == {"gain"}


def test_not_worse_is_asked_of_fresh_rows_alone():
    rules = GateRules(metric="rmse", mode="not-worse", margin=0.0)
    assert failed(ask(rules, HINT, trusted=numbers(0.25, seed=1))) == {"gain"}


def test_a_change_that_lasts_must_show_on_the_rows_of_each_batch_alone():
    better = numbers(0.25, seed=3)
    together = ask(RMSE, HINT, trusted=AGREEING, doubted=better, warned=("odd",))
    assert failed(together) == {"intake"}
    assert (together.data, together.confirms) == ("doubted", False)
    assert ask(RMSE, better, trusted=AGREEING, doubted=HINT, warned=("odd",)).confirms is False
    assert ask(RMSE, better, trusted=AGREEING, doubted=numbers(0.25, seed=4), warned=("odd",)).confirms


@settings(max_examples=60, deadline=None)
@given(SEED, st.floats(0.4, 0.5), st.floats(0.4, 0.5), st.sampled_from([0.8, 0.9, 0.95]), st.sampled_from([0.8, 0.95]))
def test_both_together_are_as_sure_as_stouffers_method_says(seed, fresh, old, confidence, trusted_confidence):
    """AUC of many rows: the intervals are normal ones, so their widths give standard errors and p-values."""
    tables = [classes(0.5 - share / 8, 0.44, 1_500, seed + number) for number, share in enumerate((fresh, old))]
    more = {"confidence": confidence, "trusted_confidence": trusted_confidence}
    passed, decision = shown("auc", *tables, **more)
    gains = [held.gain for held in decision.holdouts]
    reach = [NormalDist().inv_cdf((1 + held.confidence) / 2) for held in decision.holdouts]
    errors = [
        (gain - held.gain_interval[0]) / far for gain, held, far in zip(gains, decision.holdouts, reach, strict=True)
    ]
    p = [1 - NormalDist().cdf(gain / error) for gain, error in zip(gains, errors, strict=True)]
    allowed = (1 - confidence) / 2
    if abs(p[0] - allowed) > 1e-3 * allowed:
        weights = [1 / error for error in errors]
        together = gains[0] > 0 and combine_pvalues(p, method="stouffer", weights=weights).pvalue < allowed / 2
        assert passed == (p[0] < allowed or together)


@settings(max_examples=60, deadline=None)
@given(METRIC, SEED, st.sampled_from([0.0, 0.05, 0.1, 0.2]), st.sampled_from([0.0, 0.1, 0.3]))
def test_whether_both_together_show_a_gain_does_not_depend_on_order_or_unit(metric, seed, better, old):
    fresh, trusted = rows_of(metric, better, seed=seed), rows_of(metric, old, 600, seed + 1)
    regression = CATALOGUE[metric].kind == "regression"

    def moved(table, factor):
        order = np.random.default_rng(seed).permutation(len(table.labels))
        kept = {name: factor * np.asarray(getattr(table, name))[order] for name in ("labels", "candidate", "champion")}
        return dataclasses.replace(table, **kept)

    factors = (1_000.0, 1_000.0) if regression else (1.0, 1.0)
    one = shown(metric, fresh, trusted)
    two = shown(metric, *(moved(table, factor) for table, factor in zip((fresh, trusted), factors, strict=True)))
    assert one[0] == two[0]
    assert failed(one[1]) == failed(two[1])


@settings(max_examples=60, deadline=None)
@given(METRIC, SEED, st.sampled_from([0.0, 0.1, 0.5, 1.0]), st.integers(1, 4))
def test_a_candidate_no_better_on_fresh_rows_is_never_promoted_whatever_trusted_rows_say(metric, seed, old, times):
    fresh, trusted = rows_of(metric, 0.0, seed=seed), rows_of(metric, old, 300 * times, seed + 1)
    known = ask(GateRules(metric=metric, resamples=200), fresh).gain
    if known is not None and known > 0:
        fresh = swapped(fresh)
    assert not shown(metric, fresh, trusted)[1].approved


@settings(max_examples=30, deadline=None)
@given(
    METRIC, SEED, st.sampled_from(["share", "even", "strict", "lenient"]), st.sampled_from(["fresh", "trusted", "both"])
)
def test_equal_scores_on_either_holdout_are_never_promoted(metric, seed, rule, where):
    fresh, trusted = rows_of(metric, 1.0, seed=seed), rows_of(metric, 1.0, seed=seed + 1)
    if where != "trusted":
        fresh = dataclasses.replace(fresh, candidate=fresh.champion)
    if where != "fresh":
        trusted = dataclasses.replace(trusted, candidate=trusted.champion)
    assert not ask(GateRules(metric=metric, trusted_rule=rule, resamples=200), fresh, trusted=trusted).approved


@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize(("metric", "make", "rows"), [("auc", classes, 200), ("rmse", numbers, 100)])
def test_an_equally_good_candidate_goes_live_as_seldom_as_is_said_with_trusted_rows_too(metric, make, rows, times):
    rounds, rules = 600, GateRules(metric=metric, resamples=200)
    live = sum(
        ask(rules, make(rows=rows, seed=seed), trusted=make(rows=rows * times, seed=seed + 100_000)).approved
        for seed in range(rounds)
    )
    found = binomtest(live, rounds).proportion_ci(0.99)
    assert found.low <= ERROR
    assert found.high >= ERROR / 2  # and the gate is no wall


# The share of the gain that may be lost


def test_a_loss_on_trusted_rows_is_held_against_the_gain_on_fresh_ones():
    small, large = (ask(RMSE, measured(factor, 2_000), trusted=measured(1.01, 2_000, seed=1)) for factor in (0.9, 0.5))
    loss = -small.holdouts[1].skill_gain
    assert 0.03 * small.holdouts[0].skill_gain < loss < 0.03 * large.holdouts[0].skill_gain
    assert {"trusted"} <= failed(small) <= {"trusted", "disagreement"}
    assert large.approved, large.reason
    limit = next(finding.limit for finding in large.findings if finding.rule == "trusted")
    assert limit == pytest.approx(-0.03 * large.holdouts[0].skill_gain)


SAID = {  # settings, fresh, what is said of the loss that is allowed
    "a share": ({"trusted_margin": 0.5}, numbers(0.25), ", 3 % of what it gains on fresh rows"),
    "capped": ({"trusted_margin": 0.001}, numbers(0.25), "it may lose at most 0.1 %"),
    "nothing gained": ({}, swapped(numbers(0.25)), "it may lose at most 0 %, as it gains none on fresh rows"),
    "no share": ({"trusted_share": 0.0}, numbers(0.25), "it may lose at most 0 %"),
    "a refresh": ({"mode": "not-worse"}, numbers(0.25), "it may lose at most 1 %"),
    "another rule": ({"trusted_rule": "even"}, numbers(0.25), "it may lose at most 1 %, and nothing surely"),
}


@pytest.mark.parametrize(("more", "fresh", "words"), SAID.values(), ids=SAID)
def test_what_may_be_lost_is_said(more, fresh, words):
    decision = ask(GateRules(metric="rmse", **more), fresh, trusted=numbers(0.5, 0.45, seed=1))
    message = next(finding.message for finding in decision.findings if finding.rule == "trusted")
    assert message.endswith(words)


@settings(max_examples=60, deadline=None)
@given(METRIC, SEED, st.sampled_from([-0.5, 0.0, 0.1, 0.5, 1.0]), st.sampled_from([-0.05, 0.0, 0.05]), st.floats(0, 1))
def test_what_is_let_through_lost_no_more_than_the_margin_and_the_share_of_the_gain(metric, seed, better, old, share):
    rules = GateRules(metric=metric, trusted_share=share, trusted_margin=0.05, resamples=200)
    decision = ask(rules, rows_of(metric, better, seed=seed), trusted=rows_of(metric, old, 900, seed + 1))
    fresh, trusted = decision.holdouts
    loss, gained = -trusted.skill_gain, max(fresh.skill_gain, 0.0)
    assert ("trusted" in failed(decision)) == (loss > min(0.05, share * gained))
