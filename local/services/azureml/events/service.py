"""Events of workspaces as one of the services of a process: what they keep, what steers them, their routes."""

from aiohttp import web

from local.services.azureml.azureml import AZUREML
from local.services.azureml.control.control import CONTROL
from local.services.azureml.control.errors import DIALECT
from local.services.azureml.control.records import RegistryAsset
from local.services.azureml.events import publishing, routes
from local.services.azureml.events.delivering import Delivery
from local.services.azureml.events.records import EventSubscription
from local.services.azureml.events.routes import DELIVERY
from local.services.azureml.events.switches import TABLE as TABLE
from local.services.azureml.history import AnyRun
from local.services.engine.engine import Engine

KINDS = (EventSubscription,)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application, which has the others of a workspace already: they raise the events."""
    delivery = app[DELIVERY] = Delivery(engine)
    app.add_routes(routes.ROUTES)
    engine.dialects.append(("/_eventgrid/", DIALECT))

    def run_changed(run: AnyRun) -> None:
        delivery.publish(run.workspace, publishing.of_run(engine, run))

    def model_registered(model: RegistryAsset) -> None:
        delivery.publish(model.workspace, publishing.of_model(engine, model))

    app[CONTROL].jobs.watchers.append(run_changed)
    app[AZUREML].runs.watchers.append(run_changed)
    app[CONTROL].watchers.append(model_registered)
    app.on_shutdown.append(_close)


async def _close(app: web.Application) -> None:
    await app[DELIVERY].close()
