"""A finished job of Azure ML is noticed at once by its event, though looks are minutes apart; in the real worker.

The local workspace publishes them to the app, which subscribed. They come twice, late, out of order, forged; none of
that does any harm.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from local import adult
from local.host.launch import HostProcess
from local.services.azureml.control.client import ControlClient
from retrain import doctor
from retrain.run import Run, State
from tests.app.azureml import AzureMlWorld
from tests.app.designer import DesignerWorld
from tests.app.world import World

BATCH = 'train_on = "batch"'
EXPECTED = "events = true"
TYPES = "Microsoft.MachineLearningServices"
SCHEMAS = ("EventGridSchema", "CloudEventSchemaV1_0")


@pytest.fixture
def new(new_world: Callable[..., World]) -> Iterator[Callable[..., Any]]:
    """Makes worlds whose jobs are held until they are released."""
    made: list[Any] = []

    def make(kind: type[World] = AzureMlWorld, **options: object) -> Any:
        world = new_world(kind, **{"extra": BATCH, "trainer": EXPECTED, **options})
        world.adopt()  # type: ignore[attr-defined]
        made.append(world)
        return world

    yield make
    for world in made:
        world.designer.release_jobs()
        world.designer.switches(eventCopies=1, eventDelay=0, eventDisorder=0, eventCasing="mixed")


@pytest.fixture
def world(new: Callable[..., Any]) -> AzureMlWorld:
    """A model of five hundred Americans, adopted, whose trainer says that events come; its jobs are held."""
    made: AzureMlWorld = new()
    made.control.hold_jobs()
    return made


def asleep(world: DesignerWorld) -> Run:
    """A run whose job runs, and that looks at it again in minutes only."""
    run = world.land("others.csv", adult.others())
    while (now := world.ports.ledger.run(run.id)).due is None or now.due - world.ports.now() < timedelta(minutes=5):
        if now.due is not None and now.due > world.ports.now():
            world.later(seconds=(now.due - world.ports.now()).total_seconds())
        now = world.handed(run)
        assert now.state in (State.RECEIVED, State.READY, State.TRAINING), now.why
    assert now.job is not None and now.job.phase == "started"
    assert now.due is not None and now.due > datetime.now(UTC) + timedelta(minutes=5)
    return now


def topic(world: DesignerWorld) -> str:
    """The workspace whose jobs are told of."""
    return world.control.scope if isinstance(world, AzureMlWorld) else world.designer.scope


def data(job: str, status: str = "Completed") -> dict[str, Any]:
    return {
        "experimentId": "0f4c9b9e",
        "experimentName": "retrain",
        "runId": job,
        "runType": "azureml.PipelineRun",
        "runTags": {"azureml.pipelineComponent": "pipelinerun"},
        "runProperties": {},
        "runStatus": status,
    }


def grid(world: DesignerWorld, job: str, kind: str = "RunStatusChanged", status: str = "Completed") -> dict[str, Any]:
    """An event in Event Grid's own schema."""
    return {
        "topic": topic(world),
        "subject": f"experiments/0f4c9b9e/runs/{job}",
        "eventType": f"{TYPES}.{kind}",
        "eventTime": "2026-08-01T08:00:00.1234567Z",
        "id": "11111111-2222-4333-8444-555555555555",
        "data": data(job, status),
        "dataVersion": "1",
        "metadataVersion": "1",
    }


def post(world: World, body: Any) -> requests.Response:
    """Delivers events as Event Grid does."""
    assert world.host is not None
    headers = {"aeg-event-type": "Notification"}
    return requests.post(f"{world.host.url}/api/events", json=body, headers=headers, timeout=30)


def started(world: World, **options: Any) -> HostProcess:
    """Starts the app, which nothing tells of blobs: neither of models that jobs write, nor of what is in the inbox."""
    return world.start(events=False, settings={"RETRAIN_BLOB_SOURCE": "EventGrid"}, **options)


def subscribed(world: DesignerWorld, schema: str) -> HostProcess:
    """Starts the app, and subscribes it to the events of the workspace."""
    host = started(world)
    grid_of = ControlClient(world.designer.url, topic(world))
    state = grid_of.subscribe("retrain", f"{host.url}/api/events", schema)["provisioningState"]
    grid_of.close()
    assert state == "Succeeded"
    return host


