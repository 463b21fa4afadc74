"""MLflow's REST interface as one of the services of a process. It keeps nothing of its own."""

from aiohttp import web

from local.services.azureml.mlflow.errors import DIALECT
from local.services.azureml.mlflow.routes import ROUTES
from local.services.engine.engine import Engine
from local.services.engine.switches import Switch

KINDS = ()
TABLE: dict[str, Switch] = {}


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application, which has the control plane already."""
    app.add_routes(ROUTES)
    engine.dialects.append(("/mlflow/", DIALECT))
