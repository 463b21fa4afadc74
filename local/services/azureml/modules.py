"""What each module does when its step runs: data in, data out. Tables are worked on in the engine's workers.

A dataset between steps is a file and the name it had: the bytes of what was imported reach Train Model unchanged
unless a module in between changes them.
"""

import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from local.services.azureml.catalogue import MODULES, TRAINERS
from local.services.azureml.records import Datastore, StepRun
from local.services.engine import learners
from local.services.engine.blobs import Unreachable, split_location
from local.services.engine.engine import Engine
from local.services.engine.records import BlobReference
from local.services.engine.store import Files
from local.services.engine.tasks import Reply, Task

WORK = "local.services.azureml.table_work:"
LARGEST_MODEL = 1 << 30
ILEARNER = ".ilearner"


class StepFailed(Exception):
    """The step ends as Failed; the message tells its author why."""


class Dataset(NamedTuple):
    """A table: its file, the name that says how to read it, and for a scored one the model's file."""

    path: Path
    location: str
    model: Path | None = None


class Untrained(NamedTuple):
    """A learner and its parameters."""

    task: str
    parameters: dict[str, str]


class Step:
    """One module at work: its fields, what comes in, where it may keep files, and what it says."""

    def __init__(
        self, engine: Engine, record: StepRun, fields: Mapping[str, str], inputs: Mapping[str, Any], folder: Path
    ):
        self.engine, self.record, self.folder = engine, record, folder
        self.fields = {name: field.default or "" for name, field in MODULES[record.module].fields.items()} | {**fields}
        self.inputs = inputs
        self.kept: dict[str, bytes] = {}  # artifacts to keep, by path

    def check(self) -> None:
        """Raises: StepFailed for the first field whose value cannot be."""
        for name, field in MODULES[self.record.module].fields.items():
            try:
                field.check(self.fields[name])
            except ValueError as wrong:
                raise StepFailed(f"{name}: {wrong}.") from wrong
            if field.default is None and not self.fields[name]:
                raise StepFailed(f"{name}: a value is needed.")

    def say(self, line: str) -> None:
        """A line of the step's log."""
        self.record.out += line + "\n"

    async def do(self, task: Task) -> Reply:
        """Has a worker do it. Raises: StepFailed."""
        reply = await self.engine.do(task)
        if reply.error:
            raise StepFailed(reply.error)
        return reply

    async def work(self, name: str, dataset: Dataset, files: Mapping[str, Path] | None = None) -> Dataset:
        """Has a worker make one table of another. Raises: StepFailed."""
        output = self.folder / "out.csv"
        more = {key: str(path) for key, path in (files or {}).items()}
        task = Task(
            data=str(dataset.path),
            location=dataset.location,
            output=str(output),
            parameters=self.fields,
            call=WORK + name,
            files=more,
        )
        await self.do(task)
        return Dataset(output, output.name)

    def blob(self, datastore: str, path: str) -> BlobReference:
        """A file of a datastore. Raises: StepFailed."""
        store = self.engine.store.find(Datastore, f"{self.record.workspace}/{datastore}")
        if store is None:
            raise StepFailed(f"There is no datastore {datastore!r} in the workspace.")
        if not path.strip("/"):
            raise StepFailed("Path: name a file of the datastore.")
        return place(self.engine, store, path)


def place(engine: Engine, store: Datastore, path: str) -> BlobReference:
    """A file of the datastore, for reading and writing."""
    if store.connection is None:
        return engine.blobs.own_reference(path.lstrip("/"), store.container)
    return BlobReference(connection_string=store.connection, relative_location=f"{store.container}/{path.lstrip('/')}")


async def _import(step: Step) -> dict[str, Any]:
    fields, path = step.fields, step.folder / "data"
    try:
        if fields["Data source"] == "Datastore":
            location = fields["Path"]
            await step.engine.blobs.fetch(step.blob(fields["Datastore"], location), path)
        else:
            location = fields["Data source URL"].partition("?")[0]
            await step.engine.blobs.fetch_url(fields["Data source URL"], path)
    except Unreachable as failed:
        raise StepFailed(f"Unable to read {location!r}: {failed}.") from failed
    step.say(f"Imported {path.stat().st_size} bytes from {location}")
    return {"Results dataset": Dataset(path, location)}


async def _select(step: Step) -> dict[str, Any]:
    return {"Results dataset": await step.work("select", step.inputs["Dataset"])}


async def _clean(step: Step) -> dict[str, Any]:
    return {"Cleaned dataset": await step.work("clean", step.inputs["Dataset"])}


async def _split(step: Step) -> dict[str, Any]:
    second = step.folder / "second.csv"
    first = await step.work("split", step.inputs["Dataset"], {"second": second})
    return {"Results dataset1": first, "Results dataset2": Dataset(second, second.name)}


async def _learner(step: Step) -> dict[str, Any]:
    trainer = TRAINERS[step.record.module]
    learner = trainer.learner
    given = {parameter: step.fields[name] for name, parameter in trainer.fields.items()}
    if learner == "ridge" and _is_zero(given["L2 Weight"]):
        learner, given = "linear-regression", {**given, "L2 Weight": learners.PARAMETERS["L2 Weight"].default}
    return {"Untrained model": Untrained(trainer.task, {**given, "Learner": learner})}


