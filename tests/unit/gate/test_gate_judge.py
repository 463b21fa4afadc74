"""The judge: approves what is surely better, refuses everything else with a reason, and never raises."""

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.gate import Decision, GateRules, Hearing, ModelId, ScoreTable, judge
from retrain.gate.facts import CATALOGUE

CHAMPION = ModelId(name="version 3", sha256="c" * 64)
CANDIDATE = ModelId(name="run bikes~1", sha256="d" * 64)
RMSE = GateRules(metric="rmse")


def table(better=0.5, rows=300, seed=0, **changes):
    """Regression scores of which the candidate's errors are `better` times smaller than the champion's."""
    random = np.random.default_rng(seed)
    labels = random.normal(size=rows)
    candidate = labels + (1 - better) * random.normal(scale=0.5, size=rows)
    champion = labels + random.normal(scale=0.5, size=rows)
    return dataclasses.replace(ScoreTable(labels, candidate, champion), **changes)


def binary(rows=300, seed=0, **changes):
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.4).astype(float)
    candidate, champion = (np.clip(s * labels + (1 - s) * random.random(rows), 0, 1) for s in (0.4, 0.1))
    return dataclasses.replace(ScoreTable(labels, candidate, champion), **changes)


def ask(scored, rules=RMSE, champion=CHAMPION, candidate=CANDIDATE):
    return judge(rules, Hearing(fresh=scored), champion, candidate)


def failed(decision):
    return {finding.rule for finding in decision.findings if finding.verdict == "fail"}


@pytest.mark.parametrize("metric", CATALOGUE)
def test_a_surely_better_candidate_is_approved(metric):
    scored = table() if CATALOGUE[metric].kind == "regression" else binary()
    decision = ask(scored, GateRules(metric=metric))
    assert decision.approved, decision.reason
    assert decision.data == "believed"
    assert decision.gain_interval[0] > 0


@pytest.mark.parametrize("metric", CATALOGUE)
def test_a_surely_worse_candidate_is_refused_but_its_data_believed(metric):
    scored = table() if CATALOGUE[metric].kind == "regression" else binary()
    swapped = dataclasses.replace(scored, candidate=scored.champion, champion=scored.candidate)
    decision = ask(swapped, GateRules(metric=metric))
    assert failed(decision) - {"skill"} == {"gain"}
    assert (decision.data == "believed") == ("skill" not in failed(decision))


def test_an_equal_candidate_is_refused_with_figures_a_stranger_can_read():
    decision = ask(table(better=0.0))
    assert decision.reason.startswith("refused: RMSE 0.")
    assert "against the champion's 0." in decision.reason
    assert decision.reason.endswith("is not above 0 with 95 % confidence")
    assert decision.data == "believed"


def test_a_gain_below_the_wanted_one_is_refused():
    assert failed(ask(table(), GateRules(metric="rmse", min_gain=0.3))) == {"gain"}


def test_a_negative_gain_allows_a_model_that_is_not_much_worse():
    assert ask(table(better=0.0), GateRules(metric="rmse", min_gain=-0.2)).approved


def test_a_floor_and_a_ceiling_hold_the_candidates_own_figure():
    assert failed(ask(binary(), GateRules(metric="auc", min_value=0.999))) == {"value"}
    assert failed(ask(table(), GateRules(metric="rmse", max_value=0.1))) == {"value"}
    assert ask(table(), GateRules(metric="rmse", max_value=1.0)).approved


