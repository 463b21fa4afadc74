"""Slices: who pays for a better model, how sure that is, and what cannot be told."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from retrain.gate import Coded, GateRules
from retrain.gate.facts import CATALOGUE
from retrain.gate.metrics import METRICS
from retrain.gate.statistics import compare
from tests.unit.gate.tables import ERROR, ask, classes, failed, numbers, rows_of, swapped

STATIONS = ("north", "south", "west")


def parted(*tables, names=STATIONS, **changes):
    """One holdout of several: the rows of each are those of one station."""
    columns = {
        name: np.concatenate([np.asarray(getattr(table, name)) for table in tables])
        for name in ("labels", "candidate", "champion")
    }
    stations = [name for name, table in zip(names, tables, strict=True) for _ in np.asarray(table.labels)]
    return dataclasses.replace(tables[0], **columns, slices={"station": stations}, **changes)


def paying(metric, seed=0):
    """Better in the north and in the west, worse in the south."""
    return parted(
        rows_of(metric, 1, 600, seed), swapped(rows_of(metric, 1, 300, seed + 1)), rows_of(metric, 1, 600, seed + 2)
    )


@pytest.mark.parametrize("metric", CATALOGUE)
def test_a_candidate_that_is_better_overall_is_refused_when_one_station_pays(metric):
    decision = ask(GateRules(metric=metric, slices=("station",)), paying(metric))
    assert failed(decision) == {"slices"}
    assert "where station is 'south', 300 fresh rows, the candidate's skill changes by -" in decision.reason
    assert decision.data == "believed"
    assert ask(GateRules(metric=metric), paying(metric)).approved
    assert ask(GateRules(metric=metric, slices=("station",), slice_margin=5.0), paying(metric)).approved


@pytest.mark.parametrize("metric", CATALOGUE)
def test_the_decision_holds_every_slice_with_its_figures(metric):
    decision = ask(GateRules(metric=metric, slices=("station",)), paying(metric))
    slices = decision.holdouts[0].slices
    assert [(found.column, found.value, found.rows) for found in slices] == [
        ("station", "north", 600),
        ("station", "south", 300),
        ("station", "west", 600),
    ]
    alone = rows_of(metric, 1, 600, 0)
    labels, candidate, champion = (np.asarray(column) for column in (alone.labels, alone.candidate, alone.champion))
    north, computed = slices[0], METRICS[metric]
    assert north.candidate_value == pytest.approx(computed.compute(labels, candidate), rel=1e-9)
    assert north.champion_value == pytest.approx(computed.compute(labels, champion), rel=1e-9)
    gain = computed.skill(labels, candidate) - computed.skill(labels, champion)
    assert north.skill_gain == pytest.approx(gain, rel=1e-9)
    assert north.limit == -0.05
    assert north.skill_gain_interval[0] < gain < north.skill_gain_interval[1]


@pytest.mark.parametrize("metric", CATALOGUE)
def test_the_interval_of_the_only_slice_is_about_that_of_the_holdout(metric):
    whole = parted(rows_of(metric, 0.5, 900), names=("north",))
    decision = ask(GateRules(metric=metric, slices=("station",)), whole)
    found, all_rows = decision.holdouts[0].slices[0], decision.holdouts[0]
    width = all_rows.skill_gain_interval[1] - all_rows.skill_gain_interval[0]
    assert found.skill_gain_interval == pytest.approx(all_rows.skill_gain_interval, abs=0.1 * width)


def test_intervals_are_widened_for_the_number_of_slices_on_all_holdouts():
    whole, rules = rows_of("auc", 0.5, 900), GateRules(metric="auc", slices=("station",))
    one = ask(rules, parted(whole, names=("north",))).holdouts[0].slices[0]
    many = parted(whole, *(rows_of("auc", 0.5, 300, seed) for seed in range(4)), names=("north", *"abcd"))
    both = ask(rules, many, trusted=many).holdouts
    positives = int(np.sum(np.asarray(whole.labels)))
    wider = stats.t.ppf(1 - ERROR / 10, positives - 1) / stats.t.ppf(1 - ERROR, positives - 1)
    for held in both:
        found = next(part for part in held.slices if part.value == "north")
        assert np.diff(found.skill_gain_interval) == pytest.approx(wider * np.diff(one.skill_gain_interval), rel=1e-9)


def test_slices_count_whole_days():
    days = np.arange(900) // 30
    drift = np.random.default_rng(1).normal(size=30)[days]
    whole = numbers(0.5, 0.5, 900)
    whole = dataclasses.replace(whole, candidate=np.asarray(whole.candidate) + drift)
    by_day = parted(whole, names=("north",), blocks=days, unit="day")
    rules = GateRules(metric="rmse", slices=("station",))
    found = ask(rules, by_day).holdouts[0].slices[0]
    alone = ask(rules, dataclasses.replace(by_day, blocks=None)).holdouts[0].slices[0]
    assert found.blocks == 30
    assert np.diff(found.skill_gain_interval) > 2 * np.diff(alone.skill_gain_interval)


def test_a_slice_that_cannot_be_judged_says_why_and_refuses_nothing():
    small, flat = numbers(0.9, 0.25, 40, 1), numbers(0.25, 0.5, 60, 2)
    shift = {name: 3 + (getattr(flat, name) - flat.labels) for name in ("labels", "candidate", "champion")}
    flat = dataclasses.replace(flat, **shift)
    table = parted(numbers(0.25, 0.5, 600), small, flat)
    decision = ask(GateRules(metric="rmse", slices=("station",)), table)
    assert decision.approved, decision.reason
    assert [found.unjudged for found in decision.holdouts[0].slices] == [
        "",
        "40 rows, 50 are needed",
        "all labels are 3",
    ]
    note = next(finding for finding in decision.findings if finding.rule == "slices")
    assert (
        note.message == "none of 1 slices of the fresh holdout surely loses more than 5 %; 2 more could not be judged"
    )
    few_days = dataclasses.replace(table, blocks=np.r_[np.arange(600), 600 + np.arange(100) // 30])
    decision = ask(GateRules(metric="rmse", slices=("station",)), dataclasses.replace(few_days, unit="day"))
    assert decision.holdouts[0].slices[2].unjudged == "3 days, 4 are needed"


def test_a_slice_that_loses_on_trusted_rows_is_an_objection_like_any_other_there():
    trusted = parted(numbers(0.25, 0.5, 600, 3), numbers(0.7, 0.5, 300, 4), numbers(0.25, 0.5, 600, 5))
    fresh = parted(numbers(0.25, 0.5, 600), names=("north",))
    decision = ask(GateRules(metric="rmse", slices=("station",)), fresh, trusted=trusted)
    assert failed(decision) == {"slices", "disagreement"}
    assert decision.data == "doubted"


def test_a_column_that_is_not_there_or_too_short_is_refused():
    rules = GateRules(metric="rmse", slices=("station",))
    missing = ask(rules, numbers(0.25))
    assert "slices names the column 'station', which the fresh holdout does not have" in missing.reason
    short = ask(rules, numbers(0.25, slices={"station": ["north"] * 299}))
    assert "the column 'station' has 299 values for the 300 rows" in short.reason


def test_a_coded_column_is_the_same_as_its_values():
    table = paying("auc")
    values = table.slices["station"]
    codes = [("west", "north", "south").index(value) for value in values]
    coded = dataclasses.replace(table, slices={"station": Coded(("west", "north", "south"), codes)})
    rules = GateRules(metric="auc", slices=("station",))
    assert ask(rules, coded) == ask(rules, table)


def test_slices_of_an_equally_good_candidate_refuse_as_seldom_as_is_said():
    """Twelve slices, none of which loses anything: with no margin at all, as few candidates fail as pass when equal."""
    rounds, names = 400, tuple("abcdefghijkl")
    rules, lost = GateRules(metric="auc", slices=("station",), slice_margin=0.0, resamples=200), 0
    for seed in range(rounds):
        table = classes(0.3, 0.3, 1_200, seed)
        decision = ask(rules, dataclasses.replace(table, slices={"station": [names[row % 12] for row in range(1_200)]}))
        lost += "slices" in failed(decision)
    assert binomtest(lost, rounds).proportion_ci(0.99).low <= ERROR


@pytest.mark.parametrize("metric", ["rmse", "f1"])
def test_leaving_out_days_one_by_one_agrees_with_drawing_them(metric):
    days = np.arange(1_200) // 20
    table = parted(rows_of(metric, 0.5, 1_200), names=("north",), blocks=days)
    found = ask(GateRules(metric=metric, slices=("station",)), table).holdouts[0].slices[0].skill_gain_interval
    columns = (np.asarray(getattr(table, name), dtype=float) for name in ("labels", "candidate", "champion"))
    drawn = compare(METRICS[metric], *columns, days, resamples=10_000).skill_gain
    assert found == pytest.approx((drawn.low, drawn.high), abs=0.1 * (drawn.high - drawn.low))


def test_of_very_many_slices_the_largest_are_judged_and_the_others_counted():
    names = [f"user {row % 250:03}" if row < 2_500 else "all" for row in range(3_000)]
    table = numbers(0.25, 0.5, 3_000, slices={"station": names})
    slices = ask(GateRules(metric="rmse", slices=("station",), slice_rows=10), table).holdouts[0].slices
    assert len(slices) == 201
    assert (slices[0].value, slices[0].rows, slices[0].unjudged) == ("all", 500, "")
    last = slices[-1]
    assert (last.value, last.rows, last.unjudged) == ("51 others", 510, "only the 200 largest slices are judged")
