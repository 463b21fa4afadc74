"""Which services one process plays, and the web application around them and their engine."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from aiohttp import web

from local.services.arm import service as arm
from local.services.azureml import service as azureml
from local.services.azureml.batch import service as azureml_batch
from local.services.azureml.control import service as azureml_control
from local.services.azureml.events import service as azureml_events
from local.services.azureml.mlflow import service as azureml_mlflow
from local.services.datafactory import service as datafactory
from local.services.engine import control, pages
from local.services.engine.engine import ENGINE, Engine
from local.services.engine.operation import answer
from local.services.engine.switches import Switch, Switches
from local.services.keyvault import service as keyvault
from local.services.studio import service as studio
from local.services.tokens import service as tokens

SERVICES: tuple[ModuleType, ...] = (
    tokens,
    keyvault,
    arm,
    azureml,
    azureml_control,
    azureml_batch,
    azureml_events,
    azureml_mlflow,
    datafactory,
    studio,
)
"""A service is a module with KINDS (of records), TABLE (of switches) and `install`. The classic one is the last: routes
that nobody has are refused in its words."""
LARGEST_REQUEST = 256 << 20  # bytes; a data set can come as text


def application(folder: Path, storage: str, workers: int, switches: Mapping[str, Any]) -> web.Application:
    """All services around one engine. Raises: StateInUse, BadSwitch, BadConnectionString."""
    kinds = [kind for service in SERVICES for kind in service.KINDS]
    engine = Engine(folder, storage, workers, kinds=kinds, table=table(), switches=switches)
    app = web.Application(middlewares=[answer], client_max_size=LARGEST_REQUEST)
    app[ENGINE] = engine
    app.on_startup.append(_start)
    for service in SERVICES:
        service.install(app, engine)
    app.add_routes(control.ROUTES)
    app.add_routes(pages.ROUTES)
    app.on_cleanup.append(_close)
    return app


def table() -> dict[str, Switch]:
    """The switches of all services."""
    return {name: switch for service in SERVICES for name, switch in service.TABLE.items()}


def check(switches: Mapping[str, Any]) -> None:
    """Raises: BadSwitch for a switch that no service has, or a value it cannot take."""
    Switches(table(), switches)


async def _start(app: web.Application) -> None:
    app[ENGINE].start()


async def _close(app: web.Application) -> None:
    await app[ENGINE].close()
