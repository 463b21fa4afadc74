"""Our own storage, as the domain sees it: files, messages to ourselves, and the durable record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import BinaryIO, Protocol

import msgspec

from retrain.champion import Accepted, Champion, Change
from retrain.messages import Message
from retrain.ports.training import Places
from retrain.run import Landed, Lease, Move, Record, Run


class BlobInfo(Record, frozen=True):
    """A blob as its store describes it; `etag` without quotes, `modified` in UTC."""

    blob: str  # container/name
    etag: str
    modified: datetime
    size: int = 0


class Blobs(Protocol):
    """Files by `container/name`."""

    def head(self, blob: str) -> BlobInfo:
        """What is there. Raises NotFound."""

    def open(self, blob: str, etag: str = "") -> Iterator[bytes]:
        """Its bytes in blocks. Raises NotFound, or Replaced when `etag` is no longer its version."""

    def read(self, blob: str) -> bytes:
        """A small blob as a whole. Raises NotFound."""

    def write(
        self, blob: str, data: bytes | BinaryIO | Iterable[bytes], *, only_new: bool = False, etag: str = ""
    ) -> str:
        """Puts it there; its etag, without quotes. Raises Conflict when `only_new` and there is one, Replaced when
        `etag` is given and no longer its version."""

    def copy(self, source: str, target: str) -> None:
        """Copies inside the store, replacing what was there."""

    def delete(self, blob: str, etag: str = "") -> bool:
        """Removes it; False when it was gone, or was another version than `etag` (then it stays)."""

    def list(self, container: str, prefix: str = "") -> Iterator[BlobInfo]:
        """What a container holds below a prefix."""

    def url(self, blob: str) -> str:
        """Its address without any signature."""

    def sign(self, blob: str, permissions: str, lifetime: timedelta) -> str:
        """Its address with a fresh SAS: `r` to read, `cw` to create and write, `c` to create only."""


class Queues(Protocol):
    """Messages to ourselves."""

    def send(self, queue: str, message: Message, delay: float = 0) -> None:
        """Puts the message; it becomes visible after `delay` seconds and never expires."""

    def waiting(self, queue: str) -> int | None:
        """About how many messages there are, hidden ones too; None when the queue does not exist."""

    def drain(self, queue: str) -> Iterator[tuple[str, bytes]]:
        """Every message now in the queue as (id, body); each is deleted once the caller asks for the next."""


class Ledger(Protocol):
    """The durable record. A write is one transaction within a target's partition, and tells its own write whose
    answer was lost from a stranger's."""

    def run(self, run: str) -> Run:
        """Raises NotFound."""

    def add(self, run: Run, move: Move, landings: Sequence[Landed], key: str = "") -> Run:
        """Inserts a new run with its landings and idempotency key; when any of them exists, the run that has it."""

    def save(self, saved: Save) -> Run | None:
        """One transaction under If-Match. Returns the saved run with its new etag. Raises StaleRecord, or
        Taken when `fingerprint` belongs to another run."""

    def finish(self, run: Run) -> None:
        """Takes an ended run off the list of open ones."""

    def open_runs(self) -> Iterator[str]:
        """Ids of all runs that have not ended (and perhaps a few that have: `finish` them)."""

    def forget(self, run: str) -> None:
        """Takes an id off the list of open ones whose run was never written."""

    def runs(self, target: str, limit: int = 50) -> list[Run]:
        """Newest first, for looking at: without etag, so `run` must load one before it can be saved."""

    def moves(self, run: str) -> list[Move]:
        """The run's history, oldest first."""

    def landing(self, target: str, key: str) -> str | None:
        """The run that took this landing."""

    def keyed(self, target: str, key: str) -> str | None:
        """The run that a request with this idempotency key started."""

    def fingerprint(self, target: str, fingerprint: str) -> str | None:
        """The run that first used this content with these parameters and configuration."""

    def champion(self, target: str) -> Champion | None:
        """None until a model was adopted."""

    def targets(self, model: str = "") -> list[str]:
        """All targets that have a champion; of a model's keys only, when one is named."""

    def champions(self, model: str = "") -> list[Champion]:
        """Of all targets, or of a model's keys: one read each, for looking at and for the timer."""

    def changes(self, target: str, limit: int = 50) -> list[Change]:
        """Newest first."""

    def change(self, target: str, version: int) -> Change:
        """Raises NotFound."""

    def accepted(self, target: str) -> Accepted:
        """The pointer to accepted data; an empty one when there is none yet."""

    def take_slot(self, slot: str, holder: str, until: datetime) -> bool:
        """Takes a slot for a run unless another holds it now. Taking again what one holds renews it."""

    def holds_slot(self, slot: str, holder: str) -> bool:
        """Whether this run still holds the slot."""

    def slot_holder(self, slot: str) -> str | None:
        """The run that holds the slot now."""

    def free_slot(self, slot: str, holder: str) -> bool:
        """Lets the slot go; whether this run held it until now, so that nobody else changed it meanwhile."""

    def take_place(self, places: Places, holder: str, until: datetime, *, again: bool = False) -> Lease | None:
        """One of a service's places for jobs, or None while all are taken. Taking again gives the one that is held.

        `again`: all were taken before, so it looks first.
        """

    def renew_place(self, lease: Lease, until: datetime) -> Lease | None:
        """The same place for longer; None when its time ran out and another took it."""

    def free_place(self, lease: Lease) -> None:
        """Gives a place back; one that is another's by now is left alone."""

    def keep_job(self, source: str, job: str, run: str) -> None:
        """Remembers whose job it is that events of this source tell of; repeatable."""

    def run_of_job(self, source: str, job: str) -> str | None:
        """The run that such a job is or was of. Upper and lower case are the same here."""

    def note(self, target: str, name: str, value: str) -> str:
        """Stores a small fact if absent and returns the one that is stored."""

    def noted(self, target: str, name: str) -> str | None:
        """A fact stored by `note` or `renote`."""

    def renote(self, target: str, name: str, value: str) -> None:
        """Stores a small fact, replacing an older one."""


class Save(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction writes. A record with an etag replaces that version; one without is inserted."""

    run: Run | None = None
    moves: tuple[Move, ...] = ()
    fingerprint: str = ""
    champion: Champion | None = None
    change: Change | None = None
    accepted: Accepted | None = None
