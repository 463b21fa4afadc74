"""What the demo says of a run is what its record holds."""

from __future__ import annotations

from typing import Any

import pytest

from local.demo import words


def judged(state: str, gain: float, low: float, high: float, *failed: str, **more: Any) -> dict[str, Any]:
    """A run that the gate has decided about, with the rules that said no."""
    figures = {"gain": gain, "gainInterval": [low, high], "candidateValue": 60.0, "championValue": 60.0 + gain}
    findings = [{"rule": rule, "verdict": "fail"} for rule in failed] + [{"rule": "rows", "verdict": "pass"}]
    decision = {"rows": 216, "blocks": 9, "data": "believed", "confirms": False, "findings": findings, **figures}
    return {
        "state": state,
        "version": 3,
        "why": "refused: intake doubts the batch",
        "refusedBy": [],
        "times": {"started": "2026-01-01T12:00:00Z", "trained": "2026-01-01T12:00:02Z"},
        "data": {"rows": 5_000},
        "verdict": {"data": "believed"},
        "decision": {"decision": {**decision, **more}},
    }


def said(run: dict[str, Any]) -> str:
    """All of it."""
    return "\n".join(words.told(run, 2.0))


def test_a_promotion_names_what_shows_the_gain() -> None:
    alone, together = judged("promoted", 29.2, 21.1, 37.2), judged("promoted", 1.2, -2.5, 5.2)
    assert "a gain of +29.2 [+21.1, +37.2]: surely better, and live as version 3 after 2.0 s" in said(alone)
    assert "+1.2 [-2.5, +5.2]: surely better on fresh and trusted rows together, and live" in said(together)
    assert words.reason(together).startswith("surely better on fresh and trusted rows together: gain +1.2")


@pytest.mark.parametrize(
    ("interval", "worth", "short"),
    [
        ((2.0, -3.0, 8.0), "may be chance", "not surely better: gain +2.0"),
        ((-2.0, -8.0, 3.0), "seems worse", "not surely better: gain -2.0"),
        ((-5.0, -8.0, -1.0), "surely worse", "surely worse: gain -5.0"),
    ],
)
def test_a_refusal_says_what_the_gain_is_worth(interval: tuple[float, float, float], worth: str, short: str) -> None:
    run = judged("refused", *interval, "gain")
    assert worth in said(run)
    assert words.reason(run).startswith(short)


def test_a_gain_that_is_refused_for_another_reason_is_not_called_chance() -> None:
    run = judged("refused", 29.2, 21.1, 37.2, "intake")
    told = said(run)
    assert "chance" not in told
    assert "and yet refused: intake doubts the batch" in told
    assert words.reason(run).startswith("doubtful (intake): gain +29.2")


def test_a_file_that_nothing_can_be_learnt_from_is_told_with_what_would_have_happened_elsewhere() -> None:
    run = judged("refused", 15.8, 11.1, 20.1, "skill", "trusted", "disagreement", data="doubted")
    assert "plain comparison would have promoted it" in said(run)
    assert "(rules skill, trusted, disagreement)" in said(run)
    assert "not believed either" in said(run)
    assert "plain comparison" not in said(judged("refused", 1.0, -1.0, 3.0, "skill"))


@pytest.mark.parametrize(("confirms", "told"), [(True, "both are believed"), (False, "those of that file stay out")])
def test_the_file_after_one_in_doubt_says_what_becomes_of_both(confirms: bool, told: str) -> None:
    run = judged("refused", -5.0, -8.0, -1.0, "gain", confirms=confirms)
    run["data"]["apart"] = "bikes~1"
    assert told in said(run)
    assert "of this file and of the one in doubt alone" in said(run)


def test_intake_and_gate_both_have_rules_that_say_no() -> None:
    assert words.failed_rules({"refusedBy": ["label_unrelated"]}) == ["label_unrelated"]
    assert words.failed_rules(judged("refused", 1.0, -1.0, 3.0, "gain")) == ["gain"]
