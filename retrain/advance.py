"""Drives a run: load, take a step, save, and go on, wait or end. Only this module saves runs and sends their messages.

A message is valid while the run's `seq` is the one it carries, and every save raises `seq`, so of many copies of a
message one acts. Delivery twice, late or out of order, and death between any two lines here, change nothing but time:

* equal: act;
* older, first delivery: drop it, a younger message exists;
* older, delivered again: its first delivery may have died between save and send, so the current one is sent again;
* newer: our read was early; put it back for a moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from retrain import inbox, paths
from retrain.champion import Accepted, Champion, Change
from retrain.errors import AccessDenied, BadConfiguration, NotFound, PermanentError, RetryableError, StaleRecord, Taken
from retrain.messages import Step
from retrain.ports import Ports, Save
from retrain.run import ASLEEP, ENDED, Actor, Move, Run, State, moved

log = logging.getLogger(__name__)

TRAINING_QUEUE = "training"
EVALUATION_QUEUE = "evaluations"
QUEUES: Mapping[State, str] = {
    State.RECEIVED: TRAINING_QUEUE,
    State.READY: TRAINING_QUEUE,
    State.TRAINING: TRAINING_QUEUE,
    State.TRAINED: EVALUATION_QUEUE,
    State.EVALUATING: EVALUATION_QUEUE,
    State.PROMOTING: EVALUATION_QUEUE,
}
"""Which queue drives a run in which state: light steps and heavy ones scale apart."""

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


def receive(message: Step, ports: Ports, *, queue: str, redelivered: bool) -> None:
    """Acts on one delivery of a message. Raises only what redelivery may heal, or bugs."""
    run = ports.ledger.run(message.run_id)
    if message.seq == run.seq:
        drive(run, ports, queue)
    elif message.seq > run.seq:
        ports.queues.send(queue, message, 1)
    elif redelivered:
        send(run, ports)
    else:
        log.info("dropped an overtaken message run=%s seq=%d now=%d", run.id, message.seq, run.seq)


def drive(run: Run, ports: Ports, queue: str) -> Run:
    """Takes step after step until the run must wait, ends, or belongs to the other queue. Returns it as last saved."""
    while run.state not in ASLEEP:
        if QUEUES[run.state] != queue:
            send(run, ports)
            return run
        outcome = take(run, ports)
        try:
            saved = save(run, outcome, ports)
        except Taken as taken:
            outcome = twin(run, taken.run, ports.now())
            saved = save(run, outcome, ports)
        if saved is None:
            return run
        run = saved
        if outcome.wait is not None:
            send(run, ports, outcome.wait)
            return run
    if run.state in ENDED:
        close(run, ports)
    return run


def wake(blob: str, ports: Ports) -> None:
    """A candidate's file was written: look at its job now. Only a hint: polling goes on whatever comes of it.

    A hint that comes again may be the only trace of a run that died between saving `trained` and sending its message.
    """
    try:
        run = ports.ledger.run(paths.run_of_candidate(blob))
    except (ValueError, NotFound):
        return
    if run.state is State.TRAINING and run.job is not None and run.job.phase == "started":
        drive(run, ports, TRAINING_QUEUE)
    elif run.state is State.TRAINED:
        send(run, ports)


def take(run: Run, ports: Ports) -> Outcome:
    """One step. Outside faults become a wait, errors that will not pass an end or a halt, each with its words."""
    from retrain.steps import STEPS  # the steps build Outcomes, so they import this module

    try:
        return STEPS[run.state](run, ports)
    except RetryableError as error:
        return later(run, error, ports.now())
    except (BadConfiguration, AccessDenied) as error:
        return halt(run, f"{error.code}: {error}", ports.now())
    except PermanentError as error:
        return end(run, State.FAILED, f"{error.code}: {error}", ports.now())


def save(before: Run, outcome: Outcome, ports: Ports) -> Run | None:
    """Writes an outcome in one transaction; None when another delivery has moved the run meanwhile.

    When only a neighbouring record (champion, accepted data) was changed by someone else, the run is returned as it
    stands, so that its step is taken again on fresh records.
    """
    run = msgspec.structs.replace(outcome.run, seq=before.seq + 1)
    if outcome.wait is not None:
        run = msgspec.structs.replace(run, due=ports.now() + timedelta(seconds=outcome.wait))
    try:
        saved = ports.ledger.save(
            Save(
                run=run,
                moves=outcome.moves,
                fingerprint=outcome.fingerprint,
                champion=outcome.champion,
                change=outcome.change,
                accepted=outcome.accepted,
            )
        )
    except StaleRecord:
        current = ports.ledger.run(run.id)
        return current if current.seq == before.seq else None
    for move in outcome.moves:
        log.info("%s -> %s run=%s %s", move.source, move.to, run.id, move.why)
    return saved


def send(run: Run, ports: Ports, delay: float = 0) -> None:
    """Sends the message that drives the run on from where it stands; one that sleeps needs none."""
    if run.state in ENDED:
        close(run, ports)
    elif run.state not in ASLEEP:
        message = Step(run_id=run.id, seq=run.seq, traceparent=run.traceparent)
        ports.queues.send(QUEUES[run.state], message, delay)


def close(run: Run, ports: Ports) -> None:
    """What is left to do once the end is saved; repeating it is harmless."""
    copied = run.data is not None or run.state in (State.QUARANTINED, State.DUPLICATE)
    if copied and run.times.trained is None:
        inbox.clear(run, ports)
    ports.ledger.finish(run)


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
