"""Batch requests: reading `BatchExecutionRequest`, refusing what the service refused, and rendering a job's status."""

import time
from typing import Any

import msgspec

from local.services.engine import learners
from local.services.engine.blobs import BadConnectionString, Unreachable, account_of, expired, split_location
from local.services.engine.records import BlobReference, new_id
from local.services.studio.errors import error
from local.services.studio.records import STATUS_NUMBERS, Endpoint, Graph, Job, Port
from local.services.studio.studio import Studio

DATA_EXTENSIONS = (".csv", ".tsv")
MODEL_EXTENSIONS = (".ilearner",)
URI = "URI"


class BatchRequest(msgspec.Struct, rename="pascal", kw_only=True):
    """The body of a submit; everything is optional and may be null."""

    input: BlobReference | None = None
    inputs: dict[str, BlobReference | None] | None = None
    output: BlobReference | None = None
    outputs: dict[str, BlobReference | None] | None = None
    global_parameters: dict[str, str | int | float | bool | None] | None = None


async def job_of(studio: Studio, endpoint: Endpoint, body: bytes, version: str) -> Job:
    """A new job that the request describes, checked as a whole but not yet kept. Raises: WireError, 400."""
    try:
        request = msgspec.json.decode(body, type=BatchRequest)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise error("RequestBodyInvalid") from wrong
    job = Job(id=new_id(), created=time.time(), endpoint=endpoint.id, workspace=endpoint.workspace, version=version)
    job.inputs = _inputs(endpoint.graph, request)
    job.outputs = _outputs(studio, endpoint, request, job.id)
    job.parameters = parameters(endpoint.graph, request.global_parameters or {})
    if studio.switches["checkInputs"] == "submit":
        await _check_readable(studio, job)
    return job


def _inputs(graph: Graph, request: BatchRequest) -> dict[str, BlobReference]:
    if request.input is not None and request.inputs:
        raise error("DuplicateInputInBatchCall")
    given: dict[str, BlobReference | None] = dict(request.inputs or {})
    if request.input is not None:
        given = dict.fromkeys(graph.inputs[:1], request.input) or {"input1": request.input}
    unknown = [name for name in given if name not in graph.inputs]
    if unknown:
        raise error("InvalidInputNames", ", ".join(unknown), ", ".join(graph.inputs) or "none")
    missing = [name for name in graph.inputs if given.get(name) is None]
    if missing:
        raise error("BatchJobInputsNotSpecified", ", ".join(missing))
    known = {name: reference for name, reference in given.items() if reference is not None}
    for name, reference in known.items():
        check_reference(reference, DATA_EXTENSIONS, empty=("MissingInputBlobInformation", name))
        check_unexpired(reference)
    return known


def _outputs(studio: Studio, endpoint: Endpoint, request: BatchRequest, job: str) -> dict[str, BlobReference]:
    graph = endpoint.graph
    given: dict[str, BlobReference | None] = dict(request.outputs or {})
    if request.output is not None:
        given.setdefault(graph.outputs[0].name, request.output)
    names = [port.name for port in graph.outputs]
    for name in given:
        if name not in names:
            raise error("InvalidOutputOverrideName", name)
    return {port.name: _output(studio, endpoint, port, given.get(port.name), job) for port in graph.outputs}


def _output(studio: Studio, endpoint: Endpoint, port: Port, given: BlobReference | None, job: str) -> BlobReference:
    allowed = MODEL_EXTENSIONS if port.kind == "model" else DATA_EXTENSIONS
    if given is None:
        return studio.blobs.own_reference(f"{job}/{new_id()}{allowed[0]}", account=endpoint.storage)
    check_reference(given, allowed, empty=("MissingOutputOverrideSpecification", port.name))
    check_unexpired(given)
    return given


def check_reference(reference: BlobReference, extensions: tuple[str, ...], empty: tuple[str, str]) -> None:
    """Refuses a reference that cannot be meant; `empty` is the error for one that says nothing. Raises: WireError."""
    relative = reference.relative_location or ""
    if not relative and not reference.connection_string and not reference.base_location:
        raise error(*empty)
    if not reference.connection_string and not reference.base_location:
        raise error("InvalidBlob", relative)
    if reference.connection_string:
        _check_connection(reference.connection_string)
    try:
        split_location(relative)
    except ValueError as wrong:
        raise error("InputBlobRelativeLocationInvalid", relative) from wrong
    if not relative.lower().endswith(extensions):
        raise error("InvalidBlobExtension", relative, '", "'.join(extensions))


def check_unexpired(reference: BlobReference) -> None:
    """Raises: WireError (ExpiryTimeInThePast) for a SAS token that says it has ended."""
    if reference.sas_blob_token and not reference.connection_string and expired(reference.sas_blob_token, time.time()):
        raise error("ExpiryTimeInThePast", reference.relative_location)


def _check_connection(text: str) -> None:
    try:
        account_of(text)
    except BadConnectionString as wrong:
        # Only the names of its parts are repeated: the text holds a key.
        parts = [part.partition("=")[0] for part in text.split(";") if part]
        raise error("InvalidBlobConnectionString", ";".join(parts)) from wrong


def parameters(graph: Graph, given: dict[str, Any]) -> dict[str, str]:
    """All global parameters of a call, defaults filled in. Raises: WireError, 400."""
    unknown = [name for name in given if name not in graph.parameters]
    if unknown:
        raise error("UnexpectedParameter", ", ".join(unknown))
    values = {name: _text(given.get(name)) or default for name, default in graph.parameters.items()}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise error("MissingRequiredGlobalParameters", ", ".join(missing))
    complete = {name: value for name, value in values.items() if value is not None}
    if graph.kind == "training":
        _check_plan(graph.task, complete)
    return complete


def _text(value: Any) -> str | None:
    return None if value is None else value if isinstance(value, str) else f"{value}"


def _check_plan(task: str, values: dict[str, str]) -> None:
    try:
        learners.plan(task, values)
    except learners.BadParameter as wrong:
        raise error("UserParameterInvalid", wrong.name, wrong.wanted) from wrong
    if URI in values and not values[URI].lower().startswith(("http://", "https://")):
        raise error("UserParameterInvalid", URI, "it must be an http or https address")


async def _check_readable(studio: Studio, job: Job) -> None:
    for reference in job.inputs.values():
        try:
            await studio.blobs.check(reference)
        except Unreachable as failed:
            raise error("BlobNotFound", reference.relative_location, failed) from failed


def status_of(studio: Studio, endpoint: Endpoint, job: Job, version: str | None) -> dict[str, Any]:
    """`BatchExecutionStatus`, with fresh SAS tokens; the pre-2.0 form has one `Result`."""
    state = "NotStarted" if job.state == "Queued" else job.state
    word = studio.switches["cancelledSpelling"] if state == "Cancelled" else state
    numbered = studio.switches["statusEncoding"] == "number"
    status: dict[str, Any] = {"StatusCode": STATUS_NUMBERS[state] if numbered else word}
    results = _results(studio, endpoint, job) if state == "Finished" else None
    if version is None:
        status["Result"] = next(iter(results.values())) if results else None
    else:
        status["Results"] = results
    if job.details is not None or studio.switches["detailsWhenNull"] == "null":
        status["Details"] = job.details
    return status


def _results(studio: Studio, endpoint: Endpoint, job: Job) -> dict[str, Any]:
    lifetime = studio.switches["sasLifetime"]
    ports = [port.name for port in endpoint.graph.outputs if port.name in job.outputs]
    return {name: msgspec.to_builtins(studio.blobs.result(job.outputs[name], lifetime)) for name in ports}
