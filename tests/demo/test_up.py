"""`make up` as its user sees it, and one's own CSV deployed into it. One stack serves the tests in order."""

from __future__ import annotations

import csv
import gzip
import html
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from cli.api import Api
from cli.problems import Problem
from local import bikes, own
from local.home import Home
from retrain.run import ENDED
from shared.services.credentials import identity_token
from tests.demo.programs import Program
from tests.identity import identified

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
READY = r"Retrain is running on this machine[\s\S]*rollback"
Start = Callable[..., Program]


def command(folder: Path) -> tuple[str, str]:
    """What runs the stack of that folder."""
    return (
        "-c",
        f"import sys; from pathlib import Path; from local.up import serve; sys.exit(serve(Path({str(folder)!r})))",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("up") / "state")


@pytest.fixture(scope="module")
def up(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = Program(command(home.folder), tmp_path_factory.mktemp("output") / "up.txt", COLUMNS="400")
    try:
        program.await_text(READY, 100)
        yield program
    finally:
        program.end()


@pytest.fixture
def api(up: Program, home: Home) -> Iterator[Api]:
    api = Api(home.connection().retrain, "", "tester")
    yield api
    api.close()


def run_of(api: Api, model: str, file: Path) -> dict[str, Any]:
    """The run that a file came to."""
    api.upload(model, file, file.name, "data")
    end = time.monotonic() + 60
    while time.monotonic() < end:
        runs = api.get(f"/api/models/{model}/runs")["runs"]
        if runs and runs[0]["state"] in ENDED:
            found: dict[str, Any] = runs[0]
            return found
        time.sleep(0.1)
    raise AssertionError(runs)


def people(path: Path, count: int, seed: int) -> Path:
    """A table like that of the census: who earns more than 50,000?"""
    rng = random.Random(seed)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["age", 'hours "per" week', "education", "income"])
        for _ in range(count):
            age, hours, school = rng.randint(18, 80), rng.randint(10, 60), rng.choice(["HS", "BSc", "MSc"])
            odds = (age - 40) / 15 + (hours - 40) / 10 + {"HS": -2, "BSc": -1, "MSc": 0}[school] + rng.gauss(0, 1)
            table.writerow([age, hours, school, ">50K" if odds > 0 else "<=50K"])
    return path


def test_up_offers_a_model_that_a_file_can_be_submitted_to_at_once(api: Api, home: Home) -> None:
    assert api.get(f"/api/models/{bikes.NAME}")["champion"]["version"] == 0
    assert run_of(api, bikes.NAME, home.samples / "2011-06.csv")["state"] == "promoted"


def test_up_keeps_secrets_to_its_owner_and_names_its_addresses(up: Program, home: Home) -> None:
    for path in (home.settings, home.models, home.folder / "connection.json"):
        assert path.stat().st_mode & 0o077 == 0, path
    connection = home.connection()
    assert connection.retrain in up.said()
    assert connection.studio in up.said()
    assert set(msgspec.json.decode(home.settings.read_bytes())) == {"IsEncrypted", "Values"}


def test_up_refuses_to_run_twice_in_one_folder(up: Program, home: Home, start: Start) -> None:
    second = start(*command(home.folder), COLUMNS="200")
    assert second.process.wait(30) == 1
    assert "the local stack runs already at http://127.0.0.1:" in second.said()


def test_own_file_with_two_classes_becomes_a_model_that_takes_new_data(api: Api, home: Home, tmp_path: Path) -> None:
    made = own.deploy(people(tmp_path / "people.csv", 1500, 1), "income", "income", folder=home.folder)
    assert (made.task, made.baseline["metric"]) == ("classification", "auc")
    assert made.baseline["value"] > 0.8
    assert made.train_rows + made.holdout_rows == 1500
    assert 0.15 < made.holdout_rows / 1500 < 0.25
    assert api.get("/api/models/income")["champion"]["version"] == 0
    run = run_of(api, "income", people(tmp_path / "more.csv", 1500, 2))
    assert run["state"] in ("promoted", "refused"), run["why"]
    assert run["verdict"]["champion"] > 0.8


def test_own_file_with_days_is_held_out_by_its_newest(up: Program, home: Home) -> None:
    made = own.deploy(
        bikes.DATA, "own-bikes", "cnt", time="day", learner="ridge", parameters=bikes.PARAMETERS, folder=home.folder
    )
    assert (made.task, made.learner, made.train_rows + made.holdout_rows) == ("regression", "ridge", 17_379)
    assert made.baseline["rows"] == made.holdout_rows
    assert "own-bikes" in home.names()