def test_the_other_sides_shuffled_labels_leave_no_skill():
    scored = table()
    shuffled = np.random.default_rng(1).permutation(scored.labels)
    decision = ask(dataclasses.replace(scored, labels=shuffled))
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
    "days missing": ({"blocks": np.arange(200)}, "shape", "200 blocks"),
    "few days": ({"blocks": np.arange(300) // 100, "unit": "day"}, "blocks", "covers 3 days, at least 5"),
}


@pytest.mark.parametrize(("changes", "rule", "words"), HOPELESS.values(), ids=HOPELESS)
def test_a_table_that_cannot_be_judged_is_refused_with_the_reason(changes, rule, words):
    decision = ask(table(**changes))
    assert not decision.approved
    assert decision.data == "refused"
    assert rule in failed(decision)
    assert any(words in finding.message for finding in decision.findings), decision.findings


def test_too_few_rows_are_refused():
    assert "holdout has 60 rows, at least 100" in ask(table(rows=60)).reason


def test_identical_scores_are_refused_as_a_sign_that_staging_did_not_switch():
    scored = table()
    decision = ask(dataclasses.replace(scored, candidate=scored.champion))
    assert "identical scores on all 300 rows" in decision.reason


def test_a_model_is_not_compared_with_itself():
    assert "compare a model with itself" in ask(table(), candidate=CHAMPION).reason


def test_models_without_a_hash_are_refused():
    assert failed(ask(table(), candidate=ModelId(name="run", sha256=""))) == {"models"}


def test_a_score_that_is_no_probability_is_refused_where_one_is_needed():
    scored = binary()
    doubled = dataclasses.replace(scored, candidate=np.asarray(scored.candidate) * 2)
    assert failed(ask(doubled, GateRules(metric="log_loss"))) == {"scores"}
    assert ask(doubled, GateRules(metric="auc")).approved


def test_labels_other_than_0_and_1_are_refused_for_classification():
    assert "labels" in failed(ask(table(), GateRules(metric="auc")))


def test_a_constant_champion_is_noted_and_can_be_replaced():
    decision = ask(table(champion=np.zeros(300)))
    assert decision.approved
    assert next(finding.verdict for finding in decision.findings) == "note"


@pytest.mark.parametrize(
    ("settings_", "words"),
    [
        ({"metric": "roc_auc"}, "did you mean 'auc'?"),
        ({"metric": "profit"}, "it knows auc, log_loss"),
        ({"metric": "auc", "max_value": 1.0}, "use min_value"),
        ({"metric": "rmse", "min_value": 1.0}, "use max_value"),
        ({"metric": "rmse", "min_gain": float("nan")}, "finite"),
        ({"metric": "rmse", "confidence": 0.5}, "between 0.5 and 1"),
        ({"metric": "rmse", "min_skill": 1.0}, "below 1"),
        ({"metric": "rmse", "min_rows": 0}, "at least 1"),
        ({"metric": "rmse", "min_blocks": 1}, "fewer than 3"),
        ({"metric": "rmse", "resamples": 10}, "between 200"),
    ],
)
def test_unusable_settings_are_named_and_refused(settings_, words):
    rules = GateRules(**settings_)
    assert len(rules.problems()) == 1
    assert words in rules.problems()[0]
    decision = ask(table(), rules)
    assert not decision.approved
    assert words in decision.reason


def test_settings_know_their_fields():
    with pytest.raises(msgspec.ValidationError, match="min_gian"):
        msgspec.convert({"metric": "auc", "min_gian": 1}, GateRules)


WILD = st.floats(allow_nan=True, allow_infinity=True)
COLUMN = st.lists(st.one_of(WILD, st.sampled_from([0.0, 1.0])), max_size=12)
LOOSE = {"min_rows": 1, "min_blocks": 3, "resamples": 200}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), COLUMN, COLUMN, COLUMN, st.none() | COLUMN, st.booleans())
def test_the_judge_never_raises_and_its_decision_is_json(metric, labels, candidate, champion, blocks, even):
    if even:
        size = min(map(len, (labels, candidate, champion)))
        labels, candidate, champion, blocks = labels[:size], candidate[:size], champion[:size], None
    decision = ask(ScoreTable(labels, candidate, champion, blocks), GateRules(metric=metric, **LOOSE))
    assert decision.approved or failed(decision)
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), st.integers(0, 1_000))
def test_a_model_never_beats_itself(metric, seed):
    scored = table(seed=seed) if CATALOGUE[metric].kind == "regression" else binary(seed=seed)
    same = dataclasses.replace(scored, champion=np.copy(scored.candidate))
    assert not ask(same, GateRules(metric=metric, min_gain=-0.1, **LOOSE)).approved


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), st.integers(0, 1_000), st.sampled_from([0.0, 0.05, 0.1]))
def test_at_most_one_of_two_models_is_better_than_the_other(metric, seed, better):
    scored = table(better, seed=seed) if CATALOGUE[metric].kind == "regression" else binary(seed=seed)
    swapped = dataclasses.replace(scored, candidate=scored.champion, champion=scored.candidate)
    rules = GateRules(metric=metric, resamples=200)
    assert not (ask(scored, rules).approved and ask(swapped, rules).approved)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1_000), st.sampled_from([0.0, 0.1, 0.5]))
def test_the_order_of_the_rows_does_not_change_the_decision(seed, better):
    scored = table(better, seed=seed, blocks=np.arange(300) // 30)
    order = np.random.default_rng(seed).permutation(300)
    columns = {name: np.asarray(getattr(scored, name))[order] for name in ("labels", "candidate", "champion", "blocks")}
    one, other = ask(scored), ask(dataclasses.replace(scored, **columns))
    assert (one.approved, one.reason) == (other.approved, other.reason)