def key_of(world: World, function: str) -> str:
    """The key that opens this function only."""
    (blob,) = [name for name in world.names("azure-webjobs-secrets") if name.endswith(f"/{function}.json")]
    return str(json.loads(world.read(f"azure-webjobs-secrets/{blob}"))["keys"][0]["value"])


def ended(world: DesignerWorld, run: Run) -> str:
    """Lets the run's job end; its name."""
    world.designer.release_jobs()
    assert run.job is not None
    trainer = world.ports.services.trainer(world.ports.models.get(world.name))
    stop = time.monotonic() + 30
    while not trainer.poll(run.job.id).state.ended:
        assert time.monotonic() < stop
        time.sleep(0.05)
    return run.job.id


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_finished_job_is_noticed_by_its_event_although_the_next_look_is_minutes_away(
    world: AzureMlWorld, schema: str
) -> None:
    asleep(world)
    subscribed(world, schema)
    world.control.release_jobs()
    (done,) = world.wait(seconds=30)
    assert done["state"] == "promoted", done["why"]
    assert len(world.submitted()) == 1


def test_a_job_that_somebody_cancelled_at_the_service_is_noticed_as_well(world: AzureMlWorld) -> None:
    run = asleep(world)
    assert run.job is not None
    subscribed(world, "EventGridSchema")
    world.control.arm("POST", f"jobs/{run.job.id}/cancel", {})
    (done,) = world.wait(seconds=30)
    assert done["state"] == "cancelled", done["why"]


def test_events_that_come_twice_late_and_out_of_order_move_the_run_once(world: AzureMlWorld) -> None:
    asleep(world)
    host = subscribed(world, "EventGridSchema")
    world.control.switches(eventCopies=3, eventDelay=0.5, eventDisorder=1.5, eventCasing="pascal")
    world.control.release_jobs()
    (done,) = world.wait(seconds=30)
    assert done["state"] == "promoted", done["why"]
    time.sleep(2)  # the last ones
    assert host.log_text().count("POST /api/events") > 10
    moves = world.call("GET", f"runs/{done['id']}").json()["moves"]
    assert [move["to"] for move in moves] == ["received", "ready", "training", "trained", "evaluating", "promoting",
                                              "promoted"]  # fmt: skip
    assert post(world, [grid(world, done["job"]["id"])] * 3).json() == {"events": 3, "woken": 0}
    assert world.runs()[0]["seq"] == done["seq"]


def test_a_forged_event_that_a_job_failed_changes_nothing_because_the_service_is_asked(world: AzureMlWorld) -> None:
    run = asleep(world)
    assert run.job is not None
    started(world)
    for status in ("Failed", "Canceled", "Completed", "Blown up"):
        assert post(world, [grid(world, run.job.id, status=status)]).json()["events"] == 1
    stop = time.monotonic() + 20
    while world.runs()[0]["job"]["polls"] == run.job.polls:
        assert time.monotonic() < stop, "nobody looked"
        time.sleep(0.05)
    assert world.runs()[0]["state"] == "training"
    ended(world, run)
    (done,) = world.wait(seconds=30)
    assert done["state"] == "promoted", "after an event the next looks follow soon, for it may have been early"


def test_events_of_other_jobs_workspaces_and_kinds_are_answered_and_do_nothing(world: AzureMlWorld) -> None:
    run = asleep(world)
    assert run.job is not None
    started(world)
    ours = grid(world, run.job.id)
    strangers = [
        grid(world, "somebody-elses-job"),
        {**ours, "topic": topic(world) + "-other"},
        {**ours, "eventType": f"{TYPES}.ModelRegistered"},
        {**ours, "eventType": "Microsoft.Storage.BlobCreated"},
        {**ours, "eventType": "Nobody.Knows.This"},
        {**ours, "data": None, "subject": ""},
        grid(world, run.job.id, status="Running"),
        grid(world, run.job.id, status="FINALIZING"),
    ]
    answer = post(world, strangers)
    assert (answer.status_code, answer.json()) == (200, {"events": len(strangers), "woken": 0})
    assert world.runs()[0]["seq"] == run.seq


def test_an_event_of_an_older_attempt_does_nothing(world: AzureMlWorld) -> None:
    run = asleep(world)
    world.ports.ledger.keep_job(topic(world), "older-1", run.id)
    started(world)
    assert post(world, [grid(world, "older-1")]).json() == {"events": 1, "woken": 0}
    assert world.runs()[0]["seq"] == run.seq


