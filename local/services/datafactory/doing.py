"""What an activity has at hand while it is done: its properties, its linked services, calls, and a memory."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from local.services.datafactory.calls import Calls, NoAnswer, Reply
from local.services.datafactory.failures import NO_RESPONSE, ActivityFailed, missing
from local.services.datafactory.records import FactoryActivity, FactoryItem, FactoryRun, Json
from local.services.engine.engine import Engine
from local.services.tokens.tokens import Tokens


class Home(Protocol):
    """The service behind an activity."""

    engine: Engine
    calls: Calls
    tokens: Tokens
    callbacks: dict[str, asyncio.Future[Json]]

    def item(self, factory: str, kind: str, name: str) -> FactoryItem | None:
        """What the factory has under that name."""


@dataclass
class Doing:
    """One attempt of an activity; `properties` are its typeProperties with expressions replaced."""

    home: Home
    run: FactoryRun
    record: FactoryActivity
    definition: Json
    properties: Json = field(default_factory=dict)

    @property
    def memory(self) -> Json:
        """What it kept for a restart."""
        return self.record.memory

    def remember(self, **facts: Any) -> None:
        """Keeps facts, durable when the call returns."""
        self.record.memory.update(facts)
        self.home.engine.store.save(self.record)

    def required(self, name: str) -> Any:
        """A property. Raises: ActivityFailed."""
        if self.properties.get(name) in (None, ""):
            raise missing(name)
        return self.properties[name]

    @property
    def service(self) -> Json:
        """Properties of the linked service that the activity runs on. Raises: ActivityFailed."""
        return self.linked(self.definition.get("linkedServiceName"))[1]

    def linked(self, reference: Any) -> tuple[str, Json]:
        """Type and typeProperties of a linked service. Raises: ActivityFailed."""
        name = str((reference or {}).get("referenceName", ""))
        found = self.home.item(self.run.factory, "linkedservices", name)
        if found is None:
            raise ActivityFailed("2110", f"The linked service {name!r} does not exist.")
        return str(found.properties.get("type")), dict(found.properties.get("typeProperties") or {})

    async def send(self, method: str, url: str, headers: Json | None = None, body: Any = None) -> Reply:
        """One call. Raises: ActivityFailed when nothing answers."""
        try:
            return await self.home.calls.send(method, url, headers, body)
        except NoAnswer as silent:
            raise ActivityFailed(
                NO_RESPONSE,
                f"No response from the endpoint {url.partition('?')[0]} ({silent}). Possible causes: network "
                "connectivity, DNS failure, server certificate validation or timeout.",
                "SystemError",
            ) from silent

    async def look(self, url: str, headers: Json) -> Reply | None:
        """A GET that may be asked again: None when it was not answered, or with a passing fault."""
        try:
            reply = await self.home.calls.send("GET", url, headers)
        except NoAnswer:
            return None
        return None if reply.passing else reply

    async def pause(self) -> None:
        """Waits until the next look."""
        await asyncio.sleep(self.home.engine.switches["activityPollInterval"])


async def _nothing(doing: Doing) -> None:
    """There is nothing to stop."""


@dataclass(frozen=True)
class Kind:
    """A type of activity: `do` gives its output; `stop` ends what it began elsewhere; `linked` is the type of
    linked service that it needs."""

    do: Callable[[Doing], Awaitable[Any]]
    stop: Callable[[Doing], Awaitable[None]] = _nothing
    linked: str = ""
