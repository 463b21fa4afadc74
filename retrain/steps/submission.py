"""Submitting the batch job exactly once, whatever gets lost, at services that run a job as soon as it is submitted.

`submitting` is saved, and in the same breath the service is asked. Whoever meets a run in `submitting` later than that
cannot know whether it was: he asks the service for the run's job, asks again after `LAG`, because a service may be
slow to show what it took, and only then submits once more. A second job that shows later still is cancelled.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from retrain import paths
from retrain.errors import PermanentError, RetryableError, Throttled
from retrain.outcome import Outcome, later, stay, stopped
from retrain.ports import Ports, Trainer
from retrain.run import Job, Run

FRESH = timedelta(seconds=1)
"""A message is hidden for longer than this, so nobody but the one who saved `submitting` meets it so young."""
LAG = timedelta(minutes=2)
"""After so long a service shows a job that it took."""


def first(run: Run, trainer: Trainer, ports: Ports) -> Job:
    """The job of a run that is ready: submitted where that only registers it, else about to be."""
    if trainer.registers:
        return _submitted(Job(phase="due", since=ports.now()), _submit(run, trainer), ports)
    return Job(phase="submitting", since=ports.now())


def go_on(run: Run, trainer: Trainer, ports: Ports) -> Outcome:
    """Brings a job that is not known to be submitted one phase further."""
    now = ports.now()
    job = run.job or Job(phase="due", since=now)
    if trainer.registers:
        return stay(run, None, job=_submitted(job, _submit(run, trainer), ports))
    if job.phase == "due":
        return stay(run, None, job=msgspec.structs.replace(job, phase="submitting", since=now))
    if job.phase == "submitting" and now - job.since <= FRESH:
        return _ask(run, job, trainer, ports)
    known = trainer.find(run)
    if known:
        return stay(run, None, job=_submitted(job, known, ports))
    if job.phase == "submitting":
        return stay(run, LAG.total_seconds(), job=msgspec.structs.replace(job, phase="looking", since=ports.now()))
    left = job.since + LAG - now
    if left > timedelta():
        return stay(run, left.total_seconds())
    return stay(run, None, job=msgspec.structs.replace(job, phase="submitting", since=ports.now(), again=True))


def _ask(run: Run, job: Job, trainer: Trainer, ports: Ports) -> Outcome:
    """Submits, unless the service shows a job already. What it surely did not take may be submitted again at once."""
    try:
        ident = trainer.find(run)
    except RetryableError as error:
        return later(_due(run, job), error, ports.now())
    try:
        return stay(run, None, job=_submitted(job, ident or _submit(run, trainer), ports))
    except Throttled as error:
        return later(_due(run, job), error, ports.now())
    except PermanentError as error:
        return stopped(_due(run, job), error, ports.now())


def only(run: Run, job: Job, trainer: Trainer) -> Job:
    """The job, or an older one of the same attempt that the service shows by now: then this one was one too many."""
    older = trainer.find(run) if job.again else None
    return msgspec.structs.replace(job, id=older) if older else job


def _submit(run: Run, trainer: Trainer) -> str:
    assert run.data is not None
    return trainer.submit(run, run.data.training, paths.candidate(run), paths.metrics(run))


def _submitted(job: Job, ident: str, ports: Ports) -> Job:
    return msgspec.structs.replace(job, phase="submitted", since=ports.now(), id=ident)


def _due(run: Run, job: Job) -> Run:
    return msgspec.structs.replace(run, job=msgspec.structs.replace(job, phase="due"))
