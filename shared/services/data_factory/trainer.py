"""Training by a pipeline of Azure Data Factory: the port `Trainer`.

The pipeline is told where the data is, and where model and metrics have to go, all in our own storage; what trains in
between is its own affair. Data Factory cannot name a run: ours is recognised by a parameter that holds our run's id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import msgspec

from retrain.errors import BadConfiguration, Conflict
from retrain.model import Section
from retrain.ports import Blobs, Diagnosis, JobState, JobStatus, Places, Results
from retrain.run import Run
from shared.services import urls
from shared.services.arm import Arm
from shared.services.data_factory import examine
from shared.services.data_factory.runs import Factory, places, state_of
from shared.services.http import Http
from shared.services.studio.blobs import READ_LIFETIME, Sign, check_model
from shared.services.studio.metrics import read_evaluation


class DataFactorySettings(Section, frozen=True):
    """`[models.NAME.trainer]` with kind = "data-factory".

    `url` is the pipeline's resource address. `data`, `model`, `metrics` are names of the pipeline's parameters that
    take paths (`container/path`); with `data_container` and its like, the container goes into a parameter of its own
    and the path is without it. `run_parameter` takes our run's id.
    """

    url: str
    data: str = "dataPath"
    model: str = "modelPath"
    metrics: str = "metricsPath"
    data_container: str | None = None
    model_container: str | None = None
    metrics_container: str | None = None
    run_parameter: str = "retrainRun"
    parameters: dict[str, str] = msgspec.field(default_factory=dict)

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        names = [name for name in self.names() if name]
        twice = sorted({name for name in names if names.count(name) > 1})
        empty = [key for key in ("data", "model", "run_parameter") if not getattr(self, key)]
        found = [*_address_problem(self.url)]
        found += [f"{key} must name a parameter of the pipeline" for key in empty]
        found += [f"the parameter {name!r} is given to two things; each needs one of its own" for name in twice]
        found += [f"parameters sets {name!r}, which Retrain fills" for name in sorted({*names} & {*self.parameters})]
        if self.metrics_container and not self.metrics:
            found.append("metrics_container is set, but metrics is empty")
        return found

    def names(self) -> tuple[str | None, ...]:
        """The parameters that Retrain fills."""
        containers = (self.data_container, self.model_container, self.metrics_container)
        return (self.data, self.model, self.metrics, *containers, self.run_parameter)


class DataFactory:
    """The port `Trainer`. What is submitted runs at once."""

    registers = False

    def __init__(self, settings: DataFactorySettings, sign: Sign, arm: Arm | None = None) -> None:
        self._settings, self._sign = settings, sign
        url, self._pipeline = places(settings.url)
        arm = arm or Arm(Http(url))
        self._http, self._factory = arm.http, Factory(arm, url)

    @classmethod
    def of(cls, settings: DataFactorySettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client that asks for tokens as the app's identity; it needs no secret."""
        return cls(settings, blobs.sign)

    def places(self) -> Places | None:
        """None: a pipeline's own `concurrency` makes its runs wait in Data Factory."""
        return None

    def events(self) -> None:
        """None: Data Factory publishes none about the runs of its pipelines."""

    def find(self, run: Run) -> str | None:
        """The first run of the pipeline that carries our run's id; any that came after it is cancelled."""
        seen = self._factory.runs(self._pipeline, run.created)
        found = [one for one in seen if self._given(one, "run_parameter") == _mark(run)]
        found.sort(key=lambda one: (state_of(one) is JobState.CANCELLED, str(one.get("runStart") or "9")))
        for extra in found[1:]:
            if not state_of(extra).ended:
                self.cancel(str(extra["runId"]))
        return str(found[0]["runId"]) if found else None

    def submit(self, run: Run, training: str, artifact: str, metrics: str) -> str:
        """Starts the pipeline.

        Raises:
            BadConfiguration: it lacks a parameter, or would put its model live by itself. Nothing was started.
        """
        asked = f"start pipeline {self._pipeline}"
        check_model(artifact, asked)
        values = self._values(run, {"data": training, "model": artifact, "metrics": metrics})
        pipeline = self._factory.pipeline(self._pipeline)
        wrong = [*examine.problems(self._settings, self._factory, self._pipeline, pipeline, run.parameters)]
        if wrong:
            raise BadConfiguration(f"{asked}: {'; '.join(wrong)}", tuple(wrong))
        return self._factory.create_run(self._pipeline, values)

    def start(self, job: str) -> None:
        """Nothing: what was submitted runs."""

    def poll(self, job: str) -> JobStatus:
        """How far it is; of a run that failed, what its activities said."""
        found = self._factory.run(job)
        state = state_of(found)
        return JobStatus(state=state, details=self._factory.why(found) if state is JobState.FAILED else "")

    def results(self, job: str) -> Results:
        """The model where we asked for it, in our own storage and signed by us.

        Raises:
            BadConfiguration: the pipeline succeeded and left no model there.
        """
        found = self._factory.run(job)
        if state_of(found) is not JobState.SUCCEEDED:
            raise Conflict(f"results of run {job}: it is {found.get('status')}; only one that succeeded has results")
        model, metrics = self._place(found, "model"), self._place(found, "metrics")
        artifact = self._sign(model, "r", READ_LIFETIME)
        self._look_for(artifact, model, job)
        return Results(artifact=artifact, metrics=self._sign(metrics, "r", READ_LIFETIME) if metrics else "")

    def cancel(self, job: str) -> None:
        """Stops it."""
        self._factory.cancel(job)

    def download(self, url: str) -> Iterator[bytes]:
        """The bytes behind a result's address."""
        return self._http.download(url, "Look at what the pipeline's activities wrote, and where.")

    def metrics(self, url: str) -> dict[str, float]:
        """Evaluate Model's CSV by our names of metrics. Raises BadRequest when it is none."""
        return read_evaluation(b"".join(self.download(url)))

    def examine(self) -> Iterator[Diagnosis]:
        """The pipeline, its parameters and activities, and our rights; changes nothing."""
        return examine.examine(self._settings, self._factory, self._pipeline)

    def _values(self, run: Run, blobs: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a run."""
        values = {**self._settings.parameters, **run.parameters, self._settings.run_parameter: _mark(run)}
        for what, blob in blobs.items():
            name, own = getattr(self._settings, what), getattr(self._settings, f"{what}_container")
            container, _, path = blob.partition("/")
            if name:
                values |= {own: container, name: path} if own else {name: blob}
        return values

    def _place(self, found: Mapping[str, Any], what: str) -> str:
        """`container/path` that a run was given; empty when it was given none."""
        path, container = self._given(found, what), self._given(found, f"{what}_container")
        return f"{container}/{path}" if path and container else path

    def _given(self, found: Mapping[str, Any], setting: str) -> str:
        """What a run has for the parameter that a setting names; empty when it has none."""
        name = getattr(self._settings, setting)
        return str((found.get("parameters") or {}).get(name) or "") if name else ""

    def _look_for(self, url: str, model: str, job: str) -> None:
        self._http.allow(url)
        answer = self._http.send("HEAD", url, asked=f"look for the model of run {job} at {urls.plain(url)}")
        if answer.status == 404:
            raise BadConfiguration(
                f"results of run {job}: the pipeline succeeded, but there is no model at {model} in our storage. Let "
                f"it write to the parameter {self._settings.model!r}, by a linked service of this storage account."
            )
        if not answer.ok:
            raise answer.error()


def _address_problem(url: str) -> Iterator[str]:
    try:
        places(url)
    except BadConfiguration as error:
        yield f"url: {error}"


def _mark(run: Run) -> str:
    """What a run of the pipeline carries to be known as ours: each attempt is another."""
    return f"{run.id}/{run.attempt}"
