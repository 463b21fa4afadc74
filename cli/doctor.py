"""The command that examines configuration, rights and names before anything runs, and says what to change."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.api import Json, segment
from cli.options import AsJson, connect
from cli.problems import Exit
from cli.render import emit, say, table


def doctor(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Only this one; else all of them.")] = None,
    json: AsJson = False,
) -> None:
    """Examine configuration, keys, names and rights, and say what to change. Nothing is started or changed.

    Exit code 1 when anything fails.

    ```
    retrain doctor
    retrain doctor bikes
    ```
    """
    report = connect(ctx).look(f"/api/models/{segment(model)}/doctor" if model else "/api/doctor")
    parts = [("Retrain itself", report["app"]), *((one["model"], one["findings"]) for one in report["models"])]
    failed = sum(found["verdict"] == "fail" for _, findings in parts for found in findings)
    if json:
        emit(report)
    else:
        for title, findings in parts:
            _part(title, findings)
        say(f"{failed} to put right." if failed else "Nothing has to be put right.", "bold")
    if failed:
        raise typer.Exit(Exit.FAILED)


def _part(title: str, findings: list[Json]) -> None:
    say(title, "bold")
    table(("", "", ""), [(one["verdict"].upper(), one["subject"], one["message"]) for one in findings], indent=2)
    say()
