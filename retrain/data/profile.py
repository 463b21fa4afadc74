"""What is in a batch, and everything that is wrong with it: one pass over the rows, problems gathered, memory bounded.

Whether the batch is split, and how, lives in `split`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import BinaryIO, Literal

import msgspec

from retrain.data.labels import number, positive_class
from retrain.data.tables import BadData, Fault, Row, Table
from retrain.gate.facts import Kind, suggest

MOST_CLASSES = 20  # counted before a label is plainly no class
EMPTY = frozenset({"", "na", "n/a", "nan", "null"})  # how tables spell a missing label


class SplitSpec(msgspec.Struct, frozen=True, kw_only=True):
    """What intake knows of a model's data.

    time: column of ISO dates or datetimes; with it, holdouts are whole newest days. share, cap: of the holdout.
    columns, classes: as in the data accepted before, None for the first batch.
    """

    label: str
    kind: Kind
    time: str | None = None
    share: float = 0.3
    cap: int = 20_000
    positive: str | None = None
    columns: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None


class LabelSummary(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The label's mean and range for regression, how often each class occurs for classification."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None
    classes: dict[str, int] | None = None


class ColumnProfile(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One column of a batch, counted exactly over all its rows.

    kind: `number` when every value that is not null is a finite number, `time` when each is an ISO date or datetime,
    `category` for at most 64 different texts, `text` for more, `empty` when all are null. nulls: empty fields and the
    usual spellings of none. distinct: exact up to 64, None beyond. numbers: values that are numbers, in a column of any
    kind. low, high, mean, std: of those numbers. quoted: numbers that came as texts (decimal comma, separators of
    thousands, blanks) and were coerced. whole: all numbers are whole. first, last: of times, as ISO text. disorder:
    rows whose time is before the row above. values: how often each value of a category occurs.
    """

    name: str
    kind: Literal["number", "category", "text", "time", "empty"]
    nulls: int = 0
    distinct: int | None = None
    numbers: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    std: float | None = None
    quoted: int = 0
    whole: bool = False
    first: str = ""
    last: str = ""
    disorder: int = 0
    values: dict[str, int] = {}


