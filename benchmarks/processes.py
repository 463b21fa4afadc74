"""CPU seconds and memory of the stack's processes, read from /proc (Linux only)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE = 0.1  # seconds between looks at memory


class Memory(msgspec.Struct, frozen=True):
    """Megabytes: `anonymous` is what a process holds for itself, `resident` also counts shared libraries and files."""

    anonymous: float
    resident: float


def children(pid: int) -> list[int]:
    """Ids of the direct children of a process."""
    found = []
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            fields = _fields(stat)
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def cpu(pids: Mapping[str, list[int]]) -> dict[str, float]:
    """CPU seconds used so far by each part, user and system."""
    return {part: sum(map(_cpu, ids)) for part, ids in pids.items()}


class Neighbours:
    """How many cores everything but `pids` and this process keeps busy: what a figure of a shared machine needs."""

    def __init__(self, pids: Mapping[str, list[int]]) -> None:
        self._pids = pids
        self._begun, self._others = time.monotonic(), self._used()

    def cores(self) -> float:
        """Cores in use by others since this was made; at least 0, as the counters are coarse."""
        return max(0.0, self._used() - self._others) / (time.monotonic() - self._begun)

    def _used(self) -> float:
        return _machine() - sum(cpu(self._pids).values()) - time.process_time()


def memory(pids: Mapping[str, list[int]]) -> dict[str, Memory]:
    """Memory now by part; pages that two processes share count in both `resident` figures."""
    return {
        part: Memory(
            anonymous=sum(_megabytes(pid, "RssAnon") for pid in ids),
            resident=sum(_megabytes(pid, "VmRSS") for pid in ids),
        )
        for part, ids in pids.items()
    }


def total(parts: Mapping[str, Memory]) -> Memory:
    """All parts together."""
    return Memory(sum(part.anonymous for part in parts.values()), sum(part.resident for part in parts.values()))


class Peak:
    """Samples memory while it is entered; `highest` is the sample with the most anonymous memory in total."""

    def __init__(self, pids: Mapping[str, list[int]]) -> None:
        self._pids = pids
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.highest = memory(pids)

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE):
            self._look()

    def _look(self) -> None:
        now = memory(self._pids)
        if total(now).anonymous > total(self.highest).anonymous:
            self.highest = now

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        self._look()


def _machine() -> float:
    """CPU seconds that the whole machine has been busy; waiting for input does not count."""
    user, nice, system, _, _, *interrupts = map(int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / TICKS


def _cpu(pid: int) -> float:
    fields = _fields(PROC / str(pid) / "stat")
    return (int(fields[11]) + int(fields[12])) / TICKS


def _fields(stat: Path) -> list[str]:
    """The fields after the program's name, which may itself hold spaces: state, ppid, …"""
    return stat.read_text().rpartition(") ")[2].split()


def _megabytes(pid: int, name: str) -> float:
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0
