"""Delivery: at least once, in no order, tried again until it is taken; and the handshakes by which webhooks are proven.

What waits to be delivered is forgotten when the process ends: nobody may rely on events alone.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Coroutine

import aiohttp

from local.services.azureml.events import envelopes
from local.services.azureml.events.filters import wants
from local.services.azureml.events.records import CLOUD_EVENTS, Event, EventSubscription
from local.services.azureml.records import MlWorkspace, guid
from local.services.engine.engine import Engine
from local.services.engine.records import wire_time

log = logging.getLogger(__name__)

PATIENCE = 30.0  # seconds a webhook has to answer
TAKEN = range(200, 205)
GIVEN_UP = (400, 401, 413)
"""Answers after which a webhook is not tried again."""
PACE = (1, 3, 6, 30, 60, 180, 360, 1080, 2160, 4320)
"""Waits between attempts, as multiples of the first one; the last one stays."""


class Delivery:
    """All deliveries of the process."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._store = engine, engine.store
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()
        self._session: aiohttp.ClientSession | None = None

    def publish(self, workspace: str, events: list[Event]) -> None:
        """Sends the events to every subscription of the workspace that wants them."""
        any_case = self._engine.switches["eventFilterKeys"] == "any"
        for event in events:
            for subscription in self._store.all(EventSubscription, workspace=workspace, state="Succeeded"):
                if wants(subscription.filter, event, any_case):
                    for _ in range(int(self._engine.switches["eventCopies"])):
                        self._begin(self._deliver(subscription, event, next(self._numbers)))

    def prove(self, subscription: EventSubscription, origin: str) -> None:
        """Begins the handshake that makes a new subscription work."""
        self._begin(self._prove(subscription, origin))

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, subscription: EventSubscription, event: Event, number: int) -> None:
        switches, ends = self._engine.switches, time.time() + subscription.lifetime
        await asyncio.sleep(switches["eventDelay"] + (0 if number % 2 else switches["eventDisorder"]))
        body, kind = envelopes.enveloped(subscription, event)
        status = None
        for attempt in range(subscription.attempts):
            if self._store.find(EventSubscription, subscription.id) is None:
                break
            headers = envelopes.headers(subscription, "Notification", event.id, attempt)
            status = await self._post(subscription.url, body, {**headers, "Content-Type": kind})
            if status in TAKEN or status in GIVEN_UP or time.time() > ends:
                break
            await asyncio.sleep(switches["eventRetryDelay"] * PACE[min(attempt, len(PACE) - 1)])
        log.info("event %s status=%s subscription=%s", event.type, status, subscription.name)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int | None:
        try:
            async with self._http().post(url, data=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))
        return self._session

    async def _prove(self, subscription: EventSubscription, origin: str) -> None:
        shake = self._options if subscription.schema == CLOUD_EVENTS else self._validation
        try:
            subscription.state = await shake(subscription, origin)
        except (aiohttp.ClientError, TimeoutError, ValueError) as failed:
            log.info("handshake failed subscription=%s: %s", subscription.name, type(failed).__name__)
            subscription.state = "Failed"
        self._store.save(subscription)

    async def _options(self, subscription: EventSubscription, origin: str) -> str:
        asked = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
        async with self._http().options(subscription.url, headers=asked) as response:
            allowed = response.headers.get("WebHook-Allowed-Origin", "")
        return "Succeeded" if response.status == 200 and allowed in ("*", "eventgrid.azure.net") else "Failed"

    async def _validation(self, subscription: EventSubscription, origin: str) -> str:
        url = f"{origin}/_eventgrid/validate?id={subscription.code}"
        event = Event(
            id=guid(),
            topic=self._store.get(MlWorkspace, subscription.workspace).scope,
            subject="",
            type=envelopes.VALIDATION,
            time=wire_time(time.time()),
            data={"validationCode": subscription.code, "validationUrl": url},
        )
        body, kind = envelopes.enveloped(subscription, event)
        headers = {**envelopes.headers(subscription, "SubscriptionValidation", event.id, 0), "Content-Type": kind}
        async with self._http().post(subscription.url, data=body, headers=headers) as response:
            if response.status != 200:
                return "Failed"  # 202 is not enough
            answer = await response.read()
        return "Succeeded" if subscription.code.encode() in answer else "AwaitingManualAction"

    async def close(self) -> None:
        """Forgets what waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
