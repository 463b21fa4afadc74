"""The gate in the whole app: what becomes of batches in doubt, and of a model that proves worse than the one before."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from retrain import acts
from retrain.champion import ChangeKind
from retrain.errors import Conflict
from retrain.run import Run, State
from tests.app import bikes
from tests.app.test_app_production import SPRING, answer, next_second, settled
from tests.app.world import TESTER, World

LENIENT = 'mode = "not-worse"\nmargin = 100\ntrusted_margin = 100\nmin_skill = -1\ncollapse = 100'
"""Lets a bad model through, as a gate does that somebody has opened too far."""
FLAT = ('metrics = "output1"', 'metrics = "output1"\nparameters = { "L2 Weight" = "1000000" }')
"""A trainer whose models hardly learn."""
STRICT = ('mode = "not-worse"', 'mode = "better"')


@pytest.fixture
def lenient(new_world: Callable[..., World]) -> World:
    """A world whose live model is good, and whose gate lets a bad one through."""
    world = new_world(champion=bikes.months("2011-04", "2011-05", "2011-06"), gate=LENIENT)
    world.adopt()
    return world


def landed(world: World, file: str, *months: str) -> Run:
    next_second()
    return world.finish(world.land(file, bikes.months(*months)))


def worsened(world: World, *changes: tuple[str, str]) -> Run:
    """A run whose bad model went live; the gate is strict again, and the trainer as bad as before."""
    world.configure(FLAT, *changes)
    run = landed(world, "july.csv", "2011-07")
    assert run.state is State.PROMOTED, run.why
    world.configure(FLAT, STRICT, *changes)
    return run


def test_a_champion_that_proves_worse_than_its_predecessor_is_taken_back_by_the_next_batch(lenient: World) -> None:
    before = answer(lenient)
    bad = worsened(lenient)
    assert answer(lenient) != before
    run = landed(lenient, "august.csv", "2011-08")
    assert run.state is State.REFUSED, run.why
    settled(lenient)
    assert answer(lenient) == before
    back = lenient.ports.ledger.change(lenient.name, 2)
    assert (back.kind, back.origin, back.actor.kind) == (ChangeKind.ROLLBACK, 0, "retrain")
    assert run.id in back.why
    assert "predecessor" in back.why
    told = msgspec.json.decode(lenient.read(back.review))
    assert (told["champion"], told["before"], told["worse"]) == (1, 0, True)
    assert lenient.decision(run)["review"]["blob"] == back.review
    champion = lenient.ports.ledger.champion(lenient.name)
    assert champion is not None
    assert champion.fence >= bad.order
    assert champion.review is None
    last = landed(lenient, "september.csv", "2011-09")
    assert lenient.decision(last)["review"] is None, "what was gone back to is not looked back at"


def test_a_person_is_asked_where_the_configuration_says_so_and_may_keep_the_model(lenient: World) -> None:
    ask = (
        f"[models.{lenient.name}.gate]",
        f'[models.{lenient.name}.promotion]\non_worse = "ask"\n[models.{lenient.name}.gate]',
    )
    worsened(lenient, ask)
    landed(lenient, "august.csv", "2011-08")
    champion = lenient.ports.ledger.champion(lenient.name)
    assert champion is not None and champion.review is not None
    assert (champion.version, champion.intent, champion.review.open) == (1, None, True)
    kept = acts.keep(lenient.name, lenient.ports, actor=TESTER, why="a week of strikes")
    assert kept.review is not None
    assert (kept.review.open, kept.review.answered) == (False, TESTER)
    with pytest.raises(Conflict, match="nothing is asked"):
        acts.keep(lenient.name, lenient.ports, actor=TESTER, why="again")
    run = landed(lenient, "september.csv", "2011-09")
    assert lenient.decision(run)["review"] is None, "a model is looked back at once"


def test_a_candidate_that_beats_both_goes_live_and_nothing_is_taken_back(new_world: Callable[..., World]) -> None:
    world = new_world(gate=LENIENT)
    world.adopt()
    worsened(world)
    world.configure(STRICT)
    run = landed(world, "autumn.csv", "2011-08", "2011-09", "2011-10")
    assert run.state is State.PROMOTED, run.why
    told = world.decision(run)["review"]
    assert told["worse"]
    assert [change.kind for change in world.ports.ledger.changes(world.name)] == [
        ChangeKind.PROMOTION, ChangeKind.PROMOTION, ChangeKind.ADOPTION,
    ]  # fmt: skip


def test_a_champion_that_cannot_be_scored_any_more_is_replaced_by_force_only(world: World) -> None:
    world.adopt(data=[])
    header, *rows = bikes.table(SPRING)
    gone = header.index("temp")
    without = bikes.text([row[:gone] + row[gone + 1 :] for row in (header, *rows)])
    run = world.finish(world.land("without.csv", without))
    assert run.state is State.REFUSED, run.why
    (found,) = [found for found in world.decision(run)["decision"]["findings"] if found["rule"] == "champion"]
    assert found["verdict"] == "fail"
    assert run.verdict is not None and run.verdict.data == "refused"
    acts.promote(run, world.ports, actor=TESTER, why="the sensor is gone", force=True)
    settled(world)
    change = world.ports.ledger.change(world.name, 1)
    assert (change.kind, change.why) == (ChangeKind.FORCED, "the sensor is gone")


def test_a_good_champion_is_looked_back_at_once_and_stays(world: World) -> None:
    world.adopt()
    assert world.finish(world.land("spring.csv", SPRING)).state is State.PROMOTED
    world.configure(('metric = "rmse"', 'metric = "rmse"\nmin_gain = 1000'))
    run = landed(world, "summer.csv", "2011-07", "2011-08", "2011-09")
    assert run.verdict is not None and run.verdict.data == "believed", run.why
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and champion.review is not None
    assert (champion.version, champion.review.worse, champion.review.run) == (1, False, run.id)
    staged = len(world.patches("staging"))
    last = landed(world, "october.csv", "2011-10")
    assert world.decision(last)["review"] is None
    assert len(world.patches("staging")) == staged + 1, "only the candidate was staged"
