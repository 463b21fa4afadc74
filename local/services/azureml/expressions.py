"""Expressions that Split Data divides rows by. Source: the component reference, Split Data.

`\\"column" rest` names a column (the backslash and one after the name may be left out), `(\\1) rest` counts columns
from 1. The rest is a regular expression, or comparisons joined by & (and) and | (or), from left to right.
"""

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.services.engine.tables import MISSING, Table, describe, text

Test = Callable[[Any], bool]
_COLUMN = re.compile(r'\s*(?:\\?"(?P<name>[^"\\]+)\\?"|\(\\(?P<number>\d+)\))\s*(?P<rest>.+?)\s*$', re.DOTALL)
_TERM = re.compile(r"\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*$", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


class BadExpression(ValueError):
    """An expression that cannot be read, or does not suit the column; the message says why."""


def regular(table: Table, expression: str) -> list[bool]:
    """For each row, whether the pattern is found in the column's value. Raises: BadExpression."""
    column, rest = _split(table, expression)
    try:
        pattern = re.compile(rest)
    except re.error as wrong:
        raise BadExpression(f"{rest!r} is not a regular expression: {wrong}.") from wrong
    return [pattern.search(text(value)) is not None for value in table.columns[column]]


def relational(table: Table, expression: str) -> list[bool]:
    """For each row, whether the comparisons hold for the column's value. Raises: BadExpression."""
    column, rest = _split(table, expression)
    kind = describe(table)[table.names.index(column)].kind
    parts = re.split(r"([&|])", rest)
    tests = [_test(column, kind, term) for term in parts[::2]]
    joins = parts[1::2]
    return [_holds(tests, joins, value) for value in table.columns[column]]


def _holds(tests: list[Test], joins: list[str], value: Any) -> bool:
    result = tests[0](value)
    for join, test in zip(joins, tests[1:], strict=True):
        result = (result and test(value)) if join == "&" else (result or test(value))
    return result


def _split(table: Table, expression: str) -> tuple[str, str]:
    found = _COLUMN.match(expression)
    if found is None:
        raise BadExpression(rf'{expression!r} does not begin with a column, such as \"age" or (\1).')
    if found["number"] is not None:
        place = int(found["number"])
        if not 1 <= place <= len(table.names):
            raise BadExpression(f"There is no column {place}; there are {len(table.names)}.")
        return table.names[place - 1], found["rest"]
    if found["name"] not in table.columns:
        raise BadExpression(f"There is no column {found['name']!r}; there are {', '.join(table.names)}.")
    return found["name"], found["rest"]


def _test(column: str, kind: str, term: str) -> Test:
    found = _TERM.match(term)
    if found is None:
        raise BadExpression(f"{term.strip()!r} is not a comparison; it begins with one of {', '.join(_COMPARE)}.")
    sign, wanted = found[1], found[2].strip('"')
    if kind == "number":
        return _comparison(_COMPARE[sign], _number, _number(wanted))
    if kind == "date":
        return _comparison(_COMPARE[sign], _moment, _moment(wanted))
    if sign not in ("==", "!="):
        raise BadExpression(f"Column {column!r} holds texts; they can be compared with == and != only.")
    return lambda value: _COMPARE[sign](text(value), wanted)


def _comparison(compare: Callable[[Any, Any], bool], read: Callable[[str], Any], wanted: Any) -> Test:
    return lambda value: value is not None and value not in MISSING and compare(read(value), wanted)


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError as wrong:
        raise BadExpression(f"{value!r} is not a number.") from wrong


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as wrong:
        raise BadExpression(f"{value!r} is not an ISO 8601 date.") from wrong
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
