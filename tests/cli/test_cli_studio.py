"""`retrain studio` against a Studio that really trains. The page docs/howto/classic.md runs the whole story."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.studio import _tell, _view
from local.own import Deployed
from local.services.studio.client import StudioClient
from tests.cli.conftest import Command, Done, rows

Run = Callable[..., Done]


@pytest.fixture
def experiment(bare: Command, studio: StudioClient) -> Run:
    """Runs `retrain studio experiment`, or another group of it, in a workspace of its own."""
    made = studio.create_workspace("commands")
    place = {"STUDIO": studio.url, "STUDIO_WORKSPACE": made["id"], "STUDIO_TOKEN": made["token"]}

    def run(*arguments: str, group: str = "experiment", **settings: str) -> Done:
        return bare("studio", group, *arguments, **{**place, **settings})

    return run


@pytest.fixture
def csv(tmp_path: Path) -> str:
    file = tmp_path / "heat.csv"
    file.write_text(rows(80, seed=3))
    return str(file)


def test_a_workspace_shows_how_the_other_commands_find_it(bare: Command, studio: StudioClient) -> None:
    done = bare("studio", "workspace", "Heating", STUDIO=studio.url)
    assert done.code == 0, done.err
    assert "export STUDIO_WORKSPACE=" in done.out


def test_a_run_again_reaches_the_web_service_by_an_update(experiment: Run, csv: str) -> None:
    asked = ("--name", "Heat", "--task", "regression", "--label", "heat")
    made = json.loads(experiment("create", csv, *asked, "--param", "L2 Weight=2", "--json").out)
    assert made["parameters"]["L2 Weight"] == "2"
    saved = experiment("predictive", made["id"], "--model", "Warmth", "--json")
    predictive = json.loads(saved.out)
    assert predictive["resource"] == "Warmth [trained model]"
    first = json.loads(experiment("deploy", predictive["id"], "--name", "Scoring", "--json").out)
    assert "primaryKey" not in first
    assert "retrain studio experiment deploy" in experiment("run", predictive["id"]).out
    again = experiment("deploy", predictive["id"], "--update", "--show-keys")
    assert first["webService"] in again.out
    assert "primary key" in again.out


def test_a_service_that_reads_its_data_itself_has_the_parameter_uri(experiment: Run, csv: str) -> None:
    made = json.loads(experiment("create", csv, "--name", "H", "--task", "regression", "--label", "heat", "--json").out)
    done = experiment("outputs", made["id"], "--output", "model", "--uri", "http://127.0.0.1/data.csv", "--json")
    changed = json.loads(done.out)
    assert changed["outputs"] == ["model"]
    assert changed["parameters"]["URI"] == "http://127.0.0.1/data.csv"


def test_web_services_are_listed_and_removed_by_id(experiment: Run, csv: str) -> None:
    asked = ("--name", "Heat", "--task", "regression", "--label", "heat")
    made = json.loads(experiment("create", csv, *asked, "--json").out)
    predictive = json.loads(experiment("predictive", made["id"], "--json").out)["id"]
    kept, gone = (json.loads(experiment("deploy", predictive, "--name", "Twice", "--json").out) for _ in range(2))
    assert kept["webService"] != gone["webService"]
    listed = experiment("list", "--json", group="service")
    assert listed.code == 0, listed.err
    assert [(one["name"], one["endpoints"]) for one in json.loads(listed.out)["services"]] == [("Twice", 1)] * 2
    assert "Twice" in experiment("remove", gone["webService"], group="service").out
    (left,) = json.loads(experiment("list", "--json", group="service").out)["services"]
    assert left["patchUrl"] == kept["patchUrl"]
    again = experiment("remove", gone["webService"], group="service")
    assert again.code == 1 and "WebServiceIdNotFoundInWorkspace" in again.err


def test_an_exported_experiment_is_a_definition_and_replaces_no_file(experiment: Run, csv: str, tmp_path: Path) -> None:
    asked = ("--name", "Heat", "--task", "regression", "--label", "heat")
    made = json.loads(experiment("create", csv, *asked, "--json").out)
    predictive = json.loads(experiment("predictive", made["id"], "--json").out)
    file = tmp_path / "definition.json"
    done = experiment("export", predictive["id"], str(file))
    assert "'Heat [predictive exp.]'" in done.out, done.err
    assert json.loads(file.read_text())["properties"]["packageType"] == "Graph"
    assert experiment("export", predictive["id"], str(file)).code == 2
    assert experiment("export", predictive["id"], str(file), "--force").code == 0


def test_what_studio_refuses_is_told_in_its_words(experiment: Run, csv: str) -> None:
    done = experiment("create", csv, "--name", "H", "--task", "regression", "--label", "colour")
    assert done.code == 1
    assert "no column 'colour'; there are outside, wind, heat" in done.err
    assert "InputMismatchError" in done.err


def test_a_wrong_token_is_refused(experiment: Run) -> None:
    done = experiment("list", STUDIO_TOKEN="wrong")
    assert done.code == 1
    assert "Unauthorized" in done.err


def test_a_token_on_the_command_line_is_refused_and_not_repeated(experiment: Run) -> None:
    done = experiment("list", "--token", "s3cret")
    assert done.code == 2
    assert "s3cret" not in done.err


def test_no_studio_at_the_address_is_explained(experiment: Run) -> None:
    done = experiment("list", STUDIO="http://127.0.0.1:9")
    assert done.code == 1
    assert "no Studio at http://127.0.0.1:9" in done.err


def test_a_deployed_file_is_told_with_its_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    baseline = {"metric": "rmse", "value": 12.25, "skill": 0.5, "rows": 200}
    made = Deployed("houses", "regression", "ridge", 800, 200, baseline, "http://127.0.0.1/x", Path("models.toml"))
    _tell(made)
    assert "12.25 on 200 rows that were held out" in capsys.readouterr().out
    assert _view(made)["models"] == "models.toml"
