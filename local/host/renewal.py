"""Keeps a fetched message hidden while its function runs. The clock is a parameter; storage's own clock decides."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

log = logging.getLogger("local.host.queues")

RETRY_AFTER = 60.0  # seconds until another try after a failed renewal, unless half the hide time is shorter


class Renewal:
    """Async context: every half hide time the message is hidden for the whole hide time again.

    The message's pop receipt is updated in place. On leaving, no renewal is under way any more.
    """

    def __init__(
        self,
        queue: QueueClient,
        message: QueueMessage,
        hide_time: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._queue = queue
        self._message = message
        self._hide_time = hide_time
        self._sleep = sleep
        self._idle = asyncio.Lock()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        # The lock keeps a request in flight from being cancelled: its answer holds the only valid pop receipt.
        async with self._idle:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        pause = self._hide_time / 2
        while True:
            await self._sleep(pause)
            async with self._idle:
                renewed = await self._renew()
            pause = self._hide_time / 2 if renewed else min(RETRY_AFTER, self._hide_time / 2)

    async def _renew(self) -> bool:
        message = self._message
        try:
            update = await self._queue.update_message(
                message.id, message.pop_receipt, visibility_timeout=self._hide_time
            )
        except AzureError as error:
            log.warning("message %s could not be kept hidden: %s", message.id, str(error).splitlines()[0])
            return False
        message.pop_receipt = update.pop_receipt
        message.next_visible_on = update.next_visible_on
        return True
