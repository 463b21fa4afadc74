"""Faults that tests and demos order: answers, delays and cut connections for requests, failures and holds for jobs."""

import asyncio
from typing import Any

import msgspec

from local.services.engine.errors import Dialect

DIALECTS: dict[str, Dialect] = {}
"""Every operation that faults can be ordered for, with the dialect of its service."""


class BadFault(ValueError):
    """A fault that cannot be injected; the message says what can."""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One ordered fault, used up after `times` requests.

    `status`/`code`/`detail`/`message` shape the error; without them the request goes on after `delay` seconds.
    `cut` closes the connection without an answer, before or after the work is done. For `runjob` the job ends as
    Failed with `message`, or is only delayed when there is none.
    """

    operation: str
    times: int = 1
    endpoint: str | None = None  # name or id; None = any
    status: int | None = None
    code: str | None = None
    detail: str | None = None
    message: str | None = None
    retry_after: float | None = None
    delay: float = 0.0
    cut: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether an error is the answer."""
        return not self.status is self.code is self.detail is None


def read_fault(body: bytes) -> Fault:
    """Raises: BadFault."""
    try:
        fault = msgspec.json.decode(body, type=Fault)
    except msgspec.DecodeError as wrong:
        raise BadFault(f"Not a fault: {wrong}.") from wrong
    if fault.operation not in DIALECTS:
        raise BadFault(f"There is no operation {fault.operation!r}; there are {', '.join(sorted(DIALECTS))}.")
    if fault.cut not in (None, "before", "after"):
        raise BadFault(f"cut is {fault.cut!r}; it can be 'before' or 'after'.")
    if fault.status is not None and not 300 <= fault.status <= 599:
        raise BadFault(f"status is {fault.status}; an error's is from 300 to 599.")
    if fault.times < 1 or fault.delay < 0:
        raise BadFault("times must be at least 1 and delay at least 0.")
    return fault


class Faults:
    """The faults still to come, first ordered first used."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Orders a fault."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forgets all faults."""
        self._waiting.clear()

    def waiting(self) -> list[dict[str, Any]]:
        """The faults not used up, as JSON values."""
        return [msgspec.to_builtins(fault) for fault in self._waiting]

    def take(self, operation: str, names: frozenset[str]) -> Fault | None:
        """Uses up one time of the first fault that fits; `names` are the name and id of the endpoint concerned."""
        for fault in self._waiting:
            if fault.operation == operation and (fault.endpoint is None or fault.endpoint in names):
                fault.times -= 1
                if not fault.times:
                    self._waiting.remove(fault)
                return fault
        return None


class Holds:
    """Jobs kept at Running, their work done, until released: so a test decides in which order jobs end."""

    def __init__(self) -> None:
        self._endpoints: set[str] = set()
        self._held: dict[str, asyncio.Event] = {}

    def hold(self, endpoint: str | None) -> None:
        """From now on holds jobs of that endpoint (name or id), or of all."""
        self._endpoints.add(endpoint or "*")

    def release(self, job: str | None) -> list[str]:
        """Lets one held job go, or stops holding and lets all go; returns the ids released."""
        if job is None:
            self._endpoints.clear()
        going = [job] if job is not None else list(self._held)
        released = [key for key in going if key in self._held]
        for key in released:
            self._held[key].set()
        return released

    def held(self) -> list[str]:
        """Ids of the jobs being held."""
        return list(self._held)

    async def wait(self, job: str, names: frozenset[str]) -> None:
        """Returns at once unless jobs of this endpoint are held; else when the job is released."""
        if not self._endpoints & (names | {"*"}):
            return
        self._held[job] = asyncio.Event()
        try:
            await self._held[job].wait()
        finally:
            self._held.pop(job, None)
