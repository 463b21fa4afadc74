"""Every kind of write, with its request or its answer lost: the table ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import groupby
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from azure.data.tables import TableClient

from local.azurite import Azurite
from retrain.errors import RetryableError, StaleRecord, Unavailable
from retrain.ports import Save
from retrain.run import Run, State
from shared.storage.accounts import Storage
from shared.storage.ledger import TableLedger

from .builders import NOW, a_champion, a_change, a_landing, a_move, a_run, minutes, next_seq
from .lossy import Fault, Lossy

Contents = list[dict[str, Any]]
SLOT = "https://example.org/staging"
ORPHAN = "income~0000000000000000"


def seed(ledger: TableLedger) -> None:
    run = a_run()
    ledger.add(run, a_move(run), [a_landing()])
    ledger.save(Save(champion=a_champion()))
    ledger.save(Save(accepted=msgspec.structs.replace(ledger.accepted("income"), manifest="runs/a")))
    ledger.take_slot(SLOT, run.id, minutes(5))
    ledger.renote("income", "old", "1")
    ledger._open(ORPHAN)


def the_run(ledger: TableLedger) -> Run:
    return ledger.run(a_run().id)


def add(ledger: TableLedger) -> Any:
    run = a_run(cause="b")
    return ledger.add(run, a_move(run), [a_landing("k2"), a_landing("k3")], "idem").seq


def save(ledger: TableLedger) -> Any:
    run = next_seq(the_run(ledger), state=State.READY)
    saved = ledger.save(Save(run=run, moves=(a_move(run, 1),), fingerprint="f"))
    assert saved == the_run(ledger), "with the version that is stored"


def promote(ledger: TableLedger) -> Any:
    run, champion = next_seq(the_run(ledger), state=State.PROMOTED), ledger.champion("income")
    assert champion is not None
    newer = msgspec.structs.replace(champion, version=1)
    ledger.save(Save(run=run, moves=(a_move(run, 1),), champion=newer, change=a_change(version=1)))


def replace_champion(ledger: TableLedger) -> Any:
    champion = ledger.champion("income")
    assert champion is not None
    ledger.save(Save(champion=msgspec.structs.replace(champion, version=1)))


def replace_accepted(ledger: TableLedger) -> Any:
    ledger.save(Save(accepted=msgspec.structs.replace(ledger.accepted("income"), manifest="runs/b")))


def forget(ledger: TableLedger) -> Any:
    ledger._now = lambda: NOW + timedelta(hours=1)
    ledger.forget(ORPHAN)


@dataclass(frozen=True)
class Operation:
    act: Callable[[TableLedger], Any]
    writes: int = 1


OPERATIONS = {
    "add": Operation(add, writes=2),
    "save": Operation(save),
    "promote": Operation(promote),
    "finish": Operation(lambda ledger: ledger.finish(a_run())),
    "forget": Operation(forget),
    "adopt": Operation(lambda ledger: ledger.save(Save(champion=a_champion("b"), change=a_change("b"))), writes=2),
    "replace the champion": Operation(replace_champion),
    "change": Operation(lambda ledger: ledger.save(Save(change=a_change(version=5)))),
    "accept first": Operation(lambda ledger: ledger.save(Save(accepted=ledger.accepted("b")))),
    "accept more": Operation(replace_accepted),
    "take a slot": Operation(lambda ledger: ledger.take_slot("other", a_run().id, minutes(5))),
    "renew a slot": Operation(lambda ledger: ledger.take_slot(SLOT, a_run().id, minutes(9))),
    "free a slot": Operation(lambda ledger: ledger.free_slot(SLOT, a_run().id)),
    "note": Operation(lambda ledger: ledger.note("income", "new", "2")),
    "renote": Operation(lambda ledger: ledger.renote("income", "old", "2")),
}
FAULTS = [
    pytest.param(operation, write, fault, id=f"{name}-{write}-{fault.name}")
    for name, operation in OPERATIONS.items()
    for write in range(1, operation.writes + 1)
    for fault in Fault
]


def contents(azurite: Azurite, table: str) -> Contents:
    """Every row, without what differs from write to write."""
    with TableClient.from_connection_string(azurite.connection_string, table) as client:
        rows = [{key: row[key] for key in row if key != "writer"} for row in client.list_entities()]
    return sorted(rows, key=lambda row: (row["PartitionKey"], row["RowKey"]))


def restore(azurite: Azurite, table: str, rows: Contents) -> None:
    """Fills a new table, faster than by the operations that made the rows."""
    with TableClient.from_connection_string(azurite.connection_string, table) as client:
        client.create_table()
        for _, partition in groupby(rows, key=lambda row: row["PartitionKey"]):
            client.submit_transaction([("create", row) for row in partition])


@pytest.fixture(scope="module")
def seeded(azurite: Azurite) -> Contents:
    table = f"t{uuid4().hex}"
    with closing(Storage.from_env({"STORE": azurite.connection_string}, "STORE", now=lambda: NOW)) as storage:
        seed(storage.ledger(table))
    return contents(azurite, table)


@pytest.fixture(scope="module")
def undisturbed(azurite: Azurite, seeded: Contents) -> Callable[[Operation], tuple[Any, Contents]]:
    """What an operation gives, and leaves in the table, when nothing is lost."""

    @cache
    def outcome(operation: Operation) -> tuple[Any, Contents]:
        table = f"t{uuid4().hex}"
        with closing(Storage.from_env({"STORE": azurite.connection_string}, "STORE", now=lambda: NOW)) as storage:
            restore(azurite, table, seeded)
            return operation.act(storage.ledger(table)), contents(azurite, table)

    return outcome


@pytest.mark.parametrize(("operation", "write", "fault"), FAULTS)
def test_a_write_has_its_effect_once_whatever_is_lost(
    azurite: Azurite,
    storages: Callable[..., Storage],
    undisturbed: Callable[[Operation], tuple[Any, Contents]],
    seeded: Contents,
    lossy_table: Lossy,
    name: str,
    operation: Operation,
    write: int,
    fault: Fault,
) -> None:
    restore(azurite, name, seeded)
    ledger = storages(table=lossy_table.address, now=lambda: NOW).ledger(name)
    lossy_table.lose(fault, write=write)
    given = operation.act(ledger)
    assert lossy_table.left() == 0
    assert (given, contents(azurite, name)) == undisturbed(operation)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
@pytest.mark.parametrize("fault", [Fault.REQUEST_LOST, Fault.BUSY], ids=["nothing arrives", "always busy"])
def test_a_write_that_never_gets_through_can_be_asked_again(
    azurite: Azurite,
    storages: Callable[..., Storage],
    seeded: Contents,
    lossy_table: Lossy,
    name: str,
    operation: Operation,
    fault: Fault,
) -> None:
    restore(azurite, name, seeded)
    ledger = storages(table=lossy_table.address, now=lambda: NOW, retries=0).ledger(name)
    lossy_table.lose_all(fault)
    with pytest.raises(RetryableError) as caught:
        operation.act(ledger)
    assert not isinstance(caught.value, StaleRecord)
    assert "asked again later" in str(caught.value)
    assert contents(azurite, name) == seeded


def test_an_unreachable_service_is_unavailable(storages: Callable[..., Storage]) -> None:
    with pytest.raises(Unavailable, match="read income run"):
        storages(table="http://127.0.0.1:1", retries=0).ledger().run("income~1")


def test_a_save_that_was_overtaken_before_its_answer_was_found_is_stale(
    storages: Callable[..., Storage], lossy_table: Lossy, name: str
) -> None:
    rival = storages().ledger(name)
    run = rival.add(a_run(), a_move(a_run()), [])
    ledger = storages(table=lossy_table.address).ledger(name)
    lossy_table.after_fault = lambda: rival.save(Save(run=next_seq(rival.run(run.id), why="rival")))
    lossy_table.lose(Fault.ANSWER_LOST)
    with pytest.raises(StaleRecord):
        ledger.save(Save(run=next_seq(run, why="ours")))
    assert (rival.run(run.id).seq, rival.run(run.id).why) == (2, "rival")


def test_the_first_write_makes_the_table_although_answers_are_lost(
    storages: Callable[..., Storage], lossy_table: Lossy, name: str
) -> None:
    ledger = storages(table=lossy_table.address).ledger(name)
    lossy_table.lose(Fault.ANSWER_LOST, write=2)
    run = ledger.add(a_run(), a_move(a_run()), [])
    assert ledger.run(run.id) == run
