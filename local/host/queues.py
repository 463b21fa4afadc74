"""Reads a storage queue the way the platform does: batches, hiding and renewing, deleting, retrying, parking as poison.

Used for queue triggers and for the internal queue of blob events; what a message means is the handler's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.host.backoff import SHORTEST, Backoff
from local.host.invocations import settle
from local.host.pause import pause
from local.host.renewal import Renewal
from local.host.settings import QueueSettings
from local.host.storage import send

log = logging.getLogger("local.host.queues")

LONGEST_QUEUE_NAME = 63

# True: done, delete it. False: it failed. None: it can never succeed, park it at once.
Handler = Callable[[QueueMessage], Awaitable[bool | None]]


class QueueListener:
    """Fetches messages of one queue and hands each to `handler`, several at a time.

    hide_time: seconds a fetched message is invisible; renewed at half of it while the handler runs.
    poison: queue that messages are parked in, or None when there is none.
    """

    def __init__(
        self,
        queue: QueueClient,
        poison: QueueClient | None,
        settings: QueueSettings,
        hide_time: int,
        handler: Handler,
        on_poison: Callable[[QueueClient], None] = lambda _: None,
        shortest_poll: float = SHORTEST,
    ) -> None:
        self.queue = queue
        self._poison = poison
        self._settings = settings
        self._hide_time = hide_time
        self._handler = handler
        self._on_poison = on_poison
        self._running: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._woken = asyncio.Event()
        self._stopping = False
        self._backoff = Backoff(settings.longest_poll, shortest=shortest_poll)

    def wake(self) -> None:
        """A message may be visible now: look at once."""
        self._backoff.reset()
        self._woken.set()

    async def run(self) -> None:
        """Fetch until `stop`, then return when the running messages are finished."""
        while not self._stopping:
            await self._wait_for_room()
            self._woken.clear()
            if not await self._fetch():
                await pause(self._woken, self._backoff.next())
        await settle(self._running)

    def stop(self) -> None:
        """Fetch no more."""
        self._stopping = True
        self._woken.set()
        self._freed.set()

    async def _wait_for_room(self) -> None:
        while len(self._running) > self._settings.threshold and not self._stopping:
            self._freed.clear()
            await self._freed.wait()

    async def _fetch(self) -> bool:
        """Start what one request brings; False when there was nothing."""
        if self._stopping:
            return True
        try:
            messages = await self._receive()
        except ResourceNotFoundError:
            return False  # a trigger does not create its queue; somebody may yet
        except AzureError as error:
            log.warning("queue %s cannot be read, trying again: %s", self.queue.queue_name, _brief(error))
            return False
        for message in messages:
            self._start(message)
        if messages:
            self._backoff.reset()
        return bool(messages)

    async def _receive(self) -> list[QueueMessage]:
        batch = self._settings.batch_size
        pages = self.queue.receive_messages(messages_per_page=batch, visibility_timeout=self._hide_time).by_page()
        async for page in pages:
            return [message async for message in page]  # the first page only: each one is another request
        return []

    def _start(self, message: QueueMessage) -> None:
        task = asyncio.create_task(self._process(message))
        self._running.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._freed.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("message of %s not settled, it will come again: %s", self.queue.queue_name, _brief(error))

    async def _process(self, message: QueueMessage) -> None:
        if message.dequeue_count > self._settings.max_dequeue_count and self._poison:
            await self._park(message)
            return
        async with Renewal(self.queue, message, self._hide_time):
            succeeded = await self._handle(message)
        if succeeded:
            await self._delete(message)
        elif self._poison and (succeeded is None or message.dequeue_count >= self._settings.max_dequeue_count):
            await self._park(message)
        else:
            await self._release(message)

    async def _handle(self, message: QueueMessage) -> bool | None:
        try:
            return await self._handler(message)
        except AzureError as error:  # storage did not answer while the run was prepared
            log.error("message %s of %s failed: %s", message.id, self.queue.queue_name, _brief(error))
            return False

    async def _park(self, message: QueueMessage) -> None:
        assert self._poison is not None
        log.warning("message %s of %s goes to %s", message.id, self.queue.queue_name, self._poison.queue_name)
        await send(self._poison, message.content)
        self._on_poison(self._poison)
        await self._delete(message)

    async def _delete(self, message: QueueMessage) -> None:
        try:
            await self.queue.delete_message(message.id, message.pop_receipt)
        except HttpResponseError as error:
            if error.status_code not in (400, 404):  # 404 gone, 400 somebody else has fetched it since
                raise

    async def _release(self, message: QueueMessage) -> None:
        delay = self._settings.delay_after_failure
        try:
            await self.queue.update_message(message.id, message.pop_receipt, visibility_timeout=delay)
        except HttpResponseError as error:
            if error.status_code not in (400, 404):
                raise
        if delay == 0:
            self.wake()


def poison_name(queue: str) -> str | None:
    """Name of a queue's poison queue; a poison queue, or a name too long for the suffix, has none."""
    name = f"{queue}-poison"
    return None if queue.endswith("-poison") or len(name) > LONGEST_QUEUE_NAME else name


def _brief(error: BaseException) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
