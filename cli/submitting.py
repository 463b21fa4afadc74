"""Commands that bring data: submit and backfill."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from cli import watching
from cli.api import Api, Json, segment
from cli.keyed import AtOnce, Result, at, blame, document, each, existing, has_key, targets_with
from cli.options import AsJson, Model, Timeout, connect, parameters
from cli.problems import Exit, Problem, Unreachable, exit_of
from cli.render import emit, note, say, table
from cli.runs import MOST, follow, newest
from cli.show import metric_cell
from retrain.run import ASLEEP, State

EVERY = 0.5  # seconds between looks for the run
FOUND_WITHIN = 120.0  # seconds: Event Grid takes one or two, a polling trigger on Azure up to a minute or more
RECENT = 100  # runs to look through: as many would have to start within half a second to hide ours
GONE = (404, 409)  # the blob is not there any more, or has a run that was not started here
LONGEST_STEM = 120  # characters of a file's name that are kept

Again = Annotated[int, typer.Option(min=0, help="Train although this content was used; a higher number each time.")]


def submit(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV with a header line; with {key}, one of each key.")],
    model: Annotated[str, typer.Option("--model", "-m", metavar="MODEL", help="The model to retrain.")],
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow the run; its end is the exit code.")] = False,
    again: Again = 0,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; the record keeps it.")] = "",
    param: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="A parameter of the job.")] = None,
    timeout: Timeout = None,
    at_once: AtOnce = 8,
    json: AsJson = False,
) -> None:
    """Send a file with new training data and tell its run.

    The file goes to the model's inbox, where its landing starts the run. With --param, --again or --reason it is laid
    beside the inbox and the run is asked for, because a landing cannot carry them. With {key} in its name, every key of
    the model that has such a file is sent it; a file that was sent before ends as a duplicate.

    ```
    retrain submit august.csv --model bikes --watch
    retrain submit usa.csv --model income --param "Number of trees=200" --reason "more trees"
    retrain submit 'august/{key}.csv' --model rental --watch
    ```
    """
    api, asked = connect(ctx), {"parameters": parameters(param), "again": again, "reason": reason}
    if has_key(file):
        raise typer.Exit(_send_keys(api, model, file, asked, watch, timeout, at_once, json))
    run, name = _send(api, model, existing(file, "FILE"), asked), Path(file).name
    if watch:
        if not json:
            say(f"{name} is taken by {run['id']}")
        raise typer.Exit(follow(api, run["id"], timeout, json))
    if json:
        emit(run)
    else:
        say(f"{name} is taken by {run['id']}, which is {run['state']}")
        say(f"Follow it: retrain watch {run['id']}")


def _send(api: Api, target: str, file: Path, asked: Json) -> Json:
    return _ask(api, target, file, asked) if any(asked.values()) else _land(api, target, file)


def _send_keys(
    api: Api, model: str, pattern: str, asked: Json, watch: bool, timeout: float | None, at_once: int, json: bool
) -> int:
    """Sends each key its file; the exit code is that of the run that went worst, when they are watched."""
    targets = {target["key"]: target["name"] for target in targets_with(api, model, pattern)}

    def one(key: str) -> Result:
        run = _send(api, targets[key], at(pattern, key), asked)
        if watch:
            run, _ = watching.follow(api, run["id"], quiet=True, timeout=timeout)
        return Result(key, run["state"], run)

    results = each(list(targets), one, at_once)
    if json:
        emit(document(model, results))
    else:
        table(("KEY", "RUN", "STATE", "METRIC", "WHY"), [_sent_row(result) for result in results])
    blame(results, "were not sent")
    return _worst([_code(result.state) for result in results]) if watch else Exit.OK


def _sent_row(result: Result) -> tuple[str, ...]:
    run = result.view
    return result.key, run.get("id", "-"), result.state, metric_cell(run), run.get("why") or result.problem


def _code(state: str) -> Exit:
    return exit_of(state) if State(state) in ASLEEP else Exit.PENDING


def _worst(codes: list[Exit]) -> Exit:
    order = (Exit.FAILED, Exit.PENDING, Exit.NOT_LIVE, Exit.OK)
    return next(code for code in order if code in codes)


def unique(file: Path) -> str:
    """A name that no other upload has, so that its run can be told from every other by the blob alone."""
    return f"{file.stem.lstrip('.')[:LONGEST_STEM]}-{uuid4().hex[:8]}{file.suffix}"


def _land(api: Api, model: str, file: Path) -> Json:
    """Lets the file land and waits for the run that takes it. Raises Problem when none does in time."""
    blob = api.upload(model, file, unique(file), "data")
    end = time.monotonic() + FOUND_WITHIN
    while time.monotonic() < end:
        if run := taken(newest(api, model, RECENT), blob):
            return run
        time.sleep(EVERY)
    raise Problem(
        f"{blob} was sent, but no run has taken it within {FOUND_WITHIN:.0f} s. A model with a schedule may leave it "
        f"in the inbox until then (`retrain models {model}`); otherwise the blob trigger is not running",
        Exit.PENDING,
    )


def taken(runs: list[Json], blob: str) -> Json | None:
    """The run that took this blob."""
    return next((run for run in runs if any(landed["blob"] == blob for landed in run.get("landings", []))), None)


def _ask(api: Api, model: str, file: Path, asked: Json) -> Json:
    """Lays the file where no landing starts a run, and asks for one with it: so there is one run, not two."""
    blob = api.upload(model, file, unique(file), "history")
    return api.post(f"/api/models/{segment(model)}/runs", {"data": [blob], **asked})


def backfill(
    ctx: typer.Context,
    model: Model,
    blobs: Annotated[list[str], typer.Argument(metavar="BLOB...", help="As container/name, the oldest first.")],
    again: Again = 0,
    json: AsJson = False,
) -> None:
    """Start a run for each of these blobs, which lie in storage already.

    Blobs from before a model was configured are history: no trigger starts them. They must lie below
    training-data/MODEL/, archive/MODEL/ or history/MODEL/. Repeating the command starts none twice.

    ```
    retrain backfill bikes training-data/bikes/2011-01.csv training-data/bikes/2011-02.csv
    ```
    """
    api = connect(ctx)
    found: list[Json] = []
    refused: list[str] = []
    for blob in blobs:
        try:
            found.append(_start(api, model, blob, again))
        except Unreachable:
            _tell(found, json)
            note(f"{len(found)} of {len(blobs)} have a run; it stopped at {blob}. Repeating starts none twice")
            raise
        except Problem as problem:
            refused.append(f"{blob}: {problem}")
    _tell(found, json)
    if refused:
        raise Problem(f"{len(refused)} of {len(blobs)} blobs have no run", details=refused)


def _start(api: Api, model: str, blob: str, again: int) -> Json:
    """The run of a blob. One that a run took already, and moved away, has that run."""
    key = "backfill-" + sha256("\n".join((model, blob, str(again))).encode()).hexdigest()[:32]
    body = {"data": [blob], "again": again, "reason": f"backfill of {blob}"}
    try:
        return api.post(f"/api/models/{segment(model)}/runs", body, key=key)
    except Problem as problem:
        earlier = taken(newest(api, model, MOST), blob) if problem.status in GONE and not again else None
        if earlier is None:
            raise
        return earlier


def _tell(runs: list[Json], json: bool) -> None:
    if json:
        emit({"runs": runs})
    elif runs:
        rows = [(run["id"], run["state"], ", ".join(one["blob"] for one in run.get("landings", []))) for run in runs]
        table(("RUN", "STATE", "BLOB"), rows)
