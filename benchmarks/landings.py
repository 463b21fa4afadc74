"""How files land: one after the other, or all at once. Each notes when its PUT was answered."""

from __future__ import annotations

import time

from benchmarks.laboratory import Laboratory


def one_by_one(lab: Laboratory, count: int, landed: dict[str, float]) -> None:
    """Each file lands when the run of the one before has ended; notes when its PUT was answered.

    And in a second of its own: of two files whose Last-Modified is the same second, either may count as the newer one.
    """
    for name, content in lab.tables(count):
        done = len(lab.ended) + 1
        time.sleep(1 - time.time() % 1)
        landed[name] = lab.drop(name, content)
        lab.wait(done)


def at_once(lab: Laboratory, count: int, landed: dict[str, float]) -> None:
    """All files land one directly after the other."""
    tables, done = lab.tables(count), len(lab.ended) + count
    for name, content in tables:
        landed[name] = lab.drop(name, content)
    lab.wait(done)
