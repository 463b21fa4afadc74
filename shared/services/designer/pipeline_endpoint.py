"""Training by a pipeline that was published in the designer of Azure ML: the port `Trainer`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Self

import msgspec

from retrain.errors import BadConfiguration, BadRequest, Conflict
from retrain.findings import examined
from retrain.model import Section
from retrain.paths import RUNS
from retrain.ports import Blobs, Diagnosis, JobState, JobStatus, News, Places, Results
from retrain.run import Run
from shared.services.arm import Arm, resource_url
from shared.services.credentials import Token, identity_token
from shared.services.designer import addresses
from shared.services.designer.addresses import WORKSPACES
from shared.services.designer.data import Form, Passed, assignments, path_problems
from shared.services.designer.discovery import discovery
from shared.services.designer.examine import looked_at
from shared.services.designer.pipelines import Pipelines, name_of, reached_by
from shared.services.designer.results import file_of, first_run, metrics_of, step_called
from shared.services.http import Http

RUN_TAG, ATTEMPT_TAG = "retrainRun", "retrainAttempt"


class PipelineEndpointSettings(Section, frozen=True):
    """`[models.NAME.trainer]` with kind = "pipeline-endpoint".

    `url` is the REST endpoint as the studio shows it; or `workspace` is the workspace's address at Resource Manager and
    `endpoint` the pipeline endpoint's name or id. `data_parameter` is the pipeline parameter that takes the data's
    path, `data_as` says in which assignments, and `datastores` which datastore is over which container of ours.
    `model_step` leaves the model in a file that fits `model_file`; `metrics_step` logs the evaluation (may be empty).
    `events`: the workspace's events reach the app.
    """

    url: str = ""
    workspace: str = ""
    endpoint: str = ""
    version: str = ""
    experiment: str = "retrain"
    data_parameter: str = "data"
    data_as: Form = "datapath"
    datastores: dict[str, str] = msgspec.field(default_factory=dict)
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    model_step: str = "Train Model"
    model_file: str = "*.ilearner"
    metrics_step: str = "Evaluate Model"
    events: bool = False

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found = self._address_problems()
        found += path_problems(self.parameters, [("data_parameter", self.data_parameter)])
        if RUNS not in self.datastores:
            found.append(f'datastores must name the datastore over the container "{RUNS}", where data is written')
        if not self.experiment:
            found.append("experiment must name the experiment that runs are listed under")
        if not self.model_step or not self.model_file:
            found.append("model_step and model_file must name the step that trains, and its file with the model")
        return found

    def _address_problems(self) -> list[str]:
        if bool(self.url) == bool(self.workspace):
            return ["url or workspace: give one of them, the REST endpoint or the workspace's address"]
        if self.workspace and not self.endpoint:
            return ["endpoint must be the name or id of a pipeline endpoint in the workspace"]
        try:
            if self.workspace:
                resource_url(self.workspace, WORKSPACES)
            else:
                return addresses.version_problems("url", self.url, self.version)
        except BadConfiguration as error:
            return [f"{'workspace' if self.workspace else 'url'}: {error}"]
        return []


class PipelineEndpoint:
    """The port `Trainer`. A submitted pipeline runs at once; it is found again by tags, since runs cannot be named."""

    registers = False

    def __init__(
        self, settings: PipelineEndpointSettings, *, http: Http | None = None, token: Token = identity_token
    ) -> None:
        self._settings = settings
        self._http = http or Http(settings.url or settings.workspace)
        if settings.url:
            self._pipelines, self._pipeline = reached_by(settings.url, settings.version, self._http, token)
        else:
            arm = Arm(self._http, token)
            self._pipelines = Pipelines(arm, discovery(arm, settings.workspace))
            self._pipeline = addresses.named(settings.endpoint, settings.version)

    @classmethod
    def of(cls, settings: PipelineEndpointSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with the app's own identity: it needs neither a secret nor a signature."""
        return cls(settings)

    def places(self) -> Places | None:
        """None: the workspace's compute keeps what it cannot run yet in a queue of its own."""
        return None

    def events(self) -> News:
        """Those of the workspace."""
        settings = self._settings
        return News(source=addresses.workspace_in(settings.url or settings.workspace), expected=settings.events)

    def find(self, run: Run) -> str | None:
        """The oldest run that carries this run's tags; younger ones are one too many, and are cancelled."""
        runs = self._pipelines.tagged(self._settings.experiment, _tags(run), RUN_TAG)
        for extra in runs[1:]:
            if not extra.state.ended:
                self._pipelines.cancel(extra.run_id)
        return runs[0].run_id if runs else None

    def submit(self, run: Run, training: str, artifact: str, metrics: str) -> str:
        """Runs the pipeline on the data; where its model and metrics are is asked afterwards.

        Raises:
            BadConfiguration: what the service does not take, with the parameters that the pipeline has.
            BadRequest: the run's own parameters name the one that takes the data.
        """
        settings = self._settings
        if settings.data_parameter in run.parameters:
            raise BadRequest(
                f"parameter {settings.data_parameter!r} takes the data of the run; leave it out of the request"
            )
        passed = [Passed(settings.data_parameter, settings.data_as, training)]
        body = {
            "ExperimentName": settings.experiment,
            "Description": f"Retrain, run {run.id}, attempt {run.attempt}",
            "RunSource": "Retrain",
            "tags": _tags(run),
            **assignments({**settings.parameters, **run.parameters}, passed, settings.datastores),
        }
        return self._pipelines.submit(self._pipeline, body)

    def start(self, job: str) -> None:
        """Nothing: it runs since it was submitted."""

    def poll(self, job: str) -> JobStatus:
        """How far it is."""
        return self._pipelines.look(self._settings.experiment, job)

    def results(self, job: str) -> Results:
        """The model's address, signed by the service, and the run of the step that evaluated it."""
        settings, asked = self._settings, f"results of run {job}"
        state = self._pipelines.run(job).state
        if state is not JobState.SUCCEEDED:
            raise Conflict(f"{asked}: it is {state}; only a run that succeeded has results")
        steps = self._pipelines.steps(settings.experiment, job)
        trained = step_called(steps, settings.model_step)
        if trained is None:
            names = ", ".join(sorted(name_of(step) for step in steps)) or "none"
            raise BadConfiguration(
                f"{asked}: no step {settings.model_step!r}; its steps are {names}. Correct `model_step`."
            )
        evaluated = step_called(steps, settings.metrics_step) if settings.metrics_step else None
        return Results(
            artifact=file_of(self._pipelines, trained, settings.model_file),
            metrics=first_run(evaluated) if evaluated else "",
        )

    def cancel(self, job: str) -> None:
        """Stops it."""
        self._pipelines.cancel(job)

    def download(self, url: str) -> Iterator[bytes]:
        """The bytes behind the model's address."""
        return self._http.download(
            url, "If its SAS expired, ask for the run's results again: each look brings a fresh one."
        )

    def metrics(self, url: str) -> dict[str, float]:
        """What a step's run logged, by our names of metrics; `url` is that run's id."""
        return metrics_of(self._pipelines, url)

    def examine(self) -> Iterator[Diagnosis]:
        """Whether the pipeline, its version and its parameters are there and may be seen."""
        settings = self._settings
        filled = {"data_parameter": settings.data_parameter}
        given = ("trainer", self._pipelines, self._pipeline, filled, settings.parameters)
        return examined("trainer", partial(looked_at, *given))


def _tags(run: Run) -> dict[str, str]:
    return {RUN_TAG: run.id, ATTEMPT_TAG: str(run.attempt)}