class BatchProfile(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a batch held and how it was split; in a run's record, and in the baseline of later batches.

    columns: in the order of the file. duplicates: rows equal to an earlier row of the batch, by value; with
    `estimated`, from a sample of row hashes, because the batch is very large. sha256: of the bytes as they came.
    rows = train_rows + holdout_rows + unused_rows. Unused rows are those of a newest day that alone exceeds the cap:
    they are neither scored nor trained on, because training on the day that judges would flatter the candidate.
    form: what the file was. notes: what was done to it on the way, one sentence each.
    """

    rows: int
    columns: tuple[ColumnProfile, ...]
    label: LabelSummary
    sha256: str
    duplicates: int = 0
    estimated: bool = False
    train_rows: int = 0
    holdout_rows: int = 0
    unused_rows: int = 0
    first_day: str | None = None
    last_day: str | None = None
    holdout_days: tuple[str, ...] = ()
    form: Literal["csv", "csv.gz", "parquet"] = "csv"
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in the order of the file."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> ColumnProfile | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """The batch as a whole, before it is split. `order` puts a row's fields in the accepted order of columns."""

    columns: tuple[str, ...]
    order: tuple[int, ...]
    rows: int
    sha256: str
    days: dict[str, int]
    label: "LabelSummary"


def examine(source: BinaryIO, spec: SplitSpec) -> Survey:
    """Read the whole batch once.

    Raises BadData with every problem found; those of the rows only when the columns are in order.
    """
    table = Table(source)
    problems = list(_column_problems(table.columns, spec))
    if problems:
        raise BadData(problems)
    reader = _Reader(table.columns, spec)
    for line, row in table.rows():
        reader.take(line, row)
    if problems := list(reader.problems()):
        raise BadData(problems)
    columns = spec.columns or table.columns
    return Survey(
        columns=columns,
        order=tuple(table.columns.index(name) for name in columns),
        rows=reader.count,
        sha256=table.sha256,
        days=dict(sorted(reader.days.items())),
        label=reader.label_summary(),
    )


def day_of(text: str) -> str | None:
    """The date part of an ISO date or datetime, or None when it is neither."""
    try:
        return datetime.fromisoformat(text.strip()).date().isoformat()
    except ValueError:
        return None


def _column_problems(columns: Sequence[str], spec: SplitSpec) -> Iterator[str]:
    for role, name in (("label", spec.label), ("time", spec.time)):
        if name is not None and name not in columns:
            yield f"the {role} column {name!r} is missing; {suggest(name, columns).replace('it knows', 'there are')}"
    if spec.columns is not None:
        known = {spec.label, spec.time}
        missing = [name for name in spec.columns if name not in columns and name not in known]
        new = [name for name in columns if name not in spec.columns]
        if missing:
            yield f"columns of the accepted data are missing: {', '.join(missing)}"
        if new:
            yield f"columns are new, the accepted data has none of them: {', '.join(new)}"


def _not_a_label(spec: SplitSpec) -> str:
    if spec.kind == "regression":
        return "not a number"
    if spec.classes is None:
        return f"one of more than {MOST_CLASSES} different values, so it is no class"
    return f"none of the known classes {', '.join(map(repr, spec.classes))}"


class _Reader:
    """Takes the rows one by one; keeps counts, and no row."""

    def __init__(self, columns: tuple[str, ...], spec: SplitSpec) -> None:
        self.spec, self.width = spec, len(columns)
        self.label = columns.index(spec.label)
        self.time = None if spec.time is None else columns.index(spec.time)
        self.count = 0
        self.days: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.sum, self.low, self.high = 0.0, float("inf"), float("-inf")
        self.ragged = Fault(f"the number of fields is not {self.width}")
        self.null = Fault(f"the label {spec.label!r} is empty")
        self.wrong = Fault(f"the label {spec.label!r} is {_not_a_label(spec)}")
        self.undated = Fault(f"the time {spec.time!r} is no ISO date or datetime")

    def take(self, line: int, row: Row) -> None:
        """Count one row, or note what is wrong with it."""
        self.count += 1
        if len(row) != self.width:
            self.ragged(line, f"{len(row)} fields")
            return
        self._take_label(line, row[self.label])
        if self.time is not None:
            day = day_of(row[self.time])
            if day is None:
                self.undated(line, row[self.time])
            else:
                self.days[day] += 1

    def _take_label(self, line: int, text: str) -> None:
        if text.strip().lower() in EMPTY:
            self.null(line)
        elif self.spec.kind == "regression":
            self._take_number(line, text)
        elif self._is_class(text):
            self.classes[text] += 1
        else:
            self.wrong(line, text)

    def _is_class(self, text: str) -> bool:
        if self.spec.classes is not None:
            return text in self.spec.classes
        return text in self.classes or len(self.classes) < MOST_CLASSES

    def _take_number(self, line: int, text: str) -> None:
        value = number(text)
        if value is None:
            self.wrong(line, text)
            return
        self.sum += value
        self.low, self.high = min(self.low, value), max(self.high, value)

    def problems(self) -> Iterator[str]:
        """Everything found wrong, once all rows were taken."""
        if not self.count:
            yield "the file has a header but no rows"
        faults = [fault for fault in (self.ragged, self.null, self.wrong, self.undated) if fault.count]
        yield from map(str, faults)
        if self.spec.kind == "classification" and self.count and not faults:
            try:
                positive_class(self.spec.classes or self.classes, self.spec.positive)
            except BadData as error:
                yield from error.problems

    def label_summary(self) -> LabelSummary:
        """What the labels of all rows taken look like."""
        if self.spec.kind == "regression":
            return LabelSummary(mean=self.sum / self.count, low=self.low, high=self.high)
        return LabelSummary(classes=dict(sorted(self.classes.items())))
