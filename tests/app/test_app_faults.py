"""What can go wrong outside: each fault is waited out, or ends in words that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from retrain import acts, adoption, advance
from retrain.errors import BadConfiguration, BadRequest, Conflict, RetrainError
from retrain.messages import Step, encode
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = bikes.months("2011-04", "2011-05", "2011-06")


def ended(world: World, content: str = SPRING) -> Run:
    return world.finish(world.land("data.csv", content))


def test_a_run_stops_until_the_live_model_is_adopted(world: World) -> None:
    run = ended(world)
    assert run.state is State.PARKED
    assert f"retrain adopt {world.name} --holdout" in run.why
    adopted = world.adopt()
    assert list(adopted.released) == [run.id]
    assert world.finish(run).state is State.PROMOTED


def test_adoption_changes_nothing_at_the_service_and_says_how_good_the_model_is(world: World) -> None:
    world.studio.clear_log()
    adopted = world.adopt()
    assert (adopted.copied, adopted.champion.version) == (True, 0)
    assert adopted.baseline.metric == "rmse"
    assert 20 < adopted.baseline.value < 120
    assert {seen["operation"] for seen in world.studio.log()} <= {"getendpoint", "execute", "getSwaggerDocument"}
    with pytest.raises(Conflict, match="--again"):
        world.adopt()


@pytest.mark.parametrize("holdout", ["", "a,b\n1,2\n"], ids=["none", "no label"])
def test_adoption_asks_for_a_labelled_holdout(world: World, holdout: str) -> None:
    blob = world.put(f"{world.name}/h.csv", holdout, "history") if holdout else ""
    with pytest.raises(BadRequest, match="holdout"):
        adoption.adopt(world.name, blob, world.ports, actor=TESTER)
    assert world.ports.ledger.champion(world.name) is None


def test_a_broken_file_is_quarantined_with_a_report_beside_it(world: World) -> None:
    world.adopt()
    rows = bikes.table(SPRING)
    rows[5] = rows[5][:3]
    run = ended(world, bikes.text([[*row[:-1], "many"] if n == 9 else row for n, row in enumerate(rows)]))
    assert run.state is State.QUARANTINED
    kept = {name.rsplit("/")[-1] for name in world.names("quarantine")}
    assert kept == {"data.csv", "report.json", "report.md"}
    assert "line 6" in run.why and "'cnt'" in run.why
    assert world.names("training-data") == []
    assert world.studio.jobs() == [] or all(job["state"] != "Running" for job in world.studio.jobs())


def test_shuffled_labels_are_refused_for_lack_of_skill_and_not_trained_on_later(world: World) -> None:
    world.configure(("min_skill = -0.9", "min_skill = 0"))
    world.adopt()
    run = ended(world, bikes.shuffled("2011-04"))
    assert run.state is State.REFUSED
    findings = world.decision(run)["decision"]["findings"]
    assert ("skill", "fresh", "fail") in {(found["rule"], found.get("holdout"), found["verdict"]) for found in findings}
    later = world.finish(world.land("spring.csv", bikes.months("2011-05", "2011-06")))
    manifest = world.read(later.data.manifest).decode()  # type: ignore[union-attr]
    assert run.id not in manifest


def test_a_refused_batch_that_is_sound_is_trained_on_later(world: World) -> None:
    world.configure(('metric = "rmse"', 'metric = "rmse"\nmin_gain = 1000'))
    world.adopt()
    first = ended(world)
    assert first.state is State.REFUSED
    later = world.finish(world.land("summer.csv", bikes.months("2011-07")))
    assert later.data is not None and first.data is not None
    assert first.id in world.read(later.data.manifest).decode()
    assert later.data.rows > first.data.rows


def test_a_job_that_fails_ends_the_run_with_the_services_words(world: World) -> None:
    world.adopt()
    world.studio.fault("runjob", message="Module 'Train Model' failed: out of cheese.")
    run = ended(world)
    assert run.state is State.FAILED
    assert "out of cheese" in run.why
    again = acts.replay(run, world.ports, actor=TESTER, why="cheese is back")
    assert world.finish(again).state is State.PROMOTED


def test_a_job_cancelled_at_its_service_cancels_the_run(world: World) -> None:
    world.adopt()
    world.studio.hold_jobs()
    try:
        run = world.land("data.csv", SPRING)
        job = running(world, run)
        world.ports.services.trainer(world.ports.models.get(world.name)).cancel(job)
        assert world.finish(run).state is State.CANCELLED
    finally:
        world.studio.release_jobs()


def test_cancelling_a_run_cancels_its_job(world: World) -> None:
    world.adopt()
    world.studio.hold_jobs()
    try:
        run = world.land("data.csv", SPRING)
        job = running(world, run)
        assert acts.cancel(world.ports.ledger.run(run.id), world.ports, actor=TESTER, why="wrong file").ended
        states = {seen["id"]: seen["state"] for seen in world.studio.jobs()}
        assert states[job] == "Cancelled"
    finally:
        world.studio.release_jobs()


def running(world: World, run: Run) -> str:
    """Delivers until the run's job is started; its id."""
    for _ in range(200):
        job = world.ports.ledger.run(run.id).job
        if job is not None and job.phase == "started":
            return job.id
        world.deliver()
    raise AssertionError("no job was started")


