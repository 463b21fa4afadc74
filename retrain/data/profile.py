"""What is known of a batch: its columns, its labels, what it must be like. Plain records, as they are stored.

How a batch is read is in `reading`, how it is split in `split`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO, Literal

import msgspec

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
    rows = train_rows + holdout_rows + unused_rows. Unused rows are neither scored nor trained on: those of a newest day
    that alone exceeds the cap, because training on the day that judges would flatter the candidate, and those that
    another holdout has.
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
    label: LabelSummary


def examine(source: BinaryIO, spec: SplitSpec) -> Survey:
    """Read the whole batch once.

    Raises BadData with every problem found; those of the rows only when the columns are in order.
    """
    from retrain.data.files import temporary
    from retrain.data.reading import read

    with ExitStack() as stack:
        return read(source, spec, lambda: stack.enter_context(temporary())).survey


def day_of(text: str) -> str | None:
    """The date part of an ISO date or datetime, or None when it is neither."""
    try:
        return datetime.fromisoformat(text.strip()).date().isoformat()
    except ValueError:
        return None


def column_problems(columns: Sequence[str], spec: SplitSpec) -> Iterator[str]:
    """What is wrong with the columns themselves."""
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


def not_a_label(spec: SplitSpec) -> str:
    """What is said of a label that is none."""
    if spec.kind == "regression":
        return "not a number"
    if spec.classes is None:
        return f"one of more than {MOST_CLASSES} different values, so it is no class"
    return f"none of the known classes {', '.join(map(repr, spec.classes))}"
