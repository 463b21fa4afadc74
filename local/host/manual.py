"""Runs a function by hand, for POST /admin/functions/{name}: the input stands for what its trigger would bring."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

from azure.storage.queue import QueueMessage

from local.host import blobmessages
from local.host.blobs import BlobDispatcher
from local.host.invocations import Invocations
from local.host.messages import trigger_metadata, trigger_value
from local.host.protos import Record, TypedData
from local.host.worker import Function


class Manual:
    """Knows how to make each kind of trigger value from a text."""

    def __init__(self, invocations: Invocations, dispatcher: BlobDispatcher) -> None:
        self._invocations = invocations
        self._dispatcher = dispatcher

    async def run(self, function: Function, text: str) -> None:
        """Run once. For a blob function the input is "container/blob", for a queue the message, for HTTP the body."""
        if function.kind == "blob":
            await self._blob(function, text)
        elif function.kind == "queue":
            await self._invocations.run(function, trigger_value(text), trigger_metadata(_message(), text), "by hand")
        elif function.kind == "timer":
            request = {"IsPastDue": False, "ScheduleStatus": None, "Schedule": {"AdjustForDST": True}}
            await self._invocations.run(function, TypedData(json=json.dumps(request)), why="by hand")
        else:
            await self._invocations.run(function, _request(function, text), why="by hand")

    async def _blob(self, function: Function, text: str) -> None:
        container, _, name = text.partition("/")
        await self._dispatcher.put(
            blobmessages.new_message(function.full_name, "BlockBlob", container, name, "by-hand")
        )


def _message() -> QueueMessage:
    now = datetime.now(UTC)
    message = QueueMessage(id=str(uuid.uuid4()), pop_receipt="", dequeue_count=1, inserted_on=now)
    message.id, message.pop_receipt, message.dequeue_count = str(uuid.uuid4()), "", 1
    message.inserted_on, message.expires_on, message.next_visible_on = now, now + timedelta(days=7), now
    return message


def _request(function: Function, text: str) -> TypedData:
    methods = function.trigger.get("methods") or ["POST"]
    body = TypedData(bytes=text.encode())
    return TypedData(http=Record(method=methods[0], url="", headers={}, query={}, params={}, body=body))
