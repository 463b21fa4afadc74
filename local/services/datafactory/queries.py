"""Looking through runs: filters, order, pages. Source: Pipeline Runs - Query By Factory."""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from local.services.arm.errors import refused
from local.services.engine.errors import WireError

Json = dict[str, Any]
T = TypeVar("T")
OPERATORS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "equals": lambda value, given: value == given[0],
    "notequals": lambda value, given: value != given[0],
    "in": lambda value, given: value in given,
    "notin": lambda value, given: value not in given,
}


def moment(given: Json, name: str) -> float:
    """A required time of the request, in UNIX seconds. Raises: WireError, 400."""
    try:
        found = datetime.fromisoformat(str(given[name]))
    except (KeyError, ValueError) as wrong:
        raise bad(f"{name} must be a time in ISO 8601, such as 2018-06-16T00:36:44.3345758Z") from wrong
    return found.timestamp()


def filtered(rows: list[T], given: Json, operands: dict[str, Callable[[T], Any]]) -> list[T]:
    """The rows that pass every filter. Raises: WireError, 400."""
    for one in given.get("filters") or []:
        operand, operator = str(one.get("operand")).lower(), str(one.get("operator")).lower()
        if operand not in operands or operator not in OPERATORS or not one.get("values"):
            raise bad(f"filter {one}: the operands here are {', '.join(operands)}")
        values = [value.lower() for value in map(str, one["values"])]
        rows = [row for row in rows if OPERATORS[operator](str(operands[operand](row)).lower(), values)]
    return rows


def ordered(rows: list[T], given: Json, operands: dict[str, Callable[[T], Any]]) -> list[T]:
    """The rows in the order asked for; by default as they are."""
    for one in reversed(given.get("orderBy") or []):
        operand = operands.get(str(one.get("orderBy")).lower())
        if operand is None:
            raise bad(f"orderBy {one}: it can be {', '.join(operands)}")
        rows = sorted(rows, key=lambda row: str(operand(row) or ""), reverse=str(one.get("order")).upper() == "DESC")
    return rows


def page(rows: list[T], given: Json, size: int) -> tuple[list[T], str | None]:
    """One page, and the token of the next. Raises: WireError, 400."""
    token = given.get("continuationToken")
    try:
        start = int(base64.b64decode(token)) if token else 0
    except ValueError as wrong:
        raise bad("continuationToken is none of ours") from wrong
    more = base64.b64encode(str(start + size).encode()).decode() if start + size < len(rows) else None
    return rows[start : start + size], more


def bad(why: str) -> WireError:
    """A request that cannot be read."""
    return refused(400, "BadRequest", f"Invalid query: {why}.")
