"""Filters of searches: `name = 'bikes' and tags.decision = 'approved'`, joined by and."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.services.azureml.mlflow.errors import wrong

_CLAUSE = re.compile(
    r"""\s*(?P<key>[A-Za-z_]+(?:\.(?:`[^`]+`|"[^"]+"|[\w./-]+))?)\s*(?P<sign>!=|=|ILIKE|LIKE)\s*"""
    r"""'(?P<value>(?:[^']|'')*)'\s*(?:$|and\s)""",
    re.IGNORECASE,
)
_SHORT = {"tag": "tags", "param": "params"}


def chosen(text: str, known: tuple[str, ...]) -> Callable[[Mapping[str, Any]], bool]:
    """Which items a filter means; an item is its values by key, with `tags` (or others with members) as maps.

    Raises: MlflowError, 400, for a filter that cannot be read, or a key that is not `known`.
    """
    tests, rest = [], text.strip()
    while rest:
        found = _CLAUSE.match(rest)
        if found is None:
            raise wrong(400, f"The filter {text!r} cannot be read; write key = 'value', joined by and.")
        tests.append(_test(found, known))
        rest = rest[found.end() :]
    return lambda item: all(test(item) for test in tests)


def _test(found: re.Match[str], known: tuple[str, ...]) -> Callable[[Mapping[str, Any]], bool]:
    kind, _, member = found["key"].partition(".")
    kind = _SHORT.get(kind.lower(), kind.lower())
    if kind not in known:
        raise wrong(400, f"The filter names {kind!r}; there are {', '.join(known)}.")
    value, member = found["value"].replace("''", "'"), member.strip('`"')
    same = _SIGNS[found["sign"].upper()]

    def test(item: Mapping[str, Any]) -> bool:
        have = item[kind]
        return same(have.get(member) if member else have, value)

    return test


def _like(have: str | None, pattern: str) -> bool:
    expression = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return have is not None and re.fullmatch(expression, have) is not None


_SIGNS: dict[str, Callable[[str | None, str], bool]] = {
    "=": lambda have, value: have == value,
    "!=": lambda have, value: have != value,
    "LIKE": _like,
    "ILIKE": lambda have, value: have is not None and _like(have.lower(), value.lower()),
}
