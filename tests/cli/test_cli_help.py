"""Every command explains itself, in --help and in docs/cli.md; and the command starts at once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cli.commands import app
from cli.problems import Exit
from tests.cli.conftest import Command

DOCS = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
HEAVY = ("rich", "requests", "numpy", "azure", "sklearn", "aiohttp", "local")


def commands(group: Any = None, path: str = "retrain") -> Iterator[tuple[str, Any]]:
    """Every command with the words that call it."""
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(commands())


def section(words: str) -> str:
    """What docs/cli.md says of a command."""
    found = re.search(rf"^### `{words}[ `].*?(?=^##|\Z)", DOCS, re.MULTILINE | re.DOTALL)
    assert found, f"docs/cli.md has no section ### `{words} …`"
    return found[0]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_has_help_with_an_example_and_a_place_in_the_docs(words: str) -> None:
    command = COMMANDS[words]
    assert f"\n{words}" in command.help, "an example"
    for option in command.params:
        assert option.help, f"{words}: {option.name} is not explained"
        for name in option.opts:
            assert not name.startswith("--") or name == "--help" or f"`{name}" in section(words), f"{words}: {name}"


def test_the_docs_tell_of_no_command_that_is_not_there() -> None:
    told = re.findall(r"^### `(retrain(?: [a-z]+){1,3})", DOCS, re.MULTILINE)
    assert set(told) <= set(COMMANDS) and len(told) == len(set(told))


def test_the_docs_explain_every_exit_code() -> None:
    for code in Exit:
        assert f"| {int(code)} |" in DOCS


def test_help_is_printed_with_examples(bare: Command) -> None:
    done = bare("submit", "--help")
    assert done.code == 0
    assert "retrain submit august.csv --model bikes --watch" in done.out


def test_a_word_that_is_no_command_is_a_wrong_command_line(bare: Command) -> None:
    assert bare("retrian").code == 2
    assert bare("show").code == 2


def test_the_version_is_told_before_anything_is_loaded(bare: Command) -> None:
    assert re.fullmatch(r"retrain \d+\.\d+\.\d+\n", bare("--version").out)
    assert loaded("import sys; sys.argv = ['retrain', '--version']; from cli.main import app; app()", "typer") == []


def test_starting_the_command_loads_nothing_heavy() -> None:
    assert loaded("import cli.commands", *HEAVY) == []


def loaded(code: str, *modules: str) -> list[str]:
    """Which of the modules a fresh interpreter has after that code."""
    ask = f"{code}; import sys; print('LOADED', *[name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return done.stdout.rpartition("LOADED")[2].split()


def test_a_missing_local_stack_is_explained(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['local.stack'] = None; sys.argv = ['retrain', 'up']; from cli.main import app; app()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 1
    assert "make up" in done.stderr
