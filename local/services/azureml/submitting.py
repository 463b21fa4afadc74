"""Submissions: reading `PipelineSubmissionInfo`, resolving its three maps of assignments, and making the run of it."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from local.services.azureml.azureml import AzureMl
from local.services.azureml.errors import Refused
from local.services.azureml.graphs import check, filled, takes_path
from local.services.azureml.records import (
    Graph,
    Location,
    MlWorkspace,
    Parameter,
    PipelineEndpoint,
    PipelineRun,
    PublishedPipeline,
    RegisteredDataset,
    guid,
)
from local.services.azureml.views import ENUMS

DATA_PATHS, TEXTS = "DataPathAssignments", "ParameterAssignments"


class DataSetReference(msgspec.Struct, rename="pascal", kw_only=True):
    """A registered dataset by id, or by name and version (the newest when it names none)."""

    id: str | None = None
    name: str | None = None
    version: str | None = None


class DataSetValue(msgspec.Struct, rename="pascal", kw_only=True):
    """One of these says which data is meant."""

    literal_value: Location | None = None
    data_set_reference: DataSetReference | None = None
    saved_data_set_reference: DataSetReference | None = None


class Submission(msgspec.Struct, rename="pascal", kw_only=True):
    """`PipelineSubmissionInfo`: everything is optional and may be null, unknown members are ignored."""

    experiment_name: str | None = None
    description: str | None = None
    run_source: str | None = None
    run_type: str | int | None = None
    parameter_assignments: dict[str, Any] | None = None
    data_path_assignments: dict[str, Location] | None = None
    data_set_definition_value_assignments: dict[str, DataSetValue] | None = None
    schedule_id: str | None = None
    continue_run_on_step_failure: bool | None = None
    tags: dict[str, Any] | None = msgspec.field(default=None, name="tags")
    pascal_tags: dict[str, Any] | None = msgspec.field(default=None, name="Tags")
    properties: dict[str, Any] | None = None


def read(body: bytes) -> Submission:
    """The body of a submit; none at all is an empty one. Raises: Refused."""
    try:
        return msgspec.json.decode(body or b"{}", type=Submission)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Refused(400, f"The request body is not a PipelineSubmissionInfo: {wrong}.") from wrong


def submit_pipeline(
    service: AzureMl, workspace: MlWorkspace, pipeline: PublishedPipeline, body: bytes, **more: str | None
) -> PipelineRun:
    """Begins a run of a published pipeline; `more`: endpoint, parent. Raises: Refused."""
    if not pipeline.active:
        status = service.switches["disabledPipeline"]
        raise Refused(status, f"The published pipeline {pipeline.id} is disabled; it cannot be submitted.")
    submission = read(body)
    run = _run(service, workspace, submission, pipeline.name, pipeline.graph, pipeline.parameters)
    run.pipeline, run.graph_id = pipeline.id, pipeline.graph_id
    run.endpoint, run.parent = more.get("endpoint"), more.get("parent")
    if submission.continue_run_on_step_failure is None:
        run.continue_on_failure = pipeline.continue_on_failure
    service.runs.submit(run)
    return run


def submit_endpoint(
    service: AzureMl, workspace: MlWorkspace, endpoint: PipelineEndpoint, version: str | None, body: bytes, **more: Any
) -> PipelineRun:
    """Begins a run of the endpoint's default version, or of the given one. Raises: Refused."""
    if not endpoint.active:
        status = service.switches["disabledPipeline"]
        raise Refused(status, f"The pipeline endpoint {endpoint.name} is disabled; it cannot be submitted.")
    pipeline = service.get(PublishedPipeline, workspace, version_of(endpoint, version), "published pipeline")
    return submit_pipeline(service, workspace, pipeline, body, endpoint=endpoint.id, **more)


def version_of(endpoint: PipelineEndpoint, version: str | None) -> str:
    """The id of the pipeline that a version (default: the default one) is. Raises: Refused."""
    wanted = endpoint.default if version is None else version
    if not wanted.isdecimal() or int(wanted) >= len(endpoint.versions):
        raise Refused(404, f"Pipeline endpoint {endpoint.name} has no version {wanted!r}.")
    return endpoint.versions[int(wanted)]


