"""Waits for a file to change: by inotify on Linux, by looking now and then elsewhere.

Looking 30 times a second costs more than a percent of a core for nothing; inotify costs nothing and is quicker.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from local.host.pause import pause

PAUSE = 0.03  # seconds between looks where there is no inotify
LONGEST_WAIT = 1.0  # seconds; a file that was made or replaced meanwhile is noticed after this
_IN_MODIFY = 0x00000002

_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Async context; `wait` returns soon after the file has changed, or for no reason."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._changed = asyncio.Event()
        self._fd = -1

    async def __aenter__(self) -> Self:
        if hasattr(_libc, "inotify_init1"):
            self._fd = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd >= 0:
            asyncio.get_running_loop().add_reader(self._fd, self._on_change)
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)

    def arm(self) -> bool:
        """Watch the file as it is now; False when that is not possible (call before reading, so nothing is missed)."""
        self._changed.clear()
        return self._fd >= 0 and _libc.inotify_add_watch(self._fd, os.fsencode(self._path), _IN_MODIFY) >= 0

    async def wait(self, *, armed: bool) -> None:
        """Until the file changes, at most a second; a short pause when it could not be armed."""
        await pause(self._changed, LONGEST_WAIT if armed else PAUSE)

    def _on_change(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._fd, 4096)
        self._changed.set()
