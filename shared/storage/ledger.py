"""The ledger on Azure Table Storage: which rows each operation writes together.

A target's partition holds its runs, their moves, landings, keys, fingerprints, changes, champion and notes, so that
every save is one transaction there. How rows are written is in `table`; what their keys are in `keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec

from retrain import ports
from retrain.champion import Accepted, Champion, Change
from retrain.errors import NotFound, StaleRecord, Taken
from retrain.ports import Ledger, Save
from retrain.run import Landed, Lease, Move, Run, target_of
from shared.storage import keys
from shared.storage.places import Places
from shared.storage.rows import Write, gather, packed, run_columns, spread, unpacked
from shared.storage.slots import Slots
from shared.storage.table import LARGEST_TRANSACTION, Table

MOST_LANDINGS = LARGEST_TRANSACTION - 4
"""Landings that one run can take: its transaction also holds the run, its copy by time, its first move and its key."""

_ON_THE_WAY = timedelta(minutes=5)  # far more than the requests of `add` can take
_READERS = 8  # champions read at the same time


def _utc_now() -> datetime:
    return datetime.now(UTC)


class TableLedger(Ledger):
    """The port `Ledger` on one table. `buckets` partitions share the list of open runs; the number may be changed."""

    def __init__(self, table: Table, *, buckets: int = 1, now: Callable[[], datetime] = _utc_now) -> None:
        self._table = table
        self._buckets = buckets
        self._now = now
        self._slots = Slots(table, now)
        self._places = Places(table, now)

    # Runs

    def run(self, run: str) -> Run:
        """Raises NotFound."""
        found = self._find(run)
        if found is None:
            raise NotFound(f"run {run}: the ledger has none of that id; list the model's runs to see those there are")
        return found

    def add(self, run: Run, move: Move, landings: Sequence[Landed], key: str = "") -> Run:
        """Inserts a run unless it, one of its landings (at most `MOST_LANDINGS`) or its key is there: then the run that
        has it."""
        self._open(run.id)
        try:
            etag = self._table.write(f"add run {run.id}", *_new_run(run, move, landings, key))
        except StaleRecord:
            existing = self._existing(run, landings, key)
            if existing is None:
                raise
            if existing.id != run.id or existing.ended:
                self.finish(run)
            return existing
        return msgspec.structs.replace(run, etag=etag)

    def save(self, saved: Save) -> Run | None:
        """One transaction. A run that was listed rather than loaded has no etag and is stale.

        Raises:
            StaleRecord: the run, champion or pointer was changed since it was loaded.
            Taken: `fingerprint` belongs to another run.
        """
        writes = _writes(saved)
        if saved.champion is not None and not saved.champion.etag:
            self._index(saved.champion.target)
        try:
            etag = self._table.write(f"save {writes[0].partition} {writes[0].key}", *writes)
        except StaleRecord:
            if not self._own_fingerprint(saved):
                raise
            return self.save(msgspec.structs.replace(saved, fingerprint=""))
        return msgspec.structs.replace(saved.run, etag=etag) if saved.run else None

    def finish(self, run: Run) -> None:
        """Takes it off the list of open runs; repeatable."""
        self._table.remove(keys.opened(run.id, self._buckets), keys.safe(run.id))

    def forget(self, run: str) -> None:
        """Takes an id off the list whose run was never written. One that was listed a moment ago stays: its run may be
        on the way."""
        row = self._table.read(keys.opened(run, self._buckets), keys.safe(run))
        if row is None or datetime.fromisoformat(row.values["since"]) > self._now() - _ON_THE_WAY or self._find(run):
            return
        try:
            self._table.remove(row.partition, row.key, row.etag)
        except StaleRecord:
            return

    def open_runs(self) -> Iterator[str]:
        """Ids, among them perhaps runs that ended or were never stored."""
        for row in self._table.across(keys.OPEN_FIRST, keys.OPEN_END):
            run = row.values["run"]
            if row.partition != keys.opened(run, self._buckets):
                self._open(run)
                self._table.remove(row.partition, row.key)
            yield run

    def runs(self, target: str, limit: int = 50) -> list[Run]:
        """Newest first, for looking at: without etag, so `run` must load one before it can be saved."""
        rows = self._table.under(keys.safe(target), keys.TIME, limit)
        return [unpacked(Run, row, etag=False) for row in rows]

    def moves(self, run: str) -> list[Move]:
        """Oldest first."""
        rows = self._table.under(keys.safe(target_of(run)), keys.moves(run))
        return [unpacked(Move, row) for row in rows]

    def landing(self, target: str, key: str) -> str | None:
        """The run that took this landing."""
        return self._pointer(target, keys.landing(key))

    def keyed(self, target: str, key: str) -> str | None:
        """The run that a request with this idempotency key started."""
        return self._pointer(target, keys.idempotency(key))

    def fingerprint(self, target: str, fingerprint: str) -> str | None:
        """The run that first used this content."""
        return self._pointer(target, keys.fingerprint(fingerprint))

    # Production

    def champion(self, target: str) -> Champion | None:
        """None until a model was adopted."""
        row = self._table.read(keys.safe(target), keys.CHAMPION)
        return unpacked(Champion, row) if row else None

    def targets(self, model: str = "") -> list[str]:
        """By an index of targets."""
        index = keys.TARGETS
        rows = self._table.under(index, keys.safe(f"{model}:")) if model else self._table.across(index, index + "!")
        return [row.values["target"] for row in rows]

    def champions(self, model: str = "") -> list[Champion]:
        """By the index and one point read each."""
        with ThreadPoolExecutor(_READERS) as readers:
            return [champion for champion in readers.map(self.champion, self.targets(model)) if champion]

    def changes(self, target: str, limit: int = 50) -> list[Change]:
        """Newest first."""
        return [unpacked(Change, row) for row in self._table.under(keys.safe(target), keys.CHANGE, limit)]

    def change(self, target: str, version: int) -> Change:
        """Raises NotFound."""
        row = self._table.read(keys.safe(target), keys.change(version))
        if row is None:
            raise NotFound(f"change {version} of {target}: the ledger has none of that version; list the changes")
        return unpacked(Change, row)

    def accepted(self, target: str) -> Accepted:
        """An empty pointer when there is none yet."""
        row = self._table.read(keys.safe(target), keys.ACCEPTED)
        return unpacked(Accepted, row) if row else Accepted(target=target)

    # Slots

    def take_slot(self, slot: str, holder: str, until: datetime) -> bool:
        """False while another holds it."""
        return self._slots.take(slot, holder, until)

    def holds_slot(self, slot: str, holder: str) -> bool:
        """Also False once the holder's time is over."""
        return self._slots.holds(slot, holder)

    def slot_holder(self, slot: str) -> str | None:
        """The run that holds the slot, unless its time is over."""
        return self._slots.holder(slot)

    def free_slot(self, slot: str, holder: str) -> bool:
        """Whether it was the holder's until now. Another's slot is left alone."""
        return self._slots.free(slot, holder)

    # Places

    def take_place(self, places: ports.Places, holder: str, until: datetime, *, again: bool = False) -> Lease | None:
        """None while all are taken."""
        return self._places.take(places, holder, until, again=again)

    def renew_place(self, lease: Lease, until: datetime) -> Lease | None:
        """None when its time ran out and another took it."""
        return self._places.renew(lease, until)

    def free_place(self, lease: Lease) -> None:
        """Another's place is left alone."""
        self._places.free(lease)

    # Jobs

    def keep_job(self, source: str, job: str, run: str) -> None:
        """Remembers whose job it is; repeatable."""
        self._table.write(f"keep job {job}", Write(*keys.job(source, job), {"run": run}, "put"))

    def run_of_job(self, source: str, job: str) -> str | None:
        """The run that such a job is or was of."""
        row = self._table.read(*keys.job(source, job))
        return str(row.values["run"]) if row else None

    # Notes

    def note(self, target: str, name: str, value: str) -> str:
        """Stores the fact if absent; the one that is stored."""
        try:
            self._table.write(f"note {name} of {target}", _note(target, name, value))
        except StaleRecord:
            stored = self.noted(target, name)
            if stored is None:
                raise
            return stored
        return value

    def noted(self, target: str, name: str) -> str | None:
        """The stored fact, or None."""
        row = self._table.read(keys.safe(target), keys.note(name))
        return gather("value", row.values) if row else None

    def renote(self, target: str, name: str, value: str) -> None:
        """Stores the fact whatever was there."""
        write = _note(target, name, value)
        self._table.write(f"renote {name} of {target}", Write(write.partition, write.key, write.values, "put"))

    def _find(self, run: str) -> Run | None:
        row = self._table.read(keys.safe(target_of(run)), keys.run(run))
        return unpacked(Run, row) if row else None

    def _existing(self, run: Run, landings: Sequence[Landed], key: str) -> Run | None:
        found = self._find(run.id)
        pointers = [keys.landing(landed.key) for landed in landings] + ([keys.idempotency(key)] if key else [])
        for pointer in pointers:
            if found is None and (holder := self._pointer(run.target, pointer)):
                found = self._find(holder)
        return found

    def _pointer(self, target: str, key: str) -> str | None:
        row = self._table.read(keys.safe(target), key)
        return str(row.values["run"]) if row else None

    def _own_fingerprint(self, saved: Save) -> bool:
        """Whether a save failed only because the run itself had stored its fingerprint before."""
        if saved.run is None or not saved.fingerprint:
            return False
        stored = self._find(saved.run.id)
        if stored is None or stored.etag != saved.run.etag:
            return False
        holder = self.fingerprint(saved.run.target, saved.fingerprint)
        if holder is not None and holder != saved.run.id:
            raise Taken(f"run {saved.run.id}: run {holder} used the same content with the same settings", run=holder)
        return holder is not None

    def _open(self, run: str) -> None:
        values = {"run": run, "since": self._now().isoformat()}
        row = Write(keys.opened(run, self._buckets), keys.safe(run), values, "put")
        self._table.write(f"list run {run} as open", row)

    def _index(self, target: str) -> None:
        self._table.write(f"index {target}", Write(keys.TARGETS, keys.safe(target), {"target": target}, "put"))


