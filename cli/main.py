"""Where the `retrain` command starts. `retrain --version` is answered before anything else is loaded."""

from __future__ import annotations

import sys


def app() -> None:
    """Carries out the command line and exits with a code of `cli.problems.Exit`."""
    if sys.argv[1:] == ["--version"]:
        print(version_line())
        return
    from cli.commands import app as commands

    commands(prog_name="retrain")


def version_line() -> str:
    """`retrain 1.2.3`"""
    from importlib.metadata import version

    return f"retrain {version('retrain')}"
