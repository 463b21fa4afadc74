"""The endpoint that Event Grid delivers blob events to: POST /runtime/webhooks/blobs?functionName=Host.Functions.<fn>.

Events go to the internal queue as they are: no receipt, no look at the path, as on the platform.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from aiohttp import web

from local.host import blobmessages
from local.host.blobpaths import split_url
from local.host.blobs import BlobDispatcher
from local.host.keys import Keys
from local.host.storage import Storage

log = logging.getLogger("local.host.webhooks")

PATH = "/runtime/webhooks/blobs"


class BlobWebhook:
    """Answers Event Grid: handshake, events, leave-taking."""

    def __init__(self, dispatcher: BlobDispatcher, storage: Storage, keys: Keys) -> None:
        self._dispatcher = dispatcher
        self._storage = storage
        self._keys = keys

    async def handle(self, request: web.Request) -> web.Response:
        """202 when queued, 200 for the handshake, 400 for what is not understood, 404 for no such function."""
        if not self._keys.allows_blobs_webhook(request):
            return web.Response(status=401)
        name = request.query.get("functionName", "")
        if name not in self._dispatcher.functions:
            return web.Response(status=404, text=f"cannot find function: {name!r}")
        kind = request.headers.get("aeg-event-type", "")
        if kind == "Unsubscribe":
            return web.Response(status=202)
        try:
            events = _events(await request.read())
            if kind == "SubscriptionValidation":
                return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
            if kind != "Notification":
                raise ValueError(f"aeg-event-type {kind!r} is none that is known")
            messages = [self._message(name, event["data"]) for event in events]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            log.warning("refused an event for %s: %r", name, error)
            return web.Response(status=400, text=str(error))
        for message in messages:
            await self._dispatcher.put(message)
        return web.Response(status=202)

    def _message(self, name: str, data: dict[str, Any]) -> blobmessages.BlobMessage:
        account = self._storage.blobs(self._dispatcher.functions[name].connection).account_name
        container, blob = split_url(data["url"], account)
        return blobmessages.new_message(name, data.get("blobType") or "BlockBlob", container, blob, data["eTag"])


def _events(body: bytes) -> list[dict[str, Any]]:
    """The events of a body: an array, or one object as CloudEvents has it."""
    parsed = json.loads(body)
    return parsed if isinstance(parsed, list) else [parsed]
