"""A change of a slot that was cut off on its way and arrives late, after that of another run: it is noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from retrain import advance, production, scorebook
from retrain.ports import Save
from retrain.run import State
from tests.app import bikes
from tests.app.world import World

SPRING = bikes.months("2011-04", "2011-05", "2011-06")
SUMMER = bikes.months("2011-05", "2011-06", "2011-07")


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """The usual world, in which files may repeat each other."""
    return new_world(quiet=True)


def test_staging_that_serves_another_runs_candidate_is_staged_again(world: World) -> None:
    world.adopt()
    other = world.steps_until(world.land("spring.csv", SPRING), State.PROMOTED)
    run = world.steps_until(world.land("summer.csv", SUMMER), State.EVALUATING)
    assert run.evaluation is not None and other.candidate is not None
    # its own change was made, and then the other's, sent before and arrived after
    world.patch(other.candidate.blob, "staging")
    begun = msgspec.structs.replace(run.evaluation, begun=True, since=world.ports.now() - timedelta(minutes=2))
    world.ports.ledger.save(Save(run=msgspec.structs.replace(run, evaluation=begun, seq=run.seq + 1)))
    again = world.take_step(run)
    assert again.evaluation is not None and (again.evaluation.phase, again.evaluation.round) == ("waiting", 1)
    advance.send(again, world.ports)
    ended = world.finish(again)
    assert ended.state in (State.PROMOTED, State.REFUSED), ended.why
    books = [scorebook.path(world.name, kept, "") for kept in (ended.candidate, other.candidate)]
    own, live = (scorebook.load(book, world.ports) for book in books)
    assert own is not None and live is not None and own.keys() <= live.keys()
    assert own != {key: live[key] for key in own}, "the other's candidate is the champion by now"


@pytest.mark.parametrize("late", [1, 2])
def test_production_that_an_older_change_reached_late_is_asked_for_again_once(world: World, late: int) -> None:
    world.adopt()
    run = world.land("spring.csv", SPRING)
    world.steps_until(run, State.PROMOTING)
    version0 = f"champions/{world.name}/0/model.ilearner"
    for _ in range(late):
        claim = production.require(world.name, world.ports)
        assert claim.intent is not None
        if not claim.intent.begun:
            endpoint = world.ports.services.endpoint(world.ports.models.get(world.name))
            pushed, _ = production.push(claim, endpoint)
            world.ports.ledger.save(Save(champion=pushed))
        world.patch(version0, "live")
        world.later(minutes=2)
        world.take_step(run)
    advance.send(world.ports.ledger.run(run.id), world.ports)
    ended = world.finish(run)
    assert ended.state is (State.PROMOTED if late == 1 else State.UNVERIFIED), ended.why
    serving = production.require(world.name, world.ports)
    assert serving.intent is None
