"""From trials to figures: the sums of the table, on trials that were made up."""

from __future__ import annotations

import pytest

from benchmarks.gate import tally
from benchmarks.gate.equal import Draws
from benchmarks.gate.informed import NAME as INFORMED
from benchmarks.gate.trials import OURS, POLICIES, Answer, Trial
from benchmarks.gate.worlds import Life

KEPT = Answer(outcome="kept", rule="gain", data="believed", verdict="even")
RIGHT = Answer(outcome="promoted", rule="gain", data="believed", verdict="right")
WRONG = Answer(outcome="promoted", rule="gain", data="believed", verdict="wrong")
STOPPED = Answer(outcome="quarantined", rule="ranges", data="refused")
DOUBTED = Answer(outcome="kept", rule="disagreement", data="doubted", verdict="wrong")


def trial(fault: str = "labels inverted", told: bool = False, **answers: tuple[Answer, ...]) -> Trial:
    """A trial in which every policy keeps its champion, but for those named (blanks are underscores)."""
    named = {name.replace("_", " "): found for name, found in answers.items()}
    return Trial(
        stream="bikes",
        family="linear",
        train_on="all",
        step=3,
        group="label",
        fault=fault,
        severity="all",
        harmless=False,
        answers=dict.fromkeys(POLICIES, (KEPT, KEPT)) | named,
        told=told,
    )


def test_wrong_promotions_count_apart_by_whether_they_came_at_once_or_a_batch_later() -> None:
    trials = [
        trial(always_newest=(WRONG, KEPT)),
        trial(always_newest=(KEPT, WRONG)),
        trial(always_newest=(WRONG, WRONG)),
        trial(always_newest=(RIGHT, KEPT)),
    ]
    (row,) = tally.fault_rows(trials)
    assert row.trials == 4
    assert (row.wrong["always newest"], row.later["always newest"]) == (2, 2)
    assert row.wrong[OURS] == row.later[OURS] == 0


def test_harm_that_comes_a_batch_later_after_nothing_as_well_is_not_the_faults() -> None:
    control = trial(tally.CONTROL, this_gate=(KEPT, WRONG))
    rows = tally.fault_rows([trial(this_gate=(KEPT, WRONG), always_newest=(KEPT, WRONG)), control])
    assert [row.later[OURS] for row in rows] == [0, 0]
    assert rows[0].later["always newest"] == 1


def test_what_the_gate_made_of_a_faulty_batch_adds_up_to_the_trials() -> None:
    trials = [trial(this_gate=(found, KEPT)) for found in (STOPPED, STOPPED, DOUBTED, KEPT, WRONG, RIGHT)]
    (row,) = tally.fault_rows(trials)
    assert (row.stopped, row.doubted, row.refused, row.promoted) == (2, 1, 1, 2)
    assert row.wrong[OURS] == 1


def test_a_right_promotion_is_missed_only_when_the_gate_made_none_then_nor_a_batch_later() -> None:
    rightly = {"higher_is_better": (RIGHT, KEPT)}
    trials = [
        trial(**rightly),
        trial(**rightly, this_gate=(KEPT, RIGHT)),
        trial(**rightly, this_gate=(RIGHT, KEPT)),
        trial(higher_is_better=(KEPT, RIGHT)),
    ]
    (row,) = tally.fault_rows(trials)
    assert (row.rightly, row.missed) == (3, 1)


def test_harm_that_nobody_could_know_of_is_shown_beside_ours() -> None:
    known, unknown = trial(this_gate=(WRONG, KEPT)), trial(this_gate=(WRONG, KEPT), told=True)
    (row,) = tally.fault_rows([known, unknown, trial(told=True)])
    assert (row.wrong[OURS], row.wrong[INFORMED], row.unknowable) == (2, 2, 1)


def test_faults_have_rows_of_their_own_and_one_sum() -> None:
    rows = tally.fault_rows([trial("labels inverted", always_newest=(WRONG,)), trial("outliers"), trial("outliers")])
    assert [(row.fault, row.trials) for row in rows] == [("labels inverted", 1), ("outliers", 2)]
    whole = tally.total(rows)
    assert (whole.trials, whole.wrong["always newest"]) == (3, 1)


def test_false_promotions_have_the_exact_binomial_interval() -> None:
    draws = [
        Draws(stream=stream, family="linear", pairs=50, promoted=dict.fromkeys(tally.RULES, 1), stopped=0)
        for stream in ("bikes", "adult")
    ]
    found = tally.false_promotions(draws)[OURS]
    assert (found.count, found.of, found.share) == (2, 100, 0.02)
    assert (found.low, found.high) == (pytest.approx(0.00243, abs=1e-5), pytest.approx(0.07038, abs=1e-5))


def test_a_rate_of_nothing_could_be_anything() -> None:
    assert (tally.rate(0, 0).low, tally.rate(0, 0).high) == (0.0, 1.0)


def life(seed: int, policy: str, later: float, harmful: int = 0) -> Life:
    return Life(
        seed=seed,
        family="linear",
        scenario="steady",
        policy=policy,
        promoted=4,
        harmful=harmful,
        mean=0.8,
        worst=later - 0.1,
        later=later,
        last=later,
    )


def test_a_world_is_measured_against_the_oracle_of_the_same_seed() -> None:
    lives = [life(1, OURS, 0.86), life(1, "oracle", 0.87), life(2, OURS, 0.80, harmful=1), life(2, "oracle", 0.83)]
    ours = next(row for row in tally.world_rows(lives) if row.policy == OURS)
    assert (ours.worlds, ours.harmful) == (2, 0.5)
    assert (ours.behind, ours.furthest) == (pytest.approx(0.02), pytest.approx(0.03))
    assert ours.worst == pytest.approx(0.70)
