"""What a replay leaves behind: a report for machines and a picture for people."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from local.backtest import picture
from local.backtest.replay import Replay, play
from local.backtest.report import report
from local.backtest.steps import Step
from tests.backtest.streams import batch, broken, model, ridge, steps

COURSE = {
    "policy", "promotions", "right", "wrong", "kept", "quarantined", "crashed", "rolledBack", "mean", "regret",
    "relativeRegret", "refusals", "start", "steps",
}  # fmt: skip
STEP = {"batch", "outcome", "rule", "reason", "data", "confirms", "rolledBack", "value", "hindsight"}
OUTCOMES = {"promoted", "kept", "quarantined", "crashed"}


@pytest.fixture(scope="module")
def replay() -> Replay:
    played = steps([2.0, 2.4, 2.8, 3.2, 3.6, 4.0])
    played[2] = Step(played[2].name, broken(2))
    played[3] = Step(played[3].name, batch(3, 3.2, shuffled=True), truth=batch(3, 3.2))
    return play(played, model(), ridge(), other=model(confidence=0.99))


@pytest.fixture(scope="module")
def found(replay: Replay) -> dict[str, Any]:
    return dict(json.loads(json.dumps(report(replay), allow_nan=False)))


def test_the_report_has_every_policy_and_every_batch(found: dict[str, Any]) -> None:
    assert set(found) == {
        "model", "label", "metric", "higherIsBetter", "learner", "batches", "spoilt", "oracle", "policies",
    }  # fmt: skip
    assert found["spoilt"] == ["batch-03.csv"]
    assert [course["policy"] for course in found["policies"]] == [
        "never retrain", "always newest", "higher is better", "interval only", "this gate", "the other gate",
    ]  # fmt: skip
    for course in (*found["policies"], found["oracle"]):
        assert set(course) == COURSE
        assert [step["batch"] for step in course["steps"]] == found["batches"][1:]
        assert all(set(step) == STEP and step["outcome"] in OUTCOMES for step in course["steps"])


def test_counts_are_those_of_the_steps(found: dict[str, Any]) -> None:
    for course in found["policies"]:
        outcomes = [step["outcome"] for step in course["steps"]]
        for name, outcome in (("promotions", "promoted"), ("kept", "kept"), ("crashed", "crashed")):
            assert course[name] == outcomes.count(outcome)
        verdicts = [
            step["hindsight"]["candidateWas"]
            for step in course["steps"]
            if step["outcome"] == "promoted" and step["hindsight"]
        ]
        assert (course["right"], course["wrong"]) == (verdicts.count("better"), verdicts.count("worse"))
        assert sum(course["refusals"].values()) == len(outcomes) - course["promotions"]


def test_regret_is_what_the_values_say(found: dict[str, Any]) -> None:
    best = [step["value"] for step in found["oracle"]["steps"]]
    for course in found["policies"]:
        values = [step["value"] for step in course["steps"]]
        assert values[-1] is None and None not in values[:-1]
        lost = np.mean([value - other for value, other in zip(values[:-1], best[:-1], strict=True)])
        assert course["regret"] == pytest.approx(lost)
        assert course["relativeRegret"] == pytest.approx(lost / np.mean(best[:-1]))


def test_every_refusal_of_the_gate_names_a_rule_and_a_reason(found: dict[str, Any]) -> None:
    for course in found["policies"][4:]:
        kept = [step for step in course["steps"] if step["outcome"] != "promoted"]
        assert len(kept) >= 2
        assert all(step["rule"] and len(step["reason"]) > 20 for step in kept)


def pixels(file: Path) -> np.ndarray:
    from matplotlib.image import imread

    return np.asarray(imread(file))


def test_the_picture_has_its_size_and_shows_every_policy(replay: Replay, tmp_path: Path) -> None:
    file = tmp_path / "replay.png"
    picture.draw(replay, file)
    assert file.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    shown = pixels(file)[..., :3]
    assert shown.shape[:2] == (picture.HEIGHT * picture.DPI, picture.WIDTH * picture.DPI)
    assert 0.02 < np.mean(np.any(shown < 0.9, axis=-1)) < 0.5
    for course in replay.courses:
        colour = [int(picture.COLOURS[course.policy][place : place + 2], 16) / 255 for place in (1, 3, 5)]
        assert np.sum(np.all(np.abs(shown - colour) < 0.02, axis=-1)) > 100, course.policy


def test_the_same_replay_gives_the_same_picture(replay: Replay, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("one.png", "two.png")]
    for file in files:
        picture.draw(replay, file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_long_history_has_a_picture_of_the_same_size(tmp_path: Path) -> None:
    file = tmp_path / "long.png"
    picture.draw(play(steps([2.0] * 40, days=8, per=15), model(min_rows=20, min_blocks=3), ridge()), file)
    assert pixels(file).shape[:2] == (picture.HEIGHT * picture.DPI, picture.WIDTH * picture.DPI)


def test_matplotlib_is_loaded_for_a_picture_only_and_opens_no_window() -> None:
    code = (
        "import local.backtest.replay, local.backtest.picture, sys; assert 'matplotlib' not in sys.modules;"
        "import local.backtest.picture; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
