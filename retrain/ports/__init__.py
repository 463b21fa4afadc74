"""What the domain needs from the outside, as small Protocols: the seam where a new service or store is plugged in.

Everything here may raise `RetryableError` (nothing is wrong with the request) or `PermanentError` (it is). Nothing here
blocks for a job or a deployment: what takes long is begun, and looked at later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from retrain.model import Model
from retrain.ports.jobs import ENDED_BADLY, Diagnosis, JobState, JobStatus
from retrain.ports.registry import Crowned, Lineage, Registry
from retrain.ports.serving import Begun, Deployed, Endpoint, Housed, Rows, Slot
from retrain.ports.storage import BlobInfo, Blobs, Ledger, Queues, Save
from retrain.ports.training import News, Places, Results, Trainer

__all__ = [
    "ENDED_BADLY",
    "Begun",
    "BlobInfo",
    "Blobs",
    "Clock",
    "Crowned",
    "Deployed",
    "Diagnosis",
    "Endpoint",
    "Housed",
    "JobState",
    "JobStatus",
    "Ledger",
    "Lineage",
    "Models",
    "News",
    "Outside",
    "Places",
    "Ports",
    "Queues",
    "Registry",
    "Results",
    "Rows",
    "Save",
    "Services",
    "Slot",
    "Trainer",
]


class Models(Protocol):
    """The configuration. An entry is a model as it is written; one with keys stands for a target for each of them."""

    def get(self, target: str) -> Model:
        """The model of a target, with its key filled in.

        Raises NotFound, naming those there are; BadRequest when a key must be named; BadConfiguration, naming every
        mistake.
        """

    def entry(self, name: str) -> Model:
        """The entry of this name. Raises NotFound, BadConfiguration."""

    def all(self) -> Sequence[Model]:
        """Every usable entry."""

    def problems(self) -> Sequence[str]:
        """Every mistake in the configuration; models of a file that has any cannot be used."""


class Clock(Protocol):
    """The present, in UTC; tests move it."""

    def __call__(self) -> datetime: ...


class Services(Protocol):
    """Clients by model."""

    def trainer(self, model: Model) -> Trainer:
        """Raises BadConfiguration."""

    def endpoint(self, model: Model) -> Endpoint:
        """Raises BadConfiguration."""

    def registry(self, model: Model) -> Registry | None:
        """Where the model's candidates are registered, if anywhere. Raises BadConfiguration."""

    def secrets(self, model: Model) -> Iterator[Diagnosis]:
        """Whether each secret that the model's settings refer to can be had; subjects are `trainer` and `endpoint`."""


class Outside(Protocol):
    """Addresses that a caller named. Only those that configuration allows are used."""

    def may_call(self, url: str) -> None:
        """Raises AccessDenied unless this address may be called back."""

    def tell(self, url: str, body: dict[str, object]) -> None:
        """POSTs the body there. Raises RetryableError, PermanentError."""

    def fetch(self, url: str) -> Iterator[bytes]:
        """The bytes behind an address. Raises NotFound, AccessDenied, Unavailable."""


@dataclass(frozen=True)
class Ports:
    """Everything outside, in one place; `shared.wiring` fills it."""

    ledger: Ledger
    blobs: Blobs
    queues: Queues
    models: Models
    services: Services
    outside: Outside
    now: Clock
