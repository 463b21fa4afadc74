"""Training by the batch execution service of a Studio (classic) training web service: the port `Trainer`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Self

import msgspec

from retrain.errors import AccessDenied, BadConfiguration, Conflict
from retrain.model import Section
from retrain.paths import beside
from retrain.ports import Blobs, Diagnosis, JobState, JobStatus, Places, Results
from retrain.run import Run
from shared.services import credentials
from shared.services.http import Http
from shared.services.studio import batch_examine
from shared.services.studio.blobs import JOB_LIFETIME, MODEL_SUFFIX, BlobReference, Sign, check_model, readable
from shared.services.studio.jobs import Jobs
from shared.services.studio.metrics import read_evaluation
from shared.services.studio.web_services import Studio, address_problem, runtime_base


class StudioBatchSettings(Section, frozen=True):
    """`[models.NAME.trainer]` with kind = "studio-batch".

    `url` is the Request URI of the training service's batch execution, `key` a reference to its API key. `model` and
    `metrics` are names of outputs (`metrics` may be empty), `input` the name of the input that takes the data. A
    service that reads its data by Import Data has no input: `data_parameter` then names the web-service parameter that
    takes the data's signed address. `holdout` names the output with the labelled rows that the job held back, for
    models with `intake = "reference"`; it is empty where Retrain holds rows out itself. `jobs_at_once` of all models
    that train there are run, 40 at most: the service would run no more itself, and then keep the others in an order of
    its own.
    """

    url: str
    key: str
    input: str = "input1"
    model: str = "output2"
    metrics: str = "output1"
    holdout: str = ""
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    data_parameter: str | None = None
    jobs_at_once: int = 20

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found = [address_problem(runtime_base, "url", self.url)]
        found.append(credentials.reference_problem("key", self.key))
        if not self.model:
            found.append("model must name the output that gives the .ilearner file, such as output2")
        named = {"model": self.model, "metrics": self.metrics, "holdout": self.holdout}
        for one, other in combinations([key for key in named if named[key]], 2):
            if named[one] == named[other]:
                found.append(f"{other} and {one} are both {named[one]!r}; each needs an output of its own")
        if not self.input and not self.data_parameter:
            found.append("input is empty: name the input that takes the data, or a data_parameter")
        if not 1 <= self.jobs_at_once <= 40:
            found.append(f"jobs_at_once = {self.jobs_at_once} must be between 1 and 40; the service runs no more")
        if self.data_parameter in self.parameters:
            found.append(f"parameters sets {self.data_parameter!r}, which data_parameter fills with the data's address")
        return [problem for problem in found if problem]


class StudioBatch:
    """The port `Trainer`. A submitted job is only registered; nothing runs before it is started."""

    registers = True

    def __init__(
        self, settings: StudioBatchSettings, key: credentials.Secret, sign: Sign, http: Http | None = None
    ) -> None:
        self._settings = settings
        self._sign = sign
        self._http = http or Http(settings.url)
        self._studio, self._base = Studio(self._http, key), runtime_base(settings.url)
        self._jobs = Jobs(self._studio, self._base)

    @classmethod
    def of(cls, settings: StudioBatchSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with the key its settings refer to. Raises BadConfiguration."""
        return cls(settings, credentials.secret(settings.key, env), blobs.sign)

    def places(self) -> Places:
        """As many as the configuration allows, at the address of the service."""
        return Places(url=runtime_base(self._settings.url).lower(), count=self._settings.jobs_at_once)

    def events(self) -> None:
        """None: the service published none."""

    def find(self, run: Run) -> str | None:
        """None: the service cannot say. A job that was registered and not started does nothing; submit another."""
        return None

    def submit(self, run: Run, training: str, artifact: str, metrics: str) -> str:
        """Registers the job. Raises BadConfiguration, naming the service's inputs, outputs and parameters."""
        settings = self._settings
        check_model(artifact, "submit a job")
        data = self._sign(training, "r", JOB_LIFETIME)
        parameters = {**settings.parameters, **run.parameters}
        if settings.data_parameter:
            parameters[settings.data_parameter] = data
        outputs = {settings.model: artifact} | ({settings.metrics: metrics} if settings.metrics else {})
        if settings.holdout:
            outputs[settings.holdout] = beside(artifact, "holdout.csv")
        return self._jobs.submit(
            {} if settings.data_parameter else {settings.input: data},
            {name: self._sign(blob, "cw", JOB_LIFETIME) for name, blob in outputs.items()},
            parameters,
        )

    def start(self, job: str) -> None:
        """Starts a registered job."""
        self._jobs.start(job)

    def poll(self, job: str) -> JobStatus:
        """How far it is."""
        return self._jobs.look(job).status

    def results(self, job: str) -> Results:
        """Where the outputs are, freshly signed: by us where the blob is our own, else as the service signed it."""
        look = self._jobs.look(job)
        if look.status.state is not JobState.SUCCEEDED:
            raise Conflict(f"results of job {job}: it is {look.status.state}; only a job that succeeded has results")
        model = self._output(look.outputs, self._settings.model)
        if not model.address.endswith(MODEL_SUFFIX):
            models = [name for name, reference in look.outputs.items() if reference.address.endswith(MODEL_SUFFIX)]
            raise BadConfiguration(
                f"results of job {job}: output {self._settings.model!r} is {model.address}, no trained model; "
                f"the outputs that are: {', '.join(models) or 'none'}. Correct `model` in the configuration."
            )
        metrics, holdout = (
            self._readable(self._output(look.outputs, name)) if name else ""
            for name in (self._settings.metrics, self._settings.holdout)
        )
        return Results(artifact=self._readable(model), metrics=metrics, holdout=holdout)

    def cancel(self, job: str) -> None:
        """Stops it."""
        self._jobs.cancel(job)

    def download(self, url: str) -> Iterator[bytes]:
        """The bytes behind a result's address."""
        return self._http.download(
            url, "If its SAS expired, ask for the job's results again: each look brings a fresh one."
        )

    def metrics(self, url: str) -> dict[str, float]:
        """Evaluate Model's CSV by our names of metrics. Raises BadRequest when it is none."""
        return read_evaluation(b"".join(self.download(url)))

    def examine(self) -> Iterator[Diagnosis]:
        """The key and every name, seen from the service; changes nothing."""
        return batch_examine.examine(self._settings, self._studio, self._base)

    def _output(self, outputs: Mapping[str, BlobReference], name: str) -> BlobReference:
        if name in outputs and outputs[name].address:
            return outputs[name]
        raise BadConfiguration(
            f"results: the job has no output {name!r}; it has {', '.join(sorted(outputs)) or 'none'}. "
            "Correct `model`, `metrics` and `holdout` in the configuration (case matters)."
        )

    def _readable(self, reference: BlobReference) -> str:
        url = readable(reference, self._sign)
        if not url:
            raise AccessDenied(
                f"results: {reference.address} came without a SAS and is not in our own storage; "
                "name an output location of ours, or ask the service's owner for read access"
            )
        return url
