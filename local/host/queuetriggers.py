"""Queue triggers: decode a message, run its function. Fetching, retrying and parking are queues.py's."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from azure.storage.queue import QueueMessage

from local.host.backoff import ANNOUNCED, SHORTEST
from local.host.invocations import Invocations
from local.host.messages import UndecodableError, decode, trigger_metadata, trigger_value
from local.host.queues import QueueListener, poison_name
from local.host.settings import QueueSettings, resolve
from local.host.storage import Storage
from local.host.wakeup import Wakeups
from local.host.worker import Function

log = logging.getLogger("local.host.queues")


class QueueTrigger:
    """A function with a queue trigger."""

    def __init__(
        self, function: Function, settings: QueueSettings, invocations: Invocations, environment: Mapping[str, str]
    ) -> None:
        self._function = function
        self._settings = settings
        self._invocations = invocations
        self._name = resolve(function.trigger["queueName"], environment)

    def listener(self, storage: Storage, wakeups: Wakeups, hide_time: int) -> QueueListener:
        """The reader of this trigger's queue; it is woken by whoever announces a message there."""
        connection = self._function.trigger["connection"]
        queue = storage.queue(self._name, connection)
        parked_in = poison_name(self._name)
        poison = storage.queue(parked_in, connection) if parked_in else None
        listener = QueueListener(
            queue,
            poison,
            self._settings,
            hide_time,
            self.handle,
            lambda q: wakeups.announce(q.account_name, q.queue_name),
            ANNOUNCED if wakeups.announced else SHORTEST,
        )
        wakeups.register(queue.account_name, self._name, listener.wake)
        return listener

    async def handle(self, message: QueueMessage) -> bool | None:
        """Run the function for a message; None when the message cannot be decoded."""
        try:
            payload = decode(message.content, self._settings.message_encoding)
        except UndecodableError as error:
            log.error("message %s of %s: %s", message.id, self._name, error)
            return None
        why = f"queue {self._name}, message {message.id}, attempt {message.dequeue_count}"
        metadata = trigger_metadata(message, payload)
        return (await self._invocations.run(self._function, trigger_value(payload), metadata, why)).ok