def _is_zero(value: str) -> bool:
    try:
        return float(value) == 0
    except ValueError:
        return False


async def _train(step: Step) -> dict[str, Any]:
    untrained: Untrained = step.inputs["Untrained model"]
    dataset: Dataset = step.inputs["Dataset"]
    own = {name: step.fields[name] for name in ("Positive Class", "Excluded Columns", "Categorical Columns")}
    values = learners.defaults(untrained.task, step.fields["Label column"], None, {**untrained.parameters, **own})
    model = step.folder / f"model{ILEARNER}"
    parameters = {name: value or "" for name, value in values.items()}
    await step.do(
        Task(
            data=str(dataset.path),
            location=dataset.location,
            output=str(model),
            task=untrained.task,
            parameters=parameters,
        )
    )
    content = model.read_bytes()
    step.kept[f"trained_model_outputs/model{ILEARNER}"] = content
    spec = {"flavor": {"name": "retrain.ilearner"}, "model_file": model.name, "parameters": parameters}
    step.kept["trained_model_outputs/model_spec.yaml"] = msgspec.json.encode(spec)  # JSON is YAML
    step.say(f"Trained {parameters['Learner']} for {parameters['Label']}: {len(content)} bytes")
    return {"Trained model": model}


async def _trained(step: Step) -> dict[str, Any]:
    reference = step.blob(step.fields["Datastore"], step.fields["Path"])
    content = await _read(step, reference)
    if content.lstrip()[:1] == b"{":
        named = _pointed(content, step.fields["Path"])
        step.say(f"{step.fields['Path']} names {named}")
        content = await _read(step, msgspec.structs.replace(reference, relative_location=named))
    model = step.folder / f"model{ILEARNER}"
    model.write_bytes(content)
    return {"Trained model": model}


async def _read(step: Step, reference: BlobReference) -> bytes:
    try:
        return await step.engine.blobs.read(reference, LARGEST_MODEL)
    except Unreachable as failed:
        raise StepFailed(f"Unable to read {reference.relative_location!r}: {failed}.") from failed


def _pointed(content: bytes, path: str) -> str:
    try:
        named = msgspec.json.decode(content)["model"]
        split_location(named)
    except (msgspec.DecodeError, KeyError, AttributeError, ValueError) as wrong:
        raise StepFailed(f'{path} is neither a model nor JSON {{"model": "container/path"}}: {wrong}.') from wrong
    return str(named)


async def _score(step: Step) -> dict[str, Any]:
    model: Path = step.inputs["Trained model"]
    dataset: Dataset = step.inputs["Dataset"]
    files, output = Files(step.folder / "models", ILEARNER), step.folder / "scored.csv"
    sha = files.keep(model.read_bytes())
    await step.do(
        Task(
            data=str(dataset.path),
            location=dataset.location,
            output=str(output),
            model=sha,
            models=str(files.path(sha).parent),
        )
    )
    return {"Scored dataset": Dataset(output, output.name, model)}


async def _evaluate(step: Step) -> dict[str, Any]:
    files: dict[str, str] = {}
    for port, name in (("Scored dataset", ""), ("Scored dataset to compare", "other")):
        dataset: Dataset | None = step.inputs.get(port)
        if dataset is None:
            continue
        if dataset.model is None:
            raise StepFailed(f"{port}: connect it to a Score Model; other tables have no scores.")
        files |= {name or "data": str(dataset.path), f"{name} model".strip(): str(dataset.model)}
    output = step.folder / "evaluation.csv"
    task = Task(data=files.pop("data"), location="", output=str(output), call=f"{WORK}evaluate", files=files)
    reply = await step.do(task)
    step.record.metrics = {name: value for name, value in reply.metrics.items() if value is not None}
    for name, value in step.record.metrics.items():
        step.say(f"{name}: {value}")
    return {"Evaluation results": Dataset(output, output.name)}


async def _export(step: Step) -> dict[str, Any]:
    dataset, target = step.inputs["Dataset"], step.fields["Path"]
    output = step.folder / f"out{_form(target)}"
    if _form(dataset.location) == _form(target) and ".nh." not in dataset.location.lower():
        shutil.copyfile(dataset.path, output)
    else:
        await step.do(
            Task(data=str(dataset.path), location=dataset.location, output=str(output), call=f"{WORK}convert")
        )
    reference = step.blob(step.fields["Datastore"], target)
    try:
        await step.engine.blobs.write(reference, output.read_bytes())
    except Unreachable as failed:
        raise StepFailed(f"Unable to write {target!r}: {failed}.") from failed
    step.say(f"Exported {output.stat().st_size} bytes to {target}")
    return {}


def _form(location: str) -> str:
    return ".tsv" if location.lower().endswith(".tsv") else ".csv"


RUN: dict[str, Callable[[Step], Awaitable[dict[str, Any]]]] = {
    **dict.fromkeys(TRAINERS, _learner),
    "Import Data": _import,
    "Select Columns in Dataset": _select,
    "Clean Missing Data": _clean,
    "Split Data": _split,
    "Train Model": _train,
    "Trained Model": _trained,
    "Score Model": _score,
    "Evaluate Model": _evaluate,
    "Export Data": _export,
}
