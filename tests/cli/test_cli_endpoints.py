"""`retrain endpoints` against a web service that is really served."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local.scenery import Scene
from local.services.studio.client import StudioClient
from retrain.ports import JobState, Ports
from retrain.run import State
from tests.cli.conftest import MODEL, Command, Done, rows, wired
from tests.cli.records import run_in


@pytest.fixture
def ports(storage: str, tmp_path: Path, scene: Scene) -> Ports:
    return wired(storage, tmp_path, scene.toml, scene.keys)


@pytest.fixture
def endpoints(bare: Command, scene: Scene) -> Command:
    """Runs `retrain endpoints` at one of the service's endpoints, with the workspace's token."""

    def run(command: str, *arguments: str, at: str = "live", **settings: str) -> Done:
        url = scene.patch_url.rpartition("/")[0] + f"/{at}"
        token = scene.workspace["token"]
        return bare("endpoints", command, *arguments, "--url", url, "--key", "env:TOKEN", TOKEN=token, **settings)

    return run


@pytest.fixture
def created(endpoints: Command, studio: StudioClient, scene: Scene) -> Iterator[str]:
    """A new endpoint, removed afterwards."""
    name = "consumer7"
    done = endpoints("create", name, "--description", "for a test", "--json", at="default")
    assert done.code == 0, done.err
    yield name
    studio.delete_endpoint(scene.workspace, scene.service, name)


def test_a_created_endpoint_is_listed_and_shows_its_keys_only_when_asked(endpoints: Command, created: str) -> None:
    listed = json.loads(endpoints("list", "--json").out)["endpoints"]
    assert created in [endpoint["name"] for endpoint in listed]
    plain, asked = endpoints("show", created), endpoints("show", created, "--show-keys")
    assert f"/endpoints/{created}" in plain.out
    assert "key" not in plain.out
    assert "primary key" in asked.out


def test_a_model_is_patched_in_and_a_refresh_takes_it_out(endpoints: Command, created: str, ports: Ports) -> None:
    blob = trained(ports)
    link = ports.blobs.sign(blob, "r", timedelta(hours=1))
    patched = endpoints("patch", "--model", "env:LINK", "--json", at=created, LINK=link)
    assert patched.code == 0, patched.err
    assert json.loads(patched.out)["location"]["RelativeLocation"] == blob
    assert "sig=***" in patched.out
    assert blob in endpoints("show", at=created).out
    assert "was refreshed" in endpoints("refresh", "--overwrite", at=created).out
    assert blob not in endpoints("show", at=created).out


def trained(ports: Ports) -> str:
    """The blob of a model that the training web service has just made from new rows."""
    trainer, run = ports.services.trainer(ports.models.get(MODEL)), run_in(State.READY)
    data, model = f"runs/{MODEL}/by-hand.csv", f"candidates/{MODEL}/by-hand.ilearner"
    ports.blobs.write(data, rows(300, seed=9).encode())
    job = trainer.submit(run, data, model, f"runs/{MODEL}/by-hand-metrics.csv")
    trainer.start(job)
    while (state := trainer.poll(job).state) in (JobState.NOT_STARTED, JobState.RUNNING):
        time.sleep(0.1)
    assert state is JobState.SUCCEEDED
    return model


def test_an_endpoint_is_asked_for_predictions_by_its_owner_and_with_its_keys(
    endpoints: Command, bare: Command, scene: Scene, tmp_path: Path
) -> None:
    request = tmp_path / "request.json"
    values = [["2026-01-01", "3", "4"], ["2026-01-02", "30", "4"]]
    table = {"ColumnNames": ["day", "outside", "wind"], "Values": values}
    request.write_text(json.dumps({"Inputs": {"input1": table}, "GlobalParameters": {}}))
    done = endpoints("score", str(request), "--json")
    assert done.code == 0, done.err
    value = json.loads(done.out)["Results"]["output1"]["value"]
    assert value["ColumnNames"] == ["Scored Labels"]
    (cold,), (warm,) = value["Values"]
    assert float(cold) != float(warm)
    asked = ("score", str(request), "--url", scene.patch_url)
    for which in ("PrimaryKey", "SecondaryKey"):
        shown = bare("endpoints", *asked, "--key", "env:OWN", OWN=scene.live[which])
        assert shown.out.split() == ["output1", "Scored", "Labels", cold, warm]


def test_what_is_no_request_is_not_sent(endpoints: Command, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    for text, said in (("[1]", "is no request"), ("{", "is no JSON")):
        request.write_text(text)
        done = endpoints("score", str(request))
        assert (done.code, said in done.err) == (2, True), done.err
    assert endpoints("score", str(tmp_path / "none.json")).code == 2


def test_a_removed_endpoint_is_gone_and_the_default_one_stays(endpoints: Command) -> None:
    assert endpoints("create", "brief", at="default").code == 0
    assert json.loads(endpoints("remove", "brief", "--json").out)["removed"].endswith("/endpoints/brief")
    assert "brief" not in endpoints("list").out
    assert endpoints("remove", "brief").code == 1
    assert endpoints("remove", "default").code == 1
    assert "default" in endpoints("list").out


def test_patching_the_default_endpoint_is_explained(endpoints: Command) -> None:
    done = endpoints("patch", "--model", "env:LINK", at="default", LINK="https://x.example/c/m.ilearner?sig=s3cret")
    assert done.code == 1
    assert "default endpoint" in done.err
    assert "s3cret" not in done.err


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(bare: Command, scene: Scene) -> None:
    key = bare("endpoints", "list", "--url", scene.patch_url, "--key", "s3cret")
    model = bare(
        "endpoints", "patch", "--url", scene.patch_url, "--key", "env:K", "--model", "https://x/y?sig=s3cret", K="k"
    )
    for done in (key, model):
        assert done.code == 2
        assert "s3cret" not in done.err


def test_a_runtime_address_is_told_from_the_patch_address(bare: Command, scene: Scene) -> None:
    done = bare("endpoints", "list", "--url", scene.live["ApiLocation"], "--key", "env:K", K="k")
    assert done.code == 1
    assert "PATCH URL" in done.err
