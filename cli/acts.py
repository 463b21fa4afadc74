"""Commands with which a person decides about a run or about what is live. The record keeps who."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.api import Api, Json, segment
from cli.options import AsJson, Model, Reason, Run, connect
from cli.problems import Usage
from cli.render import emit, facts, heading, say


def promote(
    ctx: typer.Context,
    run: Run,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be sent; change nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Override the gate's no; needs --reason.")] = False,
    reason: Reason = "",
    json: AsJson = False,
) -> None:
    """Put the model of a run live; with --force also one that the gate refused.

    ```
    retrain promote bikes~0123456789abcdef --dry-run
    retrain promote bikes~0123456789abcdef --force --reason "the holdout was a strike week"
    ```
    """
    if force and not reason:
        raise Usage("--force overrides the gate, so it needs --reason TEXT; the record keeps it")
    body = {} if dry_run else {"force": force, "reason": reason}
    found = connect(ctx).post(f"/api/runs/{segment(run)}/promote", body, dry=dry_run)
    if json:
        emit(found)
        return
    say(
        "Nothing was changed. Promoting would send:"
        if dry_run
        else f"The service was asked; {run} is {found['state']}."
    )
    _before_after(found)
    if not dry_run:
        say()
        forced = found["state"] != "promoting"  # then the run has ended already, and only the model tells
        where = f"models {run.partition('~')[0]}" if forced else f"watch {run}"
        say(f"Whether production shows it is checked next: retrain {where}")


def _before_after(found: Json) -> None:
    heading("Before")
    before = found.get("before") or {}
    facts({"resource": before.get("resource", ""), "location": before.get("location", "")})
    heading("After")
    for name, value in _flat(found.get("after")):
        say(f"  {name}: {value}")


def _flat(value: object, path: str = "") -> list[tuple[str, object]]:
    """A body as lines: `Resources.0.Name: income [trained model]`."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(inner, f"{path}.{key}".lstrip("."))]
    if isinstance(value, list):
        return [pair for number, inner in enumerate(value) for pair in _flat(inner, f"{path}.{number}")]
    return [(path, value)]


def approve(ctx: typer.Context, run: Run, reason: Reason = "", json: AsJson = False) -> None:
    """Say yes to a run that waits for approval: its model goes live.

    ```
    retrain approve bikes~0123456789abcdef --reason "figures look right"
    ```
    """
    act(connect(ctx), run, "approve", {"reason": reason}, json)


def reject(ctx: typer.Context, run: Run, reason: Reason = "", json: AsJson = False) -> None:
    """Say no to a run that waits for approval: the live model stays.

    ```
    retrain reject bikes~0123456789abcdef --reason "wait for the new sensors"
    ```
    """
    act(connect(ctx), run, "reject", {"reason": reason}, json)


def cancel(ctx: typer.Context, run: Run, reason: Reason = "", json: AsJson = False) -> None:
    """Stop a run and its training job.

    ```
    retrain cancel bikes~0123456789abcdef
    ```
    """
    act(connect(ctx), run, "cancel", {"reason": reason}, json)


def replay(ctx: typer.Context, run: Run, reason: Reason = "", json: AsJson = False) -> None:
    """Release a parked run where it stopped, or start an ended one anew on the same data.

    ```
    retrain replay bikes~0123456789abcdef
    ```
    """
    act(connect(ctx), run, "replay", {"reason": reason}, json)


def release(
    ctx: typer.Context,
    run: Run,
    reason: Reason = "",
    believe: Annotated[
        bool, typer.Option("--believe", help="Believe the batch at once; the next one need not confirm it.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Take files from quarantine that rules of intake refused: a new run on them, on the record.

    ```
    retrain release bikes~0123456789abcdef --reason "the sensors were changed to Fahrenheit"
    ```
    """
    if not reason:
        raise Usage("a release overrides the rules of intake, so it needs --reason TEXT; the record keeps it")
    act(connect(ctx), run, "release", {"reason": reason, "believe": believe}, json)


def act(api: Api, run: str, name: str, body: Json, json: bool) -> None:
    """One act on a run; prints where that run, or the new one, stands now."""
    found = api.post(f"/api/runs/{segment(run)}/{name}", body)
    if json:
        emit(found)
        return
    new = f" (a new run on the data of {run})" if found["id"] != run else ""
    say(f"{found['id']} is {found['state']}{new}")
    if name in ("approve", "replay", "release"):
        say(f"Follow it: retrain watch {found['id']}")


def rollback(ctx: typer.Context, model: Model, reason: Reason = "", json: AsJson = False) -> None:
    """Put the model back that was live before the present one.

    ```
    retrain rollback bikes --reason "complaints since noon"
    ```
    """
    found = connect(ctx).post(f"/api/models/{segment(model)}/rollback", {"reason": reason})
    if json:
        emit(found)
        return
    champion = found["champion"]
    change = (champion.get("intent") or {}).get("change")
    to = f"the model of version {change['origin']}, as version {change['version']}" if change else "it is back"
    say(f"The service was asked: {model} goes back to {to}.")
    _before_after(found)
    say()
    say(f"Whether production shows it is checked next: retrain models {model}")


def keep(ctx: typer.Context, model: Model, reason: Reason = "", json: AsJson = False) -> None:
    """Keep a model that proved worse than the one before it, where you were asked.

    ```
    retrain keep bikes --reason "a week of strikes; it will pass"
    ```
    """
    found = connect(ctx).post(f"/api/models/{segment(model)}/keep", {"reason": reason})
    if json:
        emit(found)
        return
    say(f"Version {found['champion']['version']} of {model} stays; the record says who decided that.")
