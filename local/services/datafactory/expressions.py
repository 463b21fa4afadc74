"""The expression language of pipelines: reading and evaluating it. What `pipeline()` or `activity()` mean is given.

A text that begins with `@` is an expression, `@@` stands for one `@`, `@{…}` inside of a text is replaced by its value.
Source: "Expressions and functions in Azure Data Factory".
"""

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

Functions = Mapping[str, Callable[..., Any]]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<sign>[().,?\[\]]))"
)
_CONSTANTS = {"true": True, "false": False, "null": None}


class BadExpression(ValueError):
    """A template that cannot be read, or whose value is not there; the message names the spot."""


def evaluated(value: Any, functions: Functions) -> Any:
    """A definition's value with every expression in it replaced, however deep it is. Raises: BadExpression."""
    if isinstance(value, str):
        return _text(value, functions)
    if isinstance(value, list):
        return [evaluated(item, functions) for item in value]
    if isinstance(value, dict):
        if value.get("type") == "Expression" and isinstance(value.get("value"), str):
            return _text(value["value"], functions)
        return {key: evaluated(item, functions) for key, item in value.items()}
    return value


def _text(text: str, functions: Functions) -> Any:
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@") and not text.startswith("@{"):
        return Reader(text[1:], functions).whole()
    return _interpolated(text, functions)


def _interpolated(text: str, functions: Functions) -> Any:
    parts, place = [], 0
    while (start := text.find("@{", place)) >= 0:
        if text[:start].endswith("@"):
            parts.append(text[place : start + 2])
            place = start + 2
            continue
        reader = Reader(text, functions, start + 2)
        value = reader.value()
        reader.skip("}")
        parts += [text[place:start], as_text(value)]
        place = reader.place
    return "".join([*parts, text[place:]])


def as_text(value: Any) -> str:
    """A value as it stands inside of a text."""
    if isinstance(value, bool):
        return str(value)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


class Reader:
    """Reads and evaluates one expression from `place` on."""

    def __init__(self, source: str, functions: Functions, place: int = 0):
        self.source, self.functions, self.place = source, functions, place

    def whole(self) -> Any:
        """The value of all that is left. Raises: BadExpression when something follows it."""
        value = self.value()
        if self.source[self.place :].strip():
            raise self._bad()
        return value

    def value(self) -> Any:
        """The value of the expression that begins here, with its members and indexes."""
        kind, token = self._next()
        if kind == "text":
            found: Any = token[1:-1].replace("''", "'")
        elif kind == "number":
            found = float(token) if "." in token else int(token)
        elif kind == "name" and self._follows("("):
            found = self._called(token)
        elif kind == "name" and token.lower() in _CONSTANTS:
            found = _CONSTANTS[token.lower()]
        else:
            raise self._bad()
        return self._members(found)

    def skip(self, sign: str) -> None:
        """Goes past this sign. Raises: BadExpression when it is not there."""
        rest = self.source[self.place :].lstrip()
        if not rest.startswith(sign):
            raise self._bad()
        self.place = len(self.source) - len(rest) + len(sign)

    def _called(self, name: str) -> Any:
        function = self.functions.get(name.lower())
        if function is None:
            raise BadExpression(f"there is no function {name!r} here; there are {', '.join(sorted(self.functions))}")
        arguments = []
        self.skip("(")
        while not self._follows(")"):
            arguments.append(self.value())
            if not self._follows(")"):
                self.skip(",")
        self.skip(")")
        try:
            return function(*arguments)
        except (TypeError, ValueError, LookupError, ArithmeticError) as wrong:
            raise BadExpression(f"{name}(…) cannot be evaluated: {wrong}") from wrong

    def _members(self, found: Any) -> Any:
        while True:
            rest = self.source[self.place :].lstrip()
            lenient = rest.startswith("?")
            if rest.startswith((".", "?.")):
                self.skip("?." if lenient else ".")
                found = _member(found, self._next()[1], lenient)
            elif rest.startswith(("[", "?[")):
                self.skip("?[" if lenient else "[")
                found = _member(found, self.value(), lenient)
                self.skip("]")
            else:
                return found

    def _follows(self, sign: str) -> bool:
        return self.source[self.place :].lstrip().startswith(sign)

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self.source, self.place)
        if match is None or match.lastgroup is None:
            raise self._bad()
        self.place = match.end()
        return match.lastgroup, match[match.lastgroup]

    def _bad(self) -> BadExpression:
        return BadExpression(f"Unable to parse expression {self.source!r} at position {self.place}")


def _member(found: Any, key: Any, lenient: bool) -> Any:
    if isinstance(found, dict):
        wanted = {name.lower(): name for name in found}.get(str(key).lower())
        if wanted is not None:
            return found[wanted]
    elif isinstance(found, list) and isinstance(key, int) and -1 < key < len(found):
        return found[key]
    if lenient:
        return None
    there = ", ".join(found) if isinstance(found, dict) else type(found).__name__
    raise BadExpression(f"property {key!r} doesn't exist, available properties are {there!r}")


def _utc(form: str = "yyyy-MM-ddTHH:mm:ss.fffffffZ") -> str:
    return _dated(datetime.now(UTC), form)


_DATE_PARTS = {
    "yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "fffffff": "%f0", "fff": "%f",
}  # fmt: skip


def _dated(moment: datetime, form: str) -> str:
    return re.sub("|".join(_DATE_PARTS), lambda part: moment.strftime(_DATE_PARTS[part[0]]), form)


def _joined(items: list[Any], sign: str) -> str:
    return sign.join(map(as_text, items))


def _contains(where: Any, what: Any) -> bool:
    return what in where


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": lambda *parts: "".join(map(as_text, parts)),
    "string": as_text,
    "json": json.loads,
    "int": int,
    "float": float,
    "bool": lambda value: str(value).lower() in ("true", "1"),
    "tolower": lambda text: text.lower(),
    "toupper": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda text, sign: text.split(sign),
    "join": _joined,
    "substring": lambda text, start, length: text[start : start + length],
    "startswith": lambda text, part: text.lower().startswith(part.lower()),
    "endswith": lambda text, part: text.lower().endswith(part.lower()),
    "contains": _contains,
    "length": len,
    "empty": lambda value: not value,
    "first": lambda items: items[0],
    "last": lambda items: items[-1],
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "if": lambda test, then, otherwise: then if test else otherwise,
    "equals": lambda one, other: one == other,
    "not": lambda value: not value,
    "and": lambda *values: all(values),
    "or": lambda *values: any(values),
    "greater": lambda one, other: one > other,
    "less": lambda one, other: one < other,
    "add": lambda one, other: one + other,
    "sub": lambda one, other: one - other,
    "createarray": lambda *items: list(items),
    "uricomponent": lambda text: quote(text, safe=""),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "guid": lambda: str(uuid.uuid4()),
    "utcnow": _utc,
    "formatdatetime": lambda moment, form: _dated(datetime.fromisoformat(moment), form),
}