@pytest.mark.parametrize("operation", ["submitjob", "startjob", "getjobstatus", "patch", "execute"])
def test_a_throttled_service_is_asked_again(world: World, operation: str) -> None:
    world.adopt()
    world.studio.fault(
        operation, times=4, status=503, code="ServiceUnavailable", detail="RequestThrottled", retry_after=1
    )
    assert ended(world).state is State.PROMOTED


def test_a_service_that_is_down_for_long_is_waited_for(world: World) -> None:
    world.adopt()
    world.studio.fault("submitjob", times=60, status=503, code="ServiceUnavailable", detail="NoMoreResources")
    run = world.land("data.csv", SPRING)
    for _ in range(8):
        now = world.ports.ledger.run(run.id)
        world.hand("training", message(now))
    now = world.ports.ledger.run(run.id)
    assert (now.state, now.tries >= 7) == (State.READY, True)
    assert now.due is not None
    assert world.names("quarantine") == []
    world.studio.clear_faults()
    world.hand("training", message(now))
    assert world.finish(run).state is State.PROMOTED


def test_a_service_that_stays_down_past_the_deadline_fails_the_run(world: World) -> None:
    world.adopt()
    world.studio.fault("submitjob", times=60, status=503, code="ServiceUnavailable", detail="NoMoreResources")
    run = world.land("data.csv", SPRING)
    world.hand("training", message(world.ports.ledger.run(run.id)))
    world.later(hours=25)
    world.hand("training", message(world.ports.ledger.run(run.id)))
    world.studio.clear_faults()
    now = world.ports.ledger.run(run.id)
    assert now.state is State.FAILED
    assert "gave up" in now.why


def message(run: Run) -> str:
    return encode(Step(run_id=run.id, seq=run.seq))


def test_the_services_expired_links_do_not_matter_because_ours_are_fresh(world: World) -> None:
    world.adopt()
    world.studio.switches(sasLifetime=1)
    try:
        assert ended(world).state is State.PROMOTED
    finally:
        world.studio.switches(sasLifetime=86_700)


WRONG = {
    "training key": ("_TRAINING_KEY", State.PARKED, "key"),
    "staging key": ("_STAGING_KEY", State.PARKED, "key"),
}


