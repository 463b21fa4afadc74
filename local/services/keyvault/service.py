"""Key Vault as one of the services of a process."""

from aiohttp import web

from local.services.engine.engine import Engine
from local.services.engine.switches import Switch
from local.services.keyvault.errors import DIALECT
from local.services.keyvault.records import VaultSecret
from local.services.keyvault.routes import ROUTES

KINDS = (VaultSecret,)
TABLE: dict[str, Switch] = {}


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application."""
    app.add_routes(ROUTES)
    engine.dialects.append(("/secrets/", DIALECT))
