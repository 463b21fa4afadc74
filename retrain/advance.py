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
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from retrain import callbacks, inbox, lineage, paths
from retrain.errors import NotFound, PermanentError, RetryableError, StaleRecord, Taken
from retrain.messages import EVALUATION_QUEUE, TRAINING_QUEUE, Step
from retrain.outcome import Outcome, later, stopped, twin
from retrain.ports import Ports, Save
from retrain.run import ASLEEP, ENDED, Run, State
from retrain.steps import STEPS

log = logging.getLogger(__name__)

QUEUES: Mapping[State, str] = {
    State.RECEIVED: TRAINING_QUEUE,
    State.READY: TRAINING_QUEUE,
    State.QUEUED: TRAINING_QUEUE,
    State.TRAINING: TRAINING_QUEUE,
    State.TRAINED: EVALUATION_QUEUE,
    State.EVALUATING: EVALUATION_QUEUE,
    State.PROMOTING: EVALUATION_QUEUE,
}
"""Which queue drives a run in which state: light steps and heavy ones scale apart."""


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
    try:
        return STEPS[run.state](run, ports)
    except RetryableError as error:
        return later(run, error, ports.now())
    except PermanentError as error:
        return stopped(run, error, ports.now())


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
        log.info("%s -> %s run=%s %s", move.source, move.to, move.run, move.why)
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
    if run.evaluation is not None and run.evaluation.slot:
        ports.ledger.free_slot(run.evaluation.slot, run.id)
    copied = run.data is not None or run.state in (State.QUARANTINED, State.DUPLICATE)
    if copied and run.times.trained is None:
        inbox.clear(run, ports)
    if run.job is not None and run.job.lease is not None:
        ports.ledger.free_place(run.job.lease)
    if run.calls_back:
        callbacks.call(run, ports)
    if lineage.of_end(run, ports):  # else the timer closes it once more
        ports.ledger.finish(run)
