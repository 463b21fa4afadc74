"""Studio (classic) as one of the services of a process: what it keeps, what steers it, its routes."""

from aiohttp import web

from local.services.engine.engine import Engine
from local.services.engine.operation import register
from local.services.studio import pages, routes_management, routes_runtime, routes_studio
from local.services.studio.batch_run import JOB
from local.services.studio.errors import DIALECT
from local.services.studio.records import Activity, Endpoint, Experiment, Job, Service, Workspace
from local.services.studio.studio import STUDIO, Studio
from local.services.studio.switches import TABLE as TABLE

KINDS = (Workspace, Experiment, Service, Endpoint, Job, Activity)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application."""
    studio = Studio(engine)
    app[STUDIO] = studio
    for module in (routes_runtime, routes_management, routes_studio, pages):
        app.add_routes(module.ROUTES)
    register(JOB, DIALECT)
    engine.dialects.append(("/", DIALECT))
    engine.used.append(studio.used)
    engine.names["endpoint"] = lambda key: found.name if (found := engine.store.find(Endpoint, key)) else None
    engine.shown["Studio (classic)"] = lambda: pages.shown(engine.store)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


async def _start(app: web.Application) -> None:
    app[STUDIO].start()


async def _close(app: web.Application) -> None:
    await app[STUDIO].jobs.close()
