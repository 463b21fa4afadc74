"""Serving by a pointer: a JSON blob that says which model a batch inference pipeline scores with: the port `Endpoint`.

Models of classic designer components cannot go to managed online endpoints. So a slot is one small blob in our own
storage (`pointers`), changed only while it is the version that was read; whoever scores reads it first, and so does
`score_file`, which then names the model to the pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Self

import msgspec

from retrain import paths
from retrain.errors import BadConfiguration, Conflict, NotFound
from retrain.findings import examined, ok
from retrain.model import Section
from retrain.ports import Begun, Blobs, Deployed, Diagnosis, JobState, JobStatus, Rows, Slot
from retrain.run import Artifact
from shared.services import pointers
from shared.services.credentials import Token, identity_token
from shared.services.designer.addresses import version_problems
from shared.services.designer.data import Form, Passed, assignments, path_problems
from shared.services.designer.examine import looked_at
from shared.services.designer.pipelines import reached_by
from shared.services.http import Http
from shared.services.stagings import many, staging_problems
from shared.services.studio.scores import scores_in_csv

CONTAINERS = (paths.RUNS, paths.HISTORY, paths.CANDIDATES, paths.CHAMPIONS)
"""Where rows, scores and models are: the pipeline must reach them all."""
POINTER_TAG, MODEL_TAG, SHA_TAG = "retrainPointer", "retrainModel", "retrainModelSha256"


class ModelPointerSettings(Section, frozen=True):
    """`[models.NAME.endpoint]` with kind = "model-pointer".

    `production` and `staging` are pointer blobs (container/path.json) in the app's storage account. `inference` is the
    submit address of the batch inference pipeline; its three parameters take the paths of rows, model and scores, in
    the assignments that `paths_as` says. `datastores` says which datastore is over which container of ours.
    """

    production: str
    inference: str
    staging: str | tuple[str, ...] = ()
    version: str = ""
    experiment: str = "retrain-scoring"
    data_parameter: str = "data"
    model_parameter: str = "model"
    output_parameter: str = "output"
    paths_as: Form = "datapath"
    datastores: dict[str, str] = msgspec.field(default_factory=dict)
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    score_column: str | None = None

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found: list[str] = []
        try:
            found += version_problems("inference", self.inference, self.version)
        except BadConfiguration as error:
            found.append(f"inference: {error}")
        found += [
            f"{setting} = {blob!r} must be container/path.json, a blob of the app's storage account"
            for setting, blob in [("production", self.production), *(("staging", blob) for blob in self.stagings)]
            if not blob.partition("/")[2].endswith(".json") or "://" in blob
        ]
        found += staging_problems(self.production, self.stagings, "a pointer")
        found += path_problems(self.parameters, self.filled.items())
        lacking = [container for container in CONTAINERS if container not in self.datastores]
        if lacking:
            found.append(
                f"datastores must name a datastore over each of {', '.join(CONTAINERS)}; {lacking[0]} lacks one"
            )
        return found

    @property
    def stagings(self) -> tuple[str, ...]:
        """The staging pointers, in order of preference."""
        return many(self.staging)

    @property
    def filled(self) -> dict[str, str]:
        """The pipeline parameters that we fill, by setting."""
        names = ("data_parameter", "model_parameter", "output_parameter")
        return {name: getattr(self, name) for name in names}


class ModelPointer:
    """The port `Endpoint`."""

    chunk = 0

    def __init__(
        self,
        settings: ModelPointerSettings,
        blobs: Blobs,
        *,
        http: Http | None = None,
        token: Token = identity_token,
    ) -> None:
        self._settings = settings
        self._blobs = blobs
        self._slots = {blobs.url(blob): blob for blob in (settings.production, *settings.stagings)}
        http = http or Http(settings.inference)
        self._pipelines, self._pipeline = reached_by(settings.inference, settings.version, http, token)

    @classmethod
    def of(cls, settings: ModelPointerSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with the app's own identity. Raises BadRequest: a pointer's name is none of a blob."""
        return cls(settings, blobs)

    def production(self) -> Slot:
        """The pointer that users' scoring reads."""
        return Slot(name="production", url=self._blobs.url(self._settings.production), by_file=True)

    def staging(self) -> Sequence[Slot]:
        """Pointers with which a candidate may be tried."""
        stagings = self._settings.stagings
        return tuple(Slot(name="staging", url=self._blobs.url(blob), by_file=True) for blob in stagings)

    def settle(self) -> timedelta:
        """None: whoever reads the pointer next reads the new one."""
        return timedelta()

    def current(self, slot: Slot) -> Deployed:
        """The model that the pointer names. Raises NotFound: there is no pointer yet."""
        return self._deployed(pointers.named(self._blobs, self._blob(slot)))

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of that model. Raises NotFound."""
        return self._blobs.open(pointers.named(self._blobs, self._blob(slot)).model)

    def record(self, slot: Slot) -> bytes:
        """The pointer as it is; empty when there is none."""
        try:
            return self._blobs.read(self._blob(slot))
        except NotFound:
            return b""

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """The pointer before and after."""
        before = pointers.read(self._blobs, self._blob(slot))
        return {
            "pointer": before.blob,
            "before": before.members if before.etag else None,
            "after": before.renamed(artifact).members,
        }

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Writes the pointer, unless it names this model already.

        Raises:
            StaleRecord: somebody else changed it meanwhile; nothing was written.
        """
        before = after = pointers.read(self._blobs, self._blob(slot))
        if not before.names(artifact):
            after = before.renamed(artifact)
            pointers.write(self._blobs, after)
        return Begun(before=self._deployed(before), after=dict(after.members))

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """Done: a written pointer is all there is to it."""
        return JobStatus(state=JobState.SUCCEEDED)

    def score(self, slot: Slot, rows: Rows) -> list[float]:
        """Not here. Raises Conflict."""
        raise Conflict("a model behind a pointer scores whole files only; that is what score_file is for")

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Runs the inference pipeline with the model that the pointer names now; the id of that run.

        Raises:
            Conflict: the model's file is not the one that the pointer was written for.
        """
        pointer, settings = pointers.named(self._blobs, self._blob(slot)), self._settings
        pointers.check_bytes(self._blobs, pointer)
        given = {
            settings.data_parameter: rows,
            settings.model_parameter: pointer.model,
            settings.output_parameter: scores,
        }
        passed = [Passed(name, settings.paths_as, blob) for name, blob in given.items()]
        body = {
            "ExperimentName": settings.experiment,
            "Description": f"Retrain, scores of {rows} by {pointer.model}",
            "RunSource": "Retrain",
            "tags": {POINTER_TAG: pointer.blob, MODEL_TAG: pointer.model, SHA_TAG: pointer.sha256},
            **assignments(settings.parameters, passed, settings.datastores),
        }
        return self._pipelines.submit(self._pipeline, body)

    def scored_file(self, slot: Slot, job: str) -> JobStatus:
        """How far it is; failed when the pointer names another model by now, whose scores these are not."""
        status = self._pipelines.look(self._settings.experiment, job)
        if status.state is not JobState.SUCCEEDED:
            return status
        used, now = self._pipelines.run(job).tags or {}, pointers.named(self._blobs, self._blob(slot))
        if (used.get(MODEL_TAG), used.get(SHA_TAG)) == (now.model, now.sha256):
            return status
        moved = (
            f"{self._blob(slot)} names {now.model} now, but run {job} scored with {used.get(MODEL_TAG)}; score again"
        )
        return JobStatus(state=JobState.FAILED, details=moved)

    def scores_in(self, lines: Iterable[bytes]) -> list[float]:
        """The predictions in the CSV that the pipeline exported."""
        return scores_in_csv(lines, self._settings.score_column)

    def examine(self) -> Iterator[Diagnosis]:
        """Whether the pointers name models that are there, and the inference pipeline takes what we fill."""
        slots = (self.production(), *self.staging())
        given = ("endpoint", self._pipelines, self._pipeline, self._settings.filled, self._settings.parameters)
        return examined("endpoint", *(partial(self._pointed, slot) for slot in slots), partial(looked_at, *given))

    def _pointed(self, slot: Slot) -> Iterator[Diagnosis]:
        blob = self._blob(slot)
        if slot.name == "staging" and not pointers.read(self._blobs, blob).etag:
            yield ok("endpoint", f"{blob} is not there; the first candidate makes it")
            return
        pointer = pointers.named(self._blobs, blob)
        pointers.check_bytes(self._blobs, pointer)
        yield ok("endpoint", f"{blob} names {pointer.model}, whose bytes are those it was written for")

    def _blob(self, slot: Slot) -> str:
        if slot.url not in self._slots:
            raise BadConfiguration(f"{slot.url} is not (any more) a pointer in this model's configuration")
        return self._slots[slot.url]

    def _deployed(self, pointer: pointers.Pointer) -> Deployed:
        location = self._blobs.url(pointer.model) if pointer.model else ""
        return Deployed(resource=pointer.blob, location=location)
