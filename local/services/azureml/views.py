"""What the pipelines service shows of its records: PascalCase, enums as texts or numbers."""

from collections.abc import Mapping
from typing import Any

import msgspec

from local.services.azureml.records import (
    Location,
    MlWorkspace,
    PipelineEndpoint,
    PipelineRun,
    PublishedPipeline,
    StepRun,
)
from local.services.engine.records import wire_time
from local.services.engine.switches import Switches

Json = dict[str, Any]
ENUMS: dict[str, tuple[str, ...]] = {
    "StatusCode": ("NotStarted", "Running", "Failed", "Finished", "Canceled"),
    "NodeStatusCode": (
        "NotStarted",
        "Queued",
        "Running",
        "Failed",
        "Finished",
        "Canceled",
        "PartiallyExecuted",
        "Bypassed",
    ),
    "UploadState": ("Uploading", "Completed", "Canceled", "Failed"),
    "RunType": ("HTTP", "SDK", "Schedule", "Portal"),
    "EntityStatus": ("Active", "Deprecated", "Disabled"),
}
"""Each enum's members in the order of their numbers."""
_EPOCH = "1970-01-01T00:00:00"


class Views:
    """The views of one request: how enums are written, and under which address the service is reached."""

    def __init__(self, switches: Switches, origin: str):
        self._switches, self._origin = switches, origin

    def enum(self, kind: str, value: str) -> str | int:
        """One enum member."""
        return ENUMS[kind].index(value) if self._switches["enumEncoding"] == "number" else value

    def base(self, workspace: MlWorkspace) -> str:
        """The base address of the pipelines service."""
        return f"{self._origin}/pipelines/v1.0{workspace.scope}"

    def pipeline(self, workspace: MlWorkspace, pipeline: PublishedPipeline) -> Json:
        """PipelineEntity."""
        return {
            "Name": pipeline.name,
            "Description": pipeline.description,
            "Version": pipeline.version,
            "GraphId": pipeline.graph_id,
            "TotalRunSteps": len(pipeline.graph.nodes),
            "ParameterAssignments": {name: parameter.default for name, parameter in pipeline.parameters.items()},
            "DataSetDefinitionValueAssignments": {},
            "Url": f"{self.base(workspace)}/PipelineRuns/PipelineSubmit/{pipeline.id}",
            "ContinueRunOnStepFailure": pipeline.continue_on_failure,
            "Properties": {},
            "EnableNotification": False,
            **self._entity(pipeline.id, pipeline.active, pipeline.created, pipeline.modified),
        }

    def endpoint(self, workspace: MlWorkspace, endpoint: PipelineEndpoint) -> Json:
        """PipelineEndpointEntity."""
        versions = [{"Version": str(number), "PipelineId": key} for number, key in enumerate(endpoint.versions)]
        return {
            "Name": endpoint.name,
            "DefaultVersion": endpoint.default,
            "Description": endpoint.description,
            "PipelineVersionList": versions,
            "Url": f"{self.base(workspace)}/PipelineRuns/PipelineEndpointSubmit/Id/{endpoint.id}",
            "SwaggerUrl": f"{self._origin}/pipelines/swagger/pipelineendpointsubmit/swagger.json",
            "Properties": {},
            "tags": endpoint.tags,
            **self._entity(endpoint.id, endpoint.active, endpoint.created, endpoint.modified),
        }

    def run(self, run: PipelineRun) -> Json:
        """PipelineRunEntity."""
        shown = self._run(run)
        return _camel(shown) if self._switches["runCasing"] == "camel" else shown

    def _run(self, run: PipelineRun) -> Json:
        member = self._switches["dataSetMember"]
        entity = self._entity(run.id, True, run.created, run.modified)
        if self._switches["createdDate"] == "epoch":
            entity["CreatedDate"] = _EPOCH
        return {
            "Description": run.description,
            "Status": self._status(run),
            "GraphId": run.graph_id,
            "IsSubmitted": run.status != "NotStarted",
            "HasErrors": run.status == "Failed",
            "HasWarnings": False,
            "UploadState": self.enum("UploadState", "Completed"),
            "ParameterAssignments": run.assignments,
            member: {name: {"LiteralValue": location} for name, location in _plain(run.data).items()},
            "RunHistoryExperimentName": run.experiment,
            "PipelineId": run.pipeline,
            "RunSource": run.source,
            "RunType": self.enum("RunType", run.type),
            "TotalRunSteps": len(run.graph.nodes),
            "ScheduleId": run.schedule,
            "tags": run.tags or None,
            "Properties": run.properties,
            **entity,
        }

    def _status(self, run: PipelineRun) -> Json | None:
        if run.status == "NotStarted" and self._switches["newRunStatus"] == "null":
            return None
        return {
            "StatusCode": self.enum("StatusCode", run.status),
            "StatusDetail": run.detail,
            "CreationTime": wire_time(run.created),
            "EndTime": _time(run.ended),
        }

    def step(self, step: StepRun) -> Json:
        """TaskStatus."""
        return {
            "ReuseInfo": None,
            "StatusCode": self.enum("NodeStatusCode", step.status),
            "StatusDetail": step.detail,
            "CreationTime": wire_time(step.created),
            "ScheduleTime": _time(step.queued),
            "StartTime": _time(step.started),
            "EndTime": _time(step.ended),
            "RequestId": None,
            "RunId": step.id,
            "RealTimeLogPath": None,
            "HasWarnings": False,
        }

    def _entity(self, key: str, active: bool, created: float, modified: float) -> Json:
        return {
            "EntityStatus": self.enum("EntityStatus", "Active" if active else "Disabled"),
            "Id": key,
            "Etag": f'"{int((modified or created) * 1000):x}"',
            "CreatedDate": wire_time(created),
            "LastModifiedDate": wire_time(modified or created),
        }


def _plain(data: Mapping[str, Location]) -> dict[str, Json]:
    plain: dict[str, Json] = msgspec.to_builtins(dict(data))
    return plain


def _camel(entity: Json) -> Json:
    status = entity["Status"] and _lowered(entity["Status"])
    return {**_lowered(entity), "status": status}


def _lowered(members: Json) -> Json:
    return {name[:1].lower() + name[1:]: value for name, value in members.items()}


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else wire_time(seconds)