def submit_graph(
    service: AzureMl, workspace: MlWorkspace, name: str, graph: Graph, parameters: Mapping[str, Parameter], body: bytes
) -> PipelineRun:
    """Begins a run of a pipeline that was not published. Raises: Refused."""
    check(graph, parameters)
    run = _run(service, workspace, read(body), name, graph, parameters)
    service.runs.submit(run)
    return run


def _run(
    service: AzureMl,
    workspace: MlWorkspace,
    submission: Submission,
    name: str,
    graph: Graph,
    parameters: Mapping[str, Parameter],
) -> PipelineRun:
    data = _data(service, workspace, submission)
    texts = _texts(submission.parameter_assignments)
    _check_names(service, parameters, texts, data)
    experiment = submission.experiment_name or name
    return PipelineRun(
        id=guid(),
        created=time.time(),
        workspace=workspace.id,
        experiment=experiment,
        number=service.runs.number(workspace.id, experiment),
        graph_id=guid(),
        graph=filled(graph, parameters, {**texts, **data}),
        description=submission.description,
        source=submission.run_source or "",
        type=_run_type(submission.run_type),
        schedule=submission.schedule_id,
        continue_on_failure=bool(submission.continue_run_on_step_failure),
        assignments={name: texts.get(name, parameter.default) for name, parameter in parameters.items()},
        data=data,
        tags=_texts(submission.pascal_tags) | _texts(submission.tags),
        properties=_texts(submission.properties),
    )


def _texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: value if isinstance(value, str) else _text(value) for name, value in (given or {}).items()}


def _text(value: Any) -> str:
    return "" if value is None else msgspec.json.encode(value).decode()


def _run_type(given: str | int | None) -> str:
    known = ENUMS["RunType"]
    if isinstance(given, int):
        return known[given] if 0 <= given < len(known) else known[0]
    return given if given in known else known[0]


def _data(service: AzureMl, workspace: MlWorkspace, submission: Submission) -> dict[str, Location]:
    found = dict(submission.data_path_assignments or {})
    for name, value in (submission.data_set_definition_value_assignments or {}).items():
        reference = value.data_set_reference or value.saved_data_set_reference
        if value.literal_value is not None:
            found[name] = value.literal_value
        elif reference is not None:
            found[name] = _registered(service, workspace, reference)
        else:
            raise Refused(400, f"Data set assignment {name!r} names neither a path nor a data set.")
    return found


def _registered(service: AzureMl, workspace: MlWorkspace, reference: DataSetReference) -> Location:
    candidates = [
        dataset
        for dataset in service.store.all(RegisteredDataset, workspace=workspace.id)
        if (reference.id is None or dataset.id == reference.id)
        and (reference.name is None or dataset.name == reference.name)
        and (reference.version is None or dataset.version == reference.version)
    ]
    if not candidates or reference.id is reference.name is None:
        raise Refused(400, f"There is no data set {reference.id or reference.name} in workspace {workspace.name}.")
    return Location(datastore=candidates[-1].datastore, path=candidates[-1].path)


def _check_names(
    service: AzureMl, parameters: Mapping[str, Parameter], texts: Mapping[str, str], data: Mapping[str, Location]
) -> None:
    unknown = [name for name in (*texts, *data) if name not in parameters]
    status = service.switches["unknownParameter"]
    if unknown and status != "ignore":
        known = ", ".join(parameters) or "none"
        raise Refused(status, f"The pipeline has no parameter {unknown[0]!r}; it has {known}.")
    wanted = service.switches["pathAssignment"]
    misplaced = {DATA_PATHS: texts, TEXTS: data}.get(wanted, {})
    for name in misplaced:
        if name in parameters and takes_path(parameters[name]):
            raise Refused(400, f"Parameter {name!r} is a data path; give it in {wanted}.")
