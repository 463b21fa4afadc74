"""Following a run until it ends or waits for a person."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from cli.api import Api, Json, segment
from cli.problems import Exit, Unreachable, exit_of
from cli.render import console, note, say
from cli.show import move_row, next_step
from cli.times import between, clock_now, duration
from cli.verdict import judged
from retrain.run import ASLEEP, State

EVERY = 1.0  # seconds between looks
PATIENCE = 120.0  # seconds for which the app may be away (a restart) before we give up


def follow(api: Api, run: str, *, quiet: bool = False, timeout: float | None = None) -> tuple[Json, Exit]:
    """Looks at the run until nothing drives it any more; each move is printed as it is seen, unless `quiet`.

    Returns the run as last seen and how to exit: `Exit.PENDING` when `timeout` seconds were over first.
    """
    end = time.monotonic() + timeout if timeout is not None else float("inf")
    seen, found = 0, {}
    with _progress(quiet) as shown:
        while True:
            found = _look(api, run)
            if not quiet:
                seen = _tell(found, seen, shown)
            if State(found["state"]) in ASLEEP:
                return found, exit_of(found["state"])
            if time.monotonic() >= end:
                note(f"{run} is still {found['state']} after {timeout:g} s")
                return found, Exit.PENDING
            time.sleep(max(0.0, min(EVERY, end - time.monotonic())))


def conclude(found: Json, code: Exit) -> None:
    """What the run came to, and what can be done about it."""
    judged(found)
    say()
    took = duration(between(found["times"].get("seen"), found.get("entered")))
    ended = "stands at" if code is Exit.PENDING else "ended"
    say(f"{found['id']} {ended} {found['state']} after {took}", "bold")
    if hint := next_step(found):
        say(hint)


def _look(api: Api, run: str) -> Json:
    """The run now; a restart of the app is waited out. Raises Problem."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return api.get(f"/api/runs/{segment(run)}")
        except Unreachable as problem:
            if time.monotonic() >= end:
                raise
            note(f"{problem}; looking again")
            time.sleep(EVERY * 2)


def _progress(quiet: bool) -> AbstractContextManager[Any]:
    """A line that moves, on a terminal."""
    return nullcontext() if quiet or not console().is_terminal else console().status("looking")


def _tell(run: Json, seen: int, shown: Any) -> int:
    """Prints the moves after the first `seen`; how many there are."""
    moves = run.get("moves", [])
    for move in moves[seen:]:
        after, state, actor, why = move_row(move, moves[0])
        say(f"{after:>12}  {state:<16} {why}" + (f"  [{actor}]" if "person" in actor else ""))
    if shown is not None:
        here = duration(between(run.get("entered"), clock_now()))
        polls = (run.get("job") or {}).get("polls")
        looked = f", looked at the job {polls} times" if polls and run["state"] == State.TRAINING else ""
        shown.update(f"{run['state']} for {here}{looked}")
    return len(moves)
