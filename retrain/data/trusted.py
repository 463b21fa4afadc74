"""The trusted holdout: rows held out of earlier accepted batches, never trained on, bounded, and ageing.

One CSV whose rows lie in segments, one a batch, the oldest first. Each time a batch joins, the older segments shrink by
`decay`, and all of them as far as the cap demands, the older the more. The rows of a segment are in order of their row
hash and a shorter segment is the beginning of the longer one: what was dropped never comes back, and the order in
which rows came does not matter. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import accumulate

from retrain.data.manifests import Segment
from retrain.data.profile import day_of
from retrain.data.rows import Hashed
from retrain.data.tables import BadData, Table, encode

CAP = 5_000  # rows
DECAY = 0.8  # what is left of a segment when the next one joins

Trusted = tuple[bytes, tuple[Segment, ...]]


def age(
    previous: bytes,
    segments: Sequence[Segment],
    own: bytes,
    run: str,
    *,
    time: str | None = None,
    cap: int = CAP,
    decay: float = DECAY,
) -> Trusted:
    """The trusted holdout after the holdout of one more batch joined. A run that is in it already changes nothing.

    `previous` may be empty. Raises BadData when the columns differ.
    """
    if any(segment.run == run for segment in segments):
        return previous, tuple(segments)
    columns, hashed = _rows(own)
    fresh = [row for _, row in sorted(hashed)]
    before, kept = _rows(previous) if previous else (columns, [])
    if before != columns:
        raise BadData([f"the trusted holdout has the columns {', '.join(before)}, the batch {', '.join(columns)}"])
    parts = [*_parts([row for _, row in kept], segments), fresh]
    lengths = _lengths([len(part) for part in parts], cap, decay)
    parts = [part[:length] for part, length in zip(parts, lengths, strict=True)]
    names = [*(segment.run for segment in segments), run]
    content = b"".join([encode(columns), *(row for part in parts for row in part)])
    found = _segments(names, [len(part) for part in parts], content, time)
    return content, tuple(segment for segment in found if segment.rows)


def restart(
    doubted: bytes,
    doubted_run: str,
    own: bytes,
    run: str,
    *,
    time: str | None = None,
    cap: int = CAP,
    decay: float = DECAY,
) -> Trusted:
    """The trusted holdout once a change was confirmed: it knows only the batch that was in doubt, and this one."""
    first, segments = age(b"", (), doubted, doubted_run, time=time, cap=cap, decay=decay)
    return age(first, segments, own, run, time=time, cap=cap, decay=decay)


def _rows(content: bytes) -> tuple[tuple[str, ...], list[tuple[int, bytes]]]:
    """The columns, and the hash and the bytes of each row."""
    part = Hashed(BytesIO(content))
    pairs = (zip(hashes.tolist(), block.rows.to_pylist(), strict=True) for block, hashes in part)
    return part.columns, [pair for some in pairs for pair in some]


def _parts(rows: list[bytes], segments: Sequence[Segment]) -> Iterator[list[bytes]]:
    ends = list(accumulate(segment.rows for segment in segments))
    yield from (rows[end - segment.rows : end] for end, segment in zip(ends, segments, strict=True))


def _lengths(lengths: Sequence[int], cap: int, decay: float) -> list[int]:
    """How much of each segment stays, the newest last: the older ones shrink once, then all of them to fit the cap."""
    ages = range(len(lengths) - 1, -1, -1)
    wanted = [length if age == 0 else int(length * decay) for length, age in zip(lengths, ages, strict=True)]
    low, high = 0.0, float(cap)
    while sum(wanted) > cap and high - low > 0.5:
        middle = (low + high) / 2
        if sum(min(length, int(middle * decay**age)) for length, age in zip(wanted, ages, strict=True)) > cap:
            high = middle
        else:
            low = middle
    most = low if sum(wanted) > cap else float("inf")
    return [int(min(length, most * decay**age)) for length, age in zip(wanted, ages, strict=True)]


def _segments(names: Sequence[str], lengths: Sequence[int], content: bytes, time: str | None) -> Iterator[Segment]:
    table = Table(BytesIO(content))
    clock = None if time is None else table.columns.index(time)
    days = [None if clock is None else day_of(row[clock]) for _, row in table.rows()]
    for name, length, end in zip(names, lengths, accumulate(lengths), strict=True):
        there = sorted(day for day in days[end - length : end] if day is not None)
        yield Segment(
            run=name, rows=length, first_day=there[0] if there else None, last_day=there[-1] if there else None
        )
