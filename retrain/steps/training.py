"""Training: start the batch job exactly once, look at it until it ends, keep its model.

A job runs in one of its service's places, which are leases by time in the ledger; while all are taken the run is
`queued`. The job's id is saved before the job is started; a service that starts what is submitted is asked only after
`submitting` was saved. So a kill at any point leaves nothing, a registered job that never runs, or a job that is found
(how is in `submission`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from retrain import artifacts, inbox, lineage, paths
from retrain.errors import PermanentError, RetrainError
from retrain.model import Model
from retrain.outcome import Outcome, end, go, halt, stay
from retrain.ports import JobState, Places, Ports, Trainer
from retrain.run import Job, Lease, Run, State
from retrain.steps import reference, submission

FIRST_LOOK, LONGEST_LOOK = 2.0, 60.0  # seconds between looks at a running job, or for a place
SELDOM = 600.0  # seconds between looks, at most, at a job whose end an event is expected to tell of
EARLY = timedelta(seconds=10)
"""A look that comes so long before it is due was asked for: something became of the job. Clocks differ by less."""
TENURE = timedelta(minutes=30)
"""A place is taken for so long, and renewed while its job runs, so a run that nobody drives gives it up."""
MARGIN = timedelta(minutes=12)
"""A place with less time left is renewed: more than a look at the job, or its message lost and sent again, can take."""


def submit(run: Run, ports: Ports) -> Outcome:
    """From `ready`: submit the job, or note that we are about to."""
    if ports.ledger.champion(run.target) is None:
        return halt(run, not_adopted(run.target), ports.now())
    return _begin(run, ports)


def queue(run: Run, ports: Ports) -> Outcome:
    """In `queued`: the same, once there is a place for the job."""
    return _begin(run, ports)


def _begin(run: Run, ports: Ports) -> Outcome:
    trainer = ports.services.trainer(ports.models.get(run.target))
    places, lease = trainer.places(), None
    if places is not None:
        again = run.state is State.QUEUED
        lease = ports.ledger.take_place(places, run.id, ports.now() + TENURE, again=again)
        if lease is None:
            return _wait(run, places, ports)
    try:
        job = submission.first(run, trainer, ports)
    except RetrainError:
        if lease is not None:
            ports.ledger.free_place(lease)
        raise
    job = msgspec.structs.replace(job, lease=lease)
    return go(run, State.TRAINING, f"attempt {run.attempt}", ports.now(), job=job)


def _wait(run: Run, places: Places, ports: Ports) -> Outcome:
    """Until the next look for a place, more seldom the longer it takes: what is waited for is the end of a job."""
    pause = _pause(run.tries)
    if run.state is State.QUEUED:
        return stay(run, pause, tries=run.tries + 1, deadline=None)
    why = f"{places.url} runs {places.count} jobs already (jobs_at_once); it waits for a place"
    return replace(go(run, State.QUEUED, why, ports.now()), wait=pause)


def not_adopted(target: str) -> str:
    """What to say while Retrain does not know the live model."""
    return (
        f"{target} has no champion on record, so there is nothing to compare with or to go back to; run "
        f"`retrain adopt {target} --holdout FILE` with labelled rows, then release this run with `retrain replay`"
    )


def watch(run: Run, ports: Ports) -> Outcome:
    """In `training`: bring the job one phase further, or look how far it is."""
    model = ports.models.get(run.target)
    trainer = ports.services.trainer(model)
    job = run.job
    if job is None or job.phase in ("due", "submitting", "looking"):
        return submission.go_on(run, trainer, ports)
    if job.phase == "submitted":
        trainer.start(job.id)
        if news := trainer.events():
            ports.ledger.keep_job(news.source, job.id, run.id)
        return _started(run, job, model, ports)
    return _look(run, job, model, trainer, ports)


def _started(run: Run, job: Job, model: Model, ports: Ports) -> Outcome:
    now = ports.now()
    return stay(
        run,
        FIRST_LOOK,
        job=msgspec.structs.replace(job, phase="started"),
        deadline=now + timedelta(hours=model.job_hours),
        times=msgspec.structs.replace(run.times, started=run.times.started or now),
        tries=0,
    )


def _look(run: Run, job: Job, model: Model, trainer: Trainer, ports: Ports) -> Outcome:
    job = submission.only(run, job, trainer)
    status, now = trainer.poll(job.id), ports.now()
    if status.state is JobState.SUCCEEDED:
        return _keep(run, job, model, trainer, ports)
    if status.state is JobState.FAILED:
        return end(run, State.FAILED, f"the training job {job.id} failed: {status.details or 'it gave no reason'}", now)
    if status.state is JobState.CANCELLED:
        return end(run, State.CANCELLED, f"the training job {job.id} was cancelled at its service", now)
    if run.deadline is not None and now >= run.deadline:
        trainer.cancel(job.id)
        return end(run, State.FAILED, f"the training job {job.id} was not done by its deadline; it was cancelled", now)
    if status.state is JobState.NOT_STARTED and job.polls == 0:
        trainer.start(job.id)
    looks = 0 if run.due is not None and now + EARLY < run.due else job.polls
    looked = msgspec.structs.replace(job, polls=looks + 1, lease=_renewed(job.lease, ports))
    return stay(run, _until_next(run, looks, trainer, now), job=looked, tries=0)


def _until_next(run: Run, looks: int, trainer: Trainer, now: datetime) -> float:
    """Seconds until the next look at a job: seldom where events tell of its end, and no later than its deadline."""
    news = trainer.events()
    pause = _pause(looks, SELDOM if news and news.expected else LONGEST_LOOK)
    left = (run.deadline - now).total_seconds() if run.deadline else pause
    return max(min(pause, left), FIRST_LOOK)


def _pause(looks: int, longest: float = LONGEST_LOOK) -> float:
    """Seconds until the next look after so many, be they thousands."""
    return min(FIRST_LOOK * 1.5 ** min(looks, 20), longest)


def _renewed(lease: Lease | None, ports: Ports) -> Lease | None:
    """The job's place for longer, when little of its time is left. One that was lost to another is not asked for again:
    the job runs."""
    if lease is None or ports.now() + MARGIN < lease.until:
        return lease
    return ports.ledger.renew_place(lease, ports.now() + TENURE)


def _keep(run: Run, job: Job, model: Model, trainer: Trainer, ports: Ports) -> Outcome:
    """Copies the model while the service's link lives, unless the job wrote it where we asked; hashes its bytes.

    The file leaves the inbox only now: its event, delivered again, must find it until the run's own messages drive it.
    """
    inbox.clear(run, ports)
    if job.lease is not None:
        ports.ledger.free_place(job.lease)
    results, blob, now = trainer.results(job.id), paths.candidate(run), ports.now()
    if results.artifact.partition("?")[0] != ports.blobs.url(blob):
        ports.blobs.write(blob, trainer.download(results.artifact))
    candidate = artifacts.look_at(blob, ports)
    if model.reference:
        run = reference.judged_by(run, model, trainer.download(results.holdout), ports)
    if not candidate.size:
        raise PermanentError(f"the training job {job.id} left an empty model at {blob}; look at its training service")
    metrics = _metrics(results.metrics, trainer)
    lineage.of_run(msgspec.structs.replace(run, metrics=metrics), candidate, ports)
    return go(
        run,
        State.TRAINED,
        f"job {job.id} finished",
        now,
        job=msgspec.structs.replace(job, lease=None),
        candidate=candidate,
        metrics=metrics,
        times=msgspec.structs.replace(run.times, trained=now),
    )


def _metrics(url: str, trainer: Trainer) -> dict[str, float]:
    """The job's own evaluation, for the record: the gate never decides on it, so a missing one is no failure."""
    try:
        return trainer.metrics(url) if url else {}
    except PermanentError:
        return {}


def cancel(run: Run, ports: Ports) -> None:
    """Stops the run's job at its service, if there is one."""
    if run.job is None or run.state is not State.TRAINING:
        return
    trainer = ports.services.trainer(ports.models.get(run.target))
    job = run.job.id or trainer.find(run)
    if job:
        trainer.cancel(job)
