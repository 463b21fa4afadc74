"""Timer triggers: wait for the next occurrence, run, remember; one catch-up after a pause, never two runs at once.

State as in Azure: azure-webjobs-hosts/timers/{hostId}/Host.Functions.<function>/status. UTC throughout.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from azure.core.exceptions import AzureError
from azure.storage.blob.aio import BlobClient

from local.host.invocations import Invocations
from local.host.pause import pause
from local.host.protos import TypedData
from local.host.settings import SettingsError, resolve
from local.host.storage import HOSTS_CONTAINER, Storage, read_blob, write_blob
from local.host.worker import Function
from retrain.ncrontab import Ncrontab

log = logging.getLogger("local.host.timers")

LONGEST_NAP = 60.0  # seconds; a laptop that slept notices the wall clock again after this


class Status(msgspec.Struct, frozen=True, rename="pascal"):
    """When a timer last ran and is to run next."""

    last: datetime | None
    next: datetime
    last_updated: datetime


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Timer:
    """A function with a timer trigger. Raises SettingsError for a schedule that cannot be read."""

    def __init__(
        self,
        function: Function,
        storage: Storage,
        invocations: Invocations,
        host_id: str,
        environment: Mapping[str, str],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._function = function
        self._invocations = invocations
        self._clock = clock
        try:
            self.schedule = Ncrontab.parse(resolve(function.trigger["schedule"], environment))
        except ValueError as error:
            raise SettingsError(f"function {function.name}: {error}") from error
        name = f"timers/{host_id}/{function.full_name}/status"
        self._blob: BlobClient = storage.blobs().get_blob_client(HOSTS_CONTAINER, name)
        self._stopping = asyncio.Event()

    @property
    def monitored(self) -> bool:
        """Whether runs are remembered: not when asked not to, nor for schedules under a minute."""
        first = self.schedule.next(self._clock())
        often = self.schedule.next(first) - first < timedelta(minutes=1)
        return bool(self._function.trigger.get("useMonitor", True)) and not often

    def stop(self) -> None:
        """Start no further run."""
        self._stopping.set()

    async def run(self) -> None:
        """Run on every occurrence until stopped."""
        status = await self._load() if self.monitored else None
        past_due = status is not None and self._clock() > status.next
        if past_due or self._function.trigger.get("runOnStartup"):
            status = await self.fire(status, past_due=past_due)
        elif status is None:
            status = await self._save(None)
        while await self._wait_until(status.next):
            status = await self.fire(status, past_due=False)

    async def fire(self, status: Status | None, *, past_due: bool) -> Status:
        """One run; the next occurrence is counted from its end, so that runs never overlap."""
        started = self._clock()
        request = {
            "IsPastDue": past_due,
            "ScheduleStatus": json.loads(msgspec.json.encode(status)) if status else None,
            "Schedule": {"AdjustForDST": True},
        }
        await self._invocations.run(self._function, TypedData(json=json.dumps(request)), why="timer")
        return await self._save(started)

    async def _wait_until(self, moment: datetime) -> bool:
        while not self._stopping.is_set():
            rest = (moment - self._clock()).total_seconds()
            if rest <= 0:
                return True
            await pause(self._stopping, min(rest, LONGEST_NAP))
        return False

    async def _load(self) -> Status | None:
        try:
            data = await read_blob(self._blob)
            return self._current(msgspec.json.decode(data, type=Status)) if data else None
        except (AzureError, msgspec.MsgspecError) as error:
            log.warning("timer %s: status not read, starting anew: %s", self._function.name, error)
            return None

    def _current(self, status: Status) -> Status | None:
        """The recorded status, unless the schedule was changed since: then there is nothing to catch up with."""
        expected = self.schedule.next(status.last_updated)
        return status if abs(expected - status.next) <= timedelta(seconds=1) else None

    async def _save(self, last: datetime | None) -> Status:
        now = self._clock()
        status = Status(last, self.schedule.next(now), now)
        if self.monitored:
            try:
                await write_blob(self._blob, msgspec.json.encode(status), overwrite=True)
            except AzureError as error:
                log.warning("timer %s: status not written: %s", self._function.name, error)
        return status
