"""Managed online endpoints as one of the services of a process: what they keep, what steers them, their routes."""

from aiohttp import web

from local.services.azureml.control.errors import DIALECT as CONTROL
from local.services.azureml.online import routes_control, routes_scoring
from local.services.azureml.online.operations import OPERATIONS, RUN, Operations
from local.services.azureml.online.records import OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.azureml.online.routes_scoring import PENDING
from local.services.azureml.online.routing import Pending
from local.services.azureml.online.switches import TABLE as TABLE
from local.services.engine.engine import Engine
from local.services.engine.operation import register

KINDS = (OnlineEndpoint, OnlineDeployment, OnlineOperation)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application."""
    app[OPERATIONS], app[PENDING] = Operations(engine), Pending()
    for module in (routes_control, routes_scoring):
        app.add_routes(module.ROUTES)
    register(RUN, CONTROL)
    engine.dialects.append(("/online/", routes_scoring.DIALECT))
    engine.used.append(lambda: ({one.sha for one in engine.store.all(OnlineDeployment)}, set()))
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


async def _start(app: web.Application) -> None:
    app[OPERATIONS].resume()


async def _close(app: web.Application) -> None:
    await app[OPERATIONS].close()
