"""Places of a training service in the ledger: so many at a time, leased by time, given back by their holder only."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from retrain.ports import Places
from retrain.run import Lease
from shared.storage.accounts import Storage
from shared.storage.ledger import TableLedger

from .builders import NOW
from .conftest import Clock
from .lossy import Lossy

SERVICE = "https://example.services/workspaces/w/services/e"
LATER = NOW + timedelta(minutes=30)
THREE = Places(url=SERVICE, count=3)


def took(ledger: TableLedger, count: int, holders: range, until: datetime = LATER) -> list[Lease]:
    found = [ledger.take_place(Places(url=SERVICE, count=count), f"bikes:{n:03}~1", until) for n in holders]
    return [lease for lease in found if lease is not None]


def test_as_many_places_are_taken_as_there_are_and_no_more(ledger: TableLedger) -> None:
    leases = took(ledger, 3, range(10))
    assert sorted(lease.place for lease in leases) == [0, 1, 2]


def test_a_place_that_is_given_back_is_free_for_another(ledger: TableLedger) -> None:
    first, *_ = took(ledger, 3, range(3))
    assert ledger.take_place(THREE, "other~1", LATER) is None
    ledger.free_place(first)
    ledger.free_place(first)
    again = ledger.take_place(THREE, "other~1", LATER)
    assert again is not None and again.place == first.place


def test_taking_again_gives_the_place_that_is_held(ledger: TableLedger) -> None:
    leases = took(ledger, 3, range(2))
    assert [lease.place for lease in took(ledger, 3, range(2))] == [lease.place for lease in leases]
    assert len(took(ledger, 3, range(5))) == 3


def test_a_lease_that_ran_out_is_taken_over_and_its_holder_can_neither_renew_nor_free_it(
    ledger: TableLedger, clock: Clock
) -> None:
    (mine,) = took(ledger, 1, range(1))
    clock.time = LATER + timedelta(seconds=1)
    theirs = ledger.take_place(Places(url=SERVICE, count=1), "other~1", clock.time + timedelta(minutes=30))
    assert theirs is not None
    assert ledger.renew_place(mine, clock.time + timedelta(minutes=30)) is None
    ledger.free_place(mine)
    assert ledger.take_place(Places(url=SERVICE, count=1), "third~1", LATER) is None


def test_a_lease_is_renewed_although_the_answer_to_an_earlier_renewal_was_not_kept(
    ledger: TableLedger, clock: Clock
) -> None:
    (lease,) = took(ledger, 1, range(1))
    assert ledger.renew_place(lease, LATER + timedelta(minutes=10)) is not None
    renewed = ledger.renew_place(lease, LATER + timedelta(minutes=20))
    assert renewed is not None
    clock.time = LATER + timedelta(minutes=15)
    assert took(ledger, 1, range(5, 6)) == []
    ledger.free_place(lease)
    assert len(took(ledger, 1, range(5, 6))) == 1


def test_services_have_places_of_their_own(ledger: TableLedger) -> None:
    assert len(took(ledger, 2, range(9))) == 2
    assert ledger.take_place(Places(url=f"{SERVICE}2", count=2), "bikes~1", LATER) is not None


def test_many_at_once_never_share_a_place(ledger: TableLedger) -> None:
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda n: ledger.take_place(Places(url=SERVICE, count=5), f"m~{n}", LATER), range(30)))
    taken = [lease.place for lease in found if lease is not None]
    assert len(taken) == len(set(taken)) <= 5


def test_a_free_place_costs_one_request_and_so_does_giving_it_back(
    storages: Callable[..., Storage], name: str, lossy_table: Lossy
) -> None:
    ledger = storages(table=lossy_table.address).ledger(name)
    ledger.note("bikes", "n", "v")  # the table is there
    lossy_table.asked.clear()
    lease = ledger.take_place(THREE, "bikes~1", datetime.now(UTC) + timedelta(minutes=30))
    assert lease is not None
    ledger.free_place(lease)
    assert len(lossy_table.asked) == 2
    others = [ledger.take_place(THREE, f"bikes~{n}", datetime.now(UTC) + timedelta(minutes=30)) for n in range(3)]
    assert None not in others
    lossy_table.asked.clear()
    assert ledger.take_place(THREE, "bikes~9", datetime.now(UTC) + timedelta(minutes=30)) is None
    assert len(lossy_table.asked) <= 3, "the first place, whose it is, and one listing of all"
    lossy_table.asked.clear()
    assert ledger.take_place(THREE, "bikes~9", datetime.now(UTC) + timedelta(minutes=30), again=True) is None
    assert len(lossy_table.asked) == 1
