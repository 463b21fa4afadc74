"""Commands that look at runs: runs, show, watch, parked, quarantine. What is done to runs lives in `acts`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import acts, watching
from cli.api import Api, Json, segment
from cli.options import AsJson, Limit, Model, Run, Timeout, connect
from cli.render import emit, facts, say, table
from cli.show import metric_cell, next_step, show, who
from cli.times import age, between, duration
from retrain.run import ENDED, State

MOST = 200
"""As many runs of a model as the app lists."""


def list_runs(ctx: typer.Context, model: Model, limit: Limit = 20, json: AsJson = False) -> None:
    """List the newest runs of a model.

    ```
    retrain runs bikes --limit 5
    ```
    """
    found = newest(connect(ctx), model, limit)
    if json:
        emit({"runs": found})
    elif not found:
        say(f"{model} has no runs yet; send data with: retrain submit FILE --model {model}")
    else:
        table(("RUN", "STATE", "SEEN", "TOOK", "METRIC", "BY", "WHY"), [_row(run) for run in found])


def newest(api: Api, model: str, limit: int) -> list[Json]:
    """The newest runs of a model, newest first."""
    return list(api.get(f"/api/models/{segment(model)}/runs", limit=limit)["runs"])


def _row(run: Json) -> tuple[str, ...]:
    took = duration(between(run["times"].get("seen"), run.get("entered"))) if State(run["state"]) in ENDED else "-"
    seen = age(run["times"].get("seen"))
    return run["id"], run["state"], seen, took, metric_cell(run), who(run.get("actor")), run.get("why", "")


def show_run(ctx: typer.Context, run: Run, json: AsJson = False) -> None:
    """Show everything about a run: state, times, data, job, the gate's findings, history.

    ```
    retrain show bikes~0123456789abcdef
    ```
    """
    found = connect(ctx).get(f"/api/runs/{segment(run)}")
    if json:
        emit(found)
    else:
        show(found)


def watch_run(ctx: typer.Context, run: Run, timeout: Timeout = None, json: AsJson = False) -> None:
    """Follow a run until it ends, or waits for a person.

    Exit code 0: it is live. 1: it failed. 3: it ended without going live (refused, quarantined, duplicate ...).
    4: it waits for a person (awaitingApproval, parked), or the timeout came first.

    ```
    retrain watch bikes~0123456789abcdef --timeout 600
    ```
    """
    raise typer.Exit(follow(connect(ctx), run, timeout, json))


def follow(api: Api, run: str, timeout: float | None, json: bool) -> int:
    """Watches a run and tells its end; the exit code."""
    found, code = watching.follow(api, run, quiet=json, timeout=timeout)
    if json:
        emit(found)
    else:
        watching.conclude(found, code)
    return code


def list_parked(
    ctx: typer.Context,
    release: Annotated[str | None, typer.Option(metavar="RUN", help="Let this parked run go on.")] = None,
    json: AsJson = False,
) -> None:
    """List runs of all models that stopped and wait for a person, or release one.

    ```
    retrain parked --release bikes~0123456789abcdef
    ```
    """
    api = connect(ctx)
    if release is not None:
        acts.act(api, release, "replay", {"reason": "released"}, json)
        return
    found = list(api.get("/api/runs", state=State.PARKED.value)["runs"])
    _tell(found, json, "No run is parked.")


def list_quarantine(ctx: typer.Context, model: Model, json: AsJson = False) -> None:
    """List files of a model that could not be used, and what is wrong with each.

    Among the model's newest 200 runs.

    ```
    retrain quarantine bikes
    ```
    """
    found = [run for run in newest(connect(ctx), model, MOST) if run["state"] == State.QUARANTINED]
    _tell(found, json, f"Nothing of {model} is in quarantine.")


def _tell(runs: list[Json], json: bool, nothing: str) -> None:
    """Runs with what is the matter, in full: the reason is what one comes here for."""
    if json:
        emit({"runs": runs})
        return
    for run in runs:
        say(run["id"], "bold")
        files = ", ".join(landed["blob"] for landed in run.get("landings", []))
        stopped = run.get("parkedFrom", "")
        facts({"files": files, "since": age(run.get("entered")), "in": stopped, "why": run.get("why", "")})
        say(f"  {next_step(run)}")
    if not runs:
        say(nothing)
