"""Production: promoted once, in order, verified, and taken back, also long after."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from retrain import acts, advance, production, reconcile
from retrain.champion import ChangeKind
from retrain.errors import Conflict
from retrain.messages import EVALUATION_QUEUE, Settle
from retrain.ports import Save
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = bikes.months("2011-04", "2011-05", "2011-06")
SUMMER = bikes.months("2011-07", "2011-08", "2011-09")
LONGER = bikes.months("2011-04", "2011-05", "2011-06", "2011-07", "2011-08", "2011-09")
ROW = ["2011-07-04", "9", "summer", "No", "Mon", "Yes", "Clear", "24.0", "60.0", "10.0"]
COLUMNS = ["day", "hour", "season", "holiday", "dow", "workingday", "weathersit", "temp", "hum", "windspeed"]


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """The usual world, in which files may repeat each other."""
    return new_world(quiet=True)


def answer(world: World) -> str:
    """What a client gets from the live endpoint."""
    live = world.scenes[world.name].live
    response = requests.post(
        f"{live['ApiLocation']}/execute?api-version=2.0&details=true",
        json={"Inputs": {"input1": {"ColumnNames": COLUMNS, "Values": [ROW]}}, "GlobalParameters": {}},
        headers={"Authorization": f"Bearer {live['PrimaryKey']}"},
        timeout=30,
    )
    return str(response.json()["Results"]["output1"]["value"]["Values"][0][-1])


def by_approval(world: World) -> None:
    """A person decides what goes live."""
    table = f"[models.{world.name}.promotion]"
    world.configure((f"[models.{world.name}.gate]", f'{table}\nmode = "approval"\n\n[models.{world.name}.gate]'))


def next_second() -> None:
    """Blob stores tell times by the second; two files in one second have no order that anyone could see."""
    time.sleep(1.1)


def promoted(world: World, file: str, content: str) -> Run:
    run = world.finish(world.land(file, content))
    assert run.state is State.PROMOTED, run.why
    return run


def settled(world: World) -> None:
    """Pumps until no change is under way."""
    for _ in range(100):
        if world.ports.ledger.champion(world.name).intent is None:  # type: ignore[union-attr]
            return
        world.deliver()
    raise AssertionError("a change is still under way")


def test_promotion_by_approval_sends_exactly_one_patch_before_it_answers(world: World) -> None:
    by_approval(world)
    world.adopt()
    world.start()
    world.drop("spring.csv", SPRING)
    (run,) = world.wait(until="awaitingApproval")
    assert world.patches() == []
    dry = world.call("POST", f"runs/{run['id']}/promote?dryRun=true")
    assert (dry.status_code, world.patches()) == (200, [])
    assert dry.json()["after"]["Resources"][0]["Name"]
    assert "sig=" not in dry.text.replace("sig=REDACTED", "").replace("sig=***", "")
    reply = world.call("POST", f"runs/{run['id']}/promote", {"reason": "looks right"}, **{"x-retrain-actor": "ada"})
    assert len(world.patches()) == 1
    assert reply.status_code == 202
    assert reply.json()["before"]["location"] != reply.json()["after"]
    (ended,) = world.wait()
    assert ended["state"] == "promoted"
    assert ended["approver"]["id"] == "ada"
    assert world.call("POST", f"runs/{run['id']}/promote").status_code == 409


def test_a_rejected_candidate_never_reaches_production(world: World) -> None:
    by_approval(world)
    world.adopt()
    run = world.finish(world.land("spring.csv", SPRING))
    assert acts.reject(run, world.ports, actor=TESTER, why="not today").state is State.REJECTED
    assert world.patches() == []


def test_an_approval_that_nobody_gives_expires(world: World) -> None:
    by_approval(world)
    world.adopt()
    run = world.finish(world.land("spring.csv", SPRING))
    world.later(hours=73)
    reconcile.tick(world.ports)
    assert world.ports.ledger.run(run.id).state is State.EXPIRED


def test_rollback_brings_back_the_model_before_and_its_answers(world: World) -> None:
    world.adopt()
    before = answer(world)
    promoted(world, "spring.csv", SPRING)
    after = answer(world)
    assert after != before
    acts.rollback(world.name, world.ports, actor=TESTER, why="complaints")
    settled(world)
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None
    assert (champion.version, champion.origin) == (2, 0)
    assert answer(world) == before
    kinds = [change.kind for change in world.ports.ledger.changes(world.name)]
    assert kinds == [ChangeKind.ROLLBACK, ChangeKind.PROMOTION, ChangeKind.ADOPTION]
    with pytest.raises(Conflict, match="no model before"):
        acts.rollback(world.name, world.ports, actor=TESTER, why="once more")


@pytest.mark.parametrize("delays", [(1.6,), (1.6, 1.2)], ids=["asks first", "asks at the same time"])
def test_a_rollback_whose_message_comes_before_the_service_took_it_is_done(
    world: World, delays: tuple[float, ...]
) -> None:
    world.adopt()
    promoted(world, "spring.csv", SPRING)
    for delay in delays:
        world.studio.fault("patch", endpoint="live", delay=delay)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(acts.rollback, world.name, world.ports, actor=TESTER, why="it was slow")
        while not asked.done():
            world.deliver()
        asked.result()
    settled(world)
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and (champion.version, champion.origin) == (2, 0)


def test_a_message_that_comes_before_its_change_comes_again_but_not_for_ever(world: World) -> None:
    world.adopt()
    promoted(world, "spring.csv", SPRING)
    ports = world.ports
    champion = production.require(world.name, ports)
    for over in (Settle(target=world.name, change=1), Settle(target=world.name, change=2, early=production.EARLY)):
        production.settle(over, ports)
    assert not ports.queues.waiting(EVALUATION_QUEUE)
    production.settle(Settle(target=world.name, change=2), ports)
    assert ports.queues.waiting(EVALUATION_QUEUE) == 1
    change = production.undoing(champion, ports, actor=TESTER, why="it came late")
    endpoint = ports.services.endpoint(ports.models.get(world.name))
    ports.ledger.save(Save(champion=production.intend(champion, change, endpoint, ports.now())))
    settled(world)
    assert production.require(world.name, ports).origin == 0


def test_rollback_works_long_after_the_services_own_links_expired(world: World) -> None:
    world.studio.switches(sasLifetime=1)
    try:
        world.adopt()
        before = answer(world)
        promoted(world, "spring.csv", SPRING)
    finally:
        world.studio.switches(sasLifetime=86_700)
    for name in world.names("candidates"):
        world.blobs.get_blob_client("candidates", name).delete_blob()
    acts.rollback(world.name, world.ports, actor=TESTER, why="months later")
    settled(world)
    assert answer(world) == before


def test_an_older_run_does_not_undo_a_rollback(world: World) -> None:
    world.adopt()
    old = world.land("old.csv", bikes.months("2011-04", "2011-05"))
    world.queues.get_queue_client("training").clear_messages()
    next_second()
    promoted(world, "new.csv", LONGER)
    acts.rollback(world.name, world.ports, actor=TESTER, why="complaints")
    settled(world)
    advance.send(old, world.ports)
    assert world.finish(old).state is State.SUPERSEDED
    assert world.ports.ledger.champion(world.name).origin == 0  # type: ignore[union-attr]


def test_two_uploads_whose_jobs_end_in_the_other_order_leave_the_newer_live(world: World) -> None:
    world.adopt()
    world.studio.hold_jobs()
    try:
        older = world.land("older.csv", SPRING)
        next_second()
        newer = world.land("newer.csv", LONGER)
        until_held(world, older, newer)
        world.studio.release_jobs(world.ports.ledger.run(newer.id).job.id)  # type: ignore[union-attr]
        assert world.finish(newer).state is State.PROMOTED
    finally:
        world.studio.release_jobs()
    assert world.finish(older).state is State.SUPERSEDED
    assert world.ports.ledger.champion(world.name).run == newer.id  # type: ignore[union-attr]


def until_held(world: World, *runs: Run) -> None:
    """Delivers until the jobs of all runs have done their work and are kept at Running."""
    for _ in range(300):
        jobs = [world.ports.ledger.run(run.id).job for run in runs]
        if {job.id for job in jobs if job is not None} == set(world.studio.held_jobs()) and all(jobs):
            return
        world.deliver()
    raise AssertionError("the jobs were not started")


def test_an_older_promotion_that_was_approved_late_cannot_land_last(world: World) -> None:
    by_approval(world)
    world.adopt()
    older = world.finish(world.land("older.csv", SPRING))
    next_second()
    newer = world.finish(world.land("newer.csv", LONGER))
    acts.approve(newer, world.ports, actor=TESTER, why="go")
    assert world.finish(newer).state is State.PROMOTED
    acts.approve(older, world.ports, actor=TESTER, why="go")
    assert world.finish(older).state is State.SUPERSEDED
    assert production.require(world.name, world.ports).run == newer.id


def test_a_promotion_that_died_holding_production_is_finished_by_the_next(world: World) -> None:
    world.adopt()
    older = world.land("older.csv", SPRING)
    world.steps_until(older, State.PROMOTING)
    world.queues.get_queue_client("training").clear_messages()
    world.later(minutes=2)
    next_second()
    newer = world.finish(world.land("newer.csv", LONGER))
    assert world.ports.ledger.run(older.id).state is State.PROMOTED
    assert newer.state in (State.PROMOTED, State.REFUSED)
    assert world.ports.ledger.change(world.name, 1).run == older.id


def test_two_targets_share_a_staging_endpoint_without_judging_each_others_models(
    new_world: Callable[..., World],
) -> None:
    world = new_world()
    shared = world.scenes[world.name].patch_url.removesuffix("live") + "staging"
    other = world.add(f"{world.name}-b", bikes.months("2011-02", "2011-03"), staging=shared)
    toml = (world.folder / "models.toml").read_text()
    mine = f'staging_key = "env:{world.name.upper().replace("-", "_")}_STAGING_KEY"'
    theirs = f'staging_key = "env:{other.name.upper().replace("-", "_")}_STAGING_KEY"'
    (world.folder / "models.toml").write_text(toml.replace(theirs, mine))
    world._ports = None
    world.adopt()
    world.adopt(other.name)
    first, second = world.land("spring.csv", SPRING), world.land("spring.csv", SUMMER, other.name)
    ended = [world.finish(first), world.finish(second)]
    for run in ended:
        assert run.state in (State.PROMOTED, State.REFUSED), run.why
    assert world.ports.ledger.runs(other.name)[0].candidate != world.ports.ledger.runs(world.name)[0].candidate


def test_production_that_does_not_show_the_candidate_is_put_back(world: World) -> None:
    by_approval(world)
    world.adopt()
    before = answer(world)
    run = world.finish(world.land("spring.csv", SPRING))
    world.studio.switches(propagationDelay=3600)
    try:
        acts.approve(run, world.ports, actor=TESTER, why="go")
        world.deliver()
        assert world.ports.ledger.run(run.id).state is State.PROMOTING
        world.later(minutes=5)
        while not production.require(world.name, world.ports).intent.restoring:  # type: ignore[union-attr]
            world.deliver()
    finally:
        world.studio.switches(propagationDelay=0)
    ended = world.finish(run)
    assert ended.state is State.UNVERIFIED, ended.why
    assert answer(world) == before
    assert production.require(world.name, world.ports).intent is None


def test_a_change_from_outside_stops_the_run_and_adoption_accepts_it(world: World) -> None:
    world.adopt()
    scene = world.scenes[world.name]
    resource = world.studio.get_endpoint(scene.workspace, scene.service, "default")["Resources"][0]
    copied = world.put("elsewhere.ilearner", "", "history")
    world.blobs.get_blob_client("history", "elsewhere.ilearner").upload_blob(
        world.read(f"champions/{world.name}/0/model.ilearner"), overwrite=True
    )
    url = world.ports.blobs.sign(copied, "r", timedelta(hours=1))
    base, _, token = url.partition("?")
    location = {"BaseLocation": base[: base.index("history")], "RelativeLocation": "history/elsewhere.ilearner"}
    world.studio.patch_endpoint(
        scene.workspace, scene.service, "live", resource["Name"], {**location, "SasBlobToken": f"?{token}"}
    )
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is State.PARKED
    assert "changed from outside" in run.why
    adopted = world.adopt(again=True)
    assert adopted.champion.version == 1
    acts.replay(run, world.ports, actor=TESTER, why="adopted")
    assert world.finish(run).state is State.PROMOTED


def test_a_refused_candidate_goes_live_only_by_force_and_on_the_record(new_world: Callable[..., World]) -> None:
    world = new_world(quiet=True, gate="")
    world.adopt()
    run = world.finish(world.land("noise.csv", bikes.shuffled("2011-04")))
    assert run.state is State.REFUSED
    with pytest.raises(Conflict, match="force"):
        acts.promote(run, world.ports, actor=TESTER, why="")
    acts.promote(run, world.ports, actor=TESTER, why="I know better", force=True)
    settled(world)
    change = world.ports.ledger.change(world.name, 1)
    assert (change.kind, change.why, change.actor) == (ChangeKind.FORCED, "I know better", TESTER)
    assert world.ports.ledger.run(run.id).state is State.REFUSED, "a finished run is never rewritten"


def test_a_change_whose_driver_died_is_finished_by_the_timer(world: World) -> None:
    world.adopt()
    promoted(world, "spring.csv", SPRING)
    champion = production.require(world.name, world.ports)
    change = production.undoing(champion, world.ports, actor=TESTER, why="killed after the claim")
    endpoint = world.ports.services.endpoint(world.ports.models.get(world.name))
    world.ports.ledger.save(Save(champion=production.intend(champion, change, endpoint, world.ports.now())))
    with pytest.raises(Conflict, match="under way"):
        acts.rollback(world.name, world.ports, actor=TESTER, why="impatient")
    world.later(minutes=2)
    reconcile.tick(world.ports)
    settled(world)
    assert world.ports.ledger.champion(world.name).origin == 0  # type: ignore[union-attr]