def _new_run(run: Run, move: Move, landings: Sequence[Landed], key: str) -> list[Write]:
    """The run's rows, itself first."""
    partition, columns, pointer = keys.safe(run.target), run_columns(run), {"run": run.id}
    return [
        Write(partition, keys.run(run.id), columns),
        Write(partition, keys.time(run), columns),
        Write(partition, keys.move(move.run, move.n), packed(move)),
        *(Write(partition, keys.landing(landed.key), pointer) for landed in landings),
        *([Write(partition, keys.idempotency(key), pointer)] if key else []),
    ]


def _writes(saved: Save) -> list[Write]:
    """The rows of a save; the first is the one whose writer tells whether all were stored."""
    writes: list[Write] = []
    if saved.run is not None:
        writes += _saved_run(saved.run, saved.fingerprint)
    if saved.champion is not None:
        writes.append(_versioned(saved.champion, keys.CHAMPION))
    if saved.accepted is not None:
        writes.append(_versioned(saved.accepted, keys.ACCEPTED))
    if saved.change is not None:
        writes.append(Write(keys.safe(saved.change.target), keys.change(saved.change.version), packed(saved.change)))
    for move in saved.moves:
        writes.append(Write(keys.safe(target_of(move.run)), keys.move(move.run, move.n), packed(move)))
    return writes


def _saved_run(run: Run, fingerprint: str) -> list[Write]:
    if not run.etag:
        raise StaleRecord(f"save run {run.id}: it has no version, as those in a list; load it and decide again")
    partition, columns = keys.safe(run.target), run_columns(run)
    writes = [
        Write(partition, keys.run(run.id), columns, "replace", run.etag),
        Write(partition, keys.time(run), columns, "put"),
    ]
    return [*writes, Write(partition, keys.fingerprint(fingerprint), {"run": run.id})] if fingerprint else writes


def _versioned(record: Champion | Accepted, key: str) -> Write:
    how = Write(keys.safe(record.target), key, packed(record))
    return Write(how.partition, key, how.values, "replace", record.etag) if record.etag else how


def _note(target: str, name: str, value: str) -> Write:
    return Write(keys.safe(target), keys.note(name), spread("value", value))
