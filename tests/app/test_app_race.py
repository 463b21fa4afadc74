"""Two runs of one target that are ready to go live at the same moment: one does, with nothing of the other's."""

from __future__ import annotations

from hashlib import sha256

from retrain import advance, production, scoring
from retrain.run import Run, State
from tests.app import bikes
from tests.app.world import World


def judged(world: World, file: str, *months: str) -> Run:
    """A run that stands right before it asks the gate."""
    run = world.land(file, bikes.months(*months))
    world.queues.get_queue_client("training").clear_messages()
    return world.steps_until(run, State.EVALUATING)


def test_the_loser_of_a_race_leaves_nothing_of_its_own_in_production(world: World) -> None:
    world.adopt()
    first = judged(world, "first.csv", "2011-04", "2011-05", "2011-06")
    winner = advance.take(first, world.ports)
    assert winner.run.state is State.PROMOTING
    second = judged(world, "second.csv", "2011-05", "2011-06", "2011-07")
    loser = advance.take(second, world.ports)
    assert advance.save(first, winner, world.ports) is not None
    again = advance.save(second, loser, world.ports)
    assert again is not None and again.state is State.EVALUATING, "it is judged again, against whatever is live then"
    for run in (first, second):
        advance.send(world.ports.ledger.run(run.id), world.ports)
        world.finish(run)
    live = production.require(world.name, world.ports)
    assert live.artifact is not None
    assert sha256(world.read(live.artifact.blob)).hexdigest() == live.artifact.sha256
    promoted = world.ports.ledger.run(first.id)
    assert (promoted.state, promoted.version) == (State.PROMOTED, 1)
    change = world.ports.ledger.change(world.name, 1)
    assert change.artifact is not None and promoted.candidate is not None
    assert change.artifact.sha256 == promoted.candidate.sha256
    assert scoring.judged_by(promoted, world.ports)
