"""The judge: approves what is surely better, refuses everything else with a reason, and never raises."""

import dataclasses

import msgspec
import numpy as np
import pytest

from retrain.gate import GateRules, ModelId
from retrain.gate.facts import CATALOGUE
from tests.unit.gate.tables import CHAMPION, SHOWN, ask, classes, failed, noted, numbers, rows_of, swapped

RMSE = GateRules(metric="rmse")
BETTER = numbers(0.25)


def with_(scored, **changes):
    return dataclasses.replace(scored, **changes)


@pytest.mark.parametrize("metric", CATALOGUE)
def test_a_surely_better_candidate_is_approved(metric):
    decision = ask(GateRules(metric=metric), rows_of(metric, 1))
    assert decision.approved, decision.reason
    assert decision.data == "believed"
    assert decision.gain_interval[0] > 0


@pytest.mark.parametrize("metric", CATALOGUE)
def test_a_surely_worse_candidate_is_refused_but_its_data_believed(metric):
    decision = ask(GateRules(metric=metric), swapped(rows_of(metric, 1)))
    assert failed(decision) - {"skill"} == {"gain"}
    assert (decision.data == "believed") == ("skill" not in failed(decision))


def test_an_equal_candidate_is_refused_with_figures_a_stranger_can_read():
    decision = ask(RMSE, numbers())
    assert decision.reason.startswith("refused: RMSE 0.")
    assert "against the champion's 0." in decision.reason
    assert decision.reason.endswith("is not above 0 with " + SHOWN)
    assert decision.data == "believed"


def test_a_gain_below_the_wanted_one_is_refused():
    assert failed(ask(GateRules(metric="rmse", min_gain=0.4), BETTER)) == {"gain"}


def test_a_negative_gain_allows_a_model_that_is_not_much_worse():
    assert ask(GateRules(metric="rmse", min_gain=-0.2), numbers()).approved


def test_not_worse_approves_what_surely_loses_less_skill_than_the_margin():
    rules = GateRules(metric="rmse", mode="not-worse", margin=0.1)
    decision = ask(rules, numbers(seed=1))
    assert decision.approved
    assert decision.holdouts[0].skill_gain_interval[0] > -0.1
    assert "the gain in skill of" in decision.reason and f"is above -10 % with {SHOWN}" in decision.reason
    assert failed(ask(rules, numbers(0.7, 0.5))) == {"gain"}


def test_a_floor_and_a_ceiling_hold_the_candidates_own_figure():
    assert failed(ask(GateRules(metric="auc", min_value=0.999), classes(0.4, 0.1))) == {"value"}
    assert failed(ask(GateRules(metric="rmse", max_value=0.1), BETTER)) == {"value"}
    assert ask(GateRules(metric="rmse", max_value=1.0), BETTER).approved


def test_shuffled_labels_leave_no_skill():
    shuffled = np.random.default_rng(1).permutation(BETTER.labels)
    decision = ask(RMSE, with_(BETTER, labels=shuffled))
    assert "skill" in failed(decision)
    assert decision.data == "refused"


