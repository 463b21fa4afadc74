"""What a job must be before it is taken: members, expressions, and the assets and computes that it names."""

import re
from collections.abc import Iterator
from typing import Any

from local.services.azureml.control import assets, bindings, commands, pipelines
from local.services.azureml.control.errors import wrong
from local.services.azureml.control.locations import NoSuchPlace, asset_of, locate
from local.services.azureml.control.records import MlCompute
from local.services.azureml.records import MlWorkspace
from local.services.engine.engine import Engine

Json = dict[str, Any]
TYPES = ("Command", "Pipeline")
DATA = ("uri_file", "uri_folder", "mltable")
MODELS = ("custom_model", "mlflow_model", "triton_model")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
_COMPUTE = re.compile(r"(?:.*/computes/)?(?P<name>[^/]+)", re.IGNORECASE)


def check_job(engine: Engine, workspace: MlWorkspace, name: str, properties: Json) -> None:
    """Raises: WireError, 400, for the first thing that keeps the job from being run."""
    if not NAME.fullmatch(name):
        raise wrong(400, f"{name!r} cannot be a job's name: letters, digits, dashes and underscores, at most 255.")
    kind = properties.get("jobType")
    if kind not in TYPES:
        raise wrong(400, f"properties.jobType is {kind!r}; jobs run here are {' and '.join(TYPES)}.")
    try:
        _check_types(properties)
        _check_named(engine, workspace, properties)
        if kind == "Pipeline":
            pipelines.read(engine, workspace, properties)
        else:
            _check_command(engine, workspace, properties)
        if engine.switches["jobInputCheck"] == "put":
            _check_inputs(engine, workspace, properties)
    except (NoSuchPlace, bindings.Unbound, commands.BadCommand) as cause:
        raise wrong(400, str(cause)) from cause


def _check_types(properties: Json) -> None:
    for name, one in (properties.get("inputs") or {}).items():
        found = bindings.given(one)
        if found and found.type not in (bindings.LITERAL, *DATA, *MODELS):
            raise wrong(400, f"Input {name}: there is no jobInputType {found.type!r}.")
    for name, one in (properties.get("outputs") or {}).items():
        if bindings.wanted(one).type not in (*DATA, *MODELS):
            raise wrong(400, f"Output {name}: there is no jobOutputType {bindings.wanted(one).type!r}.")


def _check_named(engine: Engine, workspace: MlWorkspace, properties: Json) -> None:
    settings = properties.get("settings") or {}
    for compute in filter(None, (properties.get("computeId"), settings.get("default_compute"))):
        check_compute(engine, workspace, str(compute))


def check_compute(engine: Engine, workspace: MlWorkspace, compute: str) -> None:
    """Raises: WireError, 400, unless the workspace has the compute, or it is none that one has."""
    found = _COMPUTE.fullmatch(compute)
    name = found["name"] if found else compute
    if name.lower() == "serverless" or engine.store.find(MlCompute, assets.key(workspace, "computes", name)):
        return
    raise wrong(400, f"There is no compute {name!r} in workspace {workspace.name}.", "ComputeNotFound")


def _check_command(engine: Engine, workspace: MlWorkspace, properties: Json) -> None:
    for member in ("command", "environmentId"):
        if not properties.get(member):
            raise wrong(400, f"properties.{member} is needed for a Command job.")
    for member, collection in (("environmentId", "environments"), ("codeId", "codes")):
        named = properties.get(member)
        if named and "/registries/" not in str(named):  # what Microsoft publishes is taken to be there
            asset_of(engine, workspace, str(named), (collection,))
    inputs = {name: bindings.given(one) for name, one in (properties.get("inputs") or {}).items()}
    present = {name: one for name, one in inputs.items() if one is not None}
    outputs = {name: bindings.wanted(one) for name, one in (properties.get("outputs") or {}).items()}
    commands.check(str(properties["command"]), present, outputs)


def _check_inputs(engine: Engine, workspace: MlWorkspace, properties: Json) -> None:
    for uri in _uris(properties):
        locate(engine, workspace, uri)


def _uris(properties: Json) -> Iterator[str]:
    for one in (properties.get("inputs") or {}).values():
        found = bindings.given(one)
        if found and found.type != bindings.LITERAL:
            yield found.value
    for one in (properties.get("outputs") or {}).values():
        uri = bindings.wanted(one).uri
        if uri:
            yield uri
