"""What a step comes to: an `Outcome`, and the few ways to make one. Who saves it is `retrain.advance`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from retrain.champion import Accepted, Champion, Change
from retrain.errors import AccessDenied, BadConfiguration, PermanentError, RetryableError
from retrain.ports import Ports
from retrain.run import Actor, Move, Run, State, moved

log = logging.getLogger(__name__)

OURSELVES = Actor(kind="retrain")
PATIENCE = timedelta(hours=24)
"""How long an outside fault is waited out, in a state that sets no deadline of its own."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds between tries while something outside does not answer


@dataclass(frozen=True)
class Outcome:
    """What a step came to. `wait` is None to go on at once, else the seconds until the next look.

    The other records are written in the same transaction as the run.
    """

    run: Run
    moves: tuple[Move, ...] = ()
    wait: float | None = None
    fingerprint: str = ""
    champion: Champion | None = None
    change: Change | None = None
    accepted: Accepted | None = None


StepFunction = Callable[[Run, Ports], Outcome]


def go(run: Run, to: State, why: str, now: datetime, *, actor: Actor = OURSELVES, **changes: Any) -> Outcome:
    """The outcome of a step that moved the run and goes on."""
    after, line = moved(run, to, why=why, actor=actor, now=now, **changes)
    return Outcome(run=after, moves=(line,))


def end(run: Run, to: State, why: str, now: datetime, **changes: Any) -> Outcome:
    """The outcome of a step with which the run ends."""
    return go(run, to, why, now, **changes)


def twin(run: Run, first: str, now: datetime) -> Outcome:
    """Ends a run whose content another run used already, with the same parameters and configuration."""
    to = State.DUPLICATE if run.landings else State.UNCHANGED
    why = f"run {first} used the same content with the same parameters; --again trains it once more"
    return end(run, to, why, now, link=first)


def halt(run: Run, why: str, now: datetime) -> Outcome:
    """Stops the run until a person has put something right and releases it."""
    return go(run, State.PARKED, why, now, parked_from=run.state)


def stopped(run: Run, error: PermanentError, now: datetime) -> Outcome:
    """What an error that will not pass comes to: a halt where a person can put it right, else the end of the run."""
    why = f"{error.code}: {error}"
    return (
        halt(run, why, now) if isinstance(error, BadConfiguration | AccessDenied) else end(run, State.FAILED, why, now)
    )


def stay(run: Run, wait: float | None, **changes: Any) -> Outcome:
    """The outcome of a step that keeps its state: something to remember, and when to look again."""
    return Outcome(run=msgspec.structs.replace(run, **changes), wait=wait)


def later(run: Run, error: RetryableError, now: datetime) -> Outcome:
    """Waits out a fault of the outside world: as long as it asked, else longer each time, up to the deadline."""
    deadline = run.deadline or now + PATIENCE
    if now >= deadline:
        return end(run, State.FAILED, f"gave up at {now:%Y-%m-%d %H:%M} UTC after {run.tries} tries: {error}", now)
    pause = error.retry_after if error.retry_after is not None else FIRST_PAUSE * 2 ** min(run.tries, 10)
    pause = min(pause, LONGEST_PAUSE) if error.retry_after is None else pause
    log.warning("not now, again in %.0f s run=%s: %s", pause, run.id, error)
    return stay(run, pause, tries=run.tries + 1, deadline=deadline, why=str(error))
