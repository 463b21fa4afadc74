"""`retrain doctor`: how findings are shown, and the exit code that they come to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.problems import Exit
from local.scenery import Scene
from tests.cli.conftest import CONFIGURED, MODEL, Command, wired
from tests.cli.server import Server


@pytest.fixture
def serving(server: Server, storage: str, tmp_path: Path, scene: Scene) -> Callable[..., None]:
    """Gives the app the model of the scene, with its keys, after changes of its configuration."""

    def configure(*changes: tuple[str, str], without: str = "") -> None:
        text = scene.toml
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        keys = {name: value for name, value in scene.keys.items() if name != without}
        server.ports = wired(storage, tmp_path, text, keys)

    return configure


def test_a_model_that_is_right_passes_and_is_told_to_be_adopted(retrain: Command, serving: Callable[..., None]) -> None:
    serving()
    done = retrain("doctor", MODEL)
    assert done.code == Exit.OK, done.out
    assert "FAIL" not in done.out
    assert f"run `retrain adopt {MODEL} --holdout FILE`" in done.out
    lines = [line.split() for line in done.out.splitlines()]
    assert ["OK", "storage"] in [line[:2] for line in lines]
    assert ["WARN", "champion"] in [line[:2] for line in lines]
    assert "Nothing has to be put right." in done.out


def test_what_fails_is_counted_and_the_exit_code_says_so(
    retrain: Command, serving: Callable[..., None], scene: Scene
) -> None:
    serving(('model = "output2"', 'model = "Output2"'), ("HEAT_LIVE_KEY", "HEAT_TRAINING_KEY"))
    done = retrain("doctor", MODEL)
    assert done.code == Exit.FAILED
    assert "did you mean 'output2'? Case matters" in done.out
    assert "training service, production and staging need three different ones" in done.out
    assert "2 to put right." in done.out
    assert not [key for key in scene.keys.values() if key in done.out + done.err]


def test_a_missing_variable_is_named(retrain: Command, serving: Callable[..., None]) -> None:
    serving(without="HEAT_STAGING_KEY")
    done = retrain("doctor")
    assert done.code == Exit.FAILED
    assert "staging_key = 'env:HEAT_STAGING_KEY': the environment has no value for HEAT_STAGING_KEY" in done.out


def test_all_models_are_examined_when_none_is_named_and_json_is_the_whole_answer(
    retrain: Command, serving: Callable[..., None]
) -> None:
    serving()
    done = retrain("doctor", "--json")
    report = json.loads(done.out)
    assert [one["model"] for one in report["models"]] == [MODEL]
    assert {"subject": "configuration", "verdict": "ok", "message": "1 models, without a mistake"} in report["app"]
    assert done.code == Exit.OK


def test_services_out_of_reach_fail_and_exit_with_1(retrain: Command) -> None:
    done = retrain("doctor", MODEL, "--json")
    assert done.code == Exit.FAILED
    failed = [one for one in json.loads(done.out)["models"][0]["findings"] if one["verdict"] == "fail"]
    assert {one["subject"] for one in failed} == {"trainer", "production", "staging"}
    assert all("no answer" in one["message"] for one in failed)


def test_a_broken_configuration_is_shown_as_its_list_of_mistakes(
    retrain: Command, server: Server, storage: str, tmp_path: Path
) -> None:
    text = CONFIGURED.replace("/endpoints/live", "/endpoints/default").replace('metric = "rmse"', 'metric = "rmze"')
    server.ports = wired(storage, tmp_path, text, {"SOME_KEY": "k"})
    one = retrain("doctor", MODEL)
    assert one.code == Exit.FAILED
    mistakes = [line for line in one.err.splitlines() if line.startswith("  - ")]
    assert len(mistakes) == 2
    assert "production is a default endpoint. The default endpoint refuses PATCH" in one.err and "rmze" in one.err
    everything = retrain("doctor")
    assert everything.code == Exit.FAILED
    assert everything.out.count("FAIL  configuration") == 2


def test_a_model_that_there_is_not_is_explained(retrain: Command) -> None:
    done = retrain("doctor", "nobody")
    assert done.code == Exit.FAILED
    assert f"there is no model 'nobody'; there are: {MODEL}" in done.err
