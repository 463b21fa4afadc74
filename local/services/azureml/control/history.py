"""Jobs of today's control plane as run history shows them: the same id, status, error and metrics. Nothing is kept.

Source: run history reads runs of either generation; recorded batch runs are jobs under the same name.
"""

from local.services.azureml.control import assets
from local.services.azureml.control.records import MlJob
from local.services.azureml.records import Graph, MlWorkspace, PipelineRun, StepRun
from local.services.engine.store import Store


def find(store: Store, workspace: MlWorkspace, name: str) -> PipelineRun | StepRun | None:
    """The job of that name as a run, or None."""
    job = store.find(MlJob, assets.key(workspace, "jobs", name))
    return None if job is None else _run(job)


def steps(store: Store, run: PipelineRun) -> list[PipelineRun | StepRun]:
    """The steps of a pipeline job, as runs."""
    return [_run(job) for job in store.all(MlJob, workspace=run.workspace, parent=run.id)]


def _run(job: MlJob) -> PipelineRun | StepRun:
    common = {
        "id": job.name,
        "created": job.created,
        "workspace": job.workspace,
        "experiment": job.experiment,
        "number": job.number,
        "status": job.status,
        "detail": job.error,
        "started": job.started,
        "ended": job.ended,
        "tags": {**(job.properties.get("tags") or {})},
        "properties": {**(job.properties.get("properties") or {})},
    }
    if job.type == "Pipeline":
        return PipelineRun(**common, graph_id="", graph=Graph(), parent=job.parent)
    shown = {"name": job.step or job.name, "module": job.step or "", "metrics": job.metrics, "artifacts": job.artifacts}
    return StepRun(**common, **shown, run=job.parent or job.name, node=job.step or "")
