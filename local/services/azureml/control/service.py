"""Today's control plane as one of the services of a process: what it keeps, what steers it, its routes."""

from aiohttp import web

from local.services.azureml.control import (
    pages,
    routes_assets,
    routes_computes,
    routes_data,
    routes_datastores,
    routes_jobs,
    routes_results,
)
from local.services.azureml.control.control import CONTROL, Control
from local.services.azureml.control.errors import DIALECT
from local.services.azureml.control.records import AssetContainer, MlCompute, MlJob, RegistryAsset
from local.services.azureml.control.running import JOB
from local.services.azureml.control.switches import TABLE as TABLE
from local.services.engine.engine import Engine
from local.services.engine.operation import register

KINDS = (RegistryAsset, AssetContainer, MlCompute, MlJob)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application."""
    app[CONTROL] = Control(engine)
    for module in (routes_jobs, routes_results, routes_data, routes_assets, routes_computes, routes_datastores, pages):
        app.add_routes(module.ROUTES)
    register(JOB, DIALECT)
    engine.shown["Azure ML"] = lambda: pages.shown(engine.store)
    engine.dialects.extend((prefix, DIALECT) for prefix in ("/data/", "/modelregistry/", "/azureml/"))
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


async def _start(app: web.Application) -> None:
    app[CONTROL].jobs.resume()


async def _close(app: web.Application) -> None:
    await app[CONTROL].jobs.close()
