"""How long an idle poller waits: randomly exponential from a shortest pause up to a maximum. No I/O, no sleeping."""

from __future__ import annotations

import random

SHORTEST = 0.1  # seconds: the platform's own
ANNOUNCED = 1.0  # seconds, where messages are announced as they come: polling then only catches what was given back


class Backoff:
    """Pauses between empty polls; `reset` after anything was found or announced."""

    def __init__(self, longest: float, rng: random.Random | None = None, shortest: float = SHORTEST) -> None:
        self._shortest = shortest
        self._longest = max(longest, shortest)
        self._random = rng or random.Random()
        self._pause = 0.0
        self._empty = 0

    def reset(self) -> None:
        """Start again from the shortest pause."""
        self._pause = 0.0
        self._empty = 0

    def next(self) -> float:
        """Seconds to wait after one more empty poll; once at the longest, it stays there."""
        if self._pause < self._longest:
            increment = 2 ** (self._empty - 1) * self._shortest * self._random.uniform(0.8, 1.2) if self._empty else 0.0
            self._pause = min(self._shortest + increment, self._longest)
            self._empty += 1
        return self._pause
