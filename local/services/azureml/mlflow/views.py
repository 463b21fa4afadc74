"""How MLflow shows models, versions, experiments and runs of a workspace."""

from collections.abc import Mapping, Sequence
from typing import Any

from local.services.azureml import history
from local.services.azureml.control.bindings import LITERAL
from local.services.azureml.control.locations import artifact_folder
from local.services.azureml.control.records import ENDED, MlJob, RegistryAsset
from local.services.azureml.control.running import inputs_of

Json = dict[str, Any]
STATUSES = {
    "Completed": "FINISHED",
    "Failed": "FAILED",
    "Canceled": "KILLED",
    "Running": "RUNNING",
    "Finalizing": "RUNNING",
}
"""MLflow's words; every other status of a job is SCHEDULED."""


def version(model: RegistryAsset) -> Json:
    """ModelVersion."""
    given = model.properties
    return {
        "name": model.name,
        "version": model.version,
        "creation_timestamp": _ms(model.created),
        "last_updated_timestamp": _ms(model.modified or model.created),
        "current_stage": given.get("stage") or "None",
        "description": given.get("description") or "",
        "source": given["modelUri"],
        "run_id": given.get("jobName") or "",
        "status": "READY",
        "tags": _pairs(given.get("tags") or {}),
    }


def model(name: str, about: Mapping[str, Any], versions: Sequence[RegistryAsset]) -> Json:
    """RegisteredModel, with its latest version of each stage."""
    latest: dict[str, RegistryAsset] = {}
    for one in versions:
        latest.setdefault(one.properties.get("stage") or "None", one)
    return {
        "name": name,
        "creation_timestamp": _ms(versions[-1].created) if versions else 0,
        "last_updated_timestamp": _ms(versions[0].modified or versions[0].created) if versions else 0,
        "description": about.get("description") or "",
        "latest_versions": [version(one) for one in latest.values()],
        "tags": _pairs(about.get("tags") or {}),
    }


def experiment(job: MlJob) -> Json:
    """The experiment that the job is shown under."""
    return {
        "experiment_id": history.experiment_id(job),
        "name": job.experiment,
        "artifact_location": "",
        "lifecycle_stage": "active",
        "creation_time": _ms(job.created),
        "last_update_time": _ms(job.modified or job.created),
        "tags": [],
    }


def run(job: MlJob) -> Json:
    """Run: literal inputs are its parameters."""
    info = {
        "run_id": job.name,
        "run_uuid": job.name,
        "run_name": history.name_of(job),
        "experiment_id": history.experiment_id(job),
        "status": STATUSES.get(job.status, "SCHEDULED"),
        "start_time": _ms(job.started or job.created),
        "artifact_uri": artifact_folder(job.name),
        "lifecycle_stage": "active",
    }
    if job.status in ENDED and job.ended:
        info["end_time"] = _ms(job.ended)
    metrics = [metric(job, name) for name in job.metrics]
    literals = {name: one.value for name, one in inputs_of(job).items() if one.type == LITERAL}
    tags = {**job.tags, "mlflow.runName": history.name_of(job)}
    if job.parent:
        tags["mlflow.parentRunId"] = job.parent
    return {"info": info, "data": {"metrics": metrics, "params": _pairs(literals), "tags": _pairs(tags)}}


def metric(job: MlJob, name: str) -> Json:
    """Metric."""
    return {"key": name, "value": job.metrics[name], "timestamp": _ms(job.ended or job.created), "step": 0}


def _pairs(values: Mapping[str, Any]) -> list[Json]:
    return [{"key": name, "value": str(value)} for name, value in values.items()]


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
