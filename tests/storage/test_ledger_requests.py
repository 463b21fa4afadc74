"""What the ledger asks of the service: the hot path is point requests and transactions, however long the history is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from uuid import uuid4

import pytest

from local.azurite import Azurite
from retrain.ports import Save
from shared.storage.accounts import Storage
from shared.storage.rows import Write

from .builders import a_champion, a_change, a_landing, a_move, a_run, minutes, next_seq
from .lossy import Lossy

LANDINGS = 1_100  # more than one page of a listing
OTHERS = 900


@pytest.fixture(scope="module")
def history(azurite: Azurite) -> str:
    """A table with rows before, between and after those of a run, as a long history leaves them."""
    name = f"t{uuid4().hex}"
    kinds = ("change|", "move|income~0|", "run|income~", "time|")
    found = [f"land|{n:08}" for n in range(LANDINGS)] + [f"{kinds[n % 4]}{n:08}" for n in range(OTHERS)]
    rows = [Write("income", key, {"record": "{}"}) for key in found]
    with closing(Storage.from_env({"STORE": azurite.connection_string}, "STORE")) as storage:
        for start in range(0, len(rows), 100):
            storage.ledger(name)._table.write("fill", *rows[start : start + 100])
    return name


@pytest.fixture
def proxied(storages: Callable[..., Storage], lossy_table: Lossy, history: str) -> tuple[Storage, str, Lossy]:
    return storages(table=lossy_table.address), history, lossy_table


def test_the_hot_path_asks_for_single_rows_and_transactions_only(proxied: tuple[Storage, str, Lossy]) -> None:
    storage, name, proxy = proxied
    ledger = storage.ledger(name)
    run = ledger.add(a_run(), a_move(a_run()), [a_landing()], "idem")
    ledger.add(a_run(), a_move(a_run()), [a_landing()], "idem")
    run = ledger.save(Save(run=next_seq(ledger.run(run.id)), moves=(a_move(run, 1),), fingerprint="f")) or run
    ledger.save(Save(champion=a_champion(), change=a_change(), accepted=ledger.accepted("income")))
    ledger.champion("income")
    ledger.change("income", 0)
    ledger.landing("income", "k1")
    ledger.take_slot("s", run.id, minutes(5))
    ledger.holds_slot("s", run.id)
    ledger.free_slot("s", run.id)
    ledger.note("income", "n", "v")
    ledger.noted("income", "n")
    ledger.finish(run)
    assert len(proxy.asked) < 30
    ranges = [asked for asked in proxy.asked if "PartitionKey=" not in asked and not asked.startswith("POST")]
    assert ranges == []


def test_a_save_is_one_request_and_a_load_another(proxied: tuple[Storage, str, Lossy]) -> None:
    storage, name, proxy = proxied
    ledger = storage.ledger(name)
    other = a_run(cause="other")
    run = ledger.add(other, a_move(other), [])
    proxy.asked.clear()
    ledger.save(Save(run=next_seq(ledger.run(run.id)), moves=(a_move(run, 1),)))
    load, save = proxy.asked
    assert load.startswith("GET ")
    assert f"/{name}(PartitionKey=" in load
    assert save == "POST /devstoreaccount1/$batch"


def test_the_table_is_made_once_and_looked_for_never(
    storages: Callable[..., Storage], lossy_table: Lossy, name: str
) -> None:
    ledger = storages(table=lossy_table.address).ledger(name)
    for n in range(3):
        ledger.renote("income", "n", str(n))
    assert sum(asked.startswith("POST") for asked in lossy_table.asked) == 1
    assert len(lossy_table.asked) == 2 + 1 + 2


def test_listing_pages_through_a_long_history(storages: Callable[..., Storage], history: str) -> None:
    table = storages().ledger(history)._table
    assert [row.key for row in table.under("income", "land|")][:LANDINGS] == [f"land|{n:08}" for n in range(LANDINGS)]
    assert len(list(table.under("income", "land|", limit=1_050))) == 1_050
