"""How long an idle poller waits: randomly exponential from 100 ms up to a maximum. No I/O, no sleeping."""

from __future__ import annotations

import random

SHORTEST = 0.1  # seconds


class Backoff:
    """Pauses between empty polls; `reset` after anything was found or announced."""

    def __init__(self, longest: float, rng: random.Random | None = None) -> None:
        self._longest = max(longest, SHORTEST)
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
            increment = 2 ** (self._empty - 1) * SHORTEST * self._random.uniform(0.8, 1.2) if self._empty else 0.0
            self._pause = min(SHORTEST + increment, self._longest)
            self._empty += 1
        return self._pause
