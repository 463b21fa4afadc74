"""Invocations: reading a body in any casing, choosing the deployment, and the pipeline job that comes of it."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from local.services.azureml.batch.endpoints import scoring_uri
from local.services.azureml.batch.records import BatchDeployment, BatchEndpoint, BatchInvocation
from local.services.azureml.control import bindings, commands, pipelines
from local.services.azureml.control.bindings import lowered
from local.services.azureml.control.control import TYPE, Control, Json, system_data
from local.services.azureml.control.errors import wrong
from local.services.azureml.control.locations import NoSuchPlace, locate
from local.services.azureml.control.records import MlJob
from local.services.azureml.records import MlWorkspace, guid

NO_ROUTE = (
    "No valid deployments to route to. Please check that the endpoint has at least one deployment with positive weight "
    "values or use a deployment specific header to route."
)


def route(control: Control, endpoint: BatchEndpoint, named: str | None) -> BatchDeployment:
    """The deployment that a call means: the one of its header, or the default. Raises: WireError."""
    found = control.store.find(BatchDeployment, f"{endpoint.id}/{named or endpoint.default}")
    if found is None:
        raise wrong(control.switches["batchNoRoute"], NO_ROUTE)
    return found


def invoke(
    control: Control, workspace: MlWorkspace, endpoint: BatchEndpoint, deployment: BatchDeployment, body: Json
) -> MlJob:
    """A pipeline job of the deployment's component, checked but not begun. Raises: WireError, 400."""
    given = lowered(lowered(body).get("properties") or {})
    configuration = deployment.properties["deploymentConfiguration"]
    own = lowered(given.get("properties") or {})
    properties = {
        "jobType": "Pipeline",
        "displayName": given.get("name") or f"{endpoint.name}-{deployment.name}",
        "description": given.get("description") or f"Pipeline submission for endpoint: {endpoint.name}",
        "experimentName": own.get("experimentname") or endpoint.name,
        "componentId": deployment.component,
        "settings": configuration.get("settings") or {},
        "inputs": {name: _input(name, one) for name, one in (given.get("inputdata") or {}).items()},
        "outputs": {name: _output(one) for name, one in (given.get("outputdata") or {}).items()},
        "tags": {
            **(configuration.get("tags") or {}),
            **(given.get("tags") or {}),
            "azureml.batchrun": "true",
            "azureml.deploymentname": deployment.name,
        },
        "properties": {
            "azureml.runsource": "azureml.PipelineRun",
            "azureml.runLineageType": "batchDeployment",
            "runSource": "BatchDeployment",
            "runType": "HTTP",
            "azureml.pipelineComponent": "pipelinerun",
        },
    }
    _check(control, workspace, properties)
    return control.new_job(workspace, guid(), properties, endpoint=endpoint.name, deployment=deployment.name)


def _input(name: str, one: Any) -> Json:
    found = bindings.given(one)
    if found is None:
        raise wrong(400, f"Input {name} has neither a Uri nor a Value.")
    if found.type == bindings.LITERAL:
        return {"jobInputType": "literal", "value": found.value}
    return {"jobInputType": found.type, "uri": found.value}


def _output(one: Any) -> Json:
    found = bindings.wanted(one)
    return {"jobOutputType": found.type, "uri": found.uri}


def _check(control: Control, workspace: MlWorkspace, properties: Json) -> None:
    try:
        spec = pipelines.component_of(control.engine, workspace, properties["componentId"])
        for kind in ("inputs", "outputs"):
            _check_declared(kind, properties[kind], spec.get(kind) or {})
        pipelines.read(control.engine, workspace, properties)
        for one in (*properties["inputs"].values(), *properties["outputs"].values()):
            if one.get("uri"):
                locate(control.engine, workspace, one["uri"])
    except (NoSuchPlace, bindings.Unbound, commands.BadCommand) as cause:
        raise wrong(400, str(cause)) from cause


def _check_declared(kind: str, given: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise wrong(400, f"The deployment's pipeline has no {kind[:-1]} {unknown[0]!r}; it has {', '.join(declared)}.")


def earlier(control: Control, endpoint: BatchEndpoint, repeated: str) -> MlJob | None:
    """The job that an invocation of this id made before."""
    found = control.store.find(BatchInvocation, f"{endpoint.id}|{repeated}")
    if not repeated or found is None or control.switches["batchRepeated"] == "another":
        return None
    return control.store.find(MlJob, found.job)


def shown(control: Control, workspace: MlWorkspace, endpoint: BatchEndpoint, job: MlJob, request: web.Request) -> Json:
    """The job as the data plane shows it."""
    named = endpoint.name if control.switches["batchJobId"] == "named" else ""
    working = control.switches["runningStatus"]
    properties = job.properties
    studio = {"jobEndpointType": "Studio", "port": None, "endpoint": f"{scoring_uri(request, endpoint)}/{job.name}"}
    return {
        "id": f"{workspace.scope}/batchEndpoints/{named}/jobs/{job.name}",
        "name": job.name,
        "type": f"{TYPE}/batchEndpoints/jobs",
        "properties": {
            "provisioningState": "Succeeded",
            "status": working if job.status == "Running" else job.status,
            "name": properties.get("displayName"),
            "description": properties.get("description"),
            "inputData": {name: _data(one) for name, one in properties["inputs"].items()},
            "outputData": {name: _data(one) for name, one in properties["outputs"].items()},
            "interactionEndpoints": {"Studio": {**studio, "properties": None}},
            "tags": properties["tags"],
            "properties": properties["properties"],
        },
        "systemData": system_data(job.created, job.modified or job.created),
    }


_PASCAL = {
    "uri_file": "UriFile",
    "uri_folder": "UriFolder",
    "mltable": "MLTable",
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "triton_model": "TritonModel",
    "literal": "Literal",
}


def _data(one: Json) -> Json:
    return {name: _PASCAL.get(value, value) if name.endswith("Type") else value for name, value in one.items()}
