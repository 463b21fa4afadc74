"""Fresh and trusted rows together: what is refused, what is held in doubt, and what gets through because it lasts."""

import dataclasses

import numpy as np
import pytest

from retrain.gate import GateRules
from retrain.gate.facts import CATALOGUE
from tests.unit.gate.tables import ask, classes, failed, measured, noted, numbers, rows_of, swapped

METRICS = sorted(CATALOGUE)


def loses(gain, rows=2_000):
    """Trusted rows on which the candidate's AUC is lower or higher by about so much skill."""
    return classes(0.25 + gain, 0.25, rows, seed=5)


@pytest.mark.parametrize("metric", METRICS)
def test_better_on_fresh_and_on_trusted_rows_is_approved(metric):
    decision = ask(GateRules(metric=metric), rows_of(metric, 1), trusted=rows_of(metric, 1, seed=1))
    assert decision.approved, decision.reason
    assert [held.holdout for held in decision.holdouts] == ["fresh", "trusted"]
    assert decision.data == "believed"
    assert not decision.confirms


@pytest.mark.parametrize("metric", METRICS)
def test_better_on_fresh_and_worse_on_trusted_rows_leaves_the_batch_in_doubt(metric):
    decision = ask(GateRules(metric=metric), rows_of(metric, 1), trusted=swapped(rows_of(metric, 1, seed=1)))
    assert {"disagreement", "trusted"} <= failed(decision)
    assert decision.reason.startswith("refused: fresh and trusted rows disagree")
    assert decision.data == "doubted"
    assert not decision.confirms


@pytest.mark.parametrize("metric", METRICS)
def test_labels_inverted_in_one_batch_do_not_get_through_the_next_one(metric):
    """The batch after the bad one is as the world was: its candidate is good, and the bad rows do not confirm it."""
    inverted = swapped(rows_of(metric, 1, seed=2))  # on the bad rows the new candidate loses
    decision = ask(GateRules(metric=metric), rows_of(metric, 1), trusted=rows_of(metric, 1, seed=1), doubted=inverted)
    assert decision.approved
    assert not decision.confirms


@pytest.mark.parametrize("metric", METRICS)
def test_a_change_that_lasts_gets_through_and_is_pointed_out(metric):
    old = swapped(rows_of(metric, 1, seed=1))
    decision = ask(GateRules(metric=metric), rows_of(metric, 1), trusted=old, doubted=rows_of(metric, 1, seed=2))
    assert decision.approved, decision.reason
    assert decision.confirms
    assert decision.data == "believed"
    assert {"trusted", "disagreement"} <= noted(decision)
    assert "the change lasts: the candidate is surely better on the rows of 2 batches in a row" in decision.reason
    assert "a person should look" in decision.reason


def test_a_second_batch_that_says_something_else_confirms_nothing():
    worse, better = swapped(numbers(0.25, seed=1)), numbers(0.25)
    for doubted in (swapped(numbers(0.25, seed=2)), numbers(seed=2), numbers(0.25, rows=40, seed=2)):
        decision = ask(GateRules(metric="rmse"), better, trusted=worse, doubted=doubted)
        assert "disagreement" in failed(decision)
        assert (decision.data, decision.confirms) == ("doubted", False)


def test_a_candidate_that_is_not_better_on_the_new_rows_confirms_nothing():
    rules = GateRules(metric="rmse")
    worse = swapped(numbers(0.25, seed=1))
    decision = ask(rules, numbers(), trusted=worse, doubted=numbers(0.25, seed=2), warned=("more nulls in wind",))
    assert "gain" in failed(decision)
    assert (decision.data, decision.confirms) == ("doubted", False)


@pytest.mark.parametrize(
    ("persistence", "doubts", "through"), [(1, 0, True), (2, 1, True), (3, 1, False), (3, 2, True)]
)
def test_as_many_batches_as_asked_must_show_a_change(persistence, doubts, through):
    doubted = numbers(0.25, seed=2) if doubts else None
    decision = ask(
        GateRules(metric="rmse", persistence=persistence),
        numbers(0.25),
        trusted=swapped(numbers(0.25, seed=1)),
        doubted=doubted,
        doubts=doubts,
    )
    assert decision.approved == through
    assert decision.data == ("believed" if through else "doubted")


@pytest.mark.parametrize("mode", ["better", "not-worse"])
def test_looking_better_on_fresh_rows_and_surely_worse_on_trusted_ones_leaves_the_batch_in_doubt(mode):
    rules = GateRules(metric="rmse", mode=mode, margin=0.2)
    decision = ask(rules, measured(0.99), trusted=swapped(numbers(0.25, seed=1)))
    assert {"trusted", "disagreement"} <= failed(decision)
    assert decision.data == "doubted"
    assert decision.reason.startswith(
        "refused: what the candidate learnt is surely worse on trusted rows: its skill is -"
    )
    assert "on fresh rows; the batch is bad, or the world has changed: the next batch will tell" in decision.reason


