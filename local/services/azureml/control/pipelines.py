"""Pipeline jobs: their steps, what the steps are bound to, in which order they come, and each step as a job."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec

from local.services.azureml.control import commands
from local.services.azureml.control.bindings import LITERAL, Given, Unbound, Wanted, bound, given, steps_needed, wanted
from local.services.azureml.control.locations import asset_of
from local.services.azureml.records import MlWorkspace
from local.services.engine.engine import Engine

Json = dict[str, Any]


class StepSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A step: its component (or the command itself), and what goes in and out, bound or not."""

    spec: Json
    component: str | None
    inputs: dict[str, Given]
    outputs: dict[str, Wanted]


class Pipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A pipeline with its inputs' values, defaults filled in."""

    inputs: dict[str, Given]
    outputs: dict[str, Wanted]
    steps: dict[str, StepSpec]
    continue_on_failure: bool


def read(engine: Engine, workspace: MlWorkspace, properties: Json) -> Pipeline:
    """The pipeline of a job, or of the component it names. Raises: NoSuchPlace, Unbound, commands.BadCommand."""
    spec = component_of(engine, workspace, properties["componentId"]) if properties.get("componentId") else {}
    inputs = {**_defaults(spec), **_present(properties.get("inputs"))}
    declared = spec.get("inputs") or {}
    lacking = [name for name, one in declared.items() if name not in inputs and not (one or {}).get("optional")]
    if lacking:
        raise Unbound(f"Input {lacking[0]!r} is needed.")
    outputs = {name: wanted(one) for name, one in (spec.get("outputs") or {}).items()}
    for name, one in (properties.get("outputs") or {}).items():
        placed = wanted(one)
        outputs[name] = Wanted(outputs[name].type, placed.uri) if name in outputs and one is None else placed
    jobs = properties.get("jobs") or spec.get("jobs") or {}
    if not jobs:
        raise Unbound("The pipeline has no steps.")
    steps = {name: _step(engine, workspace, step) for name, step in jobs.items()}
    settings = properties.get("settings") or {}
    lenient = str(settings.get("continue_on_step_failure", settings.get("ContinueRunOnStepFailure", False)))
    found = Pipeline(inputs=inputs, outputs=outputs, steps=steps, continue_on_failure=lenient.lower() == "true")
    _check(found)
    return found


def component_of(engine: Engine, workspace: MlWorkspace, name: str) -> Json:
    """What a component says of itself. Raises: NoSuchPlace."""
    spec: Json = asset_of(engine, workspace, name, ("components",)).properties["componentSpec"]
    return spec


def _defaults(spec: Json) -> dict[str, Given]:
    defaults = {name: (one or {}).get("default") for name, one in (spec.get("inputs") or {}).items()}
    return {name: Given(LITERAL, _text(value)) for name, value in defaults.items() if value is not None}


def _text(value: Any) -> str:
    found = given(value)
    return found.value if found else ""


def _present(inputs: Mapping[str, Any] | None) -> dict[str, Given]:
    found = {name: given(one) for name, one in (inputs or {}).items()}
    return {name: one for name, one in found.items() if one is not None}


def _step(engine: Engine, workspace: MlWorkspace, step: Json) -> StepSpec:
    named = step.get("componentId") or step.get("component_id") or step.get("component")
    spec = component_of(engine, workspace, named) if isinstance(named, str) else named or step
    types = {name: wanted(one).type for name, one in (spec.get("outputs") or {}).items()}
    given_outputs = {name: wanted(one) for name, one in (step.get("outputs") or {}).items() if one is not None}
    outputs = {
        name: Wanted(kind, given_outputs[name].uri if name in given_outputs else None) for name, kind in types.items()
    }
    return StepSpec(
        spec=spec,
        component=named if isinstance(named, str) else None,
        inputs={**_defaults(spec), **_present(step.get("inputs"))},
        outputs={**given_outputs, **outputs},
    )


def _check(pipeline: Pipeline) -> None:
    order(pipeline)
    for name, step in pipeline.steps.items():
        for value in _values(step):
            _check_bound(pipeline, name, value)
        if step.spec.get("command"):
            commands.check(str(step.spec["command"]), step.inputs, step.outputs)


def _values(step: StepSpec) -> Iterator[str]:
    yield from (one.value for one in step.inputs.values())
    yield from (one.uri for one in step.outputs.values() if one.uri)


def _check_bound(pipeline: Pipeline, step: str, value: str) -> None:
    match bound(value):
        case None:
            known = True
        case ("parent", "inputs", name):
            known = name in pipeline.inputs
        case ("parent", "outputs", name):
            known = name in pipeline.outputs
        case ("parent", "jobs", other, "outputs", name):
            known = name in pipeline.steps[other].outputs
        case _:
            known = False
    if not known:
        raise Unbound(f"Step {step}: {value} binds to nothing that the pipeline has.")


def order(pipeline: Pipeline) -> list[str]:
    """The steps, each after those it needs. Raises: Unbound."""
    needs = {name: needed(step) for name, step in pipeline.steps.items()}
    unknown = set().union(*needs.values()) - set(needs)
    if unknown:
        raise Unbound(f"There is no step {min(unknown)!r}; there are {', '.join(needs)}.")
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as circle:
        raise Unbound(f"The steps go round in a circle: {', '.join(circle.args[1])}.") from circle


def needed(step: StepSpec) -> set[str]:
    """The steps whose outputs this one reads."""
    return steps_needed(_values(step))


def properties_of(
    pipeline: Pipeline, name: str, outputs: Mapping[str, str], made: Mapping[str, Mapping[str, str]], experiment: str
) -> Json:
    """A step as a job of its own. `outputs`: URIs of the pipeline's; `made`: those of the steps before."""
    step = pipeline.steps[name]
    types = {key: str((one or {}).get("type", "")) for key, one in (step.spec.get("inputs") or {}).items()}
    inputs = {key: _resolved(pipeline, one, types.get(key, ""), made) for key, one in step.inputs.items()}
    body: Json = {
        "jobType": "Pipeline" if step.spec.get("type") == "pipeline" else "Command",
        "displayName": name,
        "experimentName": experiment,
        "componentId": step.component,
        "inputs": {key: one for key, one in inputs.items() if one is not None},
        "outputs": {key: _target(one, outputs) for key, one in step.outputs.items()},
    }
    own = {key: step.spec[key] for key in ("command", "jobs", "settings") if step.spec.get(key)}
    return body if step.component and body["jobType"] == "Pipeline" else {**body, **own}


def _resolved(pipeline: Pipeline, one: Given, declared: str, made: Mapping[str, Mapping[str, str]]) -> Json | None:
    match bound(one.value):
        case ("parent", "inputs", name):
            if name not in pipeline.inputs:
                return None
            one = pipeline.inputs[name]
        case ("parent", "jobs", step, "outputs", name):
            one = Given(pipeline.steps[step].outputs[name].type, made[step][name])
    if (one.type == LITERAL and declared.startswith(("uri_", "mltable"))) or declared.endswith("_model"):
        one = Given(declared, one.value)
    if one.type == LITERAL:
        return {"jobInputType": LITERAL, "value": one.value}
    return {"jobInputType": one.type, "uri": one.value}


def _target(one: Wanted, outputs: Mapping[str, str]) -> Json:
    match bound(one.uri or ""):
        case ("parent", "outputs", name):
            return {"jobOutputType": one.type, "uri": outputs[name]}
    return {"jobOutputType": one.type, "uri": one.uri}
