"""A service that serves predictions: the port `Endpoint`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Protocol, runtime_checkable

from retrain.ports.jobs import Diagnosis, JobStatus
from retrain.run import Artifact, Record


class Slot(Record, frozen=True):
    """An endpoint's place for a model. `url` identifies it: two targets may share one.

    `by_file`: it scores whole files only, by jobs that take a while. Then `score` is never called, and it serves what
    it was given as soon as the change is done: the files it scores show which model that is.
    """

    name: str  # production | staging
    url: str
    by_file: bool = False


class Deployed(Record, frozen=True):
    """What a slot serves, as the service says: resource name and location, without any SAS."""

    resource: str
    location: str


class Begun(Record, frozen=True):
    """A change that a service accepted: what it served before, and what we asked for, without any SAS.

    `operation` is where the service tells how far it is; empty when accepting it was all there is to it.
    """

    before: Deployed
    after: dict[str, object]
    operation: str = ""


class Rows(Record, frozen=True):
    """Rows to be scored: text values in the order of `columns`."""

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]


class Endpoint(Protocol):
    """A service that serves predictions from slots."""

    chunk: int
    """Most rows in one call of `score`."""

    def production(self) -> Slot:
        """The slot that users call."""

    def staging(self) -> Sequence[Slot]:
        """Slots where a candidate may be tried, in order of preference."""

    def current(self, slot: Slot) -> Deployed:
        """As the service says now."""

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of the model that is served. Raises NotFound or AccessDenied when the service does not give it."""

    def record(self, slot: Slot) -> bytes:
        """What `begin` would overwrite, word for word and without secrets; empty where that is a model's place only."""

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """The body that `begin` would send, signature redacted. Changes nothing."""

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Asks the service to serve this artifact. Repeating it is harmless."""

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """How far a change is whose `Begun` named an operation; `details` says why it failed. One that is made in steps
        is taken on from here, a step only when the one before was told of and its `operation` came back."""

    def settle(self) -> timedelta:
        """How long the service may take until a change shows, once its operation is done."""

    def score(self, slot: Slot, rows: Rows) -> list[float]:
        """Predictions (probability of the positive class, or the value) for at most `chunk` rows."""

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Starts scoring the CSV blob `rows` into the blob `scores` by batch execution; a job id."""

    def scored_file(self, slot: Slot, job: str) -> JobStatus:
        """How far that is."""

    def scores_in(self, lines: Iterable[bytes]) -> list[float]:
        """The predictions in a file that batch execution wrote."""

    def examine(self) -> Iterator[Diagnosis]:
        """What is right and wrong with the settings, seen from the service; changes nothing and never raises."""


@runtime_checkable
class Housed(Protocol):
    """An endpoint where each model takes machines of its own, so that what nobody needs any more is removed."""

    def tidy(self, needed: Collection[str], *, confirmed: bool) -> Sequence[str]:
        """Removes what serves nobody and holds none of the models in `needed` (sha256), and what was live before the
        present model only once that is `confirmed`; what it asked to be removed. Repeating it is harmless."""