@pytest.mark.parametrize("which", WRONG)
def test_a_wrong_key_parks_the_run_and_it_goes_on_once_corrected(world: World, which: str) -> None:
    world.adopt()
    suffix, state, word = WRONG[which]
    keys = world.scenes[world.name].keys
    name = next(name for name in keys if name.endswith(suffix))
    right, keys[name] = keys[name], "bm90IHRoZSBrZXk=="
    world._ports = None
    run = ended(world)
    assert run.state is state
    assert word in run.why.lower()
    assert "bm90IHRoZSBrZXk" not in run.why
    keys[name] = right
    world._ports = None
    acts.replay(run, world.ports, actor=TESTER, why="key corrected")
    assert world.finish(run).state is State.PROMOTED


def test_a_wrong_resource_name_parks_the_run_and_names_the_right_one(world: World) -> None:
    world.adopt()
    world.configure(("settle = 0", 'settle = 0\nresource = "Somebody [trained model]"'))
    run = ended(world)
    assert run.state is State.PARKED
    assert "[trained model]" in run.why and "Somebody" in run.why


def test_a_training_service_as_production_is_explained(world: World) -> None:
    scene = world.scenes[world.name]
    training = scene.training
    service = f"{world.studio.url}/workspaces/{training['WorkspaceId']}/webservices/{training['WebServiceId']}"
    wrong = f"{service}/endpoints/default"
    world.configure((f'production = "{scene.patch_url}"', f'production = "{wrong}"'))
    with pytest.raises(RetrainError) as caught:
        world.adopt()
    assert isinstance(caught.value, BadConfiguration)
    assert "default" in str(caught.value)


def test_a_candidate_that_never_reaches_staging_is_not_called_worse(world: World) -> None:
    world.adopt()
    world.studio.switches(propagationDelay=3600)
    try:
        run = ended(world)
    finally:
        world.studio.switches(propagationDelay=0)
    assert run.state is State.FAILED
    assert "stagingDidNotChange" in run.why


def test_a_busy_staging_slot_is_waited_for(world: World) -> None:
    world.adopt()
    slot = world.ports.services.endpoint(world.ports.models.get(world.name)).staging()[0]
    assert world.ports.ledger.take_slot(slot.url, "somebody~else", world.ports.now() + timedelta(minutes=5))
    run = world.land("data.csv", SPRING)
    while world.ports.ledger.run(run.id).state is not State.TRAINED:
        world.deliver()
    for _ in range(5):
        world.deliver()
    assert world.ports.ledger.run(run.id).state is State.TRAINED
    world.ports.ledger.free_slot(slot.url, "somebody~else")
    assert world.finish(run).state is State.PROMOTED


def test_long_holdouts_are_scored_in_parts_that_a_kill_does_not_lose(new_world: Callable[..., World]) -> None:
    world = new_world()
    world.configure(("settle = 0", "settle = 0\nrows_per_call = 100"))
    world.adopt()
    run = ended(world)
    assert run.state is State.PROMOTED
    parts = [name for name in world.names("runs") if "/scores/candidate-1-" in name]
    assert len(parts) >= 4


def test_holdouts_above_the_cap_are_scored_by_batch_execution(world: World) -> None:
    world.configure(
        (
            f"[models.{world.name}.gate]",
            f"[models.{world.name}.holdout]\nby_request = 100\n\n[models.{world.name}.gate]",
        )
    )
    world.adopt()
    world.studio.clear_log()
    run = ended(world)
    assert run.state is State.PROMOTED, run.why
    submitted = [seen for seen in world.studio.log() if seen["operation"] == "submitjob"]
    assert len(submitted) == 3, "one to train, one for each model's scores"


def test_a_step_that_dies_of_a_bug_leaves_the_run_where_it_was(world: World) -> None:
    world.adopt()
    run = world.land("data.csv", SPRING)
    with pytest.raises(ZeroDivisionError):
        advance.drive(run, _broken(world), "training")
    assert world.ports.ledger.run(run.id).state is State.RECEIVED
    assert world.finish(run).state is State.PROMOTED


def _broken(world: World) -> object:
    class Models:
        def get(self, target: str) -> object:
            return 1 / 0

    return replace(world.ports, models=Models())  # type: ignore[arg-type]
