"""The story of a model of today's Azure ML that a managed online endpoint serves: tried in a deployment of its own,
given the traffic in steps, taken back at once, and cut off on its way.

Income is predicted of Americans and retrained on everybody else, as in the designer's sample.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from local import adult
from retrain import acts, advance, reconcile
from retrain.champion import Champion
from retrain.run import Run, State
from shared.services.azureml.online_traffic import Aim
from tests.app.azureml import short
from tests.app.azureml_online import SWITCHES, OnlineWorld
from tests.app.world import TESTER, World

BATCH = 'train_on = "batch"'
"""Retrained on the new data set alone."""


@pytest.fixture
def new(new_world: Callable[..., World]) -> Iterator[Callable[..., OnlineWorld]]:
    """Makes worlds with an online endpoint; what was ordered from the stand-ins is taken back."""
    made: list[OnlineWorld] = []

    def make(**options: object) -> OnlineWorld:
        world = new_world(OnlineWorld, **{"extra": BATCH, **options})
        assert isinstance(world, OnlineWorld)
        made.append(world)
        return world

    yield make
    for world in made:
        world.control.clear_faults()
        world.control.switches(**SWITCHES)


@pytest.fixture
def world(new: Callable[..., OnlineWorld]) -> OnlineWorld:
    """A model of five hundred Americans, adopted."""
    made = new()
    made.adopt()
    return made


def landed(world: OnlineWorld, content: str = "", file: str = "others.csv") -> Run:
    return world.land(file, content or adult.others())


def champion(world: OnlineWorld) -> Champion:
    found = world.ports.ledger.champion(world.name)
    assert found is not None
    return found


def settled(world: OnlineWorld) -> Champion:
    """Delivers messages until no change of production is under way."""
    for _ in range(600):
        if (now := champion(world)).intent is None:
            return now
        world.deliver()
    raise AssertionError(f"it stands still: {champion(world)}")


def operation(world: OnlineWorld) -> str:
    """What the change under way has on record of how far it is."""
    intent = champion(world).intent
    return intent.operation if intent is not None else ""


def promoting(world: OnlineWorld) -> Run:
    """A run that is about to be promoted."""
    run = landed(world)
    while run.state is not State.PROMOTING:
        run = world.handed(run)
        assert run.state not in advance.ASLEEP, run.why
    return run


def partly(world: OnlineWorld, run: Run) -> Run:
    """The run once a part of the traffic has moved."""
    for _ in range(200):
        if len(world.traffic()) == 2:
            return run
        run = world.handed(run)
    raise AssertionError(f"traffic never moved: {run}")


def test_data_that_lands_is_promoted_in_steps(world: OnlineWorld) -> None:
    run, seen = world.watched(landed(world))
    assert run.state is State.PROMOTED, run.why
    green = short(run)
    assert seen == [{"blue": 100}, {"blue": 90, green: 10}, {"blue": 50, green: 50}, {green: 100}]
    assert world.housed() == {"blue", green}
    assert run.candidate is not None
    live = champion(world)
    assert (live.version, live.artifact.sha256) == (1, run.candidate.sha256)  # type: ignore[union-attr]
    kept = world.read(world.ports.ledger.change(world.name, 1).record)
    assert b'"blue"' in kept


def test_a_file_that_lands_is_promoted_in_steps_by_the_app_itself(new: Callable[..., OnlineWorld]) -> None:
    world = new(traffic="[50, 100]")
    world.adopt()
    world.start()
    world.drop("others.csv", adult.others())
    (run,) = world.wait(seconds=120)
    assert run["state"] == "promoted", run["why"]
    assert world.traffic() == {short(world.ports.ledger.run(run["id"])): 100}
    answer = world.call("POST", f"models/{world.name}/rollback", {"reason": "a test"})
    assert answer.status_code in (200, 202), answer.text
    for _ in range(300):
        if champion(world).intent is None and champion(world).version == 2:
            break
        time.sleep(0.1)
    assert world.traffic() == {"blue": 100}


def test_a_step_is_looked_at_often_while_either_model_may_answer(new: Callable[..., OnlineWorld]) -> None:
    world = new(traffic="[50, 100]", bake=1)
    world.adopt()
    world.control.clear_log()
    run, seen = world.watched(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert seen == [{"blue": 100}, {"blue": 50, short(run): 50}, {short(run): 100}]
    asked = [one for one in world.control.log() if one["operation"] == "scoreonline" and world.name in one["path"]]
    assert len(asked) > 10


def test_bad_data_is_refused_and_its_deployment_removed(world: OnlineWorld) -> None:
    run = world.finish(landed(world, adult.shuffled()))
    assert run.state is State.REFUSED, run.why
    assert world.traffic() == {"blue": 100}
    assert world.housed() == {"blue", short(run)}
    reconcile.leftovers(world.ports)
    assert gone(world, short(run)) == {"blue"}


def part(start: int, end: int | None = None) -> str:
    """Some of the people who are no Americans."""
    header, *rows = adult.others().splitlines(keepends=True)
    return "".join((header, *rows[start:end]))


def gone(world: OnlineWorld, name: str) -> set[str]:
    """The deployments once this one is gone."""
    for _ in range(200):
        if name not in (found := world.housed()):
            return found
    raise AssertionError(f"{name} stays")


def test_a_promotion_is_taken_back_at_once(world: OnlineWorld) -> None:
    run = world.finish(landed(world))
    assert world.traffic() == {short(run): 100}
    acts.rollback(world.name, world.ports, actor=TESTER, why="a test")
    live = settled(world)
    assert (live.version, live.origin, world.traffic()) == (2, 0, {"blue": 100})
    reconcile.leftovers(world.ports)
    assert gone(world, short(run)) == {"blue"}


def test_the_old_deployment_is_kept_until_a_review_confirmed_the_new_model(world: OnlineWorld) -> None:
    first = world.finish(landed(world, part(0, 3000)))
    assert first.state is State.PROMOTED, first.why
    reconcile.leftovers(world.ports)
    assert world.housed() == {"blue", short(first)}
    second = world.finish(landed(world, part(3000), "more.csv"))
    review = champion(world).review
    assert review is not None and not review.worse, second.why
    reconcile.leftovers(world.ports)
    assert short(first) in gone(world, "blue")


def test_a_traffic_change_that_was_cut_in_the_middle_goes_on(world: OnlineWorld) -> None:
    run = partly(world, promoting(world))
    before = world.ports.ledger.run(run.id)
    world.control.fault("putonlineendpoint", endpoint=world.name, cut="after", times=3)
    for _ in range(50):
        run = world.handed(run)
        if len(set(world.traffic().values()) - {10, 90}):
            break
    world.control.clear_faults()
    assert before.state is run.state is State.PROMOTING
    assert world.finish(run).state is State.PROMOTED
    assert world.traffic() == {short(run): 100}


def test_a_host_that_died_after_each_step_takes_none_twice_and_leaves_none_out(world: OnlineWorld) -> None:
    run = promoting(world)
    endpoint = world.ports.services.endpoint(world.ports.models.get(world.name))
    shares = [0]
    for _ in range(300):
        if before := operation(world):
            endpoint.check(endpoint.production(), before)  # it asked, and died before it could save
        run = world.handed(run)
        if (saved := operation(world)) and (share := Aim.read(saved).share) != shares[-1]:
            shares.append(share)
        if run.state in advance.ASLEEP:
            break
    assert run.state is State.PROMOTED, run.why
    assert shares == [0, 10, 50, 100]
    assert world.traffic() == {short(run): 100}


def test_a_candidate_that_fails_amid_the_traffic_is_taken_back(world: OnlineWorld) -> None:
    run = partly(world, promoting(world))
    world.control.fault("scoreonline", endpoint=world.name, status=400, code="BadRequest", message="it broke", times=99)
    for _ in range(50):
        run = world.handed(run)
        intent = champion(world).intent
        if intent is not None and intent.restoring:
            break
    world.control.clear_faults()
    run = world.finish(run)
    assert run.state is State.UNVERIFIED, run.why
    assert "could not score the probe rows" in run.why and "the champion was put back" in run.why
    assert world.traffic() == {"blue": 100}
    assert champion(world).version == 0


def test_a_step_with_no_way_back_waits_where_it_is(new: Callable[..., OnlineWorld]) -> None:
    world = new()
    world.configure(('history = "retrain_history", ', ""))
    world.control.fault("listmlsecrets", status=403)
    assert not world.adopt().copied
    run = partly(world, promoting(world))
    world.control.fault("scoreonline", endpoint=world.name, status=400, code="BadRequest", message="it broke", times=99)
    for _ in range(4):
        run = world.handed(run)
    time.sleep(0.3)  # what was asked for before shows by now
    stays = world.traffic()
    for _ in range(6):
        run = world.handed(run)
        assert world.traffic() == stays and len(stays) == 2
    intent = champion(world).intent
    assert run.state is State.PROMOTING and intent is not None and intent.operation and not intent.restoring
    world.control.clear_faults()
    assert world.finish(run).state is State.PROMOTED
    assert world.traffic() == {short(run): 100}


def test_another_model_in_the_candidates_deployment_is_noticed(world: OnlineWorld) -> None:
    run = partly(world, promoting(world))
    first = f"{world.online.scope}/models/{world.name}/versions/1"
    world.online.deployment(world.name, short(run), first)
    while run.state not in advance.ASLEEP:
        run = world.handed(run)
        world.later(seconds=2)
    assert run.state is State.UNVERIFIED, run.why
    assert world.traffic() == {"blue": 100}


def test_traffic_that_the_service_does_not_move_leaves_the_champion_where_it_was(world: OnlineWorld) -> None:
    run = promoting(world)
    world.control.fault("runonlineoperation", endpoint=world.name, code="InternalServerError", message="no luck")
    run = world.finish(run)
    assert run.state is State.UNVERIFIED, run.why
    assert "no luck" in run.why
    assert world.traffic() == {"blue": 100}


def test_a_deployment_that_cannot_be_made_fails_the_run_with_the_services_words(world: OnlineWorld) -> None:
    world.control.switches(onlineQuota=1)
    run = world.finish(landed(world))
    assert run.state in (State.FAILED, State.PARKED), run.why
    assert "OutOfQuota: Not enough quota" in run.why
    assert world.traffic() == {"blue": 100}


def jobs(new: Callable[..., OnlineWorld]) -> OnlineWorld:
    """A world whose candidates are scored by jobs."""
    made = new(more=('scores = "job"', "component = {score}", 'compute = "cpu"'))
    made.adopt()
    return made


def test_a_candidate_that_jobs_score_is_deployed_once_it_is_approved(new: Callable[..., OnlineWorld]) -> None:
    world = jobs(new)
    run, seen = world.watched(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert seen[0] == {"blue": 100} and seen[-1] == {short(run): 100} and len(seen) == 4


def test_a_candidate_that_jobs_score_and_the_gate_refuses_costs_no_deployment(new: Callable[..., OnlineWorld]) -> None:
    world = jobs(new)
    world.control.clear_log()
    run = world.finish(landed(world, adult.shuffled()))
    assert run.state is State.REFUSED, run.why
    assert world.housed() == {"blue"}
    asked = {seen["operation"] for seen in world.control.log() if f"onlineEndpoints/{world.name}" in seen["path"]}
    assert not asked & {"putonlinedeployment", "putonlineendpoint", "deleteonlinedeployment"}


def test_the_first_model_ever_gets_all_the_traffic(new: Callable[..., OnlineWorld]) -> None:
    code = '{ codeId = "azureml:score:1", scoringScript = "score.py" }'
    size, environment = 'instanceType = "Standard_DS3_v2"', 'environmentId = "azureml:sk:1"'
    made = f"deployment = {{ {size}, {environment}, codeConfiguration = {code} }}"
    world = new(live=False, more=(made,))
    adopted = world.adopt()
    assert adopted.champion.vacant
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert world.traffic() == {short(run): 100}


def test_a_share_that_somebody_moved_by_hand_is_drift(world: OnlineWorld) -> None:
    run = world.finish(landed(world))
    world.online.endpoint(world.name, {"blue": 40, short(run): 60})
    later = world.finish(landed(world, adult.americans(1500), "later.csv"))
    assert later.state is State.PARKED, later.why
    assert "(40 %)" in later.why and "(60 %)" in later.why and "changed from outside" in later.why
