"""Routes of the vault: set and get a secret. Source: Azure Key Vault REST API 7.4, "Set Secret" and "Get Secret"."""

import re
import time
from typing import Any

from aiohttp import web

from local.services.engine.answers import json_object, json_response
from local.services.engine.engine import engine_of
from local.services.engine.errors import WireError
from local.services.engine.records import new_id
from local.services.keyvault.errors import CODES, operation
from local.services.keyvault.records import VaultSecret
from local.services.tokens.tokens import BadToken, authorised

VAULT = "https://vault.azure.net"
API_VERSION = re.compile(r"7\.\d(-preview\.\d)?|\d{4}-\d\d-\d\d")
_NAME = re.compile(r"[A-Za-z0-9-]{1,127}")


def _allowed(request: web.Request) -> None:
    """Any role may read, setting needs Contributor. Raises: WireError, 400, 401 or 403."""
    try:
        authorised(request, VAULT)
    except BadToken as wrong:
        raise WireError(wrong.status, CODES[wrong.status], str(wrong)) from wrong
    if not API_VERSION.fullmatch(request.query.get("api-version", "")):
        raise WireError(400, "BadParameter", "api-version is missing or unknown; use 7.4")


def _shown(request: web.Request, secret: VaultSecret) -> web.Response:
    attributes = {"enabled": secret.enabled, "created": int(secret.created), "updated": int(secret.updated)}
    place = f"{request.url.origin()}/secrets/{secret.id}/{secret.version}"
    return json_response({"value": secret.value, "id": place, "attributes": attributes})


@operation("getsecret")
async def get_secret(request: web.Request) -> web.Response:
    """GET /secrets/{name}[/{version}]: its value."""
    _allowed(request)
    name, version = request.match_info["name"], request.match_info.get("version", "")
    found = engine_of(request).store.find(VaultSecret, name)
    if found is None or version not in ("", found.version):
        text = f"A secret with (name/id) {name} was not found in this key vault."
        raise WireError(404, CODES[404], text)
    if not found.enabled:
        raise WireError(403, CODES[403], "Operation get is not allowed on a disabled secret.")
    return _shown(request, found)


@operation("setsecret")
async def set_secret(request: web.Request) -> web.Response:
    """PUT /secrets/{name} {"value", "attributes"?}: a new value, under a new version."""
    _allowed(request)
    name, given = request.match_info["name"], await json_object(request)
    if not _NAME.fullmatch(name) or not isinstance(given.get("value"), str):
        raise WireError(400, "BadParameter", "give a value; a name has letters, digits and dashes, at most 127")
    attributes: dict[str, Any] = given.get("attributes") or {}
    store, now = engine_of(request).store, time.time()
    known = store.find(VaultSecret, name)
    secret = VaultSecret(
        id=name,
        created=known.created if known else now,
        value=given["value"],
        version=new_id(),
        enabled=bool(attributes.get("enabled", True)),
        updated=now,
    )
    store.save(secret)
    return _shown(request, secret)


ROUTES = [
    web.get("/secrets/{name}", get_secret),
    web.get("/secrets/{name}/{version}", get_secret),
    web.put("/secrets/{name}", set_secret),
]
