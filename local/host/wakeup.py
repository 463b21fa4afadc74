"""Who listens to which queue, so that whoever puts a message there can wake the listener instead of waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Wakeups:
    """Listeners by (account, queue); used from the host's loop only."""

    def __init__(self, *, announced: bool = False) -> None:
        self.announced = announced  # everything that comes is told of, not only what this host puts there
        self._listeners: dict[tuple[str, str], list[Callable[[], None]]] = {}

    def register(self, account: str, queue: str, wake: Callable[[], None]) -> None:
        """Call `wake` whenever a message of that queue becomes visible."""
        self._listeners.setdefault((account, queue), []).append(wake)

    def announce(self, account: str, queue: str, delay: float = 0.0) -> None:
        """A message of that queue is visible in `delay` seconds."""
        for wake in self._listeners.get((account, queue), ()):
            if delay > 0:
                asyncio.get_running_loop().call_later(delay, wake)
            else:
                wake()
