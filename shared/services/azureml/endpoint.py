"""Serving by the default deployment of a batch endpoint of today's Azure ML: the port `Endpoint`.

Each model that goes live gets a deployment of its own, of the scoring component with that model fixed in it; then the
endpoint's default is moved. A candidate is scored by a job (`scores = "job"`), without any deployment, or by a
deployment that is not the default one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar, Literal, Self
from uuid import uuid4

import msgspec

from retrain import paths
from retrain.errors import AccessDenied, Conflict, NotFound
from retrain.findings import examined, ok
from retrain.model import Section
from retrain.ports import Begun, Blobs, Deployed, Diagnosis, JobState, JobStatus, Rows, Slot
from retrain.run import Artifact
from shared.redact import redact
from shared.services.azureml import assets, examine
from shared.services.azureml.assets import name_and_version
from shared.services.azureml.batch import BatchEndpoint, Invocation
from shared.services.azureml.components import Components
from shared.services.azureml.deployments import PREFIX, Deployments
from shared.services.azureml.evaluation import ScoringJobs, ScoringWork
from shared.services.azureml.jobs import Jobs
from shared.services.azureml.registry import MlRegistry
from shared.services.azureml.trials import Trials
from shared.services.azureml.work import Kind, read_from, written_to
from shared.services.azureml.workspace import Workspace
from shared.services.credentials import Token, identity_token
from shared.services.http import Http
from shared.services.stagings import many
from shared.services.studio.scores import scores_in_csv

CONTAINERS = (paths.RUNS, paths.HISTORY, paths.CANDIDATES, paths.CHAMPIONS)
"""Where rows, scores and models are: jobs must reach them all."""


class AzureMlEndpointSettings(Section, frozen=True):
    """`[models.NAME.endpoint]` with kind = "azureml-batch".

    `endpoint` is the batch endpoint that users invoke, `component` the pipeline component that scores for it, and
    `registry` the name that models are registered under. With `scores = "job"` candidates are scored by jobs, under the
    names in `staging`; with "deployment" those are deployments of the endpoint.
    """

    per_key: ClassVar[tuple[str, ...]] = ("endpoint",)
    """Settings that must differ from key to key, where a model has keys."""

    workspace: str
    endpoint: str
    component: str
    registry: str
    scores: Literal["job", "deployment"] = "job"
    staging: str | tuple[str, ...] = "retrain-staging"
    compute: str = ""
    experiment: str = "retrain-scoring"
    data_input: str = "data"
    model_input: str = "model"
    model_as: Kind = "custom_model"
    scores_output: str = "scores"
    score_column: str | None = None
    datastores: dict[str, str] = msgspec.field(default_factory=dict)

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found = assets.problems(self.workspace, {"component": self.component})
        found += [
            f"{name} must not be empty"
            for name in ("endpoint", "component", "registry", "data_input", "model_input", "scores_output")
            if not getattr(self, name)
        ]
        names = many(self.staging)
        if not names or len({name.lower() for name in names}) < len(names):
            found.append("staging must name a place where a candidate is tried, each of them once")
        lacking = [container for container in CONTAINERS if container not in self.datastores]
        if lacking:
            found.append(
                f"datastores must name a datastore over each of {', '.join(CONTAINERS)}; {lacking[0]} lacks one"
            )
        return found


class AzureMlEndpoint:
    """The port `Endpoint`. It scores files only."""

    chunk = 0

    def __init__(
        self,
        settings: AzureMlEndpointSettings,
        blobs: Blobs,
        *,
        http: Http | None = None,
        token: Token = identity_token,
    ) -> None:
        self._settings, self._blobs = settings, blobs
        self._workspace = Workspace(settings.workspace, settings.datastores, http=http, token=token)
        self._endpoint = BatchEndpoint(self._workspace, settings.endpoint)
        work = ScoringWork.of(settings)
        self._deployments = Deployments(self._workspace, self._endpoint, work, many(settings.staging))
        self._components, self._jobs = Components(self._workspace), Jobs(self._workspace)
        self.registry = MlRegistry(self._workspace, settings.registry, blobs)
        scoring = ScoringJobs(self._workspace, work, blobs)
        self._trials = Trials(self._endpoint.url, many(settings.staging), scoring, self.registry, blobs)

    @classmethod
    def of(cls, settings: AzureMlEndpointSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with the app's own identity: it needs no secret."""
        return cls(settings, blobs)

    def production(self) -> Slot:
        """The endpoint that users invoke: whatever its default deployment is."""
        return Slot(name="production", url=self._endpoint.url, by_file=True)

    def staging(self) -> Sequence[Slot]:
        """Places where a candidate may be tried."""
        if not self._deploys:
            return self._trials.slots()
        urls = (self._deployment_url(name) for name in many(self._settings.staging))
        return tuple(Slot(name="staging", url=url, by_file=True) for url in urls)

    def settle(self) -> timedelta:
        """None: the next invocation goes to the new default."""
        return timedelta()

    def current(self, slot: Slot) -> Deployed:
        """The model of the default deployment, or of the candidate. Raises NotFound: there is none yet."""
        if self._is_trial(slot):
            return self._trials.current(slot)
        name = self._deployment_of(slot)
        return Deployed(resource=self._deployment_url(name), location=self._deployments.model_of(name))

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of that model. Raises NotFound; AccessDenied where it lies outside of our storage."""
        if self._is_trial(slot):
            return self._trials.artifact(slot)
        model = self.current(slot).location
        blob = self.registry.blob_of(model)
        if not blob:
            raise AccessDenied(f"read model {model}: its file is in no datastore that `datastores` names; add it there")
        return self._blobs.open(blob)

    def record(self, slot: Slot) -> bytes:
        """The endpoint as Resource Manager shows it, with the deployment that is its default."""
        return redact(msgspec.json.encode(self._endpoint.show()).decode()).encode()

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """Which model would be served in place of which; nothing is registered yet."""
        return {
            "endpoint": self._endpoint.url,
            "before": self._served(slot).location or None,
            "after": {"model": artifact.blob, "sha256": artifact.sha256, "deployment": self._name_for(slot, artifact)},
        }

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Registers the model unless it is, and asks for its deployment; `check` makes that the default one.

        Raises:
            BadConfiguration: the component cannot take a model.
        """
        if self._is_trial(slot):
            return self._trials.begin(slot, artifact)
        before = self._served(slot)
        self._blobs.head(artifact.blob)
        name = self._name_for(slot, artifact)
        after = self._deployments.deploy(name, self.registry.version_of(artifact))
        return Begun(before=before, after=after, operation=self._deployment_url(name))

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """How far a deployment is; of production it is made the default as soon as it is there, and done once it is."""
        name = operation.rpartition("/")[2]
        status = self._deployments.look(name)
        if slot.name == "staging" or status.state is not JobState.SUCCEEDED:
            return status
        return self._deployments.make_default(name)

    def score(self, slot: Slot, rows: Rows) -> list[float]:
        """Not here. Raises Conflict."""
        raise Conflict("a batch endpoint scores whole files only; that is what score_file is for")

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Starts a job: of production by invoking the endpoint as users do; of a candidate by its model, or its own
        deployment."""
        if self._is_trial(slot):
            return self._trials.score_file(slot, rows, scores)
        settings, stores = self._settings, self._workspace.stores
        self._blobs.delete(scores)  # an output is not written over another one
        name = self._deployment_of(slot)
        invoked = self._endpoint.invoke(
            Invocation(
                inputs={settings.data_input: read_from("uri_file", stores.uri(rows))},
                outputs={settings.scores_output: written_to("uri_file", stores.uri(scores))},
                request=str(uuid4()),
                deployment=name if slot.name == "staging" else "",
                experiment=settings.experiment,
                name=f"scores of {paths.name_of(rows)}",
            )
        )
        return f"{invoked.job}#{invoked.deployment or name}"

    def scored_file(self, slot: Slot, job: str) -> JobStatus:
        """How far it is; failed when the default moved meanwhile: then it is unknown whose scores these are."""
        if self._is_trial(slot):
            return self._trials.scored_file(job)
        name, _, deployment = job.partition("#")
        status = self._jobs.look(name)
        if status.state is not JobState.SUCCEEDED:
            return status
        now = self._deployment_of(slot)
        if now == deployment:
            return status
        moved = f"{self._endpoint.name} serves by {now} now, but job {name} was done by {deployment}; score again"
        return JobStatus(state=JobState.FAILED, details=moved)

    def scores_in(self, lines: Iterable[bytes]) -> list[float]:
        """The predictions in the CSV that the job wrote."""
        return scores_in_csv(lines, self._settings.score_column)

    def examine(self) -> Iterator[Diagnosis]:
        """The endpoint, its default deployment, the component and its names, datastores; changes nothing."""
        settings = self._settings
        wanted = examine.Wanted(
            inputs={"data_input": settings.data_input, "model_input": settings.model_input},
            outputs={"scores_output": settings.scores_output},
        )
        yield from examined(
            "endpoint",
            self._examined,
            partial(examine.component, "endpoint", self._components, settings.component, wanted),
            partial(examine.datastores, "endpoint", self._workspace, settings.datastores),
        )

    def _examined(self) -> Iterator[Diagnosis]:
        name = self._endpoint.default()
        if not name:
            yield ok("endpoint", f"batch endpoint {self._endpoint.name} has no default deployment yet; nothing is live")
            return
        model, version = name_and_version(self._deployments.model_of(name))
        yield ok(
            "endpoint", f"batch endpoint {self._endpoint.name} scores with {model}:{version}, by deployment {name}"
        )

    @property
    def _deploys(self) -> bool:
        return self._settings.scores == "deployment"

    def _is_trial(self, slot: Slot) -> bool:
        return slot.name == "staging" and not self._deploys

    def _deployment_url(self, name: str) -> str:
        return f"{self._endpoint.url}/deployments/{name}"

    def _deployment_of(self, slot: Slot) -> str:
        if slot.name == "staging":
            return slot.url.rpartition("/")[2]
        name = self._endpoint.default()
        if name:
            return name
        raise NotFound(f"batch endpoint {self._endpoint.name} has no default deployment; the first model makes it")

    def _served(self, slot: Slot) -> Deployed:
        """As `current`; nothing when there is nothing yet."""
        try:
            return self.current(slot)
        except NotFound:
            return Deployed(resource=slot.url, location="")

    def _name_for(self, slot: Slot, artifact: Artifact) -> str:
        if slot.name == "staging":
            return slot.url.rpartition("/")[2]
        return f"{PREFIX}{artifact.sha256[:16]}"
