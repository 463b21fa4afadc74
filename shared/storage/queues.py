"""The port `Queues` on Azure Queue Storage. Messages are plain JSON text; what they mean is in `retrain.messages`."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceExistsError

from retrain.errors import BadRequest, NotFound
from retrain.messages import Message, encode
from retrain.ports import Queues
from shared.storage.failures import asking, code_of

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

LONGEST_DELAY = 7 * 24 * 3600  # seconds
_NEVER = -1  # time to live
_PAGE = 32  # messages, the most the service gives at once
_HIDDEN = 300  # seconds in which a drained page must be dealt with, or it comes back


class StorageQueues(Queues):
    """Queues come into being when something is first sent to them."""

    def __init__(self, service: QueueServiceClient) -> None:
        self._service = service

    def send(self, queue: str, message: Message, delay: float = 0) -> None:
        """Visible after `delay` seconds, rounded up to whole ones, at most seven days; never expires.

        Raises:
            Unavailable: no answer. The message may nevertheless be there: receivers expect it twice.
        """
        hidden = min(max(ceil(delay), 0), LONGEST_DELAY)
        client = self._client(queue)
        with asking(f"send to queue {queue}"):
            try:
                _send(client, encode(message), hidden)
            except HttpResponseError as error:
                if code_of(error) != "QueueNotFound":
                    raise
                _create(client)
                _send(client, encode(message), hidden)

    def waiting(self, queue: str) -> int | None:
        """Approximate, as the service counts; None when there is no such queue."""
        try:
            with asking(f"look at queue {queue}"):
                return self._client(queue).get_queue_properties().approximate_message_count
        except NotFound:
            return None

    def drain(self, queue: str) -> Iterator[tuple[str, bytes]]:
        """Each message as (id, body), deleted when the next is asked for; ends when none is visible."""
        client = self._client(queue)
        while page := self._page(client, queue):
            for message in page:
                yield message.id, message.content.encode()
                self._delete(client, queue, message)

    def _client(self, queue: str) -> QueueClient:
        try:
            return self._service.get_queue_client(queue)
        except ValueError as error:
            raise BadRequest(f"queue {queue!r}: {error}") from error

    def _page(self, client: QueueClient, queue: str) -> list[QueueMessage]:
        try:
            with asking(f"receive from queue {queue}"):
                return list(client.receive_messages(max_messages=_PAGE, visibility_timeout=_HIDDEN))
        except NotFound:
            return []

    def _delete(self, client: QueueClient, queue: str, message: QueueMessage) -> None:
        try:
            with asking(f"delete message {message.id} of queue {queue}"):
                client.delete_message(message)
        except (NotFound, BadRequest):
            return  # hidden too briefly: somebody else has it now, and deals with it again


def _send(client: QueueClient, text: str, hidden: int) -> None:
    # A repeated send after a lost answer would leave two messages.
    client.send_message(text, visibility_timeout=hidden, time_to_live=_NEVER, retry_read=0)


def _create(client: QueueClient) -> None:
    try:
        client.create_queue()
    except ResourceExistsError as error:
        if code_of(error) != "QueueAlreadyExists":
            raise
