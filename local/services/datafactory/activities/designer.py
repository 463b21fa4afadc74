"""AzureMLExecutePipeline: a published pipeline of Azure ML (v1), by the linked service `AzureMLService`.

Where the workspace's services are is asked of the workspace. The codes of errors are those of the troubleshooting
guide.
"""

from typing import Any
from urllib.parse import quote

from local.services.datafactory.calls import Reply
from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import INTERRUPTED, ActivityFailed
from local.services.datafactory.identity import bearer

_STATES = {0: "notstarted", 1: "running", 2: "failed", 3: "finished", 4: "canceled"}
_CODES = {401: "4121", 403: "4122", 400: "4123", 404: "4124"}


async def do(doing: Doing) -> Any:
    """Submits the pipeline and waits for its end. Raises: ActivityFailed."""
    key = await bearer(doing, doing.service)
    run = doing.memory.get("amlRun") or await _submit(doing, key)
    while True:
        reply = await doing.look(f"{doing.memory['base']}/PipelineRuns/{run}", key)
        if reply is not None and not reply.ok:
            raise _refused("GetPipelineRun", reply)
        code = ((reply.json() if reply else {}).get("Status") or {}).get("StatusCode")
        state = _STATES.get(code, str(code).lower())
        if state == "finished":
            return {"mlPipelineRunId": run, "status": "Finished"}
        if state in ("failed", "canceled", "cancelled"):
            raise ActivityFailed(
                "4126",
                f"Azure ML pipeline run failed with status: '{state}'. Azure ML pipeline run Id: '{run}'. Please check "
                "in Azure Machine Learning for more error logs.",
            )
        await doing.pause()


async def stop(doing: Doing) -> None:
    """Cancels the pipeline's run, if there is one."""
    if "amlRun" in doing.memory:
        url = f"{doing.memory['base']}/PipelineRuns/{doing.memory['amlRun']}/Execution"
        await doing.send("DELETE", url, await bearer(doing, doing.service))


async def _submit(doing: Doing, key: dict[str, Any]) -> str:
    if doing.memory.get("sent"):
        raise ActivityFailed(
            INTERRUPTED,
            "The factory was restarted while it submitted the run; it is not submitted twice.",
            "SystemError",
        )
    base = await _base(doing, key)
    doing.remember(base=base, sent=True)
    reply = await doing.send("POST", base + _route(doing), key, _order(doing))
    if not reply.ok:
        raise _refused("SubmitPipelineRun", reply)
    run = str(reply.json()["Id"])
    doing.remember(amlRun=run)
    return run


def _route(doing: Doing) -> str:
    given = doing.properties
    parent = f"?parentRunId={quote(str(given['mlParentRunId']), safe='')}" if given.get("mlParentRunId") else ""
    if given.get("mlPipelineEndpointId"):
        version = f"/{given['version']}" if given.get("version") not in (None, "") else ""
        return f"/PipelineRuns/PipelineEndpointSubmit/Id/{given['mlPipelineEndpointId']}{version}{parent}"
    if not given.get("mlPipelineId"):
        raise ActivityFailed(
            "4101",
            f"AzureMLExecutePipeline activity '{doing.record.name}' has invalid value for property 'mlPipelineId'.",
        )
    return f"/PipelineRuns/PipelineSubmit/{given['mlPipelineId']}{parent}"


def _order(doing: Doing) -> dict[str, Any]:
    given = doing.properties
    parameters = given.get("mlPipelineParameters") or {}
    order: dict[str, Any] = {
        "ExperimentName": given.get("experimentName") or doing.run.pipeline,
        "RunSource": "AzureDataFactory",
        "ParameterAssignments": {name: str(value) for name, value in parameters.items()},
        "tags": {"pipelineRunId": doing.run.id, "activityRunId": doing.record.id},
    }
    if given.get("dataPathAssignments"):
        order["DataPathAssignments"] = given["dataPathAssignments"]
    if given.get("continueOnStepFailure") is not None:
        order["ContinueRunOnStepFailure"] = str(given["continueOnStepFailure"]).lower() == "true"
    return order


async def _base(doing: Doing, key: dict[str, Any]) -> str:
    """Where the workspace's pipelines are: the workspace names a discovery address, and that names the service."""
    service = doing.service
    for name in ("subscriptionId", "resourceGroupName", "mlWorkspaceName"):
        if not service.get(name):
            raise ActivityFailed("4112", f"AzureMLService linked service has invalid value for property '{name}'.")
    path = (
        f"/subscriptions/{service['subscriptionId']}/resourceGroups/{service['resourceGroupName']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{service['mlWorkspaceName']}"
    )
    workspace = await doing.send("GET", f"{doing.run.origin}{path}?api-version=2025-12-01", key)
    if not workspace.ok:
        raise _refused("GetWorkspace", workspace)
    found = await doing.send("GET", workspace.json()["properties"]["discoveryUrl"])
    if not found.ok:
        raise _refused("Discovery", found)
    places = found.json()
    return f"{str(places.get('pipelines') or places['api']).rstrip('/')}/pipelines/v1.0{path}"


def _refused(operation: str, reply: Reply) -> ActivityFailed:
    return ActivityFailed(
        _CODES.get(reply.status, "4125"),
        f"Request sent to Azure Machine Learning for operation '{operation}' failed with http status code "
        f"'{reply.status}'. Error message from Azure Machine Learning: '{reply.said()}'.",
    )
