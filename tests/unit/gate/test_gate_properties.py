"""What holds of every decision, whatever the metric and the rows."""

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.gate import Decision, GateRules, ScoreTable
from retrain.gate.facts import CATALOGUE
from tests.unit.gate.tables import ERROR, ask, classes, failed, numbers, rows_of, swapped

METRIC = st.sampled_from(sorted(CATALOGUE))
SEED = st.integers(0, 10_000)
BETTER = st.sampled_from([-1.0, 0.0, 0.1, 0.2, 0.5, 1.0])
DAYS = np.arange(300) // 30
MODES = [{}, {"mode": "not-worse", "margin": 0.1}, {"mode": "not-worse", "margin": 0.0}]
RULES = st.sampled_from(
    [*MODES, *({"trusted_rule": rule} for rule in ("even", "strict", "lenient")), {"persistence": 1}]
)


def rules(metric, **more):
    return GateRules(metric=metric, resamples=200, slices=("station",), **more)


def table(metric, better, seed, **changes):
    stations = [f"s{number % 3}" for number in range(300)]
    return rows_of(metric, better, seed=seed, slices={"station": stations}, **changes)


def columns(scored, change):
    """The table with each of its columns put through `change`."""
    kept = {name: change(np.asarray(getattr(scored, name))) for name in ("labels", "candidate", "champion", "blocks")}
    return dataclasses.replace(scored, **kept)


def verdict(decision):
    """What must not depend on accidents."""
    rules_ = [(finding.rule, finding.verdict, finding.holdout) for finding in decision.findings]
    return decision.approved, decision.data, decision.confirms, rules_


@settings(max_examples=60, deadline=None)
@given(METRIC, SEED, BETTER, BETTER, RULES)
def test_the_order_of_the_rows_does_not_matter(metric, seed, better, old, more):
    holdouts = {"trusted": table(metric, old, seed + 1, blocks=DAYS), "doubted": table(metric, better, seed + 2)}
    order = np.random.default_rng(seed).permutation(300)

    def moved(scored):
        codes = np.arange(300) if scored.blocks is None else np.asarray(scored.blocks)
        place = {"station": [scored.slices["station"][row] for row in order]}
        found = columns(dataclasses.replace(scored, blocks=codes), lambda column: column[order])
        return dataclasses.replace(found, slices=place, blocks=codes.max() - found.blocks)  # other numbers as well

    fresh = table(metric, better, seed, blocks=DAYS)
    one = ask(rules(metric, **more), fresh, **holdouts)
    two = ask(rules(metric, **more), moved(fresh), **{name: moved(held) for name, held in holdouts.items()})
    assert (verdict(one), one.reason) == (verdict(two), two.reason)


@settings(max_examples=60, deadline=None)
@given(METRIC, SEED, RULES, st.sampled_from([0.0, 1e-15, 1e-11]), st.sampled_from([300, 3_000]))
def test_a_candidate_equal_to_the_champion_is_never_promoted(metric, seed, more, noise, count):
    fresh = rows_of(metric, 0.0, count, seed)
    champion = np.asarray(fresh.champion)
    wire = champion * (1 + noise * np.random.default_rng(seed).normal(size=count))
    wire = wire if CATALOGUE[metric].kind == "regression" else np.clip(wire, 0, 1)
    decision = ask(GateRules(metric=metric, resamples=200, **more), dataclasses.replace(fresh, candidate=wire))
    assert not decision.approved
    assert "difference" in failed(decision)


@settings(max_examples=60, deadline=None)
@given(METRIC, SEED, st.sampled_from([1, 4, 20]), st.booleans(), st.sampled_from(MODES))
def test_worse_is_never_promoted_because_it_has_more_rows(metric, seed, times, by_day, more):
    fresh = rows_of(metric, 0.0, seed=seed, blocks=DAYS if by_day else None)
    known = ask(GateRules(metric=metric, resamples=200), fresh)
    if known.gain is not None and known.gain > 0:
        fresh = swapped(fresh)
    codes = DAYS if by_day else np.arange(300)
    many = columns(dataclasses.replace(fresh, blocks=codes), lambda column: np.tile(column, times))
    many = dataclasses.replace(many, blocks=np.arange(300 * times) // (30 if by_day else 1))
    asked = GateRules(metric=metric, resamples=200, **more)
    decision = ask(asked, many)
    if asked.mode == "better" or decision.holdouts[0].skill_gain <= -asked.margin:
        assert not decision.approved
        assert "gain" in failed(decision)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["rmse", "mae"]), SEED, BETTER, BETTER, RULES, st.floats(1e-6, 1e6))
