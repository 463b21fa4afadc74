"""Batch endpoints as one of the services of a process: what they keep, what steers them, their routes."""

from aiohttp import web

from local.services.azureml.batch import routes_control, routes_invoke
from local.services.azureml.batch.operations import RUN
from local.services.azureml.batch.records import BatchDeployment, BatchEndpoint, BatchInvocation, BatchOperation
from local.services.azureml.batch.switches import TABLE as TABLE
from local.services.azureml.control.errors import DIALECT
from local.services.engine.engine import Engine
from local.services.engine.operation import register

KINDS = (BatchEndpoint, BatchDeployment, BatchOperation, BatchInvocation)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application, which has the control plane already."""
    for module in (routes_control, routes_invoke):
        app.add_routes(module.ROUTES)
    register(RUN, DIALECT)
    engine.dialects.extend((prefix, DIALECT) for prefix in ("/batch/", "/mferp/"))
