"""Data sets: reading CSV text, telling the kinds of columns, and turning rows into numbers for a model.

No learning here. One encoding serves training, batch and request-response scoring, so that the same row always
becomes the same numbers:

* number: the value; missing is NaN.
* category: the position among the categories seen in training (at most 64, the most frequent); -1 for any other.
* date (ISO 8601): year, month, day, weekday, hour, and days since 2000-01-01 in UTC.
* ignored: the label, excluded columns, empty columns, and text that is different in most rows (names, ids).
"""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from local.services.engine.records import Column

MISSING = frozenset({"", "NA", "NaN", "nan", "null", "NULL"})
MOST_CATEGORIES = 64
DATE_PARTS = ("year", "month", "day", "weekday", "hour", "days")
_EPOCH = datetime(2000, 1, 1)


class BadTable(ValueError):
    """The data cannot be read as a table; the message says where."""


class MissingColumns(ValueError):
    """The data lacks columns that the model needs."""


class Unparsable(ValueError):
    """A value that should be a number or a date is not."""


class Table(NamedTuple):
    """Rows as columns of texts (or JSON values): all lists have the same length."""

    names: list[str]
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.columns[self.names[0]]) if self.names else 0


def read_csv(path: Path, location: str) -> Table:
    """Reads a CSV or TSV file; `location` is its name, whose extension says how (`.nh.` = no header row).

    Raises: BadTable.
    """
    name = location.lower()
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = [row for row in csv.reader(file, delimiter="\t" if name.endswith(".tsv") else ",") if row]
        except (UnicodeDecodeError, csv.Error) as wrong:
            raise BadTable(f"{location} is not a text table in UTF-8: {wrong}") from wrong
    if not rows:
        raise BadTable(f"{location} is empty; a header row and data rows are needed")
    bare = name.endswith((".nh.csv", ".nh.tsv"))
    header = [f"Col{number}" for number in range(1, len(rows[0]) + 1)] if bare else rows.pop(0)
    return table_of(header, rows, location)


def table_of(names: Sequence[str], rows: Sequence[Sequence[Any]], origin: str) -> Table:
    """Rows turned into columns. Raises: BadTable for repeated names and rows of another length."""
    names = [str(name) for name in names]
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise BadTable(f"{origin} names columns twice: {', '.join(twice)}")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise BadTable(f"{origin}: data row {number} has {len(row)} values, there are {len(names)} columns")
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return Table(names, {name: list(values) for name, values in zip(names, columns, strict=True)})


def write_csv(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Writes a table with a header row; tabs separate the values when the name ends in `.tsv`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def describe(table: Table, ignored: Iterable[str] = (), categories: Iterable[str] = ()) -> tuple[Column, ...]:
    """The columns and their kinds; `ignored` are no features, `categories` are categories though they look numeric."""
    leave, forced = set(ignored), set(categories)
    return tuple(
        Column(name, "ignored") if name in leave else _describe(name, table.columns[name], name in forced)
        for name in table.names
    )


def _describe(name: str, values: list[Any], forced: bool) -> Column:
    present = [value for value in values if value not in MISSING]
    if not present:
        return Column(name, "ignored")
    if not forced and _all_numbers(present):
        return Column(name, "number")
    counts = Counter(present)
    if not forced and all(_date(value) is not None for value in counts):
        return Column(name, "date")
    if not forced and len(counts) > MOST_CATEGORIES and len(counts) > len(present) / 2:
        return Column(name, "ignored")
    most = sorted(counts, key=lambda value: (-counts[value], value))[:MOST_CATEGORIES]
    return Column(name, "category", tuple(sorted(most)))


def _all_numbers(present: list[str]) -> bool:
    try:
        return all(map(math.isfinite, map(float, present))) and not any("_" in value for value in present)
    except ValueError:
        return False


def _date(value: str) -> datetime | None:
    if len(value) < len("2011-01-01") or value[4:5] != "-":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def encode(columns: Sequence[Column], table: Table) -> np.ndarray:
    """The rows as a matrix of float64: one column per number and category, six per date (`width` of each column).

    Raises: MissingColumns, Unparsable.
    """
    features = [column for column in columns if column.kind != "ignored"]
    missing = [column.name for column in features if column.name not in table.columns]
    if missing:
        raise MissingColumns(f"column(s) missing: {', '.join(missing)}; there are {', '.join(table.names)}")
    matrix = np.empty((len(table), sum(map(width, features))))
    place = 0
    for column in features:
        values = table.columns[column.name]
        matrix[:, place : place + width(column)] = _ENCODERS[column.kind](column, values)
        place += width(column)
    return matrix


def width(column: Column) -> int:
    """How many columns of the encoded matrix a column takes."""
    return {"ignored": 0, "date": len(DATE_PARTS)}.get(column.kind, 1)


def numbers(name: str, values: Iterable[Any]) -> np.ndarray:
    """Values as float64, NaN where missing. Raises: Unparsable naming the value and its row (counted from 1)."""
    found = []
    for row, value in enumerate(values, start=1):
        try:
            number = math.nan if value is None or value in MISSING else float(value)
        except (TypeError, ValueError):
            number = math.inf
        if math.isinf(number):
            raise Unparsable(f"{value!r} in row {row} of column {name!r} is not a finite number")
        found.append(number)
    return np.array(found, dtype=float)


def _encode_numbers(column: Column, values: list[Any]) -> np.ndarray:
    return numbers(column.name, values)[:, None]


def _encode_categories(column: Column, values: list[Any]) -> np.ndarray:
    codes: Mapping[str, int] = {category: code for code, category in enumerate(column.categories)}
    return np.array([codes.get(value if isinstance(value, str) else text(value), -1) for value in values])[:, None]


def _encode_dates(column: Column, values: list[Any]) -> np.ndarray:
    parts = {value: _date_parts(column.name, value) for value in set(map(text, values))}
    return np.array([parts[text(value)] for value in values], dtype=float).reshape(len(values), len(DATE_PARTS))


def _date_parts(name: str, value: str) -> tuple[float, ...]:
    if value in MISSING:
        return (math.nan,) * len(DATE_PARTS)
    date = _date(value)
    if date is None:
        raise Unparsable(f"{value!r} in column {name!r} is not an ISO 8601 date")
    days = (date - _EPOCH).total_seconds() / 86400
    return (date.year, date.month, date.day, date.weekday(), date.hour, days)


def text(value: Any) -> str:
    """A value as its CSV text: None is empty, numbers in full."""
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value) if isinstance(value, float) else str(value)


_ENCODERS = {"number": _encode_numbers, "category": _encode_categories, "date": _encode_dates}