def test_worse_on_trusted_rows_says_nothing_of_the_batch_when_the_candidate_learnt_without_what_they_are_of():
    rules = GateRules(metric="rmse")
    rows = {"trusted": numbers(0.8, 0.5, seed=1), "doubted": numbers(0.8, 0.5, seed=2)}
    for apart, data in ((True, "believed"), (False, "doubted")):
        decision = ask(rules, measured(0.99), **rows, apart=apart)
        assert not decision.approved
        assert {"gain", "trusted"} <= failed(decision)
        assert decision.data == data
    better = ask(rules, numbers(0.3, 0.5), **rows, apart=True)
    assert "disagreement" in failed(better)
    assert better.data == "doubted"


@pytest.mark.parametrize("mode", ["better", "not-worse"])
def test_a_candidate_that_is_worse_on_all_rows_says_nothing_against_its_batch(mode):
    rules = GateRules(metric="rmse", mode=mode, margin=0.2)
    decision = ask(rules, swapped(numbers(0.25)), trusted=swapped(numbers(0.25, seed=1)))
    assert "disagreement" not in failed(decision)
    assert (decision.approved, decision.data) == (False, "believed")


@pytest.mark.parametrize("mode", ["better", "not-worse"])
def test_a_loss_on_trusted_rows_that_is_not_sure_leaves_the_data_believed_when_fresh_rows_do_not_say_better(mode):
    rules = GateRules(metric="rmse", mode=mode, margin=0.2)
    decision = ask(rules, numbers(), trusted=measured(1.03, seed=1))
    assert decision.holdouts[1].skill_gain < -0.01 < 0 < decision.holdouts[1].skill_gain_interval[1]
    assert "trusted" in failed(decision)
    assert "disagreement" not in failed(decision)
    assert decision.data == "believed"


def test_a_sure_loss_on_trusted_rows_that_the_trusted_rule_lets_through_is_no_disagreement():
    rules = GateRules(metric="auc", trusted_rule="lenient", trusted_margin=0.3)
    decision = ask(rules, rows_of("auc", 1), trusted=loses(-0.1))
    assert decision.holdouts[1].skill_gain_interval[1] < 0
    assert (decision.approved, decision.data) == (True, "believed")


TRUSTED = {  # rule, gain on trusted rows as share of the score, rows, passes
    "share, nothing lost": ("share", 0.01, 2_000, True),
    "even, nothing lost": ("even", 0.0, 2_000, True),
    "even, lost for sure": ("even", -0.1, 2_000, False),
    "even, measured loss too large but unsure": ("even", -0.05, 120, False),
    "strict, much better": ("strict", 0.1, 2_000, True),
    "strict, equal but unsure": ("strict", 0.0, 200, False),
    "lenient, measured loss too large but unsure": ("lenient", -0.05, 120, True),
    "lenient, lost for sure": ("lenient", -0.2, 2_000, False),
}


@pytest.mark.parametrize(("rule", "gain", "rows", "passes"), TRUSTED.values(), ids=TRUSTED)
def test_the_trusted_rule_says_which_loss_of_skill_passes(rule, gain, rows, passes):
    decision = ask(
        GateRules(metric="auc", trusted_rule=rule, trusted_margin=0.05), rows_of("auc", 1), trusted=loses(gain, rows)
    )
    assert ("trusted" not in failed(decision)) == passes, decision.holdouts[1]


def test_skill_is_compared_not_the_metric_because_a_season_changes_the_metric():
    """In summer errors are four times as large, for both models and for a constant: that is no loss."""
    winter = numbers(0.25, 0.5, seed=1)
    summer = numbers(0.25, 0.5, seed=2)
    scaled = {name: 4 * np.asarray(getattr(summer, name)) for name in ("labels", "candidate", "champion")}
    decision = ask(GateRules(metric="rmse"), dataclasses.replace(summer, **scaled), trusted=winter)
    assert decision.approved, decision.reason
    assert decision.holdouts[0].candidate_value > 3 * decision.holdouts[1].candidate_value


def test_a_candidate_without_skill_on_trusted_rows_is_not_believed_on_fresh_ones():
    """What inverted labels teach: it is better than the champion on rows that are as corrupt."""
    decision = ask(GateRules(metric="auc"), classes(0.3, 0.01), trusted=classes(0.0, 0.3, seed=1))
    skills = {found.holdout: found.verdict for found in decision.findings if found.rule == "skill"}
    assert skills == {"fresh": "pass", "trusted": "fail"}
    assert decision.data == "doubted"


