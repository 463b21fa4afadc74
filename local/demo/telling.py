"""How the story is shown: lines that wrap to the terminal, a spinner where there is one, a table at the end.

Without a terminal (a pipe, a log) only plain lines are written, with no control characters.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import wrap

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 100  # characters; narrower terminals get the table as a list
NARROWEST = 30  # characters; below it lines are left to the terminal to break
INDENT = 3
STYLES = {"promoted": "green", "refused": "yellow", "quarantined": "yellow", "duplicate": "cyan"}


@dataclass(frozen=True)
class Row:
    """A line of the final table."""

    file: str
    door: str
    state: str
    candidate: str
    champion: str
    seconds: str
    why: str


def console() -> Console:
    """Standard output. A character that its encoding lacks becomes a question mark instead of an error."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    made = Console(markup=False, highlight=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in made._environ:
        made.width = WIDE
    return made


class Teller:
    """Writes to one console."""

    def __init__(self, to: Console) -> None:
        self._to = to

    def heading(self, text: str) -> None:
        """A new part of the story."""
        self._to.print()
        self._to.print(Text(text, style="bold"))

    def say(self, text: str, style: str = "") -> None:
        """A paragraph below the last heading; the lines of one that starts with an arrow hang below its first word."""
        first = " " * INDENT
        rest = first + "  " * text.startswith("→ ")
        for part in text.splitlines():
            for line in wrap(part, max(self._to.width, NARROWEST), initial_indent=first, subsequent_indent=rest):
                self._to.print(Text(line, style=style), soft_wrap=True)

    def verbatim(self, text: str) -> None:
        """A line that is to be copied, so it is never broken."""
        self._to.print(Text(" " * INDENT + text), soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[Callable[[str], None]]:
        """Shows what is being waited for; call the result to say more. Shows nothing where nothing can be undone."""
        if not self._to.is_terminal or self._to.is_dumb_terminal:
            yield lambda more: None
            return
        with self._to.status(Text(text)) as status:
            yield lambda more: status.update(Text(f"{text} {more}"))

    def table(self, rows: list[Row]) -> None:
        """All rows: as a table, or one below the other where a table would be too narrow to read."""
        self._to.print()
        if self._to.width < WIDE:
            self._list(rows)
        else:
            self._to.print(_table(rows))

    def _list(self, rows: list[Row]) -> None:
        for row in rows:
            self._to.print(Text(f"{row.file} ({row.door})"))
            figures = f", RMSE {row.candidate} against {row.champion}" if row.candidate != "-" else ""
            self.say(f"{row.state} after {row.seconds} s{figures}: {row.why}", STYLES.get(row.state, ""))


def _table(rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=False)
    table.add_column("file")
    table.add_column("door")
    table.add_column("end")
    for title in ("new\nRMSE", "live\nRMSE", "seconds\nto end"):
        table.add_column(title, justify="right")
    table.add_column("why", ratio=1)
    for row in rows:
        state = Text(row.state, style=STYLES.get(row.state, "red"))
        plain = (row.candidate, row.champion, row.seconds, row.why)
        table.add_row(Text(row.file), Text(row.door), state, *map(Text, plain))
    return table
