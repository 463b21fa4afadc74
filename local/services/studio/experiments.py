"""The designer's part, done in a user interface once: training and predictive experiments, and deploying them."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from local.services.engine import learners, tables
from local.services.engine.blobs import Unreachable
from local.services.engine.records import BlobReference, new_id
from local.services.engine.tasks import Task
from local.services.studio.batch import DATA_EXTENSIONS, URI, check_reference
from local.services.studio.errors import error, outer_error
from local.services.studio.records import MODEL_SUFFIX, PREDICTIVE_SUFFIX, Experiment, Workspace
from local.services.studio.services import decode
from local.services.studio.studio import Studio

OUTPUT_KINDS = ("evaluation", "model", "holdout")


class TrainingExperiment(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """A training experiment to create: the data as text (`csv`) or as a blob (`data`), and how to learn from it."""

    name: str
    task: str
    label: str
    id: str | None = None
    learner: str | None = None
    parameters: dict[str, str | None] = {}
    csv: str | None = None
    data: BlobReference | None = None


class Derivation(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """A predictive experiment to derive: `modelName` is the name the trained model is saved under."""

    id: str | None = None
    name: str | None = None
    model_name: str | None = None


class Ports(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Web-service ports of a training experiment: outputs in their order, and where the data comes from."""

    outputs: list[str]
    data: str = "input"
    uri: str | None = None


async def create_training(studio: Studio, workspace: Workspace, body: bytes) -> Experiment:
    """Creates a training experiment. Raises: WireError, 400 or 409."""
    request: TrainingExperiment = decode(body, TrainingExperiment)
    if request.task not in learners.TASKS:
        raise error("BadParameterValue", "task", f"{' and '.join(learners.TASKS)} are allowed")
    check_new(studio, request.id)
    studio.warm()
    try:
        values = learners.defaults(request.task, request.label, request.learner, request.parameters)
    except learners.BadParameter as wrong:
        raise error("UserParameterInvalid", wrong.name, wrong.wanted) from wrong
    dataset = await _dataset(studio, request)
    columns = await studio.in_thread(_columns, studio.datasets.path(dataset), request.label)
    experiment = Experiment(
        id=request.id or new_id(),
        created=time.time(),
        workspace=workspace.id,
        name=request.name,
        kind="training",
        task=request.task,
        label=request.label,
        parameters=values,
        dataset=dataset,
        columns=columns,
    )
    studio.store.save(experiment)
    return experiment


def check_new(studio: Studio, key: str | None) -> None:
    """Raises: WireError, 409 if an experiment of that id exists."""
    if key is not None and studio.store.find(Experiment, key):
        raise outer_error("Conflict", f"The experiment {key} exists.")


async def _dataset(studio: Studio, request: TrainingExperiment) -> str:
    if request.csv is not None and request.data is None:
        return studio.datasets.keep(request.csv.encode())
    if request.data is None or request.csv is not None:
        raise error("BadParameterValue", "data", 'give the data either as text ("csv") or as a blob ("data")')
    check_reference(request.data, DATA_EXTENSIONS, empty=("MissingInputBlobInformation", "data"))
    try:
        return studio.datasets.keep(await studio.blobs.read(request.data, 1 << 30))
    except Unreachable as failed:
        raise error("BlobNotFound", request.data.relative_location, failed) from failed


def _columns(path: Path, label: str) -> tuple[Any, ...]:
    try:
        table = tables.read_csv(path, "the data set")
    except tables.BadTable as wrong:
        raise error("InputParseError", wrong) from wrong
    if label not in table.columns:
        raise error("InputMismatchError", f"no column {label!r}; there are {', '.join(table.names)}")
    return tables.describe(table)


async def run(studio: Studio, experiment: Experiment) -> None:
    """Runs the experiment: trains, or takes over the newest model of the training experiment. Raises: WireError."""
    if experiment.kind == "predictive":
        await _save_model(studio, experiment, _trained(studio, experiment.source or ""))
    else:
        await _train(studio, experiment)
    experiment.revision += 1
    studio.store.save(experiment)


async def _train(studio: Studio, experiment: Experiment) -> None:
    experiment.state = "running"
    with TemporaryDirectory(dir=studio.work) as folder:
        model = Path(folder) / "model.ilearner"
        task = Task(
            data=str(studio.datasets.path(experiment.dataset or "")),
            location="the data set",
            output=str(model),
            evaluation=str(Path(folder) / "evaluation.csv"),
            task=experiment.task,
            parameters={name: value or "" for name, value in experiment.parameters.items() if name != URI},
        )
        reply = await studio.engine.do(task)
        failure = reply.error
        experiment.state, experiment.details = ("failed", failure) if failure else ("finished", None)
        if not failure:
            experiment.model = studio.model_files.keep(model.read_bytes())
            experiment.metrics = {name: value for name, value in reply.metrics.items() if value is not None}
    studio.store.save(experiment)
    if experiment.details:
        raise outer_error("ModuleExecutionError", experiment.details)


def _trained(studio: Studio, key: str) -> Experiment:
    training = studio.store.find(Experiment, key)
    if training is None or training.kind != "training" or training.model is None:
        raise error("ValidationError", "the training experiment has not been run, so there is no trained model")
    return training


async def derive(studio: Studio, training: Experiment, body: bytes) -> Experiment:
    """A predictive experiment around the trained model, saved as `<name> [trained model]`. Raises: WireError."""
    request: Derivation = decode(body or b"{}", Derivation)
    check_new(studio, request.id)
    _trained(studio, training.id)
    experiment = Experiment(
        id=request.id or new_id(),
        created=time.time(),
        workspace=training.workspace,
        name=request.name or training.name + PREDICTIVE_SUFFIX,
        kind="predictive",
        task=training.task,
        label=training.label,
        parameters={},
        columns=tuple(column for column in training.columns if column.name != training.label),
        outputs=("scores",),
        state="finished",
        source=training.id,
        resource=(request.model_name or training.name) + MODEL_SUFFIX,
    )
    await _save_model(studio, experiment, training)
    studio.store.save(experiment)
    return experiment


async def _save_model(studio: Studio, experiment: Experiment, training: Experiment) -> None:
    location = studio.blobs.own_reference(f"{new_id()}/{new_id()}.ilearner")
    try:
        await studio.blobs.write(location, studio.model_files.read(training.model or ""))
    except Unreachable as failed:
        raise error("UnknownError", f"the workspace's storage cannot be written: {failed}") from failed
    experiment.model, experiment.location = training.model, location


def set_ports(studio: Studio, experiment: Experiment, body: bytes) -> None:
    """Adds web-service outputs to a training experiment (`output1`, `output2`, ... in the order given).

    With `data` = `uri` the data comes from the global parameter `URI` instead of an input. Raises: WireError.
    """
    request: Ports = decode(body, Ports)
    if experiment.kind != "training":
        raise error("WebServiceTypeInvalid", "a predictive experiment's ports are fixed")
    if (
        not request.outputs
        or len(set(request.outputs)) < len(request.outputs)
        or set(request.outputs) - {*OUTPUT_KINDS}
    ):
        raise error("BadParameterValue", "outputs", f"each of {' and '.join(OUTPUT_KINDS)} at most once is allowed")
    if request.data not in ("input", "uri"):
        raise error("BadParameterValue", "data", "input and uri are allowed")
    experiment.outputs, experiment.data = tuple(request.outputs), request.data
    own = {name: value for name, value in experiment.parameters.items() if name != URI}
    experiment.parameters = {URI: request.uri, **own} if request.data == "uri" else own
    experiment.revision += 1
    studio.store.save(experiment)
