"""Options and arguments that several commands share, and how a command gets at the app that it talks to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cli.api import Api, checked_url, function_key
from cli.problems import Usage

URL = "http://127.0.0.1:7071"

Run = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, such as bikes~0123456789abcdef.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model; of one with keys MODEL:KEY.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON, and nothing else.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the record keeps it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="How many, the newest first.")]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0, metavar="SECONDS", help="Stop watching after so long (exit code 4).")
]
File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, readable=True, metavar="FILE", help="A CSV with a header line.")
]


@dataclass(frozen=True)
class Chosen:
    """The global options as they were given."""

    url: str
    key: str | None
    actor: str


def connect(ctx: typer.Context) -> Api:
    """The app that the global options name; it is closed when the command ends. Raises Usage."""
    chosen: Chosen = ctx.find_root().obj
    key = function_key(chosen.key, dict(os.environ))
    api = Api(checked_url(chosen.url, key), key, chosen.actor)
    ctx.call_on_close(api.close)
    return api


def parameters(given: list[str] | None) -> dict[str, str]:
    """`name=value` options as a dictionary. Raises Usage."""
    pairs = [text.partition("=") for text in given or []]
    wrong = [name for name, equals, _ in pairs if not equals or not name]
    if wrong:
        raise Usage(f"--param {wrong[0]!r} is not name=value")
    return {name: value for name, _, value in pairs}


def unwritten(file: Path, force: bool) -> None:
    """Raises Usage for a file that is there and may not be replaced."""
    if file.exists() and not force:
        raise Usage(f"{file} is there already; choose another name, or --force")
