"""What happens in a workspace, as events: the status of a run or job, its completion, a model that is registered.

Source: the event schema of Azure Machine Learning; casing as its documents show it.
"""

import time
from typing import Any

from local.services.azureml import history
from local.services.azureml.control.records import RegistryAsset
from local.services.azureml.events.records import Event
from local.services.azureml.history import AnyRun
from local.services.azureml.records import MlWorkspace, guid
from local.services.engine.engine import Engine
from local.services.engine.records import wire_time

PREFIX = "Microsoft.MachineLearningServices."
STATUS_CHANGED, COMPLETED = PREFIX + "RunStatusChanged", PREFIX + "RunCompleted"
REGISTERED = PREFIX + "ModelRegistered"


def of_run(engine: Engine, run: AnyRun) -> list[Event]:
    """The events of a run, or a job, that has come to its status."""
    if history.parent_of(run) and engine.switches["eventOfSteps"] == "no":
        return []
    experiment, key = history.experiment_id(run), history.id_of(run)
    data = {
        "experimentId": experiment,
        "experimentName": run.experiment,
        "runId": key,
        "runType": history.source_of(run),
        "runTags": history.tags_of(run),
        "runProperties": history.properties_of(run),
    }
    subject, status = f"experiments/{experiment}/runs/{key}", history.status_of(run)
    events = [_event(engine, run.workspace, STATUS_CHANGED, subject, {**data, "runStatus": status}, "camel")]
    if status == "Completed":
        events.append(_event(engine, run.workspace, COMPLETED, subject, data, "camel"))
    return events


def of_model(engine: Engine, model: RegistryAsset) -> list[Event]:
    """The event of a new model version."""
    as_number = engine.switches["eventModelVersion"] == "number" and model.version.isdecimal()
    data = {
        "modelName": model.name,
        "modelVersion": int(model.version) if as_number else model.version,
        "modelTags": model.properties.get("tags") or {},
        "modelProperties": model.properties.get("properties") or {},
    }
    subject = f"models/{model.name}:{model.version}"
    return [_event(engine, model.workspace, REGISTERED, subject, data, "pascal")]


def _event(engine: Engine, workspace: str, kind: str, subject: str, data: dict[str, Any], usual: str) -> Event:
    casing = engine.switches["eventCasing"]
    pascal = (usual if casing == "mixed" else casing) == "pascal"
    return Event(
        id=guid(),
        topic=engine.store.get(MlWorkspace, workspace).scope,
        subject=subject,
        type=kind,
        time=wire_time(time.time()),
        data={name[0].upper() + name[1:]: value for name, value in data.items()} if pascal else data,
    )
