"""How run history shows what is particular about jobs: their names, properties and outputs."""

from typing import Any

from local.services.azureml.control.bindings import wanted
from local.services.azureml.control.records import MlJob
from local.services.azureml.records import MlWorkspace
from local.services.engine.store import Store

LOGS = "user_logs/"
"""Paths of a job's logs begin so."""
_SOURCES = {"Command": "azureml.scriptrun", "Pipeline": "azureml.PipelineRun"}


def source(job: MlJob) -> str:
    """`runType`: what the job is, or that it is a step."""
    return "azureml.StepRun" if job.parent else _SOURCES[job.type]


def display_name(job: MlJob) -> str:
    """What people call it."""
    return str(job.properties.get("displayName") or job.name)


def properties(job: MlJob) -> dict[str, str]:
    """Its own, and those by which a step is known."""
    own: dict[str, str] = dict(job.properties.get("properties") or {})
    if job.parent:
        own |= {
            "azureml.pipelinerunid": job.parent,
            "azureml.moduleName": str(job.step),
            "azureml.nodeid": str(job.step),
        }
    return own


def outputs(store: Store, job: MlJob) -> dict[str, Any] | None:
    """Outputs by name, each with the id by which its URI is asked for."""
    if job.status != "Completed":
        return None
    workspace = store.get(MlWorkspace, job.workspace)
    types = {name: wanted(one).type for name, one in (job.properties.get("outputs") or {}).items()}
    return {name: _output(workspace, job, name, types.get(name, "uri_folder")) for name in job.outputs}


def _output(workspace: MlWorkspace, job: MlJob, name: str, kind: str) -> dict[str, str]:
    where = f"azureml://locations/{workspace.location}/workspaces/{workspace.guid}"
    collection, word = ("models", "mlmodel") if kind.endswith("_model") else ("data", "data")
    pascal = "".join(part.title() for part in kind.split("_"))
    return {"assetId": f"{where}/{collection}/azureml_{job.name}_output_{word}_{name}/versions/1", "type": pascal}
