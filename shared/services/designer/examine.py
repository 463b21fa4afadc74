"""What `retrain doctor` says of a pipeline: whether it is there, with the version and parameters that settings name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from retrain.findings import fail, ok
from retrain.ports import Diagnosis
from shared.services.designer.addresses import Pipeline
from shared.services.designer.pipelines import Pipelines
from shared.services.designer.shown import Shown, show


def looked_at(
    subject: str, pipelines: Pipelines, pipeline: Pipeline, filled: Mapping[str, str], fixed: Mapping[str, str]
) -> Iterator[Diagnosis]:
    """Looks at the pipeline. `filled`: parameters that we fill, by setting; `fixed`: those with a configured value.

    Raises what looking raises.
    """
    shown = show(pipelines.arm, pipelines.places, pipeline)
    yield ok(subject, _there(shown, pipeline))
    if not shown.published.usable:
        yield fail(subject, f"{pipeline.ident} is disabled; enable it, or name a version that is not")
    for setting, name in [*filled.items(), *(("parameters", name) for name in fixed)]:
        yield _parameter(subject, shown, setting, name)
    yield ok(subject, "its identity may see the pipeline; to run it, it needs AzureML Data Scientist as well")


def _there(shown: Shown, pipeline: Pipeline) -> str:
    if shown.endpoint is None:
        return f"published pipeline {shown.published.name or pipeline.ident} is there"
    which = "as named" if pipeline.version else "its default, which whoever publishes may move"
    return f"pipeline endpoint {shown.endpoint.name or pipeline.ident} is there, version {shown.version} ({which})"


def _parameter(subject: str, shown: Shown, setting: str, name: str) -> Diagnosis:
    there = shown.published.parameters
    if name in there:
        return ok(subject, f"parameter {name!r} is there; its default is {there[name]!r}")
    return fail(subject, f"{setting}: it has no parameter {name!r} (case counts). {shown.summary}")
