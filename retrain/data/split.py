"""Parts a batch into training rows and a holdout, so that no row is on both sides and the holdout is honest.

With a time column the holdout is the newest whole days: a model is always asked about days it has not seen, and the
rows of one day, which resemble each other, stay together. Without one, the hash of a row decides: equal rows go to
the same side, in this batch and in every later one.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import BinaryIO

import msgspec

from retrain.data.profile import LabelSummary, SplitSpec, Survey, day_of, examine
from retrain.data.tables import BadData, Table, digest, encode

HASHES = 1 << 64  # a row's hash is below it

Rows = Iterator[tuple[list[str], bytes]]  # fields in the accepted order, and their canonical bytes
Side = Callable[[list[str], bytes], str | None]  # "train", "holdout", or neither


class Profile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a batch held and how it was split.

    rows = train_rows + holdout_rows + unused_rows. Unused rows are those of a newest day that alone exceeds the cap:
    they are neither scored nor trained on, because training on the day that judges would flatter the candidate.
    duplicates: rows of the holdout that repeat an earlier row of it. sha256: of the bytes as they came.
    """

    rows: int
    columns: tuple[str, ...]
    train_rows: int
    holdout_rows: int
    unused_rows: int
    duplicates: int
    sha256: str
    label: LabelSummary
    first_day: str | None = None
    last_day: str | None = None
    holdout_days: tuple[str, ...] = ()


def split(source: BinaryIO, spec: SplitSpec, train: BinaryIO, holdout: BinaryIO) -> Profile:
    """Write two CSV files, each with the header, and say what was in the batch.

    `source` must be seekable (a blob is first copied to a temporary file): it is read two or three times, so that
    nothing grows with its length. Rows keep their order. Deterministic.
    Raises BadData with every problem; then neither output is of use.
    """
    start = source.tell()
    survey = examine(source, spec)
    days = _holdout_days(survey, spec) if spec.time else ()

    def again() -> Rows:
        source.seek(start)
        return _canonical(source, survey)

    side = _by_day(survey, spec, days, again) if spec.time else _by_hash(survey, spec, again)
    counts = _write(survey, again(), side, {"train": train, "holdout": holdout})
    for name in ("train", "holdout"):
        if not counts[name]:
            raise BadData([f"{survey.rows} rows cannot be split: no row is left for the {name} part; send more rows"])
    known = list(survey.days)
    return Profile(
        rows=survey.rows,
        columns=survey.columns,
        sha256=survey.sha256,
        label=survey.label,
        train_rows=counts["train"],
        holdout_rows=counts["holdout"],
        unused_rows=counts["unused"],
        duplicates=counts["duplicates"],
        first_day=known[0] if known else None,
        last_day=known[-1] if known else None,
        holdout_days=days,
    )


def _canonical(source: BinaryIO, survey: Survey) -> Rows:
    for _, row in Table(source).rows():
        ordered = [row[place] for place in survey.order]
        yield ordered, encode(ordered)


def _holdout_days(survey: Survey, spec: SplitSpec) -> tuple[str, ...]:
    """The newest days that come closest to the share within the cap: at least one, and at least one is left."""
    newest = list(survey.days)[::-1]
    if len(newest) < 2:
        raise BadData(
            [f"all rows are of one day, {newest[0]}; holding out whole days needs two, or no `time` to split by rows"]
        )
    wanted = spec.share * survey.rows
    best, total, taken = 1, 0, survey.days[newest[0]]
    for count, day in enumerate(newest[:-1], start=1):
        total += survey.days[day]
        if count > 1 and (total > spec.cap or abs(total - wanted) >= abs(taken - wanted)):
            break
        best, taken = count, total
    return tuple(sorted(newest[:best]))


def _by_day(survey: Survey, spec: SplitSpec, days: tuple[str, ...], again: Callable[[], Rows]) -> Side:
    assert spec.time is not None
    column, chosen = survey.columns.index(spec.time), frozenset(days)
    held = sum(survey.days[day] for day in days)
    newest = (record for row, record in again() if day_of(row[column]) in chosen)
    limit = HASHES if held <= spec.cap else _hash_limit(newest, HASHES, spec.cap)

    def side(row: list[str], record: bytes) -> str | None:
        if day_of(row[column]) not in chosen:
            return "train"
        return "holdout" if _hash(record) < limit else None

    return side


def _by_hash(survey: Survey, spec: SplitSpec, again: Callable[[], Rows]) -> Side:
    limit = _hash_limit((record for _, record in again()), int(spec.share * HASHES), spec.cap)
    return lambda row, record: "holdout" if _hash(record) < limit else "train"


def _hash_limit(records: Iterator[bytes], limit: int, cap: int) -> int:
    """The highest hash, at most `limit`, below which there are at most `cap` rows. Keeps cap + 1 numbers."""
    lowest: list[int] = []  # negated, so that the heap's first is the highest kept
    for record in records:
        value = _hash(record)
        if value < limit:
            heapq.heappush(lowest, -value)
            if len(lowest) > cap + 1:
                heapq.heappop(lowest)
    return -lowest[0] if len(lowest) > cap else limit


def _hash(record: bytes) -> int:
    return int.from_bytes(digest(record)[:8], "big")


def _write(survey: Survey, rows: Rows, side: Side, parts: dict[str, BinaryIO]) -> dict[str, int]:
    counts = {"train": 0, "holdout": 0, "unused": 0, "duplicates": 0}
    seen: set[bytes] = set()  # of the holdout only, which the cap bounds
    for part in parts.values():
        part.write(encode(survey.columns))
    for row, record in rows:
        name = side(row, record)
        counts[name or "unused"] += 1
        if name is None:
            continue
        parts[name].write(record)
        if name == "holdout":
            identity = digest(record)
            counts["duplicates"] += identity in seen
            seen.add(identity)
    return counts
