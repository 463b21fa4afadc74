"""The `retrain` command: global options, and which commands there are. What they do lives beside, by subject.

Imports stay light, so that every command starts at once: HTTP, Rich and service clients are loaded where needed.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from cli import acts, backtest, doctor, endpoints, models, runs, service, service_resource, studio, submitting
from cli.main import version_line
from cli.options import URL, Chosen
from cli.problems import Exit, Problem
from cli.render import note

HELP = """Keep deployed models fresh: new data retrains, the gate judges, only a better model goes live.

Exit codes: 0 done, 1 error or failed run, 2 wrong command line, 3 the run ended without going live, 4 it has not ended:
it waits for a person. Every command has --help with examples; docs/cli.md explains all.
"""


class Commands(TyperGroup):
    """A group whose commands may end with a `Problem`: one clear message on standard error, and its exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command that was chosen."""
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a name in any script must not end us
        try:
            return super().invoke(ctx)
        except Problem as problem:
            note(f"retrain: {problem}")
            for detail in problem.details:
                note(f"  - {detail}")
            raise typer.Exit(problem.code) from None


app = typer.Typer(
    cls=Commands,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(version_line())
        raise typer.Exit


def _someone() -> str:
    """The name of whoever uses this machine's account."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return ""


@app.callback()
def options(
    ctx: typer.Context,
    url: Annotated[str, typer.Option(envvar="RETRAIN_URL", metavar="URL", help="Where Retrain answers.")] = URL,
    key: Annotated[
        str | None,
        typer.Option(metavar="env:NAME", help="Variable with the function key.  [default: env:RETRAIN_KEY, if set]"),
    ] = None,
    actor: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who you are, for the record.  [default: your user name]")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Global options come before the command."""
    ctx.obj = Chosen(url, key, _someone() if actor is None else actor)


@app.command()
def up() -> None:
    """Keep the whole of Retrain running on this machine: storage, services, the app and its pages.

    It ends with Ctrl-C; what it kept is there at the next start.

    ```
    retrain up
    ```
    """
    try:
        from local.up import serve
    except ImportError as error:
        raise Problem(f"the local stack is not installed here ({error}); run `make up` in the project") from error
    raise typer.Exit(serve() or Exit.OK)


COMMANDS: dict[str, tuple[tuple[str, Callable[..., None]], ...]] = {
    "Data": (("submit", submitting.submit), ("backfill", submitting.backfill), ("adopt", models.adopt)),
    "Look": (
        ("doctor", doctor.doctor),
        ("backtest", backtest.backtest),
        ("models", models.list_models),
        ("runs", runs.list_runs),
        ("show", runs.show_run),
        ("watch", runs.watch_run),
        ("parked", runs.list_parked),
        ("quarantine", runs.list_quarantine),
    ),
    "Decide": (
        ("approve", acts.approve),
        ("reject", acts.reject),
        ("promote", acts.promote),
        ("rollback", acts.rollback),
        ("keep", acts.keep),
        ("cancel", acts.cancel),
        ("replay", acts.replay),
        ("release", acts.release),
    ),
}

for _panel, _commands in COMMANDS.items():
    for _name, _function in _commands:
        app.command(_name, rich_help_panel=_panel)(_function)
for _name, _function in service_resource.COMMANDS:
    service.app.command(_name)(_function)
app.add_typer(endpoints.app, name="endpoints", rich_help_panel="Services")
app.add_typer(service.app, name="service", rich_help_panel="Services")
app.add_typer(studio.app, name="studio", rich_help_panel="Services")
