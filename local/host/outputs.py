"""Writes queue and blob outputs after a function succeeded: in parallel, not as one transaction, as the platform does.

A `$return` binding of type queue or blob counts as an output; the HTTP answer is web.py's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from local.host.messages import encode, output_payloads
from local.host.protos import TypedData
from local.host.settings import SettingsError, resolve
from local.host.storage import Storage, send, write_blob
from local.host.wakeup import Wakeups
from local.host.worker import Answer, Function


class Outputs:
    """Knows where each output goes. `encoding` is host.json's messageEncoding."""

    def __init__(self, storage: Storage, wakeups: Wakeups, encoding: str, environment: Mapping[str, str]) -> None:
        self._storage = storage
        self._wakeups = wakeups
        self._encoding = encoding
        self._environment = environment

    def check(self, function: Function) -> None:
        """Raise SettingsError for an output that this host could not write."""
        for binding in function.outputs:
            if "{" in self._place(binding):
                raise SettingsError(
                    f"function {function.name}: output {binding['name']!r} goes to {self._place(binding)!r}; "
                    "{tokens} in outputs are not played here, write it with the storage SDK instead"
                )

    async def write(self, function: Function, answer: Answer) -> None:
        """Write all outputs of a successful answer. Raises what storage raises."""
        values = dict(answer.outputs)
        if answer.returned is not None:
            values["$return"] = answer.returned
        writes = [
            self._write(binding, values[binding["name"]])
            for binding in function.outputs
            if binding["type"] != "http" and binding["name"] in values
        ]
        if writes:
            await asyncio.gather(*writes)

    def _write(self, binding: Mapping[str, Any], value: TypedData) -> Awaitable[None]:
        place = self._place(binding)
        if binding["type"] == "queue":
            return self._send(place, binding["connection"], value)
        container, _, name = place.partition("/")
        return write_blob(
            self._storage.blobs(binding["connection"]).get_blob_client(container, name), value.value, overwrite=True
        )

    async def _send(self, name: str, connection: str, value: TypedData) -> None:
        queue = self._storage.queue(name, connection)
        for payload in output_payloads(value):
            await send(queue, encode(payload, self._encoding))
        self._wakeups.announce(queue.account_name, name)

    def _place(self, binding: Mapping[str, Any]) -> str:
        return resolve(binding.get("queueName") or binding.get("path") or "", self._environment)