HOPELESS = {
    "nan score": ({"candidate": [np.nan] + [1.0] * 299}, "scores", "1 of the candidate's 300 scores"),
    "infinite champion": ({"champion": [np.inf] + [1.0] * 299}, "scores", "the champion's 300 scores"),
    "nan label": ({"labels": [np.nan] + [1.0] * 299}, "labels", "1 of 300 labels"),
    "one label": ({"labels": np.ones(300)}, "labels", "all 300 labels of the fresh holdout are 1"),
    "constant": ({"candidate": np.full(300, 0.5)}, "scores", "it has learnt nothing"),
    "short": ({"candidate": np.linspace(0, 1, 299)}, "shape", "299 candidate scores"),
    "words": ({"candidate": ["high"] * 300}, "shape", "0 candidate scores"),
    "two columns": ({"champion": np.ones((300, 2))}, "shape", "0 champion scores"),
    "no champion": ({"champion": None}, "shape", "0 champion scores"),
    "far off": ({"candidate": [1e4] + [0.1] * 299}, "reach", "one 10000, are further from the labels"),
    "days missing": ({"blocks": np.arange(200)}, "shape", "200 blocks"),
    "few days": ({"blocks": np.arange(300) // 100, "unit": "day"}, "blocks", "covers 3 days, at least 4"),
}


@pytest.mark.parametrize(("changes", "rule", "words"), HOPELESS.values(), ids=HOPELESS)
def test_a_table_that_cannot_be_judged_is_refused_with_the_reason(changes, rule, words):
    decision = ask(RMSE, with_(BETTER, **changes))
    assert not decision.approved
    assert decision.data == "refused"
    assert rule in failed(decision)
    assert any(words in finding.message for finding in decision.findings), decision.findings


def test_too_few_rows_are_refused():
    assert "holdout has 40 rows, at least 50" in ask(RMSE, numbers(0.25, rows=40)).reason


def test_identical_scores_are_refused_as_a_sign_that_staging_did_not_switch():
    decision = ask(RMSE, with_(BETTER, candidate=BETTER.champion))
    assert "identical scores on all 300 rows" in decision.reason


def test_a_model_is_not_compared_with_itself():
    assert "compare a model with itself" in ask(RMSE, BETTER, candidate=CHAMPION).reason


def test_models_without_a_hash_are_refused():
    assert failed(ask(RMSE, BETTER, candidate=ModelId(name="run", sha256=""))) == {"models"}


def test_a_score_that_is_no_probability_is_refused_where_one_is_needed():
    scored = classes(0.4, 0.1)
    doubled = with_(scored, candidate=np.asarray(scored.candidate) * 2)
    assert failed(ask(GateRules(metric="log_loss"), doubled)) == {"scores"}
    assert ask(GateRules(metric="auc"), doubled).approved


def test_labels_other_than_0_and_1_are_refused_for_classification():
    assert "labels" in failed(ask(GateRules(metric="auc"), BETTER))


def test_a_constant_champion_is_noted_and_can_be_replaced():
    decision = ask(RMSE, with_(BETTER, champion=np.zeros(300)))
    assert decision.approved
    assert noted(decision) == {"scores"}


def test_a_champion_that_is_far_off_is_noted_and_can_be_replaced():
    decision = ask(RMSE, with_(BETTER, champion=1e4 * np.asarray(BETTER.champion)))
    assert decision.approved
    assert noted(decision) == {"reach"}


# The first model, and a champion that cannot be scored


def test_the_first_model_needs_skill_alone():
    decision = ask(RMSE, with_(BETTER, champion=None), champion=None)
    assert decision.approved, decision.reason
    assert decision.first
    assert decision.data == "believed"
    assert decision.reason.startswith("approved: the first model: the candidate's skill over a constant prediction")
    assert decision.champion_value is None and decision.gain is None


def test_the_first_model_without_skill_or_below_the_floor_is_refused():
    turned = with_(numbers(0.25, turned=True), champion=None)
    assert failed(ask(RMSE, turned, champion=None)) == {"skill"}
    assert failed(ask(GateRules(metric="rmse", max_value=0.1), with_(BETTER, champion=None), champion=None)) == {
        "value"
    }


def test_a_champion_that_cannot_be_scored_is_a_reason_of_its_own_and_the_data_is_judged_all_the_same():
    decision = ask(RMSE, with_(BETTER, champion=None), unscored="it does not know the column 'wind'")
    assert failed(decision) == {"champion"}
    assert "version 3 cannot be scored on these rows: it does not know the column 'wind'" in decision.reason
    assert "a person may force the candidate" in decision.reason
    assert decision.data == "believed"
    assert not decision.first
    assert decision.candidate_skill > 0.7


# Settings


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"metric": "roc_auc"}, "did you mean 'auc'?"),
        ({"metric": "profit"}, "it knows auc, log_loss"),
        ({"metric": "auc", "max_value": 1.0}, "use min_value"),
        ({"metric": "rmse", "min_value": 1.0}, "use max_value"),
        ({"metric": "rmse", "min_gain": float("nan")}, "finite"),
        ({"metric": "rmse", "confidence": 0.5}, "between 0.5 and 1"),
        ({"metric": "rmse", "trusted_confidence": 1.0}, "trusted_confidence is 1"),
        ({"metric": "rmse", "min_skill": 1.0}, "below 1"),
        ({"metric": "rmse", "margin": -0.1}, "margin is -0.1; it must be at least 0"),
        ({"metric": "rmse", "trusted_margin": float("nan")}, "trusted_margin is nan"),
        ({"metric": "rmse", "slice_margin": float("inf")}, "slice_margin is inf"),
        ({"metric": "rmse", "collapse": -1.0}, "collapse is -1; it must be at least 0 and finite, as a share"),
        ({"metric": "rmse", "trusted_share": -0.1}, "trusted_share is -0.1"),
        ({"metric": "rmse", "reach": 0.0}, "reach is 0"),
        ({"metric": "rmse", "persistence": 0}, "persistence is 0"),
        ({"metric": "rmse", "slice_rows": 0}, "slice_rows is 0"),
        ({"metric": "rmse", "min_rows": 0}, "at least 1"),
        ({"metric": "rmse", "min_blocks": 1}, "fewer than 3"),
        ({"metric": "rmse", "resamples": 10}, "between 200"),
    ],
)
def test_unusable_settings_are_named_and_refused(settings_, words):
    rules = GateRules(**settings_)
    assert len(rules.problems()) == 1
    assert words in rules.problems()[0]
    decision = ask(rules, BETTER)
    assert not decision.approved
    assert words in decision.reason


@pytest.mark.parametrize("wrong", [{"min_gian": 1}, {"mode": "best"}, {"trusted_rule": "soft"}, {"slices": "station"}])
def test_settings_know_their_fields_and_words(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"metric": "auc", **wrong}, GateRules)
