"""What is measured, in numbers: how many files, how large, how long. Not here: how."""

from __future__ import annotations

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark. Times are in seconds.

    `warm_up` files are not counted (the first is reported by itself). The one-at-a-time part is repeated `rounds` times
    with `files` files each, then `burst` files land at once. After `quiet` seconds, in which pollers rest, idling is
    watched for `idle` seconds. `counted` files go through a second stack whose storage logs every request with its
    headers: `pause` seconds before each, `tail` seconds after it for what comes after the run. A candidate goes live
    when it is surely not worse by `margin` AUC; small holdouts need a wide one. Intake reads a file of `megabytes`. The
    gate's verdict is timed on `verdict_rows` with `resamples`, the loop it is compared with on the first `looped`.
    """

    rows: int = 5_000
    columns: int = 20
    workers: int = 2
    warm_up: int = 3
    files: int = 6
    rounds: int = 2
    burst: int = 20
    counted: int = 3
    pause: float = 1.0
    tail: float = 2.5
    quiet: float = 13.0
    idle: float = 60.0
    floor_files: int = 12
    margin: float = 0.02
    verdict_rows: int = 1_000_000
    resamples: int = 1_000
    looped: int = 20
    megabytes: float = 1_000


FULL = Plan()
SMOKE = Plan(
    rows=600,
    workers=1,
    warm_up=1,
    files=2,
    rounds=1,
    burst=2,
    counted=1,
    pause=0.1,
    tail=0.5,
    quiet=0.1,
    idle=1.0,
    floor_files=2,
    margin=0.5,
    verdict_rows=5_000,
    resamples=200,
    looped=3,
    megabytes=2,
)
"""A glance in seconds: shows that everything works, measures nothing worth quoting."""
