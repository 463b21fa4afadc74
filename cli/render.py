"""How results look: plain text that fits any terminal, or JSON for machines. What is shown is decided elsewhere.

Colour is used on terminals only, and not with NO_COLOR. Nothing is ever cut off: a table that is too wide for its
terminal lets its last column wrap, and becomes a list when that does not suffice.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

GAP = 2  # spaces between columns
WRAPPING = 24  # columns that a wrapping last column must have, or the table becomes a list
UNLIMITED = 10_000  # columns of what is no terminal: a file has no edge

GOOD = frozenset({"promoted", "PASS", "OK", "approved", "APPROVED"})
BAD = frozenset({"failed", "unverified", "refused", "rejected", "quarantined", "parked", "FAIL", "REFUSED"})
DOUBTFUL = frozenset({"WARN"})
STILL = frozenset({"duplicate", "unchanged", "superseded", "expired", "cancelled", "NOTE"})
# Control characters in a file's name or a service's answer could otherwise steer the terminal.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@cache
def console() -> Console:
    """Standard output."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else UNLIMITED
    return Console(highlight=False, markup=False, emoji=False, width=width)


def emit(view: Any) -> None:
    """The whole answer as JSON on standard output, and nothing else."""
    sys.stdout.write(json.dumps(view, indent=2, ensure_ascii=False) + "\n")


def say(text: str = "", style: str = "") -> None:
    """One line or paragraph; the terminal wraps it, so that what is copied from it has no breaks of ours."""
    console().print(clean(text), style=style or None, soft_wrap=True)


def heading(text: str) -> None:
    """A title of a part, after an empty line."""
    say()
    say(text, "bold")


def note(text: str) -> None:
    """A line for people on standard error, which `--json` may not disturb."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def clean(text: str) -> str:
    """The text with control characters made visible."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def colour_of(word: str) -> str:
    """The colour of a word's meaning; empty when it has none."""
    colours = {"green": GOOD, "red": BAD, "yellow": DOUBTFUL, "dim": STILL}
    return next((colour for colour, words in colours.items() if word in words), "")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], *, indent: int = 0) -> None:
    """Rows under titles: a table where it fits, its last column wrapping if need be, else a list of rows."""
    shown = [[clean(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [titles, *shown]) for i in range(len(titles))]
    fixed = indent + sum(width + GAP for width in widths[:-1])
    room = console().width - fixed
    if room >= min(widths[-1], WRAPPING):
        _grid(titles, shown, widths, room, indent)
    else:
        _stacked(titles, shown, indent)


def _grid(titles: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], room: int, indent: int) -> None:
    if any(titles):
        say(_line(titles, titles[-1], widths, indent).rstrip(), "bold")
    for row in rows:
        first, *more = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False) or [""]
        _print_line(row, first, widths, indent)
        for part in more:
            say(_line([""] * len(row), part, widths, indent))


def _line(cells: Sequence[str], last: str, widths: Sequence[int], indent: int) -> str:
    fixed = "".join(f"{cell:<{width + GAP}}" for cell, width in zip(cells[:-1], widths[:-1], strict=True))
    return " " * indent + fixed + last


def _print_line(row: Sequence[str], last: str, widths: Sequence[int], indent: int) -> None:
    """One row; words that mean good or bad are coloured where a cell is just that word."""
    from rich.text import Text

    line = Text(_line(row, last, widths, indent).rstrip())
    start = indent
    for cell, width in zip(row[:-1], widths[:-1], strict=True):
        if colour := colour_of(cell):
            line.stylize(colour, start, start + len(cell))
        start += width + GAP
    console().print(line, soft_wrap=True)


def _stacked(titles: Sequence[str], rows: Sequence[Sequence[str]], indent: int) -> None:
    """Each row as a block: cells without a title in a line of their own, the others below it with their titles."""
    for number, row in enumerate(rows):
        if number and any(titles):
            say()
        cells = list(zip(titles, row, strict=True))
        untitled = "  ".join(cell for title, cell in cells if cell and not title)
        if untitled:
            say(" " * indent + untitled)
        facts({title: cell for title, cell in cells if title}, indent=indent + (GAP if untitled else 0))


def facts(values: Mapping[str, str], *, indent: int = 2) -> None:
    """Names with values, one to a line; those without a value are left out."""
    known = {name: value for name, value in values.items() if value}
    width = max((len(name) for name in known), default=0)
    for name, value in known.items():
        say(f"{' ' * indent}{name:<{width}}  {value}")


def figure(value: float | None) -> str:
    """A measured number with five significant digits, thousands not abbreviated."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100_000 else f"{value:.5g}"


def size(count: int) -> str:
    """Bytes, as people say them."""
    units = ("bytes", "kB", "MB", "GB", "TB")
    value, unit = float(count), 0
    while value >= 1000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.0f} {units[unit]}" if unit == 0 else f"{value:.1f} {units[unit]}"
