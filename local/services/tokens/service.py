"""The token service as one of the services of a process."""

from aiohttp import web

from local.services.engine.engine import Engine
from local.services.engine.switches import Switch, number
from local.services.tokens.errors import DIALECT
from local.services.tokens.records import Principal
from local.services.tokens.routes import ROUTES
from local.services.tokens.tokens import TOKENS, Tokens

KINDS = (Principal,)
TABLE = {"tokenLifetime": Switch(3600.0, number(1, 86400), "seconds an access token lives")}


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application."""
    app[TOKENS] = Tokens(engine.store)
    app.add_routes(ROUTES)
    engine.dialects.append(("/msi/", DIALECT))