def test_own_file_can_go_to_a_new_service_that_a_factory_retrains(api: Api, home: Home, tmp_path: Path) -> None:
    file = people(tmp_path / "people.csv", 1500, 3)
    kinds = {"trainer": "data-factory", "endpoint": "studio-service"}
    made = own.deploy(file, "moved", "income", **kinds, folder=home.folder)
    assert requests.get(f"{made.production}/swagger.json", timeout=10).ok
    run = run_of(api, "moved", people(tmp_path / "more.csv", 1500, 4))
    assert run["state"] in ("promoted", "refused"), run["why"]
    assert "Microsoft.DataFactory" in home.models.read_text()
    services = home.connection().studio
    shown = requests.get(services, timeout=10).text
    for name in ("Bikes [predictive exp.]", "moved-live", "moved-factory/pipelines/retrain"):
        assert name in shown
    for address in re.findall(r'href="([^"]+)"', shown):
        assert requests.get(services + html.unescape(address), timeout=10).ok, address


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"endpoint": "azureml-online"}, "is none of what can be deployed in one call: studio-classic, studio-service"),
        ({"name": "Bad Name"}, "cannot be a model's name"),
        ({"name": bikes.NAME}, "there is a model bikes already"),
        ({"label": "count"}, "there is no column 'count'; the file has day, hour"),
        ({"label": "season"}, "neither two classes nor a number"),
        ({"learner": "magic"}, "is no learner for regression; there are ridge"),
        ({"parameters": {"Depth": "3"}}, "'Depth' is no parameter"),
        ({"time": "season"}, "cannot be used"),
        ({"csv_path": Path("nowhere.csv")}, "nowhere.csv cannot be read"),
    ],
)
def test_own_file_is_refused_in_words(up: Program, home: Home, given: dict[str, Any], said: str) -> None:
    before = home.models.read_bytes(), home.settings.read_bytes()
    asked: dict[str, Any] = {"csv_path": bikes.DATA, "name": "new", "label": "cnt", "folder": home.folder, **given}
    with pytest.raises(Problem, match=said):
        own.deploy(**asked)
    assert (home.models.read_bytes(), home.settings.read_bytes()) == before


def test_own_file_needs_a_running_stack(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no local stack is running here; start it with `make up`"):
        own.deploy(bikes.DATA, "new", "cnt", folder=tmp_path)


def test_own_file_that_is_no_gzip_is_refused(up: Program, home: Home, tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * 100)[:-20])
    with pytest.raises(Problem, match="cannot be read"):
        own.deploy(tmp_path / "cut.csv.gz", "new", "a", folder=home.folder)


def test_up_gives_the_app_an_identity_with_which_it_reads_the_vault(up: Program, api: Api, home: Home) -> None:
    url = home.connection().studio
    with identified(url):
        headers = {"Authorization": f"Bearer {identity_token('https://vault.azure.net/.default')}"}
    body = {"value": home.values()["BIKES_LIVE_KEY"]}
    requests.put(f"{url}/secrets/live?api-version=7.4", json=body, headers=headers, timeout=30).raise_for_status()
    table = home.models.read_text().split("\n\n[models.income]")[0]
    home.add(table.replace("models.bikes", "models.vaulted").replace("env:BIKES_LIVE_KEY", "keyvault:live"), {"X": "1"})
    own._await(api, "vaulted")
    (model,) = api.look("/api/models/vaulted/doctor")["models"]
    assert [one for one in model["findings"] if one["verdict"] == "fail"] == []
    assert "production_key = 'keyvault:live' is there" in [one["message"] for one in model["findings"]]
    assert not {"IDENTITY_HEADER", "KEY_VAULT_URL"} & set(home.values()), "what is not the user's is not kept"


def test_up_goes_on_after_settings_that_the_app_cannot_start_with(up: Program, home: Home, api: Api) -> None:
    good = home.settings.read_text()
    home.settings.write_text("not JSON")
    up.await_text(r"is not a JSON object[\s\S]*the settings before it stay")
    home.settings.write_text(
        good.replace('"FUNCTIONS_WORKER', '"AzureFunctionsJobHost__extensions__http": "1", "FUNCTIONS_WORKER')
    )
    up.await_text("Retrain does not start with this")
    home.settings.write_text(good)
    up.await_text(r"does not start with this[\s\S]*Retrain was restarted")
    assert api.get("/api/health")["status"] == "ok"


def test_up_remembers_everything_when_it_is_started_again_elsewhere(up: Program, home: Home, start: Start) -> None:
    champion, studio = version(home), home.connection().studio
    assert up.interrupt(signal.SIGINT, group=True) == 0
    assert up.left() == []
    assert not home.running
    moved = home.models.read_text().replace(studio, "http://127.0.0.1:1")
    home.models.write_text(moved)
    home.connect(msgspec.structs.replace(home.last_connection(), studio="http://127.0.0.1:1"))
    again = start(*command(home.folder))
    again.await_text(READY)
    assert version(home) == champion
    assert "http://127.0.0.1:1/" not in home.models.read_text()
    assert again.interrupt(signal.SIGTERM) == 0
    assert again.left() == []


def version(home: Home) -> int:
    """Which version of the bikes is live."""
    api = Api(home.connection().retrain, "", "tester")
    found: int = api.get(f"/api/models/{bikes.NAME}")["champion"]["version"]
    api.close()
    return found
