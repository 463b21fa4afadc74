"""One pass over a batch: what is in it, everything that is wrong with it, a hash of every row, a sample.

Blocks are parsed in a thread while the one before is counted. What is needed to part the rows afterwards is put aside
in a file, twelve bytes a row, so that nothing grows with the batch. Importing this loads numpy and pyarrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from retrain.data import values
from retrain.data.baseline import HASHES, LONGEST_TEXT, Known, Sample
from retrain.data.blocks import Block, Blocks
from retrain.data.columns import Column
from retrain.data.forms import Form, opened, unpacked
from retrain.data.label_counts import LabelCounts
from retrain.data.lowest import Lowest, Sampled, different
from retrain.data.profile import (
    BatchProfile,
    SplitSpec,
    Survey,
    column_problems,
)
from retrain.data.rows import parsed
from retrain.data.tables import BadData, Fault, Table
from retrain.data.typed import Numbers, Texts, Typed
from retrain.data.values import U64, Style

_DAY = 86_400_000_000  # microseconds


@dataclass(frozen=True)
class Reading:
    """A batch that was read and found usable. `source` must stay open until it is parted.

    styles: of columns whose numbers are rewritten. lowest: row hashes, ascending; all of them unless the batch is very
    large. spool: for each block the hashes and the days of its rows.
    """

    source: BinaryIO
    spec: SplitSpec
    survey: Survey
    profile: BatchProfile
    styles: Mapping[str, Style]
    sample: Sample
    lowest: U64
    spool: BinaryIO

    def known(self, run: str) -> Known:
        """The batch as it is remembered in a baseline."""
        return Known(run=run, profile=self.profile, sample=self.sample, hashes=different(self.lowest)[:HASHES])

    def asides(self) -> Iterator[tuple[Block, U64, NDArray[np.int32]]]:
        """The blocks again, with the hash and the day of each row."""
        self.spool.seek(0)
        stream = opened(self.source)
        for block in Blocks(stream, Table(stream).line):
            hashes = np.frombuffer(self.spool.read(8 * len(block)), np.uint64)
            yield block, hashes, np.frombuffer(self.spool.read(4 * len(block)), np.int32)


def read(source: BinaryIO, spec: SplitSpec, new_file: Callable[[], BinaryIO], digest: str = "") -> Reading:
    """Reads a whole batch. `source` must be seekable; `new_file` makes temporary files, which must stay open as long as
    the reading is used. `digest`: the sha256 of the source, if it is known.

    Raises:
        BadData: with every problem found; those of the rows only when the columns are in order.
    """
    digest = digest or digest_of(source)
    plain, form = unpacked(source, new_file)
    spool = new_file()
    once = _Pass(plain, spec, {}, spool)
    styles = {column.name: column.wanted for column in once.columns if column.wanted != "plain"}
    if styles:
        once = _Pass(plain, spec, styles, spool)
    return once.reading(digest, form)


def digest_of(file: BinaryIO) -> str:
    """The sha256 of a whole file, left at its start."""
    file.seek(0)
    digest = sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


Counted = tuple[Numbers | Texts, NDArray[np.int64] | None]  # a column's block as read, and its distinct times


class _Pass:
    """One reading of the rows, from which everything is counted."""

    def __init__(self, source: BinaryIO, spec: SplitSpec, styles: Mapping[str, Style], spool: BinaryIO) -> None:
        self.source, self.spec, self.styles, self.spool = source, spec, styles, spool
        stream = opened(source)
        table = Table(stream)
        self.names = table.columns
        if problems := list(column_problems(self.names, spec)):
            raise BadData(problems)
        self.columns = [Column(name, styles.get(name, "plain")) for name in self.names]
        self._typed = [self._typed_column(name) for name in self.names]
        self.blocks = Blocks(stream, table.line)
        self.rows = 0
        self.days: Counter[int] = Counter()
        self.label = LabelCounts(spec)
        self.ragged = Fault(f"the number of fields is not {len(self.names)}")
        self.undated = Fault(f"the time {spec.time!r} is no ISO date or datetime")
        self.lowest, self.sample = Lowest(), Sampled()
        spool.seek(0)
        self._run()

    def _typed_column(self, name: str) -> Typed:
        typed = name != self.spec.time and (name != self.spec.label or self.spec.kind == "regression")
        return Typed(name, self.styles.get(name, "plain"), typed=typed)

    def _run(self) -> None:
        """Parses one block ahead in a thread."""
        blocks = iter(self.blocks)
        with ThreadPoolExecutor(2) as pool:
            ahead = pool.submit(self._next, blocks)
            while (found := ahead.result()) is not None:
                ahead = pool.submit(self._next, blocks)
                self._take(pool, *found)

    def _next(self, blocks: Iterator[Block]) -> tuple[Block, pa.RecordBatch, list[tuple[int, int]]] | None:
        block = next(blocks, None)
        if block is None:
            return None
        wrong: list[tuple[int, int]] = []

        def skip(row: Any) -> str:
            wrong.append((row.number - 1, row.actual_columns))
            return "skip"

        return block, parsed(block, self.names, skip), wrong

    def _counted(self, batch: pa.RecordBatch, places: range) -> tuple[U64, dict[str, Counted]]:
        """Some of the columns of a block: their share of the row hashes, and what was read of label and time."""
        hashes, found = np.zeros(batch.num_rows, np.uint64), {}
        for place in places:
            column, taken = self.columns[place], self._typed[place].take(batch.columns[place])
            clock = column.count(taken)
            hashes += taken.hashes
            if column.name in (self.spec.label, self.spec.time):
                found[column.name] = (taken, clock)
        return hashes, found

    def _take(
        self, pool: ThreadPoolExecutor, block: Block, batch: pa.RecordBatch, wrong: list[tuple[int, int]]
    ) -> None:
        other = pool.submit(self._counted, batch, range(1, len(self.names), 2))
        self.rows += len(block)
        for row, width in wrong:
            self.ragged(int(block.lines[row]), f"{width} fields")
        lines = np.delete(np.asarray(block.lines), [row for row, _ in wrong]) if wrong else block.lines
        hashes, found = self._counted(batch, range(0, len(self.names), 2))
        more, rest = other.result()
        hashes += more
        found |= rest
        self.label.take(found[self.spec.label][0], lines)
        days = self._days(found, lines) if self.spec.time else np.zeros(batch.num_rows, np.int32)
        values.stir(hashes)
        self.lowest.take(hashes)
        self.sample.take(hashes, batch)
        self.spool.write(hashes.tobytes())
        self.spool.write(days.tobytes())

    def _days(self, found: dict[str, Counted], lines: Any) -> NDArray[np.int32]:
        """The day of each row since 1970; rows without one are noted."""
        taken, clock = found[str(self.spec.time)]
        assert isinstance(taken, Texts)
        wrong = taken.meaning.null
        if clock is None or wrong.any():
            each = values.each_time(taken.texts.to_pylist())
            clock, wrong = each.astype(np.int64), np.isnat(each)
        for row in np.flatnonzero(wrong[taken.codes]) if wrong.any() else ():
            self.undated(int(lines[row]), taken.texts[int(taken.codes[row])].as_py())
        days = np.where(wrong, 0, clock // _DAY).astype(np.int32)
        known, counts = np.unique(days[taken.codes], return_counts=True)
        self.days.update(dict(zip(known.tolist(), counts.tolist(), strict=True)))
        return np.asarray(days[taken.codes])

    def reading(self, digest: str, form: Form) -> Reading:
        """What was found. Raises BadData with every problem."""
        if problems := list(self._problems()):
            raise BadData(problems)
        columns = self.spec.columns or self.names
        days = {str(np.datetime64(day, "D")): count for day, count in sorted(self.days.items())}
        survey = Survey(
            columns=columns,
            order=tuple(self.names.index(name) for name in columns),
            rows=self.rows,
            sha256=digest,
            days=days,
            label=self.label.summary(),
        )
        profiles = tuple(column.profile() for column in self.columns)
        rewritten = {each.name: self.styles.get(each.name, "plain") for each in profiles if each.quoted}
        lowest = self.lowest.ascending()
        repeated = len(lowest) - len(different(lowest))
        profile = BatchProfile(
            rows=self.rows,
            columns=profiles,
            label=survey.label,
            sha256=digest,
            duplicates=round(repeated * self.rows / len(lowest)),
            estimated=len(lowest) < self.rows,
            first_day=next(iter(days), None),
            last_day=next(reversed(days), None),
            form=form,
            notes=tuple(_notes(profiles, survey, form)),
        )
        return Reading(
            source=self.source,
            spec=self.spec,
            survey=survey,
            profile=profile,
            styles=rewritten,
            sample=self._sample(profile),
            lowest=lowest,
            spool=self.spool,
        )

    def _problems(self) -> Iterator[str]:
        """Everything found wrong, once all rows were taken."""
        blocks = self.blocks
        faults = [
            fault
            for fault in (blocks.unreadable, blocks.broken, self.ragged, *self.label.faults, self.undated)
            if fault.count
        ]
        if not self.rows and not faults:
            yield "the file has a header but no rows"
        yield from map(str, faults)
        if self.rows and not faults:
            yield from self.label.problems()

    def _sample(self, profile: BatchProfile) -> Sample:
        table = self.sample.rows(self.names)
        columns = {}
        for each in profile.columns:
            texts, style = table.column(each.name), self.styles.get(each.name, "plain")
            if each.name == self.spec.label:
                labels = self.label.numbers(texts, style)
            elif each.kind == "number":
                columns[each.name] = values.meaning(texts, style).numbers
            else:
                columns[each.name] = _objects(texts, values.meaning(texts).null)
        return Sample(columns=columns, labels=labels)


def _objects(texts: pa.StringArray, null: NDArray[np.bool_]) -> NDArray[Any]:
    found = np.array([text[:LONGEST_TEXT] for text in texts.to_pylist()], dtype=object)
    found[null] = None
    return found


def _notes(profiles: tuple[Any, ...], survey: Survey, form: Form) -> Iterator[str]:
    """What is done to the batch on the way, for people."""
    if form != "csv":
        yield f"the file is {'Parquet' if form == 'parquet' else 'CSV compressed by gzip'}; its parts are plain CSV"
    if survey.order != tuple(range(len(survey.order))):
        yield "the columns were put in the order of the accepted data"
    for each in profiles:
        if each.quoted:
            yield f"{each.quoted:,} of {each.numbers:,} numbers of {each.name!r} came as texts; they were made plain"
