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
import pyarrow.compute as pc
from numpy.typing import NDArray

from retrain.data import values
from retrain.data.baseline import HASHES, LONGEST_TEXT, SAMPLED, Known, Sample
from retrain.data.blocks import Block, Blocks
from retrain.data.columns import Column
from retrain.data.forms import Form, opened, unpacked
from retrain.data.labels import positive_class
from retrain.data.profile import (
    MOST_CLASSES,
    BatchProfile,
    LabelSummary,
    SplitSpec,
    Survey,
    column_problems,
    not_a_label,
)
from retrain.data.rows import nothing, parsed
from retrain.data.tables import BadData, Fault, Table
from retrain.data.typed import Numbers, Texts, Typed
from retrain.data.values import U64, Style

COUNTED = 2_000_000  # row hashes that are kept to count repeated rows exactly
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
        return Known(run=run, profile=self.profile, sample=self.sample, hashes=_different(self.lowest)[:HASHES])

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


def _different(ascending: U64) -> U64:
    fresh: NDArray[np.bool_] = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    return ascending[fresh]


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
        self.label = _Label(spec)
        self.ragged = Fault(f"the number of fields is not {len(self.names)}")
        self.undated = Fault(f"the time {spec.time!r} is no ISO date or datetime")
        self.lowest, self.sample = _Lowest(), _Sampled()
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
        repeated = len(lowest) - len(_different(lowest))
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


class _Label:
    """Counts labels, and the rows whose label is none."""

    def __init__(self, spec: SplitSpec) -> None:
        self.spec = spec
        self.classes: Counter[str] = Counter()
        self.count, self.sum = 0, 0.0
        self.low, self.high = float("inf"), float("-inf")
        self.null = Fault(f"the label {spec.label!r} is empty")
        self.wrong = Fault(f"the label {spec.label!r} is {not_a_label(spec)}")
        self.faults = (self.null, self.wrong)

    def take(self, taken: Numbers | Texts, lines: Any) -> None:
        """The labels of one block, of the rows on these lines."""
        if isinstance(taken, Numbers):
            for row in np.flatnonzero(np.isnan(taken.floats)) if taken.parsed.null_count else ():
                self.null(int(lines[row]))
            self._sum(taken.there)
            return
        null = taken.meaning.null
        wrong = np.isnan(taken.meaning.numbers) if self.spec.kind == "regression" else ~self._classes(taken)
        for row in np.flatnonzero((null | wrong)[taken.codes]):
            code = taken.codes[row]
            if null[code]:
                self.null(int(lines[row]))
            else:
                self.wrong(int(lines[row]), taken.texts[int(code)].as_py())
        if self.spec.kind == "regression":
            numbers = taken.meaning.numbers[taken.codes]
            self._sum(numbers[~np.isnan(numbers)])

    def _sum(self, numbers: NDArray[np.float64]) -> None:
        if len(numbers):
            self.count += len(numbers)
            self.sum += float(numbers.sum())
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))

    def _classes(self, taken: Texts) -> NDArray[np.bool_]:
        """Which of the distinct texts are classes; their rows are counted."""
        counts = np.bincount(taken.codes, minlength=len(taken.texts))
        found = np.zeros(len(taken.texts), np.bool_)
        for code, text in enumerate(taken.texts.to_pylist()):
            if not taken.meaning.null[code] and self._is_class(text):
                self.classes[text] += int(counts[code])
                found[code] = True
        return found

    def _is_class(self, text: str) -> bool:
        if self.spec.classes is not None:
            return text in self.spec.classes
        return text in self.classes or len(self.classes) < MOST_CLASSES

    def problems(self) -> Iterator[str]:
        """What is wrong with the classes as a whole."""
        if self.spec.kind == "classification":
            try:
                positive_class(self.spec.classes or self.classes, self.spec.positive)
            except BadData as error:
                yield from error.problems

    def summary(self) -> LabelSummary:
        """What the labels of all rows look like."""
        if self.spec.kind == "regression":
            return LabelSummary(mean=self.sum / self.count, low=self.low, high=self.high)
        return LabelSummary(classes=dict(sorted(self.classes.items())))

    def numbers(self, texts: pa.StringArray, style: Style) -> NDArray[np.float64]:
        """Labels as a gate sees them."""
        if self.spec.kind == "regression":
            return values.meaning(texts, style).numbers
        positive = positive_class(self.spec.classes or self.classes, self.spec.positive)
        return np.asarray(pc.equal(texts, positive).to_numpy(zero_copy_only=False), dtype=np.float64)


class _Lowest:
    """The lowest row hashes, repeated ones as often as they occur; all of them while they are not too many."""

    def __init__(self) -> None:
        self._kept: list[U64] = []
        self._count = 0
        self._limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def take(self, hashes: U64) -> None:
        """Takes the hashes of a block."""
        low = hashes[hashes <= self._limit]
        self._kept.append(low)
        self._count += len(low)
        if self._count > COUNTED:
            together = np.concatenate(self._kept)
            self._limit = np.partition(together, COUNTED // 2)[COUNTED // 2]
            self._kept = [together[together <= self._limit]]
            self._count = len(self._kept[0])

    def ascending(self) -> U64:
        """What is kept, in order."""
        together = np.concatenate(self._kept) if self._kept else np.zeros(0, np.uint64)
        together.sort()
        return together


class _Sampled:
    """The rows with the lowest hashes."""

    def __init__(self) -> None:
        self._hashes: list[U64] = []
        self._rows: list[pa.RecordBatch] = []
        self._limit = np.uint64(0xFFFFFFFFFFFFFFFF)

    def take(self, hashes: U64, batch: pa.RecordBatch) -> None:
        """Takes the rows of a block that may be among them."""
        places = np.flatnonzero(hashes <= self._limit)
        if len(places) > SAMPLED:
            places = places[np.argsort(hashes[places], kind="stable")[:SAMPLED]]
        if not len(places):
            return
        self._hashes.append(hashes[places])
        self._rows.append(batch.take(pa.array(places)))
        if sum(map(len, self._hashes)) > 4 * SAMPLED:
            self._shrink()

    def _shrink(self) -> None:
        hashes = np.concatenate(self._hashes)
        best = np.argsort(hashes, kind="stable")[:SAMPLED]
        table = pa.Table.from_batches(self._rows).combine_chunks().take(pa.array(best))
        self._rows = table.combine_chunks().to_batches()
        self._hashes = [hashes[best]]
        self._limit = hashes[best[-1]]

    def rows(self, names: tuple[str, ...]) -> pa.RecordBatch:
        """The rows, in order of hash."""
        if not self._rows:
            return nothing(names)
        self._shrink()
        return self._rows[0]


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
