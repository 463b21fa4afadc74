"""Runs that somebody asks for: on what is accepted already, on what waits, by the clock; and what the timer watches."""

from __future__ import annotations

import logging

import pytest

from retrain import acts, landing, reconcile
from retrain.errors import Conflict
from retrain.messages import RunRequest
from retrain.run import Actor, Run, State
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = bikes.months("2011-04", "2011-05", "2011-06")
CALLER = Actor(kind="http")


def asked(world: World, cause: str, **request: object) -> Run:
    """A run that was asked for, ended."""
    message = RunRequest(model=world.name, **request)  # type: ignore[arg-type]
    run = landing.request(message, world.ports, door="http", actor=CALLER, cause=cause)
    landing.start(run, world.ports)
    return world.finish(run)


def test_asking_without_any_data_accepted_trains_nothing(world: World) -> None:
    world.adopt(data=[])
    run = asked(world, "one")
    assert run.state is State.UNCHANGED
    assert "no data was accepted" in run.why


def test_asking_again_on_the_same_data_is_unchanged_and_other_parameters_are_not(world: World) -> None:
    world.adopt()
    world.finish(world.land("spring.csv", SPRING))
    first = asked(world, "one", parameters={"L2 Weight": "5"})
    assert first.state in (State.PROMOTED, State.REFUSED), first.why
    again = asked(world, "two", parameters={"L2 Weight": "5"})
    assert (again.state, again.link) == (State.UNCHANGED, first.id)
    other = asked(world, "three", parameters={"L2 Weight": "500"})
    assert other.state in (State.PROMOTED, State.REFUSED), other.why


def test_asking_takes_what_waits_in_the_inbox_as_one_run(world: World) -> None:
    world.configure(("since =", 'start_on = "schedule"\nschedule = "0 0 3 * * *"\nsince ='))
    world.adopt()
    for file, month in (("a.csv", "2011-04"), ("b.csv", "2011-05")):
        assert landing.land(world.drop(file, bikes.months(month)), world.ports) is None
    run = asked(world, "one")
    assert len(run.landings) == 2
    assert run.data is not None
    assert run.data.holdout_rows + run.data.rows > len(bikes.months("2011-05").splitlines())
    assert world.names("training-data") == []


def test_a_schedule_makes_up_for_missed_times_with_one_run(world: World) -> None:
    world.configure(("since =", 'start_on = "schedule"\nschedule = "0 0 3 * * *"\nsince ='))
    world.adopt()
    reconcile.schedules(world.ports)
    world.drop("a.csv", SPRING)
    world.later(days=5)
    reconcile.schedules(world.ports)
    reconcile.schedules(world.ports)
    (run,) = world.ports.ledger.runs(world.name)
    assert (run.door, len(run.landings)) == ("schedule", 1)
    assert world.finish(run).state is State.PROMOTED


def test_a_run_that_is_under_way_cannot_be_replayed(world: World) -> None:
    world.adopt()
    run = world.land("spring.csv", SPRING)
    with pytest.raises(Conflict, match="under way"):
        acts.replay(run, world.ports, actor=TESTER, why="impatient")


def test_a_change_from_outside_is_said_loudly(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.adopt()
    world.patch_live(f"champions/{world.name}/0/model.ilearner")
    with caplog.at_level(logging.ERROR):
        reconcile.drift(world.ports)
    assert "changed from outside" in caplog.text
    assert "sig=" not in caplog.text


def test_a_thousand_old_files_start_nothing(world: World) -> None:
    world.configure(("since = 2000", "since = 2999"))
    container = world.blobs.get_container_client("training-data")
    for number in range(1000):
        container.upload_blob(f"{world.name}/{number:04}.csv", b"x")
    world.later(minutes=10)
    reconcile.files(world.ports)
    assert world.ports.ledger.runs(world.name) == []
    assert list(world.ports.ledger.open_runs()) == []
