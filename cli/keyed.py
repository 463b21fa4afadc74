"""What commands do for each key of a model: files by pattern, several at a time, one summary of all.

One key's failure does not stop the others; those that failed are named at the end, and repeating does what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.api import Api, Json, segment
from cli.problems import Problem, Usage
from cli.render import note
from retrain.keys import PLACE, listed

AtOnce = Annotated[int, typer.Option("--at-once", min=1, max=20, help="With {key}: so many keys at a time.")]


@dataclass(frozen=True)
class Result:
    """What became of one key: `failed` with a problem, or another word of the command's with what it has to show."""

    key: str
    state: str
    view: Json = field(default_factory=dict)
    problem: str = ""

    def json(self) -> Json:
        """For machines."""
        return {"key": self.key, "state": self.state, **self.view, **({"error": self.problem} if self.problem else {})}


def each(keys: Sequence[str], work: Callable[[str], Result], at_once: int) -> list[Result]:
    """Does the work for every key, so many at a time; results in the order of the keys."""

    def one(key: str) -> Result:
        try:
            return work(key)
        except Problem as problem:
            return Result(key, "failed", problem="; ".join([str(problem), *problem.details]))

    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(one, keys))


def blame(results: Iterable[Result], what: str) -> None:
    """Raises Problem, naming the keys that failed and why; the same reason once."""
    found = list(results)
    whose: dict[str, list[str]] = {}
    for result in found:
        if result.problem:
            whose.setdefault(result.problem, []).append(result.key)
    if whose:
        count = sum(map(len, whose.values()))
        details = [f"{listed(keys)}: {problem}" for problem, keys in whose.items()]
        raise Problem(f"{count} of {len(found)} keys {what}; repeating the command does what is left", details=details)


def has_key(*texts: str) -> bool:
    """Whether one of these stands for the files of many keys."""
    return any(PLACE in text for text in texts)


def targets_with(api: Api, model: str, pattern: str) -> list[Json]:
    """The keys of a model that have a file by this pattern, as the app lists them.

    Raises:
        Usage: the model has no keys, or none of them has a file.
    """
    found = api.get(f"/api/models/{segment(model)}")
    if "targets" not in found:
        raise Usage(f"{model} has no keys, so {pattern!r} cannot have {PLACE}; name one file")
    targets: list[Json] = [target for target in found["targets"] if at(pattern, target["key"]).is_file()]
    if not targets:
        there = listed([target["key"] for target in found["targets"]])
        raise Usage(f"no key of {model} has a file at {pattern!r}; its keys are {there}")
    if left := len(found["targets"]) - len(targets):
        note(f"{left} of {len(found['targets'])} keys have no file at {pattern!r} and are left alone")
    return targets


def at(pattern: str, key: str) -> Path:
    """The file of a key."""
    return Path(pattern.replace(PLACE, key))


def existing(text: str, option: str) -> Path:
    """The file. Raises Usage when there is none."""
    file = Path(text)
    if not file.is_file():
        raise Usage(f"{option}: there is no file {text!r}")
    return file


def document(model: str, results: Iterable[Result], **more: Any) -> Json:
    """All results for machines."""
    return {"model": model, "keys": [result.json() for result in results], **more}
