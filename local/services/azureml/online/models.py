"""The model that a deployment names: found in the workspace's registry, and read where it lies."""

from typing import Any

from local.services.azureml.control.errors import wrong
from local.services.azureml.control.locations import NoSuchPlace, asset_of
from local.services.azureml.control.staging import MODELS, JobFailed, fetch
from local.services.azureml.records import MlWorkspace
from local.services.engine.engine import Engine
from local.services.engine.records import new_id


async def content(engine: Engine, workspace: MlWorkspace, properties: dict[str, Any]) -> bytes:
    """The bytes of a deployment's model. Raises: WireError: no such model, no such file, or no way to run it."""
    named = str(properties["model"])
    path = engine.work / new_id()
    try:
        _check_runnable(asset_of(engine, workspace, named, ("models",)).properties, properties)
        await fetch(engine, workspace, "model", named, MODELS, path)
        return path.read_bytes()
    except (NoSuchPlace, JobFailed) as failed:
        raise wrong(400, f"The model {named} cannot be had: {failed}", "ResourceNotFound") from failed
    finally:
        path.unlink(missing_ok=True)


def _check_runnable(model: dict[str, Any], properties: dict[str, Any]) -> None:
    """A model that is none of MLflow's brings neither environment nor scoring script along."""
    lacking = [name for name in ("environmentId", "codeConfiguration") if not properties.get(name)]
    if model.get("modelType") != "mlflow_model" and lacking:
        raise wrong(400, f"A deployment of a {model.get('modelType')} needs {' and '.join(lacking)}.", "BadArgument")
