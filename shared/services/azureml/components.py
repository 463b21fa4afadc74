"""Scoring pipelines of Azure ML as components, and the same with a model that is fixed in them.

A pipeline component reads data and a model and writes scores. Whoever invokes a batch endpoint shall not have to know
which model is live, so a deployment runs a copy of the component in which the model is no input any more, but named in
the steps. Sources: azure-ai-ml, `PipelineComponent._to_rest_object`; machinelearningservices 2025-12-01, Components.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

from retrain.errors import BadConfiguration
from shared.services.azureml.assets import name_and_version
from shared.services.azureml.workspace import Workspace

Json = dict[str, Any]
_BOUND = re.compile(r"\$\{\{\s*parent\.inputs\.(\w+)\s*\}\}")


class Component:
    """A version of a pipeline component."""

    def __init__(self, ident: str, spec: Json) -> None:
        self.ident, self.spec = ident, spec

    @property
    def inputs(self) -> dict[str, Any]:
        """By name."""
        return self.spec.get("inputs") or {}

    @property
    def outputs(self) -> dict[str, Any]:
        """By name."""
        return self.spec.get("outputs") or {}

    def places(self, model: str) -> list[tuple[str, str]]:
        """(step, input) pairs that the input `model` fills.

        Raises:
            BadConfiguration: there is no such input, or nothing reads it.
        """
        if model not in self.inputs:
            raise BadConfiguration(f"{self.ident} has no input {model!r}; it has {', '.join(self.inputs) or 'none'}")
        found = [(step, name) for step, name, value in _inputs(self.spec) if _bound(value) == model]
        if not found:
            raise BadConfiguration(f"no step of {self.ident} reads its input {model!r}, so it scores without a model")
        return found

    def with_model(self, model: str, kind: str, asset: str) -> Json:
        """The specification with the model fixed where the input `model` filled a step's input."""
        spec = deepcopy(self.spec)
        for step, name in self.places(model):
            spec["jobs"][step]["inputs"][name] = {"job_input_type": kind, "uri": asset}
        spec["inputs"] = {name: one for name, one in self.inputs.items() if name != model}
        return spec

    def model_at(self, places: list[tuple[str, str]]) -> str:
        """The model that is fixed at these places; empty when none is."""
        here = {(step, name): value for step, name, value in _inputs(self.spec)}
        found = (here.get(place) for place in places)
        fixed = (one for one in found if isinstance(one, dict) and not _bound(one))
        return next((str(one.get("uri") or one.get("path") or "") for one in fixed), "")


class Components:
    """The components of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def show(self, reference: str) -> Component:
        """A component by NAME:VERSION or id.

        Raises:
            NotFound. BadConfiguration: it is no pipeline.
        """
        name, version = name_and_version(reference)
        found = self._workspace.call("GET", _tail(name, version), f"look at component {name}:{version}").json(Json)
        spec = (found.get("properties") or {}).get("componentSpec") or {}
        if spec.get("type") != "pipeline":
            kind = spec.get("type") or "none"
            raise BadConfiguration(f"component {name}:{version} is of type {kind}; a pipeline component is needed")
        return Component(f"component {name}:{version}", spec)

    def ensure(self, name: str, version: str, spec: Json) -> str:
        """The id of a component of ours; it is made unless it is there, for a version never changes."""
        tail = _tail(name, version)
        asked = f"look at component {name}:{version}"
        if self._workspace.find(tail, asked) is None:
            made = {"componentSpec": {**spec, "name": name, "version": version}, "tags": {"madeBy": "Retrain"}}
            self._workspace.call("PUT", tail, f"make component {name}:{version}", {"properties": made})
        return f"{self._workspace.path}/{tail}"


def _inputs(spec: Json) -> Iterator[tuple[str, str, Any]]:
    for step, job in (spec.get("jobs") or {}).items():
        for name, value in (job.get("inputs") or {}).items():
            yield step, name, value


def _bound(value: Any) -> str:
    """The input of the pipeline that a step's input is bound to, however that is written."""
    if isinstance(value, dict):
        value = value.get("value") or value.get("path") or value.get("uri")
    found = _BOUND.fullmatch(str(value).strip())
    return found[1] if found else ""


def _tail(name: str, version: str) -> str:
    return f"components/{quote(name, safe='')}/versions/{quote(version, safe='')}"
