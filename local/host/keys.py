"""Access keys: made on first use, kept in storage in Azure's own layout, asked for only with --enable-auth.

Blobs azure-webjobs-secrets/{hostId}/host.json and /{function}.json; values are not encrypted, which the layout allows.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from typing import Any

from aiohttp import web

from local.host.storage import SECRETS_CONTAINER, Storage, create_blob, read_blob
from local.host.worker import Function

BLOBS_EXTENSION = "blobs_extension"


class Keys:
    """The keys of one host id; loaded once, so a change in storage needs a restart."""

    def __init__(self, storage: Storage, host_id: str, *, enabled: bool) -> None:
        self._storage = storage
        self._host_id = host_id
        self.enabled = enabled
        self._master = ""
        self._host: dict[str, str] = {}
        self._system: dict[str, str] = {}
        self._functions: dict[str, dict[str, str]] = {}

    async def load(self, functions: list[Function]) -> None:
        """Read the keys, making what is missing. Does nothing when keys are not asked for."""
        if not self.enabled:
            return
        host = await self._document("host", _new_host())
        self._master = host["masterKey"]["value"]
        self._host = _by_name(host["functionKeys"])
        self._system = _by_name(host["systemKeys"])
        for function in functions:
            if function.kind == "http":
                document = await self._document(function.name.lower(), {"keys": [_new("default")]})
                self._functions[function.name] = _by_name(document["keys"])

    @property
    def blobs_extension(self) -> str:
        """The system key that Event Grid calls with; empty when keys are not asked for."""
        return self._system.get(BLOBS_EXTENSION, "")

    def allows(self, request: web.Request, function: Function) -> bool:
        """Whether a request may call an HTTP function."""
        level = str(function.trigger.get("authLevel", "FUNCTION")).upper()
        if not self.enabled or level == "ANONYMOUS":
            return True
        accepted = [self._master]
        if level == "FUNCTION":
            accepted += [*self._host.values(), *self._functions.get(function.name, {}).values()]
        return _matches(request, accepted)

    def allows_admin(self, request: web.Request) -> bool:
        """Whether a request may use /admin."""
        return not self.enabled or _matches(request, [self._master])

    def allows_blobs_webhook(self, request: web.Request) -> bool:
        """Whether a request may deliver blob events."""
        return not self.enabled or _matches(request, [self._master, self.blobs_extension])

    async def _document(self, name: str, fresh: dict[str, Any]) -> dict[str, Any]:
        blob = self._storage.blobs().get_blob_client(SECRETS_CONTAINER, f"{self._host_id}/{name}.json")
        await create_blob(blob, json.dumps(fresh, indent=2).encode())
        return json.loads(await read_blob(blob) or b"{}")


def _matches(request: web.Request, accepted: list[str]) -> bool:
    given = request.headers.get("x-functions-key") or request.query.get("code") or ""
    return any(hmac.compare_digest(given.encode(), key.encode()) for key in accepted if key)


def _new_host() -> dict[str, Any]:
    return {
        "masterKey": _new("master"),
        "functionKeys": [_new("default")],
        "systemKeys": [_new(BLOBS_EXTENSION)],
    }


def _new(name: str) -> dict[str, Any]:
    value = base64.urlsafe_b64encode(secrets.token_bytes(40)).decode()
    return {"name": name, "value": value, "encrypted": False}


def _by_name(keys: list[dict[str, Any]]) -> dict[str, str]:
    return {key["name"]: key["value"] for key in keys}
