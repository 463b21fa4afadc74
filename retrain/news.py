"""News of jobs: a service told that something became of one, and the run that waits for it looks at once.

News never says what became of the job: the service is asked, as at any look. So news that is forged, late, repeated or
out of order costs a question and changes nothing, and news that is lost costs time only: the next look is on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from retrain import advance
from retrain.errors import NotFound
from retrain.findings import ok, warn
from retrain.model import Model
from retrain.ports import Diagnosis, Ports, Trainer
from retrain.run import Run, State

log = logging.getLogger(__name__)

HEARD = "heard"  # the note of a target that says when there was news of one of its jobs
LOOKED_THROUGH = 20  # newest runs, for one whose job has ended


def heard(source: str, job: str, ports: Ports) -> bool:
    """Something became of a job, as `source` tells: whether a run waits for it and looks now.

    The run's present message is sent once more, to be seen at once. Of several with one `seq` one acts.
    """
    run = _run_of(source, job, ports)
    if run is None:
        return False
    ports.ledger.renote(run.target, HEARD, ports.now().isoformat())
    if not _waits(run, job):
        return False
    log.info("there is news of job %s: looking now run=%s", run.job and run.job.id, run.id)
    advance.send(run, ports)
    return True


def _run_of(source: str, job: str, ports: Ports) -> Run | None:
    ident = ports.ledger.run_of_job(source, job)
    try:
        return ports.ledger.run(ident) if ident else None
    except NotFound:
        return None


def _waits(run: Run, job: str) -> bool:
    """Whether the run waits for this very job; while a fault of the service is waited out, that is not cut short."""
    ours = run.job is not None and run.job.phase == "started" and run.job.id.lower() == job.lower()
    return ours and run.state is State.TRAINING and run.tries == 0


def examine(model: Model, trainer: Trainer, ports: Ports) -> Iterator[Diagnosis]:
    """Whether events reach us where they are expected, as far as our own records tell."""
    expected = trainer.events()
    if expected is None or not expected.expected:
        return
    noted = ports.ledger.noted(model.target, HEARD)
    last = f"the last one came at {datetime.fromisoformat(noted):%Y-%m-%d %H:%M} UTC" if noted else "none ever came"
    missed = _untold(model.target, datetime.fromisoformat(noted) if noted else None, ports)
    advice = "subscribe the app to the workspace's events, docs/howto/azureml.md, or take `events` away"
    if missed is not None:
        yield warn("events", f"no event told of the job of run {missed.id}, {last}: jobs are noticed late; {advice}")
    elif noted:
        yield ok("events", f"events of jobs reach the app; {last}")
    else:
        yield warn("events", f"whether events reach the app is not known before a job of the model ends; {advice}")


def _untold(target: str, last: datetime | None, ports: Ports) -> Run | None:
    """The newest run whose job ended, if no event came since that job was started."""
    ended = (run for run in ports.ledger.runs(target, LOOKED_THROUGH) if run.times.trained and run.times.started)
    run = next(ended, None)
    started = run.times.started if run else None
    return run if started and (last is None or last < started) else None
