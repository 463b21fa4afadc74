"""The state of Data Factory: its factories, runs and callbacks, over the shared engine."""

import asyncio

from aiohttp import web

from local.services.datafactory.calls import Calls
from local.services.datafactory.records import DataFactory, FactoryItem, FactoryRun, Json
from local.services.datafactory.running import Runs
from local.services.engine.engine import Engine
from local.services.tokens.tokens import Tokens


class Factories:
    """Everything the handlers and activities share."""

    def __init__(self, engine: Engine, tokens: Tokens):
        self.engine = engine
        self.tokens = tokens
        self.calls = Calls()
        self.callbacks: dict[str, asyncio.Future[Json]] = {}
        self.runs = Runs(self)

    def factory(self, path: str) -> DataFactory | None:
        """The factory of a resource id; capitals do not matter there."""
        return self.engine.store.find(DataFactory, path.lower())

    def item(self, factory: str, kind: str, name: str) -> FactoryItem | None:
        """What the factory has under that name."""
        return self.engine.store.find(FactoryItem, f"{factory}/{kind}/{name}".lower())

    def run(self, factory: str, ident: str) -> FactoryRun | None:
        """A pipeline's run."""
        found = self.engine.store.find(FactoryRun, ident)
        return found if found is not None and found.factory == factory else None

    async def close(self) -> None:
        """Stops working."""
        await self.runs.close()
        await self.calls.close()


FACTORIES: web.AppKey[Factories] = web.AppKey("factories", Factories)


def factories_of(request: web.Request) -> Factories:
    """The Data Factory that serves this request."""
    return request.app[FACTORIES]
