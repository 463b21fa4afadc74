"""Where a service keeps models by name and version: the port `Registry`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from retrain.run import Artifact, Record


class Lineage(Record, frozen=True):
    """What a registry is told of a model: where it came from, how it was judged, what became of it.

    `data` names the content that it learnt from, `manifest` the list of its parts, `files` what landed. `champion` is
    the version in production that it is or was last, None for one that never was. `served` is where the endpoint says
    that it is: the registry may have it already, from whoever deployed it first.
    """

    artifact: Artifact
    target: str
    served: str = ""
    run: str = ""
    job: str = ""
    data: str = ""
    manifest: str = ""
    files: str = ""
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    state: str = ""
    decision: str = ""
    champion: int | None = None
    since: str = ""


class Crowned(Record, frozen=True):
    """A model that is or was in production, as a registry remembers it."""

    version: int
    asset: str
    artifact: Artifact
    run: str = ""
    since: str = ""


class Registry(Protocol):
    """Where a service keeps models by name and version, for others to see and to deploy."""

    def keep(self, told: Lineage) -> str:
        """Registers a model, or tells more of one that is; its id there. Repeating it is harmless."""

    def champions(self, target: str) -> Sequence[Crowned]:
        """The models that are or were in production for a target, the present one first: from the registry alone."""
