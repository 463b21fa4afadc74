"""Starting programs for tests, and ending them whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demo.programs import Program


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts `python ARGUMENTS`."""
    started: list[Program] = []

    def run(*arguments: str, **environment: str) -> Program:
        started.append(Program(arguments, tmp_path / f"output-{len(started)}.txt", **environment))
        return started[-1]

    yield run
    for program in started:
        program.end()