def test_what_is_no_event_is_answered_with_what_is_wrong(world: AzureMlWorld) -> None:
    started(world)
    assert world.host is not None
    for body in (
        b"",
        b"{",
        b"[1, 2]",
        b'{"a": "secret"}',
        b"[" * 50_000,
        b"\xff\xfe",
        b'{"specversion": "0.3", "type": "x"}',
    ):
        answer = requests.post(f"{world.host.url}/api/events", data=body, timeout=30)
        assert answer.status_code == 400, body[:50]
        assert answer.json()["error"]["code"] == "badRequest"
        assert "secret" not in answer.text
    assert post(world, [{"eventType": "x"}] * 5001).status_code == 413
    assert post(world, [{"eventType": "x", "data": "x" * 3_000_000}]).status_code == 413
    mixed = post(world, [{"eventType": "x"}, 7])
    assert (mixed.status_code, mixed.json()["events"]) == (200, 1)
    assert "event 2 of 2" in mixed.json()["complaints"][0]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_handshake_is_given_to_who_has_the_key_and_to_nobody_else(world: AzureMlWorld, schema: str) -> None:
    host = started(world, enable_auth=True)
    url, code = f"{host.url}/api/events", key_of(world, "events_arrived")
    for query, state in (("", "Failed"), ("?code=wrong", "Failed"), (f"?code={code}", "Succeeded")):
        assert world.control.subscribe("retrain", url + query, schema)["provisioningState"] == state
    assert requests.post(url, json=[], timeout=30).status_code == 401
    assert requests.post(f"{url}?code={code}", json=[], timeout=30).status_code == 200
    assert requests.options(f"{url}?code={code}", timeout=30).status_code == 400
    assert requests.get(f"{host.url}/api/models?code={code}", timeout=30).status_code == 401, "it opens nothing else"


def test_a_run_of_a_designer_pipeline_is_noticed_as_well(new: Callable[..., Any]) -> None:
    world: DesignerWorld = new(DesignerWorld)
    world.designer.hold_jobs()
    asleep(world)
    subscribed(world, "CloudEventSchemaV1_0")
    world.designer.release_jobs()
    (done,) = world.wait(seconds=30)
    assert done["state"] == "promoted", done["why"]


def test_without_events_a_job_is_looked_at_each_minute_and_no_event_is_needed(new: Callable[..., Any]) -> None:
    world = new(trainer="")
    world.control.hold_jobs()
    run = world.land("others.csv", adult.others())
    pauses = set()
    for _ in range(30):
        now = world.handed(run)
        if now.due is not None:
            pauses.add(round((now.due - world.ports.now()).total_seconds()))
            world.later(seconds=(now.due - world.ports.now()).total_seconds() + 0.001)
    assert max(pauses) == 60
    assert now.job is not None
    ended(world, now)
    assert world.finish(now).state is State.PROMOTED


def test_no_look_is_put_off_beyond_the_deadline_of_the_job(new: Callable[..., Any]) -> None:
    world = new(extra=f"{BATCH}\njob_hours = 0.2")
    world.control.hold_jobs()
    run = world.land("others.csv", adult.others())
    while not (now := world.handed(run)).ended:
        if now.due is not None and now.due > world.ports.now():
            world.later(seconds=(now.due - world.ports.now()).total_seconds() + 0.001)
        if now.deadline is not None and now.due is not None:
            assert now.due <= now.deadline + timedelta(seconds=2.1)
    assert "was not done by its deadline" in now.why


def told_by_doctor(world: AzureMlWorld) -> list[tuple[str, str]]:
    findings = doctor.examine(world.name, world.ports).models[0].findings
    return [(one.verdict, one.message) for one in findings if one.subject == "events"]


def test_doctor_says_whether_events_reach_the_app(world: AzureMlWorld) -> None:
    ((verdict, message),) = told_by_doctor(world)
    assert verdict == "warn" and "is not known before a job of the model ends" in message
    run = asleep(world)
    ended(world, run)
    done = world.finish(run)
    ((verdict, message),) = told_by_doctor(world)
    assert verdict == "warn" and f"no event told of the job of run {done.id}, none ever came" in message
    started(world)
    assert run.job is not None
    assert post(world, [grid(world, run.job.id)]).json() == {"events": 1, "woken": 0}
    ((verdict, message),) = told_by_doctor(world)
    assert verdict == "ok" and "events of jobs reach the app" in message


def test_doctor_says_nothing_of_events_where_none_are_expected(new: Callable[..., Any]) -> None:
    assert told_by_doctor(new(trainer="")) == []
