"""Twice, late and out of order: one run for each version of a file, whatever is delivered how often."""

from __future__ import annotations

import pytest

from retrain import acts, advance, landing, reconcile
from retrain.messages import Step, encode
from retrain.run import State
from tests.app import bikes
from tests.app.world import World

APRIL = bikes.months("2011-04")


def test_the_same_blob_seen_twice_has_one_run(world: World) -> None:
    world.adopt()
    blob = world.drop("april.csv", APRIL)
    first, second = landing.land(blob, world.ports), landing.land(blob, world.ports)
    assert first is not None and second is not None
    assert first.id == second.id
    assert len(world.ports.ledger.runs(world.name)) == 1


def test_an_event_that_comes_after_the_run_ended_starts_nothing(world: World) -> None:
    world.adopt()
    run = world.finish(world.land("april.csv", APRIL))
    assert landing.land(run.landings[0].blob, world.ports) is None
    assert len(world.ports.ledger.runs(world.name)) == 1


def test_a_new_version_with_the_same_bytes_ends_as_duplicate(world: World) -> None:
    world.adopt()
    first = world.finish(world.land("april.csv", APRIL))
    second = world.finish(world.land("april.csv", APRIL))
    assert second.id != first.id
    assert (second.state, second.link) == (State.DUPLICATE, first.id)
    assert world.names("training-data") == []


def test_the_same_bytes_under_another_name_end_as_duplicate(world: World) -> None:
    world.adopt()
    first = world.finish(world.land("april.csv", APRIL))
    second = world.finish(world.land("copy.csv", APRIL))
    assert (second.state, second.link) == (State.DUPLICATE, first.id)


def test_new_bytes_under_the_same_name_have_a_new_run(world: World) -> None:
    world.adopt()
    first = world.finish(world.land("data.csv", APRIL))
    second = world.finish(world.land("data.csv", bikes.months("2011-05")))
    assert second.id != first.id
    assert second.state in (State.PROMOTED, State.REFUSED)


def test_every_message_delivered_twice_changes_nothing(world: World) -> None:
    world.adopt()
    run = world.land("spring.csv", bikes.months("2011-04", "2011-05", "2011-06"))
    seen: list[tuple[str, str]] = []
    while (now := world.ports.ledger.run(run.id)).state not in advance.ASLEEP:
        queue, text = advance.QUEUES[now.state], encode(Step(run_id=now.id, seq=now.seq))
        seen.append((queue, text))
        world.hand(queue, text)
        for old_queue, old in seen:
            world.hand(old_queue, old, redelivered=True)
            world.hand(old_queue, old, redelivered=False)
    assert world.ports.ledger.run(run.id).state is State.PROMOTED
    world.pump()
    way = ["received", "ready", "training", "trained", "evaluating", "promoting", "promoted"]
    assert [move.to for move in world.ports.ledger.moves(run.id)] == way
    assert len(world.ports.ledger.changes(world.name)) == 2, "the adoption and one promotion"
    job = world.ports.ledger.run(run.id).job
    assert job is not None
    asked = [seen for seen in world.studio.log() if seen["operation"] == "startjob" and job.id in seen["path"]]
    assert [seen["status"] for seen in asked] == [200]


def test_a_message_from_the_future_is_put_back(world: World) -> None:
    run = world.land("april.csv", APRIL)
    world.hand("training", encode(Step(run_id=run.id, seq=run.seq + 1)))
    assert world.ports.ledger.run(run.id).seq == run.seq


def test_a_blob_replaced_before_it_was_read_leaves_the_run_to_its_new_version(world: World) -> None:
    world.adopt()
    old = world.land("data.csv", APRIL)
    new = world.land("data.csv", bikes.months("2011-05"))
    assert world.finish(old).state is State.SUPERSEDED
    assert "replaced" in world.ports.ledger.run(old.id).why or "run of its own" in world.ports.ledger.run(old.id).why
    assert world.finish(new).state in (State.PROMOTED, State.REFUSED)


def test_a_blob_deleted_before_it_was_read_fails_with_what_to_do(world: World) -> None:
    world.adopt()
    run = world.land("data.csv", APRIL)
    world.blobs.get_blob_client("training-data", f"{world.name}/data.csv").delete_blob()
    ended = world.finish(run)
    assert ended.state is State.FAILED
    assert "upload it again" in ended.why


def test_history_starts_nothing(world: World) -> None:
    world.configure(("since = 2000", "since = 2999"))
    for number in range(20):
        assert landing.land(world.drop(f"old{number}.csv", APRIL), world.ports) is None
    world.later(minutes=10)
    reconcile.tick(world.ports)
    assert world.ports.ledger.runs(world.name) == []
    assert len(world.names("training-data")) == 20


def test_a_lost_event_is_found_by_the_timer(world: World) -> None:
    world.adopt()
    world.drop("april.csv", APRIL)
    reconcile.tick(world.ports)
    assert world.ports.ledger.runs(world.name) == [], "a young file is left to the trigger"
    world.later(minutes=3)
    reconcile.tick(world.ports)
    (run,) = world.ports.ledger.runs(world.name)
    assert world.finish(run).state in (State.PROMOTED, State.REFUSED)


def test_a_lost_message_is_sent_again_by_the_timer(world: World) -> None:
    world.adopt()
    run = world.land("april.csv", APRIL)
    world.queues.get_queue_client("training").clear_messages()
    world.later(minutes=3)
    reconcile.tick(world.ports)
    assert world.finish(run).ended


def test_a_run_whose_message_was_poisoned_is_parked_and_can_be_released(world: World) -> None:
    world.adopt()
    run = world.land("april.csv", APRIL)
    world.queues.get_queue_client("training").clear_messages()
    poison = world.queues.create_queue("training-poison")
    poison.send_message(encode(Step(run_id=run.id, seq=0)))
    reconcile.tick(world.ports)
    parked = world.ports.ledger.run(run.id)
    assert (parked.state, parked.parked_from) == (State.PARKED, State.RECEIVED)
    assert poison.get_queue_properties().approximate_message_count == 0
    acts.replay(parked, world.ports, actor=parked.actor, why="fixed")
    assert world.finish(run).ended


STRAY = '{"kind":"step","runId":"nobody~0","seq":3}'


@pytest.mark.parametrize(
    ("queue", "text"), [("retrain-requests", "not json"), ("retrain-requests", '{"model": 7}'), ("training", STRAY)]
)
def test_a_poisoned_message_that_belongs_to_no_run_is_kept_as_a_file(world: World, queue: str, text: str) -> None:
    world.queues.create_queue(f"{queue}-poison").send_message(text)
    reconcile.tick(world.ports)
    (kept,) = world.names("quarantine", "messages/")
    assert world.read(f"quarantine/{kept}").decode() == text
