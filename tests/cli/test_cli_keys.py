"""`retrain` for many models from one experiment: endpoints, adoption and data for each key, at one go."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.scenery import Scene, stage
from local.services.studio.client import StudioClient
from retrain.ports import Ports
from retrain.run import State
from tests.cli.conftest import Command, Done, rows, wired
from tests.cli.server import Triggers

RENTAL = "rental"
KEYS = ("001", "002", "003")


@pytest.fixture(scope="session")
def keyed(studio: StudioClient) -> Scene:
    """Three keys that start with the same bad model."""
    few = rows(60, seed=1, noise=30.0)
    served = {"task": "regression", "label": "heat", "learner": "ridge", "metric": "rmse"}
    return stage(studio, RENTAL, few, settle=2, targets=KEYS, **served)


@pytest.fixture
def ports(storage: str, tmp_path: Path, keyed: Scene) -> Ports:
    return wired(storage, tmp_path, keyed.toml, keyed.keys)


@pytest.fixture
def triggers(ports: Ports, storage: str) -> Iterator[Triggers]:
    running = Triggers(ports, storage, RENTAL)
    yield running
    running.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Holdouts of two keys, new data of all three; that of 003 is of no use."""
    for folder in ("holdouts", "new"):
        (tmp_path / folder).mkdir()
    for seed, key in enumerate(KEYS[:2]):
        (tmp_path / "holdouts" / f"{key}.csv").write_text(rows(150, seed + 10))
    for seed, key in enumerate(KEYS):
        (tmp_path / "new" / f"{key}.csv").write_text(rows(700, seed + 20))
    return tmp_path


@pytest.fixture
def endpoints(bare: Command, keyed: Scene) -> Command:
    """Runs `retrain endpoints create` at the scoring service, with the workspace's token."""

    def run(*arguments: str) -> Done:
        url = keyed.patch_url.rpartition("/")[0] + "/default"
        token = keyed.workspace["token"]
        return bare("endpoints", "create", *arguments, "--url", url, "--key", "env:TOKEN", TOKEN=token)

    return run


def test_each_key_is_adopted_and_retrained_by_one_command(
    retrain: Command, ports: Ports, files: Path, triggers: Triggers
) -> None:
    first = retrain("adopt", RENTAL, "--holdout", "holdouts/{key}.csv")
    assert first.code == 0, first.err
    assert [line.split()[:2] for line in first.out.splitlines()[1:]] == [["001", "adopted"], ["002", "adopted"]]
    assert "1 of 3 keys have no file" in first.err
    (files / "holdouts" / "003.csv").write_text(rows(150, 12))
    second = retrain("adopt", RENTAL, "--holdout", "holdouts/{key}.csv", "--json")
    told = json.loads(second.out)["keys"]
    assert [(one["key"], one["state"]) for one in told] == [("001", "kept"), ("002", "kept"), ("003", "adopted")]
    (files / "new" / "003.csv").write_text("nothing,of,use\n1,2,3\n")
    sent = retrain("submit", "new/{key}.csv", "--model", RENTAL, "--watch")
    assert sent.code == 3, sent.out + sent.err
    states = {line.split()[0]: line.split()[2] for line in sent.out.splitlines()[1:]}
    assert states == {"001": "promoted", "002": "promoted", "003": "quarantined"}
    again = retrain("submit", "new/{key}.csv", "--model", RENTAL, "--watch", "--json")
    assert [one["state"] for one in json.loads(again.out)["keys"]] == ["duplicate", "duplicate", "quarantined"]
    listed = retrain("models", RENTAL).out
    assert "3 keys, 3 with a model on record" in listed
    assert [line.split()[1:3] for line in listed.splitlines()[2:]] == [
        ["version", "1"],
        ["version", "1"],
        ["version", "0"],
    ]
    assert "3 of 3 keys" in retrain("models").out
    assert "promotion" in retrain("models", f"{RENTAL}:001").out
    back = retrain("rollback", f"{RENTAL}:001", "--reason", "only here")
    assert back.code == 0 and f"{RENTAL}:001 goes back to the model of version 0" in back.out
    assert f"{RENTAL}:002~" in retrain("runs", f"{RENTAL}:002").out
    assert f"archive/{RENTAL}" not in retrain("parked").out


