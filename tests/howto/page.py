"""A how-to page as a program: its `bash` blocks run in order in one session, and what they print is held to the page.

A ```text block after a ```bash block holds lines that the bash block must print, in that order; `…` stands for
anything. What else is printed does not matter. Blocks of other languages are for the eye only.

Tables of calls are run too where a page has them: what their second and third columns hold as code, row by row.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.programs import need

ROOT = Path(__file__).parents[2]
STACK = ROOT / "docs" / "howto" / "stack.py"
PROGRAMS = ("bash", "curl", "gunzip", "awk", "sed", "cmp")
PATIENCE = 240.0
"""Seconds for a whole page on a busy machine."""

_FENCE = re.compile(r"^```(\w*)$")
_MARK = "----- block "


@dataclass
class Block:
    """A bash block: where it stands, what it runs, what it must print, and what it did print (None: never begun).

    Of a cell in a table of calls: its heading is the row's first cell, and `column` is 2 or 3.
    """

    heading: str
    line: int
    code: str
    expected: list[str] = field(default_factory=list)
    output: str | None = None
    column: int = 0


def blocks(page: Path, calls: str = "") -> list[Block]:
    """The page's bash blocks with what each must print, and the cells of tables whose first title is `calls`."""
    found: list[Block] = []
    heading, language, start, lines, inside = "", "", 0, list[str](), False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = _FENCE.match(line)
        if language and line == "```":
            _take(found, Block(heading, start, "\n".join(lines)), language)
            language = ""
        elif fence and not language:
            language, start, lines = fence[1] or "none", number, []
        elif language:
            lines.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ")
        inside = not language and line.startswith("|") and (inside or (bool(calls) and line.startswith(f"| {calls} |")))
        found += _cells(line, number) if inside else []
    return found


def _cells(line: str, number: int) -> list[Block]:
    """What a table's row gives to run."""
    name, *others = (cell.strip() for cell in line.strip("|").split("|"))
    cells = [(column, quoted(cell)) for column, cell in enumerate(others[:2], start=2)]
    return [Block(name, number, "\n".join(code), column=column) for column, code in cells if code]


def _take(found: list[Block], block: Block, language: str) -> None:
    if language == "bash":
        found.append(block)
    elif language == "text":
        found[-1].expected = block.code.splitlines()


def run(page: Path, calls: str = "", after: str = "true") -> list[Block]:
    """Runs the page beside a fresh stack; its blocks with their output. Fails where the page's story breaks off.

    `calls`: as for `blocks`. `after`: what is run after each block; what it prints belongs to that block.
    """
    need(*PROGRAMS)
    found = blocks(page, calls)
    parts = [f"printf '\\n{_MARK}{number}\\n'\n{block.code}\n{after}\n" for number, block in enumerate(found)]
    code, said = _session([sys.executable, str(STACK), "bash", "-euo", "pipefail", "-c", "\n".join(parts)])
    for part in said.split(f"\n{_MARK}")[1:]:
        number, _, output = part.partition("\n")
        found[int(number)].output = output
    last = next((block for block in reversed(found) if block.output is not None), None)
    where, shown = (f"{page.name}:{last.line}", last.output) if last else (str(STACK), said)
    done = [block for block in found if block.output is not None and block is not last]
    before = _told(page, [(block, line) for block in done if (line := missing(block)) is not None])
    assert code == 0, "\n".join([f"{where} ended with {code}:", (shown or "")[-4000:], *before])
    return found


def _session(command: list[str]) -> tuple[int, str]:
    """Runs a command in a session of its own; exit code and output. Killed as a whole after `PATIENCE`."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    return process.returncode, said


def missing(block: Block) -> str | None:
    """The first line that the block should have printed and did not; None when all were, in order."""
    printed = iter((block.output or "").splitlines())
    for line in block.expected:
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        if not any(pattern.fullmatch(given.rstrip()) for given in printed):
            return line
    return None


def table(page: Path, title: str) -> list[list[str]]:
    """The rows of the page's table whose first column has this title."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {title} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def unprinted(page: Path) -> list[str]:
    """Runs the page, and tells what it did not print although it shows it."""
    return _told(page, [(block, line) for block in run(page) if (line := missing(block)) is not None])


def wrong(page: Path) -> list[str]:
    """Runs the page, and tells what it did not print although it shows it, or quotes it in its table of troubles."""
    ran = run(page)  # once for all: workers of a parallel test run would each run it again
    found = [(block, line) for block in ran if (line := missing(block)) is not None]
    for name, service, retrain, advice in table(page, "what was wrong"):
        block = next(block for block in ran if block.heading == name)
        assert quoted(service) and quoted(retrain) and advice, name
        found += [(block, words) for words in untold(block, service, retrain)]
    return _told(page, found)


def _told(page: Path, found: list[tuple[Block, str]]) -> list[str]:
    return [f"{page.name}:{block.line} should print\n  {words}\nand printed\n{block.output}" for block, words in found]


def untold(block: Block, service: str, retrain: str) -> list[str]:
    """What a row of the table quotes and its block did not print: the service's words, or those of `retrain`."""
    lines = (block.output or "").splitlines()
    explained = "\n".join(line for line in lines if line.startswith("retrain: "))
    answered = "\n".join(line for line in lines if not line.startswith("retrain: "))
    said = [(words, answered) for words in quoted(service)] + [(words, explained) for words in quoted(retrain)]
    return [words for words, text in said if words not in text]


def quoted(cell: str) -> list[str]:
    """What a table's cell quotes: its code spans."""
    return re.findall(r"`([^`]+)`", cell)
