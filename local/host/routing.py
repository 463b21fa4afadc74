"""Route templates as ASP.NET spells them: `{id:int}`, `{name?}`, `{*rest}`; which one a path belongs to. Pure.

Not here: methods, prefixes, functions (web.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import unquote
from uuid import UUID

import msgspec

_TOKEN = re.compile(r"\{(\*{0,2})([A-Za-z_]\w*)((?::[^{}:=?]+(?:\((?:[^()]|\([^()]*\))*\))?)*)(=[^{}]*)?(\?)?\}")
_CONSTRAINT = re.compile(r":([a-z]+)(?:\(((?:[^()]|\([^()]*\))*)\))?")
_INT = re.compile(r"[+-]?\d{1,19}")


class RouteError(ValueError):
    """A route template cannot be read; the message says which and why."""


class _Part(msgspec.Struct, frozen=True):
    """One segment of a template: a regular expression, and what its parameters must satisfy."""

    regex: str
    rank: int
    constraints: dict[str, tuple[tuple[str, str], ...]]
    defaults: dict[str, str]
    optional: bool = False
    catch_all: bool = False


class Route(msgspec.Struct, frozen=True):
    """A parsed template. Routes sort by precedence: the more specific one first."""

    template: str
    parts: tuple[_Part, ...]

    @classmethod
    def parse(cls, template: str) -> Route:
        """The route that a template spells. Raises RouteError."""
        segments = [segment for segment in _split(template) if segment]
        parts = tuple(_part(segment, template) for segment in segments)
        if any(part.catch_all or part.optional for part in parts[:-1]):
            raise RouteError(f"route {template!r}: an optional or catch-all parameter must come last")
        return cls(template, parts)

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sort key: literals before constrained parameters before parameters before catch-alls, left to right."""
        return tuple(part.rank for part in self.parts)

    def match(self, path: str) -> dict[str, str] | None:
        """Values of the parameters for a raw (percent-encoded) path, or None when it does not match."""
        segments = [segment for segment in path.strip("/").split("/") if segment]
        values: dict[str, str] = {}
        for index, part in enumerate(self.parts):
            rest = segments[index:]
            text = "/".join(map(_decoded, rest)) if part.catch_all else _decoded(rest[0]) if rest else ""
            found = _fill(part, text)
            if found is None:
                return None
            values |= found
        spare = len(segments) > len(self.parts) and not (self.parts and self.parts[-1].catch_all)
        return None if spare else values


def _fill(part: _Part, text: str) -> dict[str, str] | None:
    if not text:
        if not (part.optional or part.catch_all or part.defaults):
            return None
        return dict(part.defaults)
    found = re.fullmatch(part.regex, text, re.IGNORECASE | re.DOTALL)
    if not found:
        return None
    values = found.groupdict()
    satisfied = all(
        _CHECKS[kind](values[name], argument)
        for name, constraints in part.constraints.items()
        for kind, argument in constraints
    )
    return values if satisfied else None


def _decoded(segment: str) -> str:
    # An encoded slash stays encoded, so that it cannot pose as a separator
    return "%2F".join(unquote(piece) for piece in re.split("%2[fF]", segment))


def _split(template: str) -> list[str]:
    """Segments of a template; a slash inside braces (in a regular expression) does not separate."""
    segments, depth, current = [], 0, ""
    for character in template:
        depth += (character == "{") - (character == "}")
        if character == "/" and depth == 0:
            segments.append(current)
            current = ""
        else:
            current += character
    return [*segments, current]


def _part(segment: str, template: str) -> _Part:
    tokens = list(_TOKEN.finditer(segment))
    literal = _TOKEN.sub("", segment)
    if "{" in literal or "}" in literal:
        raise RouteError(f"route {template!r}: {segment!r} is not a literal and no parameter that is understood")
    if not tokens:
        return _Part(re.escape(segment), 1, {}, {})
    constraints = {token[2]: _constraints(token[3], template) for token in tokens}
    alone = len(tokens) == 1 and not literal
    if not alone and any(token[1] or token[5] for token in tokens):
        raise RouteError(f"route {template!r}: in {segment!r} only a parameter of its own can be optional or catch-all")
    catch_all = bool(tokens[0][1])
    rank = (4 if catch_all else 2) + (0 if any(constraints.values()) or not alone else 1)
    defaults = {token[2]: token[4][1:] for token in tokens if token[4]}
    return _Part(_regex(segment, tokens), rank, constraints, defaults, bool(tokens[0][5]), catch_all)


def _regex(segment: str, tokens: list[re.Match[str]]) -> str:
    pieces, position = [], 0
    for token in tokens:
        pieces.append(re.escape(segment[position : token.start()]))
        pieces.append(f"(?P<{token[2]}>.+)")
        position = token.end()
    return "".join((*pieces, re.escape(segment[position:])))


def _constraints(text: str, template: str) -> tuple[tuple[str, str], ...]:
    found = tuple((match[1], match[2] or "") for match in _CONSTRAINT.finditer(text))
    unknown = [kind for kind, _ in found if kind not in _CHECKS]
    if unknown or (text and not found):
        raise RouteError(f"route {template!r}: unknown constraint {', '.join(unknown) or text}")
    return found


def _parses(kind: Callable[[str], object]) -> Callable[[str, str], bool]:
    def check(value: str, _argument: str) -> bool:
        try:
            kind(value)
        except ValueError:
            return False
        return True

    return check


def _is_int(value: str, _argument: str = "") -> bool:
    return bool(_INT.fullmatch(value)) and -(2**31) <= int(value) < 2**31


def _length(value: str, argument: str) -> bool:
    low, _, high = argument.partition(",")
    return int(low) <= len(value) <= int(high or low)


def _number_between(value: str, low: int | None, high: int | None) -> bool:
    if not _INT.fullmatch(value):
        return False
    return (low is None or int(value) >= low) and (high is None or int(value) <= high)


_CHECKS: dict[str, Callable[[str, str], bool]] = {
    "int": _is_int,
    "long": lambda value, _: bool(_INT.fullmatch(value)),
    "bool": lambda value, _: value.lower() in ("true", "false"),
    "double": _parses(float),
    "float": _parses(float),
    "decimal": _parses(float),
    "guid": _parses(UUID),
    "datetime": _parses(datetime.fromisoformat),
    "alpha": lambda value, _: value.isascii() and value.isalpha(),
    "required": lambda value, _: bool(value),
    "length": _length,
    "minlength": lambda value, argument: len(value) >= int(argument),
    "maxlength": lambda value, argument: len(value) <= int(argument),
    "min": lambda value, argument: _number_between(value, int(argument), None),
    "max": lambda value, argument: _number_between(value, None, int(argument)),
    "range": lambda value, argument: _number_between(value, *map(int, argument.split(","))),
    "regex": lambda value, argument: bool(re.search(argument, value, re.IGNORECASE)),
}
