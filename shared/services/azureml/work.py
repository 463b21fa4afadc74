"""What a job runs: a pipeline component, or a command; its inputs and outputs as Resource Manager spells them.

Batch endpoints spell the same in other words (`for_endpoint`). Nothing is called here.
Sources: machinelearningservices stable/2025-12-01, CommandJob, PipelineJob; how-to-access-data-batch-endpoints-jobs.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from shared.services.azureml.workspace import Workspace

Kind = Literal["uri_file", "uri_folder", "custom_model", "mlflow_model"]
PASCAL: Mapping[str, str] = {
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "literal": "Literal",
}
Json = dict[str, Any]


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One of `component` (a pipeline's, NAME:VERSION or an id) and `command` with its environment; and where it is."""

    component: str = ""
    command: str = ""
    environment: str = ""
    code: str = ""
    compute: str = ""

    def body(self, workspace: Workspace) -> Json:
        """The members of a job that say what runs, and where."""
        compute = workspace.compute(self.compute) if self.compute else None
        if self.component:
            settings = {"default_compute": compute} if compute else {}
            component = workspace.asset("components", self.component)
            return {"jobType": "Pipeline", "componentId": component, "settings": settings, "jobs": {}}
        body: Json = {"jobType": "Command", "command": self.command, "resources": {"instanceCount": 1}}
        body["environmentId"] = workspace.asset("environments", self.environment)
        if self.code:
            body["codeId"] = workspace.asset("codes", self.code)
        return {**body, "computeId": compute} if compute else body


def read_from(kind: Kind, uri: str) -> Json:
    """An input that is a file, a folder or a model."""
    return {"jobInputType": kind, "uri": uri, "mode": "ReadOnlyMount"}


def literal(value: str) -> Json:
    """An input that is a value."""
    return {"jobInputType": "literal", "value": value}


def written_to(kind: Kind, uri: str) -> Json:
    """An output, and where it goes."""
    return {"jobOutputType": kind, "uri": uri, "mode": "ReadWriteMount"}


def for_endpoint(given: Mapping[str, Json]) -> dict[str, Json]:
    """Inputs or outputs as the data plane of a batch endpoint spells them."""
    return {name: _pascal(one) for name, one in given.items()}


def _pascal(given: Json) -> Json:
    if "jobOutputType" in given:
        return {"JobOutputType": PASCAL[given["jobOutputType"]], "Uri": given["uri"]}
    kind = given["jobInputType"]
    value = {"Value": given["value"]} if kind == "literal" else {"Uri": given["uri"]}
    return {"JobInputType": PASCAL[kind], **value}