def test_another_unit_of_labels_and_predictions_does_not_change_a_verdict(metric, seed, better, old, more, factor):
    holdouts = {
        "trusted": table(metric, old, seed + 1, blocks=DAYS),
        "doubted": table(metric, better, seed + 2, blocks=DAYS),
    }
    fresh = table(metric, better, seed, blocks=DAYS)

    def scaled(held):
        kept = {name: factor * np.asarray(getattr(held, name)) for name in ("labels", "candidate", "champion")}
        return dataclasses.replace(held, **kept)

    one = ask(rules(metric, **more), fresh, **holdouts)
    two = ask(rules(metric, **more), scaled(fresh), **{name: scaled(held) for name, held in holdouts.items()})
    assert verdict(one) == verdict(two)
    for some, other in zip(one.holdouts, two.holdouts, strict=True):
        assert other.skill_gain_interval == pytest.approx(some.skill_gain_interval, rel=1e-6, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(METRIC, SEED, BETTER)
def test_at_most_one_of_two_models_is_better_than_the_other(metric, seed, better):
    fresh = rows_of(metric, better, seed=seed)
    both = [ask(GateRules(metric=metric, resamples=200), held).approved for held in (fresh, swapped(fresh))]
    assert not all(both)


WILD = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, 1.0, 0.5]))
COLUMN = st.lists(WILD, max_size=12)


@st.composite
def wild_tables(draw):
    """Columns of anything, of any length; half of the time at least as long as each other."""
    size = draw(st.none() | st.integers(0, 12))
    column = COLUMN if size is None else st.lists(WILD, min_size=size, max_size=size)
    values = st.lists(st.sampled_from(["a", "b"]), max_size=12)
    slices = draw(st.just({}) | st.fixed_dictionaries({"station": values}))
    return ScoreTable(draw(column), draw(column), draw(st.none() | column), draw(st.none() | column), slices=slices)


LOOSE = {"min_rows": 1, "min_blocks": 3, "resamples": 200, "slice_rows": 1}


@settings(max_examples=200, deadline=None)
@given(
    METRIC,
    wild_tables(),
    st.none() | wild_tables(),
    st.none() | wild_tables(),
    st.sampled_from([(), ("station",)]),
    st.sampled_from(["", "gone"]),
    st.lists(st.text(max_size=5), max_size=1),
)
def test_every_refusal_names_a_rule_and_nothing_raises(metric, fresh, trusted, doubted, slices, unscored, warned):
    more = {"trusted": trusted, "doubted": doubted, "unscored": unscored, "warned": tuple(warned), "uses": len(warned)}
    decision = ask(GateRules(metric=metric, slices=slices, **LOOSE), fresh, **more)
    refusals = [finding for finding in decision.findings if finding.verdict == "fail"]
    assert decision.approved == (not refusals)
    if refusals:
        assert decision.reason.startswith("refused: ")
        assert any(finding.message in decision.reason for finding in refusals)
        assert all(finding.rule for finding in refusals)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


@settings(max_examples=30, deadline=None)
@given(METRIC, SEED, BETTER)
def test_asking_twice_gives_the_same_bytes(metric, seed, better):
    asked = [
        ask(rules(metric), table(metric, better, seed), trusted=table(metric, 0.2, seed + 1, blocks=DAYS)) for _ in "12"
    ]
    assert msgspec.json.encode(asked[0]) == msgspec.json.encode(asked[1])


def promoted(make, metric, rounds, **more):
    """How many of so many equal candidates go live."""
    return sum(ask(GateRules(metric=metric, **more), make(seed=seed)).approved for seed in range(rounds))


@pytest.mark.parametrize(
    ("metric", "make"),
    [("auc", classes), ("log_loss", classes), ("rmse", numbers), ("mae", numbers)],
)
def test_an_equally_good_candidate_goes_live_as_seldom_as_is_said(metric, make):
    from scipy.stats import binomtest

    rounds = 600
    found = binomtest(promoted(make, metric, rounds, resamples=400), rounds).proportion_ci(0.99)
    assert found.low <= ERROR <= found.high
