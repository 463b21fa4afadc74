"""What the ledger promises, against Azurite."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest

from retrain.errors import BadRequest, NotFound, StaleRecord, Taken
from retrain.ports import Save
from retrain.run import Run, State, run_id
from shared.storage.accounts import Storage
from shared.storage.ledger import MOST_LANDINGS, TableLedger

from .builders import a_champion, a_change, a_landing, a_move, a_run, minutes, next_seq
from .conftest import Clock

NASTY = "bikes:001/..\\#?%'\"é\x01\t&=+ 😀"


def added(ledger: TableLedger, run: Run | None = None, landings: tuple[str, ...] = (), key: str = "") -> Run:
    run = run or a_run()
    return ledger.add(run, a_move(run), [a_landing(landing) for landing in landings], key)


def test_an_unwritten_ledger_is_empty_and_makes_no_table(ledger: TableLedger) -> None:
    assert ledger.champion("income") is None
    for listed in (ledger.champions(), ledger.runs("income"), ledger.changes("income"), ledger.moves("income~1")):
        assert list(listed) == []
    assert list(ledger.open_runs()) == []
    assert ledger.accepted("income").manifest == ""
    assert ledger.noted("income", "since") is None
    with pytest.raises(NotFound, match="income~1"):
        ledger.run("income~1")


def test_an_added_run_is_loaded_as_it_was_with_its_version(ledger: TableLedger) -> None:
    run = added(ledger, a_run(landings=(a_landing(),)), landings=("k1",))
    assert run.etag
    assert ledger.run(run.id) == run
    assert ledger.moves(run.id) == [a_move(run)]
    assert ledger.landing("income", "k1") == run.id
    assert list(ledger.open_runs()) == [run.id]


def test_adding_the_same_run_twice_gives_the_stored_one(ledger: TableLedger) -> None:
    first = added(ledger, landings=("k1",))
    moved_on = ledger.save(Save(run=next_seq(first, state=State.QUEUED)))
    assert added(ledger, landings=("k1",)) == moved_on
    assert len(ledger.moves(first.id)) == 1


@pytest.mark.parametrize(("landings", "key"), [(("k0", "k1"), ""), ((), "idem")])
def test_adding_gives_the_run_that_has_the_landing_or_key(
    ledger: TableLedger, landings: tuple[str, ...], key: str
) -> None:
    first = added(ledger, landings=("k1",), key="idem")
    assert added(ledger, a_run(cause="b"), landings, key) == first
    assert list(ledger.open_runs()) == [first.id]
    assert ledger.landing("income", "k0") is None, "all or nothing"


def test_adding_a_run_again_after_its_end_leaves_it_closed(ledger: TableLedger) -> None:
    run = ledger.save(Save(run=next_seq(added(ledger), state=State.FAILED)))
    assert run is not None
    ledger.finish(run)
    assert added(ledger) == run
    assert list(ledger.open_runs()) == []


def test_a_run_takes_as_many_landings_as_a_transaction_holds(ledger: TableLedger) -> None:
    many = tuple(f"k{n}" for n in range(MOST_LANDINGS))
    run = added(ledger, landings=many, key="idem")
    assert ledger.landing("income", many[-1]) == run.id
    with pytest.raises(BadRequest, match="split it"):
        added(ledger, a_run(cause="b"), landings=(*(f"j{n}" for n in range(MOST_LANDINGS)), "more"), key="other")


def test_saving_replaces_the_run_and_appends_its_moves(ledger: TableLedger) -> None:
    run = added(ledger)
    saved = ledger.save(Save(run=next_seq(run, state=State.READY, due=minutes(5)), moves=(a_move(run, 1),)))
    assert saved is not None
    assert saved == ledger.run(run.id)
    assert saved.etag != run.etag
    assert [move.n for move in ledger.moves(run.id)] == [0, 1]


def test_a_save_of_a_version_that_is_gone_is_stale_and_changes_nothing(ledger: TableLedger) -> None:
    run = added(ledger)
    winner = ledger.save(Save(run=next_seq(run, why="first")))
    with pytest.raises(StaleRecord, match=run.id):
        ledger.save(Save(run=next_seq(run, why="second"), moves=(a_move(run, 1),), fingerprint="f"))
    assert ledger.run(run.id) == winner
    assert len(ledger.moves(run.id)) == 1
    assert ledger.fingerprint("income", "f") is None


def test_a_run_that_was_never_stored_cannot_be_saved(ledger: TableLedger) -> None:
    added(ledger)
    with pytest.raises(StaleRecord):
        ledger.save(Save(run=a_run(cause="b", etag="W/\"datetime'2026-01-01T00%3A00%3A00.0000000Z'\"")))


def test_a_listed_run_must_be_loaded_before_it_is_saved(ledger: TableLedger) -> None:
    added(ledger)
    [listed] = ledger.runs("income")
    with pytest.raises(StaleRecord, match="load it"):
        ledger.save(Save(run=listed))


def test_content_used_by_another_run_is_taken_and_names_it(ledger: TableLedger) -> None:
    first, second = added(ledger), added(ledger, a_run(cause="b"))
    ledger.save(Save(run=first, fingerprint="f"))
    with pytest.raises(Taken) as caught:
        ledger.save(Save(run=next_seq(second), fingerprint="f"))
    assert caught.value.run == first.id == ledger.fingerprint("income", "f")
    assert ledger.run(second.id) == second


def test_a_run_may_save_its_own_fingerprint_again(ledger: TableLedger) -> None:
    once = ledger.save(Save(run=added(ledger), fingerprint="f"))
    assert once is not None
    twice = ledger.save(Save(run=next_seq(once), fingerprint="f"))
    assert twice is not None
    assert twice.seq == 1


def test_a_stale_run_with_a_taken_fingerprint_is_stale_first(ledger: TableLedger) -> None:
    first, second = added(ledger), added(ledger, a_run(cause="b"))
    ledger.save(Save(run=first, fingerprint="f"))
    ledger.save(Save(run=next_seq(second)))
    with pytest.raises(StaleRecord):
        ledger.save(Save(run=next_seq(second), fingerprint="f"))


def test_runs_are_listed_newest_first_as_they_are_now(ledger: TableLedger) -> None:
    runs = [added(ledger, a_run(cause=str(n), created=minutes(n))) for n in range(4)]
    ledger.save(Save(run=next_seq(runs[3], state=State.QUEUED)))
    added(ledger, a_run("income:other"))
    listed = ledger.runs("income", limit=3)
    assert [run.id for run in listed] == [runs[n].id for n in (3, 2, 1)]
    assert listed[0].state is State.QUEUED


def test_a_finished_run_is_no_longer_open(ledger: TableLedger) -> None:
    run = added(ledger)
    ledger.finish(run)
    ledger.finish(run)
    assert list(ledger.open_runs()) == []


def test_an_open_row_without_a_run_is_forgotten_only_once_it_is_old(ledger: TableLedger, clock: Clock) -> None:
    first = added(ledger, landings=("k1",))
    ledger._open("income~0000000000000000")
    ledger.forget("income~0000000000000000")
    assert len(list(ledger.open_runs())) == 2, "its run may be on the way"
    clock.time += timedelta(minutes=6)
    ledger.forget("income~0000000000000000")
    ledger.forget(first.id)
    assert list(ledger.open_runs()) == [first.id], "a run that was written stays"


def test_open_runs_are_found_after_the_number_of_buckets_changed(storage: Storage, name: str) -> None:
    one, many = storage.ledger(name), storage.ledger(name, buckets=8)
    runs = [added(one, a_run(cause=str(n))) for n in range(6)]
    assert sorted(many.open_runs()) == sorted(run.id for run in runs)
    for run in runs:
        many.finish(run)
    assert list(many.open_runs()) == list(one.open_runs()) == []


def test_a_champion_is_adopted_once_and_replaced_by_version(ledger: TableLedger) -> None:
    ledger.save(Save(champion=a_champion(), change=a_change()))
    with pytest.raises(StaleRecord):
        ledger.save(Save(champion=a_champion(version=7), change=a_change(version=7)))
    adopted = ledger.champion("income")
    assert adopted is not None
    newer = msgspec.structs.replace(adopted, version=1)
    ledger.save(Save(champion=newer, change=a_change(version=1)))
    with pytest.raises(StaleRecord):
        ledger.save(Save(champion=newer, change=a_change(version=2)))
    assert [change.version for change in ledger.changes("income")] == [1, 0]
    assert ledger.change("income", 1) == a_change(version=1)
    with pytest.raises(NotFound, match="change 2"):
        ledger.change("income", 2)


def test_a_promotion_is_one_transaction_with_its_run(ledger: TableLedger) -> None:
    run = added(ledger)
    save = Save(run=next_seq(run), moves=(a_move(run, 1),), champion=a_champion(), change=a_change())
    ledger.save(save)
    again = ledger.run(run.id)
    with pytest.raises(StaleRecord):
        ledger.save(msgspec.structs.replace(save, run=next_seq(again), moves=()))
    assert ledger.run(run.id) == again


def test_champions_of_all_targets_are_listed(ledger: TableLedger) -> None:
    targets = ["bikes:001", "bikes:002", "income"]
    for target in targets:
        ledger.save(Save(champion=a_champion(target)))
    assert [champion.target for champion in ledger.champions()] == targets
    assert ledger.champions()[0] == ledger.champion("bikes:001")


def test_the_newest_changes_come_first_within_a_limit(ledger: TableLedger) -> None:
    for version in range(12):
        ledger.save(Save(change=a_change(version=version)))
    assert [change.version for change in ledger.changes("income", limit=3)] == [11, 10, 9]


def test_the_pointer_to_accepted_data_moves_by_version(ledger: TableLedger) -> None:
    empty = ledger.accepted("income")
    ledger.save(Save(accepted=msgspec.structs.replace(empty, manifest="runs/a")))
    with pytest.raises(StaleRecord):
        ledger.save(Save(accepted=msgspec.structs.replace(empty, manifest="runs/b")))
    first = ledger.accepted("income")
    ledger.save(Save(accepted=msgspec.structs.replace(first, manifest="runs/c")))
    assert ledger.accepted("income").manifest == "runs/c"


def test_a_slot_is_held_by_one_run_until_its_time_is_over(ledger: TableLedger, clock: Clock) -> None:
    slot = "https://example.org/staging?x=1#y"
    assert ledger.take_slot(slot, "income~1", minutes(10))
    assert not ledger.take_slot(slot, "income~2", minutes(10))
    assert ledger.take_slot(slot, "income~1", minutes(20)), "taking again renews"
    clock.time = minutes(15)
    assert not ledger.take_slot(slot, "income~2", minutes(30))
    clock.time = minutes(21)
    assert not ledger.holds_slot(slot, "income~1")
    assert ledger.slot_holder(slot) is None
    assert ledger.take_slot(slot, "income~2", minutes(30))
    assert ledger.holds_slot(slot, "income~2")
    assert ledger.slot_holder(slot) == "income~2"
    assert ledger.slot_holder("https://example.org/another") is None


def test_a_slot_is_freed_only_by_its_holder_who_learns_whether_it_held_it_until_now(
    ledger: TableLedger, clock: Clock
) -> None:
    assert not ledger.free_slot("s", "income~1")
    ledger.take_slot("s", "income~1", minutes(10))
    assert not ledger.free_slot("s", "income~2")
    assert ledger.holds_slot("s", "income~1")
    assert ledger.free_slot("s", "income~1")
    assert ledger.take_slot("s", "income~2", minutes(10))
    clock.time = minutes(11)
    assert not ledger.free_slot("s", "income~2"), "its time was over"
    assert ledger.take_slot("s", "income~1", minutes(20))


def test_a_note_keeps_what_came_first_and_a_renote_replaces_it(ledger: TableLedger) -> None:
    assert ledger.note("income", "since", "a") == "a"
    assert ledger.note("income", "since", "b") == "a"
    ledger.renote("income", "since", "c")
    ledger.renote("income", "other", "d")
    assert (ledger.noted("income", "since"), ledger.noted("income", "other")) == ("c", "d")


def test_a_job_is_known_by_its_workspace_and_name_in_any_case(ledger: TableLedger) -> None:
    assert ledger.run_of_job("/subscriptions/S/workspaces/w", "Job-1") is None
    for _ in range(2):
        ledger.keep_job("/subscriptions/S/workspaces/w", "Job-1", "income~1")
    assert ledger.run_of_job("/SUBSCRIPTIONS/s/workspaces/W", "job-1") == "income~1"
    assert ledger.run_of_job("/subscriptions/S/workspaces/other", "Job-1") is None
    ledger.keep_job(NASTY, NASTY, NASTY)
    assert ledger.run_of_job(NASTY, NASTY) == NASTY


def test_any_text_can_be_a_name(ledger: TableLedger) -> None:
    run = added(ledger, a_run(NASTY, id=run_id(NASTY, ("x",))), landings=(NASTY, NASTY * 40), key=NASTY)
    ledger.save(Save(run=run, champion=a_champion(NASTY), fingerprint=NASTY))
    ledger.note(NASTY, NASTY, NASTY)
    assert ledger.landing(NASTY, NASTY * 40) == ledger.fingerprint(NASTY, NASTY) == run.id
    assert ledger.noted(NASTY, NASTY) == NASTY
    assert [champion.target for champion in ledger.champions()] == [NASTY]
    assert ledger.runs(NASTY)[0].id == ledger.moves(run.id)[0].run == run.id
    ledger.finish(run)
    assert list(ledger.open_runs()) == []


@pytest.mark.parametrize("model", ["open", "targets", "slot", "champion", "run"])
def test_a_model_may_have_the_name_of_a_partition_or_row(ledger: TableLedger, model: str) -> None:
    run = added(ledger, a_run(model))
    ledger.take_slot(model, run.id, minutes(1))
    ledger.save(Save(champion=a_champion(model)))
    assert list(ledger.open_runs()) == [run.id]
    assert [champion.target for champion in ledger.champions()] == [model]


def test_a_record_longer_than_a_property_is_stored_whole(ledger: TableLedger) -> None:
    long = "😀é" * 30_000
    run = ledger.save(Save(run=next_seq(added(ledger), why=long)))
    assert run is not None
    assert ledger.run(run.id).why == ledger.runs("income")[0].why == long
    shorter = ledger.save(Save(run=next_seq(run, why="short")))
    assert shorter is not None
    assert ledger.run(run.id).why == "short", "no part of the longer text is left"


def test_a_record_too_long_for_a_row_is_refused_by_name(ledger: TableLedger) -> None:
    with pytest.raises(BadRequest, match="keep it as a blob"):
        ledger.note("income", "much", "x" * 500_000)


def test_racing_writers_each_get_their_turn(storages: Callable[..., Storage], name: str) -> None:
    run = added(storages().ledger(name))

    def count_up(writer: int) -> None:
        mine = storages().ledger(name)
        for _ in range(5):
            _save_until_it_fits(mine, run.id, writer)

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(count_up, range(4)))
    ledger = storages().ledger(name)
    assert ledger.run(run.id).seq == 20
    assert [move.n for move in ledger.moves(run.id)] == list(range(21))


def _save_until_it_fits(ledger: TableLedger, run_id: str, writer: int) -> None:
    while True:
        run = ledger.run(run_id)
        try:
            ledger.save(Save(run=next_seq(run, why=str(writer)), moves=(a_move(run, run.seq + 1),)))
        except StaleRecord:
            continue
        return


def test_threads_adding_the_same_run_through_one_ledger_all_get_it(ledger: TableLedger) -> None:
    with ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _: added(ledger, landings=("k1", "k2")), range(16)))
    assert len(set(map(repr, runs))) == 1
    assert list(ledger.open_runs()) == [runs[0].id]
    assert len(ledger.moves(runs[0].id)) == 1


def test_one_of_many_takes_a_slot(ledger: TableLedger) -> None:
    with ThreadPoolExecutor(8) as threads:
        took = list(threads.map(lambda n: ledger.take_slot("s", f"income~{n}", minutes(5)), range(16)))
    assert took.count(True) == 1
    assert ledger.holds_slot("s", f"income~{took.index(True)}")
