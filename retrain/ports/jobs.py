"""What services say of work that takes a while, and what is found wrong with one."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from retrain.run import Record


class JobState(StrEnum):
    """A batch training job as its service sees it."""

    NOT_STARTED = "notStarted"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the job will never be in another state."""
        return self not in (JobState.NOT_STARTED, JobState.RUNNING)


ENDED_BADLY = frozenset({JobState.FAILED, JobState.CANCELLED})


class JobStatus(Record, frozen=True):
    """What `poll` saw, with the service's own words when it failed.

    Of a change in steps, `Endpoint.check` tells more: `partly` is how far it is in force while production answers as
    either model; `operation` is what is to be checked from now on, where that is another than before.
    """

    state: JobState
    details: str = ""
    partly: str = ""
    operation: str = ""

    @property
    def reason(self) -> str:
        """Why it did not succeed, for a message: the service's words, or its state where it gave none."""
        return self.details or self.state


class Diagnosis(Record, frozen=True):
    """What `retrain doctor` found about one thing; a message of `warn` or `fail` says what to change."""

    subject: str  # trainer | endpoint | …
    verdict: Literal["ok", "warn", "fail"]
    message: str