def test_a_failing_key_stops_no_other_and_is_named_at_the_end(retrain: Command, ports: Ports, files: Path) -> None:
    (files / "holdouts" / "003.csv").write_text("outside,wind\n1,2\n")
    done = retrain("adopt", RENTAL, "--holdout", "holdouts/{key}.csv")
    assert done.code == 1
    assert [line.split()[1] for line in done.out.splitlines()[1:]] == ["adopted", "adopted", "failed"]
    assert "1 of 3 keys were not adopted" in done.err and "003:" in done.err and "'heat' is missing" in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("adopt", RENTAL, "--holdout", "holdouts/001.csv"), "name one, such as rental:001"),
        (("adopt", RENTAL, "--holdout", "nowhere/{key}.csv"), "no key of rental has a file at 'nowhere/{key}.csv'"),
        (("adopt", RENTAL, "--holdout", "holdouts/001.csv", "--data", "new/{key}.csv"), "--holdout needs it too"),
        (("adopt", f"{RENTAL}:001", "--holdout", "holdouts/{key}.csv"), "has no keys"),
        (("submit", "new/009.csv", "--model", f"{RENTAL}:001"), "there is no file 'new/009.csv'"),
        (("runs", f"{RENTAL}:999"), "has no key '999'"),
        (("runs", RENTAL), "name one, such as rental:001"),
    ],
)
def test_what_cannot_be_done_for_keys_says_why(
    retrain: Command, ports: Ports, files: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = retrain(*arguments)
    assert done.code in (1, 2) and says in done.err, done.err


def test_parked_lists_runs_of_keys(retrain: Command, ports: Ports, files: Path, triggers: Triggers) -> None:
    sent = retrain("submit", "new/001.csv", "--model", f"{RENTAL}:001", "--watch", "--json")
    run = json.loads(sent.out)
    assert (sent.code, run["state"]) == (4, State.PARKED)
    assert run["id"] in retrain("parked").out


def test_an_endpoint_is_created_for_each_key_and_kept_when_it_is_there(
    endpoints: Command, studio: StudioClient, keyed: Scene, tmp_path: Path
) -> None:
    secrets = tmp_path / "settings.json"
    secrets.write_text('{"Values": {"OTHER": "stays"}}')
    first = endpoints("--model", "rent-al", "--keys", "001..003", "--secrets", str(secrets))
    assert first.code == 0, first.err
    assert [line.split()[:3] for line in first.out.splitlines()[1:4]] == [
        [key, f"rental{key}", "created"] for key in KEYS
    ]
    fragment = tomllib.loads(first.out.partition("gate\n")[2])["models"]["rent-al"]
    assert fragment["keys"] == "001..003"
    assert fragment["endpoint"]["production"].endswith("/endpoints/rental{key}")
    values = json.loads(secrets.read_text())["Values"]
    made = studio.get_endpoint(keyed.workspace, keyed.service, "rental002")
    assert values["OTHER"] == "stays"
    assert values["RENT_AL_002_KEY"] == made["PrimaryKey"]
    assert secrets.stat().st_mode & 0o077 == 0
    assert made["PrimaryKey"] not in first.out + first.err
    more = endpoints("rental{key}", "--model", RENTAL, "--keys", "001..004", "--json", "--show-keys", "--at-once", "2")
    told = json.loads(more.out)
    assert [one["state"] for one in told["keys"]] == ["kept", "kept", "kept", "created"]
    assert told["keys"][1]["primaryKey"] == made["PrimaryKey"]
    lines = tmp_path / "settings.env"
    assert endpoints("--model", RENTAL, "--keys", "001,004", "--secrets", str(lines)).code == 0
    assert [line.partition("=")[0] for line in lines.read_text().splitlines()] == ["RENTAL_001_KEY", "RENTAL_004_KEY"]
    assert lines.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", RENTAL, "--keys", "01..100"), "same number of digits"),
        (("--model", RENTAL, "--keys", "north-1,south"), "'rentalnorth-1' cannot be endpoints"),
        (("name", "--model", RENTAL, "--keys", "001..003"), "is the same for every key"),
        (("a-very-long-name-for-any{key}", "--model", RENTAL, "--keys", "001..003"), "and 2 more"),
        (("--keys", "001..003"), "--keys needs --model"),
        ((), "name the endpoint"),
    ],
)
def test_names_and_keys_are_checked_before_anything_is_created(
    endpoints: Command, arguments: tuple[str, ...], says: str
) -> None:
    done = endpoints(*arguments)
    assert done.code == 2 and says in done.err, done.err


def test_the_limit_of_a_free_workspace_is_explained_once_and_what_could_be_made_is_told(
    bare: Command, studio: StudioClient
) -> None:
    workspace = studio.create_workspace("Free", free=True)
    experiment = studio.create_training_experiment(workspace, "Small", "regression", "heat", csv=rows(60, 3))
    studio.run_experiment(workspace, experiment["id"])
    made = studio.deploy(workspace, studio.derive_predictive(workspace, experiment["id"])["id"])
    url = studio.patch_url(workspace, made["WebServiceGroupId"], "default")
    chosen = ("--model", RENTAL, "--keys", "001..005", "--url", url, "--key", "env:TOKEN")
    done = bare("endpoints", "create", *chosen, TOKEN=workspace["token"])
    assert done.code == 1
    states = [line.split()[2] for line in done.out.splitlines()[1:6]]
    assert sorted(states) == ["created"] * 2 + ["failed"] * 3
    assert "3 of 5 keys have no endpoint" in done.err
    assert "a free one: it takes three endpoints" in done.err
