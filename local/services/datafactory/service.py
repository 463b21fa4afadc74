"""Data Factory as one of the services of a process: what it keeps, what steers it, its routes."""

from collections import Counter
from collections.abc import Iterator
from html import escape

from aiohttp import web

from local.services.arm.errors import DIALECT
from local.services.datafactory import routes_resources, routes_runs
from local.services.datafactory.attempt import ACTIVITY
from local.services.datafactory.factories import FACTORIES, Factories
from local.services.datafactory.records import DataFactory, FactoryActivity, FactoryItem, FactoryRun
from local.services.datafactory.switches import TABLE as TABLE
from local.services.engine.engine import Engine
from local.services.engine.operation import register
from local.services.engine.store import Store
from local.services.tokens.tokens import TOKENS

KINDS = (DataFactory, FactoryItem, FactoryRun, FactoryActivity)


def install(app: web.Application, engine: Engine) -> None:
    """Adds the service to the application; the token service has to be there."""
    app[FACTORIES] = Factories(engine, app[TOKENS])
    app.add_routes(routes_resources.ROUTES)
    app.add_routes(routes_runs.ROUTES)
    register(ACTIVITY, DIALECT)
    engine.dialects.append(("/subscriptions/", DIALECT))
    engine.dialects.append(("/workflow/", DIALECT))
    engine.shown["Data Factory"] = lambda: _shown(engine.store)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


def _shown(store: Store) -> Iterator[tuple[str, str]]:
    """The pipelines, and how their runs went."""
    for pipeline in store.all(FactoryItem, collection="pipelines"):
        name = pipeline.path.rpartition("/")[2]
        runs = Counter(run.status for run in store.all(FactoryRun, factory=pipeline.factory, pipeline=name))
        told = ", ".join(f"{count} {status}" for status, count in sorted(runs.items())) or "none yet"
        yield escape(pipeline.path), f"pipeline; runs: {told}"


async def _start(app: web.Application) -> None:
    app[FACTORIES].runs.resume()


async def _close(app: web.Application) -> None:
    await app[FACTORIES].close()
