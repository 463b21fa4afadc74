"""Azure Machine Learning as one of the services of a process: what it keeps, what steers it, its routes."""

from aiohttp import web

from local.services.azureml import (
    pages,
    routes_designer,
    routes_history,
    routes_pipelines,
    routes_results,
    routes_workspaces,
)
from local.services.azureml.azureml import AZUREML, AzureMl
from local.services.azureml.errors import PIPELINES, dialects
from local.services.azureml.records import (
    Datastore,
    MlWorkspace,
    PipelineDraft,
    PipelineEndpoint,
    PipelineRun,
    PublishedPipeline,
    RegisteredDataset,
    StepRun,
)
from local.services.azureml.running import STEP
from local.services.azureml.switches import TABLE as TABLE
from local.services.engine.engine import Engine
from local.services.engine.operation import register

KINDS = (
    MlWorkspace,
    Datastore,
    RegisteredDataset,
    PipelineDraft,
    PublishedPipeline,
    PipelineEndpoint,
    PipelineRun,
    StepRun,
)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application."""
    app[AZUREML] = AzureMl(engine)
    for module in (routes_workspaces, routes_pipelines, routes_history, routes_results, routes_designer, pages):
        app.add_routes(module.ROUTES)
    register(STEP, PIPELINES)
    engine.dialects.extend(dialects())
    for part, kind in (("pipelineendpoint", PipelineEndpoint), ("pipeline", PublishedPipeline)):
        engine.names[part] = lambda key, kind=kind: getattr(engine.store.find(kind, key), "name", None)
    engine.shown["Designer"] = lambda: pages.shown(engine.store)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


async def _start(app: web.Application) -> None:
    app[AZUREML].runs.resume()


async def _close(app: web.Application) -> None:
    await app[AZUREML].runs.close()