def test_a_champion_whose_skill_falls_from_one_day_to_the_next_leaves_the_data_in_doubt():
    trusted, fallen = numbers(0.2, 0.25, seed=1), numbers(0.2, 0.8)
    decision = ask(GateRules(metric="rmse"), fallen, trusted=trusted)
    assert failed(decision) == {"collapse"}
    assert decision.data == "doubted"
    assert "the champion's skill fell from 7" in decision.reason
    assert ask(GateRules(metric="rmse", collapse=1.0), fallen, trusted=trusted).approved
    lasting = ask(GateRules(metric="rmse"), fallen, trusted=trusted, doubted=numbers(0.2, 0.8, seed=3))
    assert (lasting.approved, lasting.confirms) == (True, True)


def test_what_intake_doubts_waits_for_the_next_batch():
    rules, warned = GateRules(metric="rmse"), ("the mean of wind moved from 4 to 9",)
    decision = ask(rules, numbers(0.25), warned=warned)
    assert failed(decision) == {"intake"}
    assert decision.reason == "refused: intake doubts the batch: the mean of wind moved from 4 to 9"
    assert decision.data == "doubted"
    again = ask(rules, numbers(0.25), warned=warned, doubted=numbers(0.25, seed=1))
    assert (again.approved, again.confirms, again.data) == (True, True, "believed")


def test_before_the_first_model_a_change_lasts_when_there_is_skill_on_both_batches():
    fresh, before = (dataclasses.replace(numbers(0.25, seed=seed), champion=None) for seed in (0, 1))
    decision = ask(GateRules(metric="rmse"), fresh, champion=None, doubted=before, warned=("odd",))
    assert (decision.approved, decision.confirms, decision.first) == (True, True, True)
    assert "the candidate surely has skill on the rows of 2 batches in a row" in decision.reason
    assert ask(GateRules(metric="rmse"), fresh, champion=None, warned=("odd",)).data == "doubted"


def test_data_without_skill_is_refused_where_the_champion_has_some():
    table = numbers(0.5)
    guessed = dataclasses.replace(table, candidate=np.random.default_rng(1).normal(size=300))
    decision = ask(GateRules(metric="rmse"), guessed, trusted=numbers(0.25, seed=1), warned=("odd",))
    assert (decision.data, decision.unlearnt) == ("refused", False)


def test_data_on_which_neither_model_has_skill_is_learnt_from_without_what_was_before():
    strange = dataclasses.replace(numbers(0.25), labels=np.random.default_rng(1).normal(size=300))
    decision = ask(GateRules(metric="rmse"), strange, trusted=numbers(0.25, seed=1))
    assert "collapse" in failed(decision)
    assert (decision.approved, decision.data, decision.unlearnt) == (False, "doubted", True)


def test_a_trusted_holdout_that_is_too_small_is_set_aside_and_said_to_be():
    decision = ask(GateRules(metric="rmse"), numbers(0.25), trusted=numbers(0.25, rows=40))
    assert decision.approved
    assert [held.holdout for held in decision.holdouts] == ["fresh"]
    note = next(finding for finding in decision.findings if finding.rule == "rows")
    assert note.message == "the trusted holdout has 40 rows, at least 50 are needed; it is not asked"
    assert (note.verdict, note.holdout) == ("note", "trusted")


def test_a_trusted_holdout_that_is_not_in_order_refuses():
    broken = dataclasses.replace(numbers(0.25), candidate=[float("nan")] * 300)
    decision = ask(GateRules(metric="rmse"), numbers(0.25), trusted=broken)
    assert failed(decision) == {"scores"}


def test_rows_of_a_batch_in_doubt_never_refuse_by_themselves():
    wild = dataclasses.replace(numbers(0.25), candidate=1e9 * np.ones(300))
    decision = ask(GateRules(metric="rmse"), numbers(0.25), trusted=numbers(0.25, seed=1), doubted=wild)
    assert decision.approved
    assert [held.holdout for held in decision.holdouts] == ["fresh", "trusted"]


def test_the_uses_of_the_trusted_holdout_are_counted_in_the_reason():
    rules, trusted = GateRules(metric="rmse"), numbers(0.25, seed=1)
    for uses, words in ((1, "once"), (7, "7 times")):
        decision = ask(rules, numbers(0.25), trusted=trusted, uses=uses)
        assert decision.uses == uses
        assert decision.reason.endswith(f"(the trusted holdout has helped to pick a winner {words} before)")
    assert "helped to pick" not in ask(rules, numbers(0.25), trusted=trusted).reason
