"""Resource Manager's "new" web services as one of the services of a process."""

from collections.abc import Iterator
from html import escape

from aiohttp import web

from local.services.arm import plans, routes
from local.services.arm.errors import DIALECT
from local.services.arm.operations import OPERATIONS, RUN, Operations
from local.services.arm.records import CommitmentPlan, ServiceOperation, WebService
from local.services.arm.render import document
from local.services.arm.switches import TABLE as TABLE
from local.services.engine.engine import Engine
from local.services.engine.operation import register
from local.services.engine.pages import link
from local.services.engine.store import Store

KINDS = (WebService, ServiceOperation, CommitmentPlan)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application. Studio, whose runtime serves what is deployed here, must be there too."""
    app[OPERATIONS] = Operations(app)
    for module in (routes, plans):
        app.add_routes(module.ROUTES)
    register(RUN, DIALECT)
    engine.dialects += [("/subscriptions/", DIALECT), ("/providers/", DIALECT)]
    engine.shown['"New" web services'] = lambda: _shown(engine.store)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


def _shown(store: Store) -> Iterator[tuple[str, str]]:
    """The web services, with links to their OpenAPI documents."""
    for service in store.all(WebService):
        yield link(document(service), service.name), f"web service of {escape(service.resource_group)}, {service.state}"


async def _start(app: web.Application) -> None:
    app[OPERATIONS].resume()


async def _close(app: web.Application) -> None:
    await app[OPERATIONS].close()
