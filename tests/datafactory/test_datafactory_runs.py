"""Runs of pipelines: order, retries, time limits, cancelling, looking for them, and a restart amid them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from local import scenery_factory
from local.services.client import ServiceRefused
from local.services.datafactory.client import FactoryClient
from local.services.launch import ServicesProcess
from tests.services.wire import Order, Wire

from .conftest import SWITCHES
from .plant import Plant, activity, failing, wait


def until(what: Callable[[], Any], patience: float = 20) -> Any:
    stop = time.monotonic() + patience
    while not (found := what()):
        assert time.monotonic() < stop, "it did not come about"
        time.sleep(0.03)
    return found


def test_activities_run_in_the_order_of_their_conditions(plant: Plant) -> None:
    run, did = plant.outcome(
        wait("first"),
        failing("broken", after="first"),
        wait("mend", after={"broken": ["Failed"]}),
        wait("never", after={"first": ["Failed"]}),
        wait("because skipped", after={"never": ["Skipped"]}),
        wait("in any case", after={"broken": ["Completed"]}),
    )
    assert set(did) == {"first", "broken", "mend", "because skipped", "in any case"}
    assert did["first"]["activityRunEnd"] <= did["broken"]["activityRunStart"]
    assert run["status"] == "Succeeded", "each leaf succeeded"


def test_a_failure_that_nobody_handles_fails_the_run(plant: Plant) -> None:
    run, did = plant.outcome(failing("broken"), wait("next", after="broken"))
    assert run["status"] == "Failed" and set(did) == {"broken"}
    assert run["message"] == "Operation on target broken failed: broken fails"


def test_activities_that_do_not_wait_for_each_other_run_at_once(plant: Plant) -> None:
    run, _ = plant.outcome(*(wait(name, seconds=0.4) for name in "abcd"))
    assert run["durationInMs"] < 1200


def test_a_failed_attempt_is_repeated_as_often_as_the_policy_says(plant: Plant, wire: Wire) -> None:
    wire.answers(Order(500), Order(500), Order(body=b'{"ok": true}'))
    call = activity("WebActivity", "call", method="GET", url=wire.url)
    ident = plant.factory.start(plant.pipeline(call | {"policy": {"retry": 2, "retryIntervalInSeconds": 30}}))
    assert plant.factory.ended(ident)["status"] == "Succeeded"
    attempts = plant.factory.activities(ident)
    assert [(one["status"], one["retryAttempt"]) for one in attempts] == [
        ("Failed", None), ("Failed", 1), ("Succeeded", 2),
    ]  # fmt: skip
    wire.answers(Order(500))
    run, _ = plant.outcome(call | {"policy": {"retry": 1}})
    assert run["status"] == "Failed" and len(wire.seen) == 2


def test_an_activity_that_takes_longer_than_its_policy_allows_fails_and_its_job_is_cancelled(plant: Plant) -> None:
    plant.studio.hold_jobs()
    one = scenery_factory.training_activity() | {"policy": {"timeout": "0.00:00:01"}}
    parameters = {name: {"type": "String"} for name in ("dataPath", "modelPath", "metricsPath")}
    ident = plant.factory.start(plant.pipeline(one, parameters=parameters), **plant.paths())
    assert plant.factory.ended(ident)["status"] == "Failed"
    assert plant.factory.activities(ident)[0]["error"]["errorCode"] == "TimedOut"
    assert until(lambda: plant.studio.jobs()[-1]["state"] == "Cancelled")


def test_an_inactive_activity_is_not_done(plant: Plant) -> None:
    run, did = plant.outcome(failing("off") | {"state": "Inactive"}, wait("next", after="off"))
    assert run["status"] == "Succeeded" and set(did) == {"next"}


def test_a_cancelled_run_stops_its_job_at_the_web_service(plant: Plant) -> None:
    plant.studio.hold_jobs()
    ident = plant.factory.start(plant.training(), **plant.paths())
    until(plant.studio.held_jobs)
    plant.factory.cancel(ident)
    assert plant.factory.ended(ident)["status"] == "Cancelled"
    (train,) = plant.factory.activities(ident)
    assert train["status"] == "Cancelled"
    assert until(lambda: plant.studio.jobs()[-1]["state"] == "Cancelled")


@pytest.mark.parametrize(("answer", "refuses"), [(200, False), (400, True)])
def test_cancelling_a_run_that_ended_is_answered_as_the_switch_says(plant: Plant, answer: int, refuses: bool) -> None:
    plant.studio.switches(cancelEnded=answer)
    ident = plant.factory.start(plant.pipeline(wait("a")))
    plant.factory.ended(ident)
    if refuses:
        with pytest.raises(ServiceRefused, match="it is Succeeded"):
            plant.factory.cancel(ident)
    else:
        plant.factory.cancel(ident)
    assert plant.factory.run(ident)["status"] == "Succeeded"


def test_a_run_has_its_parameters_and_defaults_and_what_is_missing_is_said(plant: Plant) -> None:
    parameters = {"given": {"type": "String"}, "default": {"type": "String", "defaultValue": "d"}}
    name = plant.pipeline(wait("a"), parameters=parameters)
    ident = plant.factory.start(name, given="g", stray="s")
    assert plant.factory.run(ident)["parameters"] == {"given": "g", "default": "d"}
    with pytest.raises(ServiceRefused, match="no value and no default: given"):
        plant.factory.start(name)
    plant.studio.switches(undeclaredParameters="refuse")
    with pytest.raises(ServiceRefused, match="no parameter stray"):
        plant.factory.start(name, given="g", stray="s")


def test_a_run_can_refer_to_another_and_takes_its_parameters(plant: Plant) -> None:
    name = plant.pipeline(wait("a"), parameters={"given": {"type": "String"}})
    first = plant.factory.start(name, given="g")
    path = f"/pipelines/{name}/createRun"
    again = plant.factory.ask("POST", path, {}, f"&referencePipelineRunId={first}&isRecovery=true")["runId"]
    shown = plant.factory.run(again)
    assert shown["parameters"] == {"given": "g"} and shown["runGroupId"] == first
    with pytest.raises(ServiceRefused, match="ReferencedPipelineRunNotValid"):
        plant.factory.ask("POST", path, {}, "&referencePipelineRunId=none")


def test_runs_are_found_by_filters_in_order_and_page_by_page(plant: Plant) -> None:
    good, bad = plant.pipeline(wait("a")), plant.pipeline(failing("a"))
    idents = [plant.factory.ended(plant.factory.start(name))["runId"] for name in (good, bad, good, good, good)]
    only = [{"operand": "PipelineName", "operator": "Equals", "values": [good]}]
    newest = [{"orderBy": "RunStart", "order": "DESC"}]
    found = plant.factory.runs(filters=only, orderBy=newest)
    assert [one["runId"] for one in found] == [idents[4], idents[3], idents[2], idents[0]]
    failed = [{"operand": "Status", "operator": "In", "values": ["Failed", "Cancelled"]}]
    names = [{"operand": "PipelineName", "operator": "In", "values": [good, bad]}]
    assert [one["runId"] for one in plant.factory.runs(filters=failed + names)] == [idents[1]]
    plant.studio.switches(queryPageSize=3)
    span = {"lastUpdatedAfter": "2000-01-01T00:00:00Z", "lastUpdatedBefore": "2100-01-01T00:00:00Z", "filters": only}
    first = plant.factory.ask("POST", "/queryPipelineRuns", span)
    rest = plant.factory.ask("POST", "/queryPipelineRuns", {**span, "continuationToken": first["continuationToken"]})
    assert (len(first["value"]), len(rest["value"])) == (3, 1) and "continuationToken" not in rest


def test_runs_are_found_by_when_they_changed_and_not_before_the_service_shows_them(plant: Plant) -> None:
    ident = plant.factory.start(plant.pipeline(wait("a")))
    plant.factory.ended(ident)

    def found(**delta: float) -> bool:
        after = (datetime.now(UTC) + timedelta(**delta)).isoformat()
        return any(run["runId"] == ident for run in plant.factory.runs(lastUpdatedAfter=after))

    assert found(minutes=-1) and not found(minutes=1)
    plant.studio.switches(queryLag=3600)
    assert not found(minutes=-1) and plant.factory.run(ident)["status"] == "Succeeded"
    for wrong in ({"lastUpdatedAfter": "yesterday"}, {"filters": [{"operand": "Nobody"}]}, {"continuationToken": "?"}):
        with pytest.raises(ServiceRefused, match="Invalid query"):
            plant.factory.runs(**wrong)


def test_a_fault_can_be_ordered_for_an_activity(plant: Plant) -> None:
    plant.studio.fault("runactivity", endpoint="second", message="No capacity", code="4000")
    run, did = plant.outcome(wait("first"), wait("second", after="first"))
    assert did["second"]["error"]["errorCode"] == "4000" and "No capacity" in run["message"]


def test_a_restart_takes_up_unfinished_runs_and_submits_nothing_twice(tmp_path: Path, storage: str, wire: Wire) -> None:
    state = tmp_path / "state"
    with ServicesProcess(state, storage, switches=SWITCHES, workers=1) as first:
        plant = Plant(first.url, storage)
        plant.studio.hold_jobs()
        wire.answers(Order(202))
        hook = activity("WebHook", "ask", method="POST", url=wire.url, body={}, timeout="00:05:00")
        ident = plant.factory.start(plant.training(wait("pause", seconds=1), hook), **plant.paths("again/"))
        until(plant.studio.held_jobs)
        until(lambda: wire.seen)
        plant.close()
        first.kill()
    port = int(first.url.rpartition(":")[2])
    with ServicesProcess(state, storage, port, SWITCHES, workers=1) as second:
        factory = FactoryClient(second.url, "plant")
        requests.post(msgspec.json.decode(wire.seen[0].body)["callBackUri"], json={"done": True}, timeout=30)
        run = factory.ended(ident)
        assert run["status"] == "Succeeded", run["message"]
        did = {one["activityName"]: one for one in factory.activities(ident)}
        assert did["ask"]["output"] == {"done": True} and len(did) == 3
        factory.close()
        jobs = requests.get(f"{second.url}/_local/jobs", timeout=30).json()
        assert (len(jobs), len(wire.seen)) == (1, 1), "the job was submitted once, the partner called once"


def test_a_cancelling_that_a_restart_cut_off_is_brought_to_its_end(tmp_path: Path, storage: str) -> None:
    state = tmp_path / "state"
    with ServicesProcess(state, storage, switches=SWITCHES, workers=1) as first:
        plant = Plant(first.url, storage)
        plant.studio.hold_jobs()
        ident = plant.factory.start(plant.training(), **plant.paths())
        until(plant.studio.held_jobs)
        plant.studio.fault("canceljob", delay=60)
        plant.factory.cancel(ident)
        assert plant.factory.run(ident)["status"] == "Canceling"
        plant.close()
        first.kill()
    with ServicesProcess(state, storage, int(first.url.rpartition(":")[2]), SWITCHES, workers=1) as second:
        factory = FactoryClient(second.url, "plant")
        assert factory.ended(ident)["status"] == "Cancelled"
        assert [one["status"] for one in factory.activities(ident)] == ["Cancelled"]
        (job,) = requests.get(f"{second.url}/_local/jobs", timeout=30).json()
        assert job["state"] == "Cancelled"
        factory.close()


def test_a_call_that_a_restart_cut_off_is_not_made_again(tmp_path: Path, storage: str, wire: Wire) -> None:
    state = tmp_path / "state"
    wire.answers(Order(late=2))
    with ServicesProcess(state, storage, switches=SWITCHES, workers=1) as first:
        factory = FactoryClient(first.url, "plant")
        call = activity("WebActivity", "call", method="POST", url=wire.url, body={})
        factory.put("pipelines", "p", {"activities": [call]})
        ident = factory.start("p")
        until(lambda: wire.seen)
        factory.close()
        first.kill()
    with ServicesProcess(state, storage, switches=SWITCHES, workers=1) as second:
        factory = FactoryClient(second.url, "plant")
        assert "not repeated" in factory.ended(ident)["message"]
        assert len(wire.seen) == 1
        factory.close()


def test_keys_are_never_written_to_the_servers_output(plant: Plant, services_log: Path) -> None:
    plant.factory.ended(plant.factory.start(plant.training(), **plant.paths()))
    written = services_log.read_text(encoding="utf-8")
    for secret in (plant.scene.training["PrimaryKey"], "AccountKey", "sig="):
        assert secret not in written
