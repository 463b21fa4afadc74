"""What must be right about a pipeline before it may train for Retrain: asked before each run, and by a doctor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from retrain.findings import examined, fail, ok, warn
from retrain.ports import Diagnosis
from shared.services.data_factory.pipeline import Pipeline, keeps_suffix
from shared.services.data_factory.runs import Factory
from shared.services.studio.blobs import MODEL_SUFFIX

if TYPE_CHECKING:
    from shared.services.data_factory.trainer import DataFactorySettings

SUBJECT = "trainer"
INSTEAD = (
    "Replace it by a WebActivity or WebHook that calls Retrain (POST …/api/models/MODEL/promotions), or leave it out: "
    "Retrain puts a better model live by itself. See docs/howto/data-factory.md"
)


def examine(settings: DataFactorySettings, factory: Factory, name: str) -> Iterator[Diagnosis]:
    """Whether the pipeline is there, takes our parameters, keeps clear of production, and may be run by us."""
    return examined(SUBJECT, lambda: _pipeline(settings, factory, name), lambda: _rights(factory, name))


def _pipeline(settings: DataFactorySettings, factory: Factory, name: str) -> Iterator[Diagnosis]:
    pipeline = factory.pipeline(name)
    found = list(problems(settings, factory, name, pipeline))
    yield from (fail(SUBJECT, problem) for problem in found)
    if not found:
        yield ok(SUBJECT, f"pipeline {name} has the parameters that Retrain fills, and leaves production alone")
    if settings.model in pipeline.parameters and not pipeline.outputs(settings.model):
        about = f"no AzureMLBatchExecution of pipeline {name} writes to the parameter {settings.model!r}"
        yield warn(SUBJECT, f"{about}; all is well if another activity does")


def _rights(factory: Factory, name: str) -> Iterator[Diagnosis]:
    next(factory.runs(name, datetime.now(UTC)), None)
    yield ok(SUBJECT, "the app's identity may ask for the pipeline's runs")


def problems(
    settings: DataFactorySettings, factory: Factory, name: str, pipeline: Pipeline, more: Iterable[str] = ()
) -> Iterator[str]:
    """What keeps the pipeline from training for us; `more` are further parameters that a run gives."""
    wanted, there = {*filter(None, settings.names()), *settings.parameters, *more}, pipeline.parameters
    if missing := sorted(wanted - there.keys()):
        listed = ", ".join(there) or "none"
        yield f"pipeline {name} has no parameter {', '.join(missing)}; it has {listed} (case matters)"
    if unfilled := sorted(pipeline.required() - wanted):
        yield f"pipeline {name} needs a value for {', '.join(unfilled)}; set it in `parameters`"
    for path in pipeline.outputs(settings.model):
        if not keeps_suffix(path, settings.model):
            yield f"the model's path is {path}, which does not end in {MODEL_SUFFIX}; correct the activity's filePath"
    yield from _updates(factory, name, pipeline)


def _updates(factory: Factory, name: str, pipeline: Pipeline) -> Iterator[str]:
    """Activities that would go round the gate, in the pipeline and in those that it runs."""
    todo, known = [(name, pipeline)], {name}
    while todo:
        owner, one = todo.pop()
        for activity in one.updates():
            yield (
                f"activity {activity!r} of pipeline {owner} is an AzureMLUpdateResource: it would put every model live "
                f"without the gate. {INSTEAD}"
            )
        fresh = sorted(set(one.children()) - known)
        known |= {*fresh}
        todo += [(child, factory.pipeline(child)) for child in fresh]
