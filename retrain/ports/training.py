"""A service that trains: the port `Trainer`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from retrain.ports.jobs import Diagnosis, JobStatus
from retrain.run import Record, Run


class Places(Record, frozen=True):
    """How many jobs may run at a time at a service. `url` identifies it: several models may train there."""

    url: str
    count: int


class News(Record, frozen=True):
    """Events that a service sends about its jobs. `source` is what they name as theirs, such as a workspace's id.

    `expected`: somebody subscribed to them, so that a job need not be looked at often.
    """

    source: str
    expected: bool = False


class Results(Record, frozen=True):
    """Where a finished job left things. URLs carry a fresh SAS and are not to be stored; empty when there is none.

    `metrics` is whatever the trainer's own `metrics` reads: an address, or the name of a run. `holdout`: the labelled
    rows that the job held back, where it was asked to.
    """

    artifact: str
    metrics: str = ""
    holdout: str = ""


class Trainer(Protocol):
    """A service that runs batch training jobs.

    `registers`: `submit` only registers the job and nothing runs before `start`, so one submitted twice does no harm.
    """

    registers: bool

    def places(self) -> Places | None:
        """How many jobs may run there at a time; None where any number may. More wait as `queued` runs."""

    def events(self) -> News | None:
        """What tells of its jobs without being asked; None where nothing does."""

    def find(self, run: Run) -> str | None:
        """The id of a job that was already submitted for this attempt, where the service can tell. When there are
        several, that is the first, and the others are cancelled."""

    def submit(self, run: Run, training: str, artifact: str, metrics: str) -> str:
        """Registers a job that reads the blob `training` and writes the blobs `artifact` and `metrics`; its id."""

    def start(self, job: str) -> None:
        """Starts a registered job. Starting one that runs or ended is not an error."""

    def poll(self, job: str) -> JobStatus:
        """How far it is. Raises NotFound when the service does not know it (any more)."""

    def results(self, job: str) -> Results:
        """Of a job that succeeded. Raises BadConfiguration when the named outputs are not among its outputs."""

    def cancel(self, job: str) -> None:
        """Stops it; stopping one that ended is not an error."""

    def download(self, url: str) -> Iterator[bytes]:
        """The bytes behind one of the URLs in `Results`."""

    def metrics(self, url: str) -> dict[str, float]:
        """The job's own evaluation behind `Results.metrics`, by our names of metrics (`auc`, `rmse`, …)."""

    def examine(self) -> Iterator[Diagnosis]:
        """What is right and wrong with the settings, seen from the service; changes nothing and never raises."""
