"""Candidates that are tried by jobs, so that nothing is deployed before the gate approves: staging slots without a
service behind them.

Which candidate is tried at a place is in a small blob of ours; whoever holds the slot wrote it. What scores with it is
a job of a pipeline component (`evaluation`). Any kind of endpoint of a workspace can have its candidates tried so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

from retrain import paths
from retrain.ports import Begun, Blobs, Deployed, JobStatus, Slot
from retrain.run import Artifact
from shared.services import pointers
from shared.services.azureml.evaluation import ScoringJobs
from shared.services.azureml.registry import MlRegistry


class Trials:
    """The staging half of the port `Endpoint`, by jobs. `base` is the endpoint's address: places are named below it."""

    def __init__(
        self, base: str, places: Sequence[str], scoring: ScoringJobs, registry: MlRegistry, blobs: Blobs
    ) -> None:
        self._slots = tuple(Slot(name="staging", url=f"{base}/candidates/{one}", by_file=True) for one in places)
        self._scoring, self._registry, self._blobs = scoring, registry, blobs

    def slots(self) -> Sequence[Slot]:
        """Places where a candidate may be tried."""
        return self._slots

    def current(self, slot: Slot) -> Deployed:
        """The candidate that was put there last. Raises NotFound: none was."""
        return Deployed(resource=slot.url, location=self._blobs.url(self._named(slot).model))

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """Its bytes. Raises NotFound."""
        return self._blobs.open(self._named(slot).model)

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Puts a candidate there; nothing is deployed. Raises NotFound: there is no such file."""
        self._blobs.head(artifact.blob)
        found = pointers.read(self._blobs, _blob(slot))
        if not found.names(artifact):
            pointers.write(self._blobs, found.renamed(artifact))
        location = self._blobs.url(found.model) if found.model else ""
        return Begun(before=Deployed(resource=slot.url, location=location), after={"model": artifact.blob})

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Starts a job that scores with the candidate; the job's name.

        Raises:
            Conflict: the candidate's file is not the one that was put there.
        """
        candidate = self._named(slot)
        pointers.check_bytes(self._blobs, candidate)
        model = self._registry.version_of(Artifact(blob=candidate.model, sha256=candidate.sha256))
        return self._scoring.score(model, rows, scores)

    def scored_file(self, job: str) -> JobStatus:
        """How far it is."""
        return self._scoring.look(job)

    def _named(self, slot: Slot) -> pointers.Pointer:
        return pointers.named(self._blobs, _blob(slot))


def _blob(slot: Slot) -> str:
    return f"{paths.RUNS}/_tried/{sha256(slot.url.lower().encode()).hexdigest()[:16]}.json"
