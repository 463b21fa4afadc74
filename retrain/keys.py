"""Keys: one configured model for many targets, each with data, a champion and an endpoint of its own.

How keys are written (`["north", "south"]`, `"001..100"`), and how `{key}` in a service's settings is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from retrain.decoding import prepared

MOST = 10_000
"""Keys of one model: as many endpoints as one web service takes."""
SHOWN = 5  # keys that a message names of many
PLACE = "{key}"
ANY = "some-key"  # stands for whichever key where what is wrong has nothing to do with it
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Names of models and keys: they become parts of blob paths, table keys and run ids."""

_RANGE = re.compile(r"(\d+)\.\.(\d+)")
S = TypeVar("S", bound=msgspec.Struct)


def expand(written: str | Sequence[str]) -> tuple[str, ...]:
    """Every key in the order they are written; each text is a key or a range such as `001..100`, both ends included.

    Raises:
        ValueError: says what is wrong.
    """
    texts = (written,) if isinstance(written, str) else written
    if sum(map(_size, texts)) > MOST:
        raise ValueError(f"more than {MOST:,} keys; a web service takes so many endpoints")
    found = tuple(key for text in texts for key in _one(text))
    if not found:
        raise ValueError('no key; write a list such as ["north", "south"], or a range such as "001..100"')
    twice = next((key for key, again in zip(sorted(found), sorted(found)[1:], strict=False) if key == again), None)
    if twice is not None:
        raise ValueError(f"the key {twice!r} is there twice")
    return found


def _size(text: str) -> int:
    ends = _RANGE.fullmatch(text)
    return max(int(ends[2]) - int(ends[1]) + 1, 1) if ends else 1


def _one(text: str) -> Iterator[str]:
    ends = _RANGE.fullmatch(text)
    if ends is None:
        if not NAME.fullmatch(text):
            raise ValueError(
                f"the key {text!r}: use lowercase letters, digits and dashes, at most 63, or a range such as 001..100"
            )
        yield text
        return
    first, last = ends.groups()
    if len(first) != len(last) or int(first) > int(last):
        raise ValueError(f"the range {text!r}: both ends have the same number of digits, and the first is the lower")
    yield from (f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1))


def listed(keys: Sequence[str]) -> str:
    """How many keys there are, and which, for a message."""
    if len(keys) <= SHOWN:
        return ", ".join(keys)
    return f"{len(keys):,}: {', '.join(keys[: SHOWN - 1])} … {keys[-1]}"


def fill(settings: S, key: str) -> S:
    """Settings of a service with the key wherever a text of theirs has `{key}`."""
    kind = type(settings)
    prepared(kind)
    return msgspec.convert(_filled(msgspec.to_builtins(settings), key), kind)


def _filled(value: Any, key: str) -> Any:
    if isinstance(value, str):
        return value.replace(PLACE, key)
    if isinstance(value, dict):
        return {name: _filled(inner, key) for name, inner in value.items()}
    return [_filled(inner, key) for inner in value] if isinstance(value, list | tuple) else value


def places(settings: msgspec.Struct) -> set[str]:
    """The names of the settings in which `{key}` stands somewhere."""
    values = msgspec.to_builtins(settings)
    return {name for name, value in values.items() if _filled(value, "") != _filled(value, PLACE)}


def problems_of_each(settings: msgspec.Struct, keys: Sequence[str]) -> Iterator[str]:
    """What is wrong with a service's settings for its keys: what all share once, then what only some have."""
    shared = _problems(settings, ANY) if keys else []
    yield from (problem.replace(ANY, PLACE) for problem in shared)
    own = [f"{problem} (of key {key})" for key in keys for problem in _problems(settings, key, shared)]
    yield from own[:SHOWN]
    if len(own) > SHOWN:
        yield f"{len(own) - SHOWN} more mistakes of single keys"


def _problems(settings: msgspec.Struct, key: str, but: Sequence[str] = ()) -> list[str]:
    made: Any = fill(settings, key)
    known = {problem.replace(ANY, key) for problem in but}
    return [problem for problem in (made.problems() if hasattr(made, "problems") else ()) if problem not in known]


def without_keys(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A model's table without its keys: adding a key changes nothing for those that are there."""
    return {name: value for name, value in settings.items() if name != "keys"}
