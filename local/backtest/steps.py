"""What is played: batches of labelled rows, the oldest first, and how files of a folder become such a list."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from retrain.data.forms import opened, unpacked
from retrain.data.profile import day_of
from retrain.data.tables import BadData

ENDINGS = (".csv", ".csv.gz", ".parquet")


class CannotPlay(ValueError):
    """There is no history to play: the message says what is missing."""


@dataclass(frozen=True)
class Step:
    """One batch as it landed, and the same batch with clean rows where somebody knows them.

    name: for people, and the same for every policy. content, truth: bytes of a file that intake takes.
    """

    name: str
    content: bytes
    truth: bytes | None = None

    @property
    def spoilt(self) -> bool:
        """Its clean rows are known, and are not what landed."""
        return self.truth not in (None, self.content)

    @cached_property
    def sha256(self) -> str:
        """Of the content."""
        return sha256(self.content).hexdigest()


def read_steps(paths: Sequence[Path], time: str | None = None, truth: Path | None = None) -> list[Step]:
    """The files, and those of folders, in order of time: of their first day where there is a time column, else by name.

    A file without a readable first day (its data are broken, which is for intake to say) keeps its place by name.
    `truth`: a folder with files of the same names that hold the clean rows.
    Raises CannotPlay: no files, two of one name, a file of `truth` that belongs to none.
    """
    files = sorted(_files(paths), key=lambda file: file.name)
    names = [file.name for file in files]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CannotPlay(f"{', '.join(twice)}: more than one file has this name, so none of them can be told from it")
    clean = _clean(truth, names) if truth else {}
    steps = [Step(file.name, file.read_bytes(), clean.get(file.name)) for file in files]
    return in_order(steps, time)


def in_order(steps: Sequence[Step], time: str | None) -> list[Step]:
    """Steps by their first day; one without a readable day follows the one before it by name."""
    if time is None:
        return list(steps)
    days, last = [], ""
    for step in steps:
        last = first_day(step.content, time) or last
        days.append(last)
    return [step for _, step in sorted(zip(days, steps, strict=True), key=lambda pair: pair[0])]


def first_day(content: bytes, time: str) -> str | None:
    """The earliest day of a file, None when it has none that can be read."""
    try:
        rows = csv.DictReader(io.StringIO(plain(content).decode(), newline=""))
        days = [day for row in rows if (day := day_of(row.get(time) or "")) is not None]
    except (BadData, UnicodeDecodeError, csv.Error):
        return None
    return min(days, default=None)


def plain(content: bytes) -> bytes:
    """The rows of a file as plain CSV, whatever form it has. Raises BadData."""
    return opened(unpacked(io.BytesIO(content), io.BytesIO)[0]).read()


def _files(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [file for file in path.iterdir() if file.name.lower().endswith(ENDINGS)]
        elif path.is_file():
            found.append(path)
        else:
            raise CannotPlay(f"{path}: there is no such file or folder")
    if not found:
        where = f" in {', '.join(map(str, paths))}" if paths else ""
        raise CannotPlay(f"no files to play{where}; name files, or a folder that holds some ({_endings()})")
    return found


def _clean(folder: Path, names: Sequence[str]) -> dict[str, bytes]:
    if not folder.is_dir():
        raise CannotPlay(f"--truth {folder}: there is no such folder")
    found = {file.name: file for file in folder.iterdir() if file.name.lower().endswith(ENDINGS)}
    if not found.keys() & set(names):
        raise CannotPlay(f"--truth {folder}: no file in it is called like one that is played, such as {names[0]}")
    return {name: found[name].read_bytes() for name in names if name in found}


def _endings() -> str:
    return ", ".join(f"*{ending}" for ending in ENDINGS)
