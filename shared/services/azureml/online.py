"""Serving by a managed online endpoint of Azure ML, blue/green: the port `Endpoint`.

Production is the endpoint with its traffic; a candidate is tried in a deployment of its own, which has no traffic and
is reached by a header, or by jobs before anything is deployed (`trials`). How deployments come and go and how traffic
moves is known to `online_rollout`, Resource Manager is called in `online_control`, what scoring looks like is in
`online_scoring`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any, ClassVar, Literal, Self

import msgspec

from retrain import paths
from retrain.errors import BadConfiguration, BadRequest, Conflict, NotFound
from retrain.findings import examined
from retrain.model import Section
from retrain.ports import Begun, Blobs, Deployed, Diagnosis, JobState, JobStatus, Rows, Slot
from retrain.run import Artifact
from shared.redact import redact
from shared.services import credentials
from shared.services.azureml.assets import problems
from shared.services.azureml.evaluation import ScoringJobs, ScoringWork
from shared.services.azureml.examine import datastores
from shared.services.azureml.files import WorkspaceFiles
from shared.services.azureml.online_access import Access
from shared.services.azureml.online_control import OnlineEndpoint, Resource
from shared.services.azureml.online_examine import Examination
from shared.services.azureml.online_rollout import Plan, Rollout, staged_last
from shared.services.azureml.online_scoring import Form, refusal, request, scores
from shared.services.azureml.online_traffic import ALL, Aim, main, moved, steps_problems
from shared.services.azureml.registry import MlRegistry
from shared.services.azureml.trials import Trials
from shared.services.azureml.work import Kind
from shared.services.azureml.workspace import Workspace
from shared.services.credentials import Secret, Token, identity_token
from shared.services.http import Http
from shared.services.studio.scores import PROBABILITIES, scores_in_csv

HEADER = "azureml-model-deployment"
NEEDED = (paths.CANDIDATES, paths.CHAMPIONS)
"""Containers that the workspace must have datastores over: models are registered where they lie."""


class AzureMlOnlineSettings(Section, frozen=True):
    """`[models.NAME.endpoint]` with kind = "azureml-online".

    `workspace` is its address at Resource Manager, `endpoint` the endpoint's name there, `registry` the name that
    models are registered under; `datastores` says which datastore is over which container of ours. `traffic` are the
    shares by which a promotion goes on, `bake` the seconds for which each of them is watched. A deployment is made as
    the live one is, except for what the table `deployment` says in the service's own words, and for `instances`. `key`
    refers to the endpoint's key, where it must not be asked for. `settle` is in seconds: how long traffic may take to
    show. With `scores = "job"` candidates are scored by jobs of `component`, and only approved ones are deployed.
    """

    per_key: ClassVar[tuple[str, ...]] = ("endpoint",)
    """Settings that must differ from key to key, where a model has keys."""

    workspace: str
    endpoint: str
    registry: str
    datastores: dict[str, str] = msgspec.field(default_factory=dict)
    traffic: tuple[int, ...] = (10, 50, 100)
    bake: float = 300.0
    deployment: dict[str, Any] = msgspec.field(default_factory=dict)
    instances: int | None = None
    key: str | None = None
    form: Form = "split"
    as_text: tuple[str, ...] = ()
    score_column: str | None = None
    rows_per_call: int = 500
    settle: float = 30.0
    scores: Literal["deployment", "job"] = "deployment"
    component: str = ""
    compute: str = ""
    experiment: str = "retrain-scoring"
    data_input: str = "data"
    model_input: str = "model"
    model_as: Kind = "custom_model"
    scores_output: str = "scores"

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found = [*problems(self.workspace, {"component": self.component}), *steps_problems(self.traffic)]
        needed = (*NEEDED, paths.RUNS) if self.scores == "job" else NEEDED
        lacking = [name for name in needed if name not in self.datastores]
        if lacking:
            found.append(f"datastores must name a datastore over each of {', '.join(needed)}; {lacking[0]} lacks one")
        if self.scores == "job" and not self.component:
            found.append('scores = "job" needs component: the pipeline component that scores a file with a model')
        if self.key is not None and (wrong := credentials.reference_problem("key", self.key)):
            found.append(wrong)
        if not 0 <= self.bake <= 86_400:
            found.append(f"bake = {self.bake} must be between 0 and 86400 seconds")
        if not 1 <= self.rows_per_call <= 10_000:
            found.append(f"rows_per_call = {self.rows_per_call} must be between 1 and 10000")
        if self.instances is not None and not 1 <= self.instances <= 50:
            found.append(f"instances = {self.instances} must be between 1 and 50")
        if not 0 <= self.settle <= 3600:
            found.append(f"settle = {self.settle} must be between 0 and 3600 seconds")
        return found


class AzureMlOnline:
    """The port `Endpoint`."""

    def __init__(
        self,
        settings: AzureMlOnlineSettings,
        blobs: Blobs,
        *,
        key: Secret | None = None,
        token: Token = identity_token,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._settings, self._blobs = settings, blobs
        self.chunk = settings.rows_per_call
        workspace = Workspace(settings.workspace, settings.datastores, http=Http(settings.workspace), token=token)
        self._online, self._files = OnlineEndpoint(workspace, settings.endpoint), WorkspaceFiles(workspace)
        self._access = Access(self._online, key, token)
        self.registry = MlRegistry(workspace, settings.registry, blobs)
        plan = Plan(steps=settings.traffic, bake=settings.bake, own=settings.deployment, instances=settings.instances)
        self._rollout = Rollout(self._online, self.registry, plan, self._opened, now or partial(datetime.now, UTC))
        scoring = ScoringJobs(workspace, ScoringWork.of(settings), blobs)
        self._trials = Trials(self._online.url, ("retrain-staging",), scoring, self.registry, blobs)

    @classmethod
    def of(cls, settings: AzureMlOnlineSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with what its settings refer to. Raises BadConfiguration."""
        return cls(settings, blobs, key=credentials.secret(settings.key, env) if settings.key else None)

    def production(self) -> Slot:
        """The endpoint, as its traffic goes."""
        return Slot(name="production", url=self._online.url)

    def staging(self) -> Sequence[Slot]:
        """One candidate at a time is tried: in a deployment, or by jobs."""
        if self._settings.scores == "job":
            return self._trials.slots()
        return (Slot(name="staging", url=f"{self._online.url}/deployments"),)

    def settle(self) -> timedelta:
        """How long traffic may take to show."""
        return timedelta(seconds=self._settings.settle)

    def current(self, slot: Slot) -> Deployed:
        """The deployment that serves, and its model; several where traffic is shared out.

        Raises:
            NotFound: no deployment has traffic, or no candidate was ever tried.
        """
        if slot.by_file:
            return self._trials.current(slot)
        if self._is_staging(slot):
            one = self._staged()
            return Deployed(resource=one.name, location=one.model)
        traffic = self._online.get().traffic
        if not traffic:
            raise NotFound(f"no deployment of {self._online.url} has traffic: nothing is live there yet")
        there = self._online.deployments()
        models = {name: there[name].model if name in there else "a deployment that is gone" for name in traffic}
        if len(traffic) == 1:
            return Deployed(resource=main(traffic), location=models[main(traffic)])
        shared = ", ".join(f"{models[name]} ({share} %)" for name, share in sorted(traffic.items()))
        return Deployed(resource=", ".join(sorted(traffic)), location=shared)

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of the model that serves.

        Raises:
            NotFound: none does. AccessDenied: we may not read it, or it is no file. Conflict: several do.
        """
        if slot.by_file:
            return self._trials.artifact(slot)
        return self._opened(self._staged() if self._is_staging(slot) else self._serving())

    def record(self, slot: Slot) -> bytes:
        """The endpoint as Resource Manager shows it, and its deployments."""
        shown = {"endpoint": self._online.get(), "deployments": [*self._online.deployments().values()]}
        return redact(msgspec.json.encode(shown).decode()).encode()

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """The deployment that would be made, unless there is one with this model, and how traffic would move."""
        if slot.by_file:
            return {"model": artifact.blob, "scored by": f"jobs of {self._settings.component}"}
        there, traffic = self._online.deployments(), self._online.get().traffic
        aim = self._rollout.aim(artifact, live=not self._is_staging(slot))
        shown: dict[str, object] = {"endpoint": self._online.url, "deployment": aim.deployment, "model": artifact.blob}
        if aim.deployment not in there:
            shown["made"] = self._rollout.template(there, traffic)
        if not self._is_staging(slot):
            shares = (ALL,) if aim.at_once else self._settings.traffic
            shown |= {"traffic": traffic, "steps": [moved(traffic, aim.deployment, share) for share in shares]}
        return shown

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Asks for the deployment, or for the first share of traffic where there is one; `check` goes on from there.

        Raises:
            BadConfiguration: nothing says how a deployment is to be made. Unavailable: another change goes on.
        """
        if slot.by_file:
            return self._trials.begin(slot, artifact)
        try:
            before = self.current(slot)
        except (NotFound, BadRequest):
            before = Deployed(resource="", location="")
        aim = self._rollout.aim(artifact, live=not self._is_staging(slot))
        status = self._rollout.drive(aim)
        after: dict[str, object] = {"endpoint": self._online.url, "deployment": aim.deployment, "model": artifact.blob}
        seen = "" if status.partly else status.operation  # a step counts once `check` has told of it
        return Begun(before=before, after=after, operation=seen or aim.text())

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """How far it is; asks for what comes next when it is time: another try, or the next share of traffic."""
        return self._rollout.drive(Aim.read(operation))

    def tidy(self, needed: Collection[str], *, confirmed: bool) -> list[str]:
        """Removes deployments that nobody needs; see `retrain.ports.Housed`."""
        return self._rollout.tidy(needed, confirmed=confirmed)

    def score(self, slot: Slot, rows: Rows) -> list[float]:
        """Predictions, at most `chunk` rows in one call; a candidate's deployment is named by the header."""
        deployment = self._staged().name if self._is_staging(slot) else ""
        found: list[float] = []
        for start in range(0, len(rows.values), self.chunk):
            part = Rows(columns=rows.columns, values=rows.values[start : start + self.chunk])
            found += self._score(deployment, part)
        return found

    def _score(self, deployment: str, rows: Rows) -> list[float]:
        settings, headers = self._settings, {HEADER: deployment} if deployment else {}
        body, asked = (
            request(settings.form, rows, settings.as_text),
            f"score {len(rows.values)} rows at {self._online.url}",
        )
        url, key = self._access.known()
        answer = self._online.arm.http.send("POST", url, asked=asked, key=key, body=body, headers=headers)
        if answer.status == 401 and self._access.forget():  # its keys may have been changed since we asked for them
            url, key = self._access.known()
            answer = self._online.arm.http.send("POST", url, asked=asked, key=key, body=body, headers=headers)
        if not answer.ok:
            raise refusal(answer, deployment)
        return scores(answer.json(Any), len(rows.values), settings.score_column)

    def score_file(self, slot: Slot, rows: str, scores: str) -> str:
        """Of a candidate that jobs score, the job's name. Else the file is scored here and now, call by call, for there
        is no batch execution."""
        if slot.by_file:
            return self._trials.score_file(slot, rows, scores)
        lines = csv.reader(StringIO(self._blobs.read(rows).decode(), newline=""))
        columns = tuple(next(lines, ()))
        found = self.score(slot, Rows(columns=columns, values=tuple(tuple(line) for line in lines)))
        header = self._settings.score_column or PROBABILITIES
        self._blobs.write(scores, "\n".join((header, *map(repr, found), "")).encode())
        return scores

    def scored_file(self, slot: Slot, job: str) -> JobStatus:
        """How far a job is; without one `score_file` wrote the scores itself."""
        if slot.by_file:
            return self._trials.scored_file(job)
        return JobStatus(state=JobState.SUCCEEDED)

    def scores_in(self, lines: Iterable[bytes]) -> list[float]:
        """The predictions in the CSV that `score_file` or its job wrote."""
        return scores_in_csv(lines, self._settings.score_column)

    def examine(self) -> Iterator[Diagnosis]:
        """The endpoint, its deployments, its key and where models lie; changes nothing."""
        yield from Examination(self._online, self._access, self._rollout, self._opened).findings()
        stores = partial(datastores, "endpoint", self._online.workspace, self._settings.datastores)
        yield from examined("endpoint", stores)

    def _serving(self) -> Resource:
        traffic = self._online.get().traffic
        if not traffic:
            raise NotFound(f"no deployment of {self._online.url} has traffic: nothing is live there yet")
        if len(traffic) > 1:
            shared = ", ".join(f"{name} {share} %" for name, share in sorted(traffic.items()))
            raise Conflict(f"the traffic of {self._online.url} is shared out ({shared}); give all of it to one first")
        return self._online.deployment(main(traffic))

    def _staged(self) -> Resource:
        there = self._online.deployments()
        name = staged_last(there)
        if not name:
            raise BadRequest(f"no candidate was tried at {self._online.url} yet; its deployment is to be made first")
        return there[name]

    def _opened(self, deployment: Resource) -> Iterator[bytes]:
        blob = self.registry.blob_of(deployment.model)
        return self._blobs.open(blob) if blob else self._files.model(deployment.model)

    def _is_staging(self, slot: Slot) -> bool:
        if slot.url not in (self._online.url, self.staging()[0].url):
            raise BadConfiguration(f"{slot.url} is not (any more) the endpoint in this model's configuration")
        return slot.url != self._online.url
