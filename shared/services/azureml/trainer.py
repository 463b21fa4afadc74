"""Training by a job of today's Azure ML: the port `Trainer`.

The job is put under our own name, so that it is there once whatever gets lost; or a batch endpoint is invoked, whose
job is known by its tags. It reads its data from, and writes its model into, our own storage through datastores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Self
from uuid import NAMESPACE_URL, uuid5

import msgspec

from retrain import paths
from retrain.errors import BadConfiguration, BadRequest, Conflict, NotFound
from retrain.model import Section
from retrain.ports import Blobs, Diagnosis, JobState, JobStatus, News, Places, Registry, Results
from retrain.run import Run
from shared.services.azureml import assets, examine
from shared.services.azureml.batch import BatchEndpoint, Invocation
from shared.services.azureml.jobs import Jobs, MlJob
from shared.services.azureml.measures import logged, read_metrics
from shared.services.azureml.registry import MlRegistry
from shared.services.azureml.work import Kind, Work, literal, read_from, written_to
from shared.services.azureml.workspace import Workspace
from shared.services.credentials import Token, identity_token
from shared.services.http import Http

RUN_TAG, ATTEMPT_TAG = "retrainRun", "retrainAttempt"
READ_LIFETIME = timedelta(hours=1)
CONTAINERS = (paths.RUNS, paths.CANDIDATES)
"""Where data is read, and models are written."""


class AzureMlTrainerSettings(Section, frozen=True):
    """`[models.NAME.trainer]` with kind = "azureml-batch".

    What trains is one of three: `component` (a pipeline component), `command` with its `environment` and `code`, or the
    batch endpoint `endpoint`. `data_input`, `model_output`, `metrics_output` are names of its inputs and outputs;
    with `model_file` the output is a folder, and this file in it the model. `events`: the workspace's events reach the
    app.
    """

    workspace: str
    component: str = ""
    command: str = ""
    environment: str = ""
    code: str = ""
    endpoint: str = ""
    deployment: str = ""
    compute: str = ""
    experiment: str = "retrain"
    data_input: str = "data"
    data_as: Kind = "uri_file"
    model_output: str = "model"
    model_as: Kind = "uri_file"
    model_file: str = ""
    metrics_output: str = "metrics"
    datastores: dict[str, str] = msgspec.field(default_factory=dict)
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    registry: str = ""
    events: bool = False

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        named = {name: getattr(self, name) for name in ("component", "environment", "code")}
        found = [*assets.problems(self.workspace, named), *self._work_problems()]
        found += [
            f'datastores must name the datastore over the container "{container}"; the job could not reach it'
            for container in CONTAINERS
            if container not in self.datastores
        ]
        for setting in ("data_input", "model_output"):
            if not getattr(self, setting):
                found.append(f"{setting} must be the name of an {setting.rpartition('_')[2]} of what trains")
        if self.data_input in self.parameters:
            found.append(f"parameters sets {self.data_input!r}, which data_input fills")
        if self.model_as in ("uri_folder", "mlflow_model") and not self.model_file:
            found.append(f'model_file must name the model in the folder that model_as = "{self.model_as}" is')
        return found

    def _work_problems(self) -> Iterator[str]:
        given = [name for name in ("component", "command", "endpoint") if getattr(self, name)]
        if len(given) != 1:
            yield "component, command or endpoint: give one of them, it says what trains"
        if self.command and not self.environment:
            yield "environment is missing: a command runs in one, NAME:VERSION"
        if (self.environment or self.code) and not self.command:
            yield "environment and code belong to a command"
        if self.deployment and not self.endpoint:
            yield "deployment names one of a batch endpoint; set endpoint"
        if self.command and not self.compute:
            yield "compute is missing: a command runs on one"

    @property
    def work(self) -> Work:
        """What runs, unless a batch endpoint does."""
        return Work(
            component=self.component,
            command=self.command,
            environment=self.environment,
            code=self.code,
            compute=self.compute,
        )


class AzureMlTrainer:
    """The port `Trainer`. A job runs as soon as it is put, or an endpoint was invoked."""

    registers = False

    def __init__(
        self, settings: AzureMlTrainerSettings, blobs: Blobs, *, http: Http | None = None, token: Token = identity_token
    ) -> None:
        self._settings, self._blobs = settings, blobs
        self._workspace = Workspace(settings.workspace, settings.datastores, http=http, token=token)
        self._jobs = Jobs(self._workspace)
        self._endpoint = BatchEndpoint(self._workspace, settings.endpoint) if settings.endpoint else None
        self.registry: Registry | None = None
        if settings.registry:
            self.registry = MlRegistry(self._workspace, settings.registry, blobs)

    @classmethod
    def of(cls, settings: AzureMlTrainerSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with the app's own identity: it needs no secret."""
        return cls(settings, blobs)

    def places(self) -> Places | None:
        """None: the workspace's compute keeps what it cannot run yet in a queue of its own."""
        return None

    def events(self) -> News:
        """Those of the workspace."""
        return News(source=self._workspace.path, expected=self._settings.events)

    def find(self, run: Run) -> str | None:
        """The job of this name; of an endpoint, the first one with this run's tags: any other is cancelled."""
        if self._endpoint is None:
            found = self._jobs.find(job_name(run))
            return _ours(found, run).name if found else None
        jobs = self._jobs.tagged(_tags(run), RUN_TAG)
        jobs.sort(key=lambda job: job.state is JobState.CANCELLED)
        for extra in jobs[1:]:
            if not extra.state.ended:
                self._jobs.cancel(extra.name)
        return jobs[0].name if jobs else None

    def submit(self, run: Run, training: str, artifact: str, metrics: str) -> str:
        """Puts the job, unless it is there; or invokes the endpoint, under an id that only this attempt has.

        Raises:
            BadConfiguration: the service does not take it. BadRequest: the run's parameters name what we fill.
        """
        inputs, outputs = self._inputs(run, training), self._outputs(artifact, metrics)
        if self._endpoint is not None:
            return self._endpoint.invoke(self._invocation(run, inputs, outputs)).job
        name = job_name(run)
        if found := self._jobs.find(name):
            return _ours(found, run).name
        body = {
            **self._settings.work.body(self._workspace),
            "displayName": f"{run.target} {run.id.rpartition('~')[2]}",
            "description": f"Retrain, run {run.id}, attempt {run.attempt}",
            "experimentName": self._settings.experiment,
            "tags": _tags(run),
            "inputs": inputs,
            "outputs": outputs,
        }
        try:
            return self._jobs.put(name, body).name
        except BadRequest as refused:
            raise BadConfiguration(f"{refused} Compare what trains with the trainer's settings.") from refused

    def start(self, job: str) -> None:
        """Nothing: it runs since it was put."""

    def poll(self, job: str) -> JobStatus:
        """How far it is."""
        return self._jobs.look(job)

    def results(self, job: str) -> Results:
        """The model where the job's output says, in our own storage and signed by us; metrics by file, or as logged.

        Raises:
            BadConfiguration: no such output, or it is not in our storage.
        """
        found = self._jobs.show(job)
        if found.state is not JobState.SUCCEEDED:
            raise Conflict(f"results of job {job}: it is {found.properties.status}; only one that completed has any")
        model = self._place(found, self._settings.model_output)
        if self._settings.model_file:
            model = f"{model}/{self._settings.model_file}"
        try:
            self._blobs.head(model)
        except NotFound:
            raise BadConfiguration(
                f"results of job {job}: it completed, but there is no model at {model}. Let it write one file there, "
                "or name the file in its folder by `model_file`."
            ) from None
        return Results(artifact=self._signed(model), metrics=self._metrics_of(found))

    def cancel(self, job: str) -> None:
        """Stops it."""
        self._jobs.cancel(job)

    def download(self, url: str) -> Iterator[bytes]:
        """The bytes behind a result's address."""
        return self._workspace.arm.http.download(url, "Look at what the job wrote, and where.")

    def metrics(self, url: str) -> dict[str, float]:
        """By our names of metrics: of a file that the job wrote, or what it and its steps logged."""
        if url.startswith(("http://", "https://")):
            return read_metrics(b"".join(self.download(url)))
        return logged(self._workspace.history, self._settings.experiment, url)

    def examine(self) -> Iterator[Diagnosis]:
        """The workspace, what trains, its inputs and outputs, datastores; changes nothing."""
        settings = self._settings
        wanted = examine.Wanted(
            inputs={"data_input": settings.data_input, **{f"parameters.{name}": name for name in settings.parameters}},
            outputs={"model_output": settings.model_output, "metrics_output": settings.metrics_output},
        )
        return examine.trainer(self._workspace, settings.work, self._endpoint, settings.deployment, wanted, settings)

    def _inputs(self, run: Run, training: str) -> dict[str, Any]:
        settings = self._settings
        if settings.data_input in run.parameters:
            raise BadRequest(
                f"parameter {settings.data_input!r} takes the data of the run; leave it out of the request"
            )
        values = {name: literal(value) for name, value in {**settings.parameters, **run.parameters}.items()}
        return {**values, settings.data_input: read_from(settings.data_as, self._workspace.stores.uri(training))}

    def _outputs(self, artifact: str, metrics: str) -> dict[str, Any]:
        settings, stores = self._settings, self._workspace.stores
        model = paths.beside(artifact, "output") if settings.model_file else artifact
        found = {settings.model_output: written_to(settings.model_as, stores.uri(model))}
        if settings.metrics_output:
            found[settings.metrics_output] = written_to("uri_file", stores.uri(metrics))
        return found

    def _invocation(self, run: Run, inputs: dict[str, Any], outputs: dict[str, Any]) -> Invocation:
        return Invocation(
            inputs=inputs,
            outputs=outputs,
            request=str(uuid5(NAMESPACE_URL, f"retrain:{run.id}/{run.attempt}")),
            deployment=self._settings.deployment,
            experiment=self._settings.experiment,
            name=f"{run.target} {run.id.rpartition('~')[2]}",
            tags=_tags(run),
        )

    def _place(self, job: MlJob, output: str) -> str:
        """The blob of ours that an output is."""
        uri = job.output(output)
        blob = self._workspace.stores.blob(uri)
        if blob:
            return blob
        there = ", ".join(job.properties.outputs or {}) or "none"
        raise BadConfiguration(
            f"results of job {job.name}: output {output!r} is {uri or 'not told'}, none of our storage; its outputs "
            f"are {there}. Correct `model_output` and `datastores`."
        )

    def _metrics_of(self, job: MlJob) -> str:
        blob = self._workspace.stores.blob(job.output(self._settings.metrics_output))
        return self._signed(blob) if blob else job.name

    def _signed(self, blob: str) -> str:
        return self._blobs.sign(blob, "r", READ_LIFETIME)


def job_name(run: Run) -> str:
    """The name of the job of a run's present attempt: anybody who knows the run can ask for it."""
    return f"{assets.short_name(run.target, run.id)}-{run.attempt}"


def _ours(job: MlJob, run: Run) -> MlJob:
    """The job, unless somebody else gave another one this very name."""
    if job.has(_tags(run)):
        return job
    raise Conflict(
        f"job {job.name} is there and is not that of run {run.id}: its tags say otherwise; rename or delete it"
    )


def _tags(run: Run) -> dict[str, str]:
    return {RUN_TAG: run.id, ATTEMPT_TAG: str(run.attempt)}
