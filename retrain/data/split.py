"""Parts a batch into training rows and a holdout, so that no row is on both sides and the holdout is honest.

With a time column the holdout is the newest whole days: a model is always asked about days it has not seen, and the
rows of one day, which resemble each other, stay together. Without one, the hash of a row decides: equal rows go to
the same side, in this batch and in every later one. Rows keep their order and, where nothing about them must change,
their bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from retrain.data.profile import BatchProfile, Survey
from retrain.data.tables import BadData, encode

if TYPE_CHECKING:
    import pyarrow as pa

    from retrain.data.blocks import Block
    from retrain.data.reading import Reading
    from retrain.data.values import U64

HASHES = 1 << 64  # a row's hash is below it

Masks = dict[str, Any]
Side = Callable[[Any, Any], Masks]  # from the hashes and days of a block's rows: which go to which part


@dataclass
class Written:
    """A part as it is written: how many rows, and what its bytes hash to."""

    file: BinaryIO
    rows: int = 0

    def __post_init__(self) -> None:
        self._digest = sha256()

    def write(self, content: bytes, rows: int) -> None:
        """Appends whole rows."""
        self._digest.update(content)
        self.file.write(content)
        self.rows += rows

    def content(self) -> bytes:
        """All of it; the caller knows that it is small."""
        self.file.seek(0)
        return self.file.read()

    @property
    def sha256(self) -> str:
        """Of all that was written."""
        return self._digest.hexdigest()


@dataclass(frozen=True)
class Split:
    """A batch in two parts, and its profile with the figures of the split."""

    train: Written
    holdout: Written
    profile: BatchProfile


def split(reading: Reading, train: BinaryIO, holdout: BinaryIO, withhold: U64 | None = None) -> Split:
    """Write two CSV files, each with the header. Rows keep their order. Deterministic.

    `withhold`: row hashes, ascending, of rows that must not be trained on because other holdouts have them.
    Raises BadData when a part has no row; then neither output is of use.
    """
    survey = reading.survey
    days = _holdout_days(survey, reading.spec.share, reading.spec.cap) if reading.spec.time else ()
    side = _by_day(reading, days) if reading.spec.time else _by_hash(reading)
    parts = {"train": Written(train), "holdout": Written(holdout)}
    _write(reading, side if withhold is None or not len(withhold) else _without(side, withhold), parts)
    for name, part in parts.items():
        if not part.rows:
            raise BadData([f"{survey.rows} rows cannot be split: no row is left for the {name} part; send more rows"])
    profile = msgspec.structs.replace(
        reading.profile,
        train_rows=parts["train"].rows,
        holdout_rows=parts["holdout"].rows,
        unused_rows=survey.rows - parts["train"].rows - parts["holdout"].rows,
        holdout_days=days,
    )
    return Split(parts["train"], parts["holdout"], profile)


def whole(reading: Reading, into: BinaryIO) -> Written:
    """Write all rows as one part."""
    return lowest(reading, into, reading.survey.rows)


def lowest(reading: Reading, into: BinaryIO, most: int) -> Written:
    """Write one part with the rows of the lowest hashes, at most so many."""
    import numpy as np

    known = reading.lowest
    limit = known[most] if len(known) > most else None
    part = Written(into)
    _write(
        reading,
        lambda hashes, days: {"rows": np.ones(len(hashes), np.bool_) if limit is None else hashes < limit},
        {"rows": part},
    )
    return part


def _holdout_days(survey: Survey, share: float, cap: int) -> tuple[str, ...]:
    """The newest days that come closest to the share within the cap: at least one, and at least one is left."""
    newest = list(survey.days)[::-1]
    if len(newest) < 2:
        raise BadData(
            [f"all rows are of one day, {newest[0]}; holding out whole days needs two, or no `time` to split by rows"]
        )
    wanted = share * survey.rows
    best, total, taken = 1, 0, survey.days[newest[0]]
    for count, day in enumerate(newest[:-1], start=1):
        total += survey.days[day]
        if count > 1 and (total > cap or abs(total - wanted) >= abs(taken - wanted)):
            break
        best, taken = count, total
    return tuple(sorted(newest[:best]))


def _by_day(reading: Reading, days: tuple[str, ...]) -> Side:
    import numpy as np

    first = np.datetime64(days[0], "D").astype(np.int64)
    held = sum(reading.survey.days[day] for day in days)
    cap = reading.spec.cap
    limit = None if held <= cap else _hash_limit((h[d >= first] for _, h, d in reading.asides()), cap)

    def side(hashes: Any, days: Any) -> Masks:
        newest = days >= first
        return {"train": ~newest, "holdout": newest if limit is None else newest & (hashes < limit)}

    return side


def _by_hash(reading: Reading) -> Side:
    import numpy as np

    limit, cap = np.uint64(int(reading.spec.share * HASHES)), reading.spec.cap
    if len(reading.lowest) > cap:
        limit = min(limit, reading.lowest[cap])
    return lambda hashes, days: {"train": hashes >= limit, "holdout": hashes < limit}


def _without(side: Side, withhold: U64) -> Side:
    from retrain.data.rows import among

    def kept(hashes: Any, days: Any) -> Masks:
        masks = side(hashes, days)
        return {**masks, "train": masks["train"] & ~among(hashes, withhold)}

    return kept


def _hash_limit(hashes: Iterator[Any], cap: int) -> Any:
    """The hash below which there are at most `cap` rows, of more than that. Keeps cap + 1 numbers and a block."""
    import numpy as np

    lowest = np.zeros(0, np.uint64)
    for more in hashes:
        lowest = np.concatenate([lowest, more])
        if len(lowest) > cap + 1:
            lowest = np.partition(lowest, cap)[: cap + 1]
    return lowest.max()


def _write(reading: Reading, side: Side, parts: dict[str, Written]) -> None:
    for part in parts.values():
        part.write(encode(reading.survey.columns), 0)
    with ThreadPoolExecutor(1) as pool:
        before = None
        for block, hashes, days in reading.asides():
            masks = side(hashes, days)
            if before is not None:
                before.result()
            before = pool.submit(_write_block, reading, block, masks, parts)
        if before is not None:
            before.result()


def _write_block(reading: Reading, block: Block, masks: Masks, parts: dict[str, Written]) -> None:
    import pyarrow as pa

    from retrain.data.blocks import joined

    rows = _rows(reading, block)
    for name, mask in masks.items():
        count = int(mask.sum())
        if count:
            parts[name].write(joined(rows if count == len(rows) else rows.filter(pa.array(mask))), count)


def _rows(reading: Reading, block: Block) -> pa.Array:
    """The rows as they are written: as they came, unless columns move or numbers are put in plain form."""
    order = reading.survey.order
    if not reading.styles and order == tuple(range(len(order))):
        return block.rows
    from retrain.data.rows import parsed
    from retrain.data.texts import csv_rows
    from retrain.data.values import plain_numbers

    names = reading.profile.names
    fields = dict(zip(names, parsed(block, names).columns, strict=True))
    for name, style in reading.styles.items():
        fields[name] = plain_numbers(fields[name], style)
    return csv_rows([fields[name] for name in reading.survey.columns])
