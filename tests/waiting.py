"""Waiting for what a service does, for tests of its client."""

from __future__ import annotations

import time
from collections.abc import Callable

from retrain.ports import JobState, JobStatus, Trainer


def awaited(look: Callable[[], JobStatus], patience: float = 60.0) -> JobStatus:
    """What `look` tells once it tells of an end."""
    until = time.monotonic() + patience
    while (status := look()).state in (JobState.NOT_STARTED, JobState.RUNNING):
        assert time.monotonic() < until, f"still {status.state}"
        time.sleep(0.05)
    return status


def ended(trainer: Trainer, job: str) -> JobStatus:
    """How a job ended."""
    return awaited(lambda: trainer.poll(job))
