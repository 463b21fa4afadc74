"""The REST clients of Azure's own SDK (version 1), pointed at the stand-in.

Only their generated clients are loaded: the packages around them want other versions of half of what is installed here,
and sign in by HTTPS only. The clients themselves need msrest and nothing else.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from importlib import metadata
from typing import Any

from tests.programs import need_packages

_BARE = ("azureml", "azureml.pipeline", "azureml.pipeline.core", "azureml.pipeline.core._restclients")


def _module(distribution: str, bare: tuple[str, ...], name: str) -> Any:
    need_packages(distribution, "msrest")
    root = metadata.distribution(distribution).locate_file("")
    for package in bare:
        if package not in sys.modules:
            module = types.ModuleType(package)
            module.__path__ = [str(root.joinpath(*package.split(".")))]
            sys.modules[package] = module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what old code warns of as it is loaded is not ours
        return importlib.import_module(name)


class Workspace:
    """A workspace's parts as every call of the pipelines client wants them, and the header."""

    def __init__(self, scope: str, token: str):
        _, _, subscription, _, group, _, _, _, name = scope.split("/")
        self.place = (subscription, group, name)
        self.headers = {"Authorization": f"Bearer {token}"}


class Pipelines:
    """The client of the pipelines service, for one workspace: `call("GET", "/PipelineRuns/{pipelineRunId}", run)`."""

    def __init__(self, url: str, scope: str, token: str):
        module = _module("azureml-pipeline-core", _BARE, "azureml.pipeline.core._restclients.aeva")
        self._client, self._workspace = module.AMLPipelinesAPI10(url), Workspace(scope, token)
        self.models = pipeline_models()

    def call(self, verb: str, tail: str, *given: Any, **more: Any) -> Any:
        """The client's own method of that verb and address."""
        method = next(
            found
            for name in dir(self._client)
            if hasattr(found := getattr(self._client, name), "metadata")
            and found.metadata["url"].partition("{workspaceName}")[2] == tail
            and name.endswith((f"_{verb.lower()}", "_async"))
        )
        return method(*self._workspace.place, *given, custom_headers=self._workspace.headers, **more)


def pipeline_models() -> Any:
    """The models of its bodies and answers."""
    return _module("azureml-pipeline-core", _BARE, "azureml.pipeline.core._restclients.aeva.models")


class History:
    """The clients of run history, metrics and artifacts."""

    def __init__(self, url: str):
        bare = ("azureml", "azureml._restclient", "azureml._restclient.operations")
        models = _module("azureml-core", bare, "azureml._restclient.models")
        from msrest import Configuration, Deserializer, Serializer
        from msrest.service_client import ServiceClient

        kinds = {name: value for name, value in vars(models).items() if isinstance(value, type)}
        configuration = Configuration(url)
        wire = (ServiceClient(None, configuration), configuration, Serializer(kinds), Deserializer(kinds))

        def made(file: str, kind: str) -> Any:
            return getattr(_module("azureml-core", bare, f"azureml._restclient.operations.{file}"), kind)(*wire)

        self.models = models
        self.runs = made("run_operations", "RunOperations")
        self.metrics = made("metric_operations", "MetricOperations")
        self.artifacts = made("artifact_operations", "ArtifactOperations")
