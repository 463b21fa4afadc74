"""Ctrl-C and SIGTERM as an exception that never falls into the middle of starting or stopping a process."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Somebody wants this to stop. `code` is the exit code that says so, as shells count: 128 + signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


class Interrupts:
    """A context manager: within it the first of the signals raises Interrupted in the main thread; later ones do not.

    Whoever asked once is waited for: what was started is still being stopped in good order.
    """

    def __init__(self) -> None:
        self._holding = 0
        self._arrived: int | None = None
        self._raised = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        wanted = [number for number in NUMBERS if not _outlives_terminal(number)]
        self._before = {number: signal.signal(number, self._on) for number in wanted}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def held(self) -> Iterator[None]:
        """A signal that comes meanwhile is raised at the end of this block, in place of any other error in it.

        Ctrl-C reaches the processes that a terminal's program has started as well, so that what is being started here
        often fails for that very reason.
        """
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
            self._raise()

    def _on(self, number: int, _: FrameType | None) -> None:
        self._arrived = self._arrived or number
        self._raise()

    def _raise(self) -> None:
        if self._arrived and not self._holding and not self._raised:
            self._raised = True
            raise Interrupted(self._arrived)


def _outlives_terminal(number: int) -> bool:
    """Whether this is the end of the terminal, and `nohup` has asked to go on all the same."""
    return number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN
