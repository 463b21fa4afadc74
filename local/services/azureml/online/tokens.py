"""Who may score: keys, and tokens that an endpoint gives itself. Tokens of the app's identity come from the token
service."""

import hmac
import time

from aiohttp import web

from local.services.azureml.online.records import OnlineEndpoint
from local.services.tokens.tokens import ML, BadToken, authorised


def make_token(endpoint: OnlineEndpoint, lifetime: float) -> tuple[str, int]:
    """A token that opens this endpoint, and its end in UNIX seconds."""
    ends = int(time.time() + lifetime)
    return f"{ends}.{_signature(endpoint, ends)}", ends


def check(endpoint: OnlineEndpoint, request: web.Request) -> None:
    """Raises: BadToken: 401 or 403, unless the request's bearer opens this endpoint."""
    if endpoint.auth_mode == "AADToken":
        authorised(request, ML, write=False)
        return
    scheme, _, given = request.headers.get("Authorization", "").strip().partition(" ")
    opens = _is_key if endpoint.auth_mode == "Key" else _is_token
    if scheme.lower() != "bearer" or not opens(endpoint, given.strip()):
        raise BadToken(401, "The request has no valid key or token for this endpoint.")


def _is_key(endpoint: OnlineEndpoint, given: str) -> bool:
    return any(hmac.compare_digest(key.encode(), given.encode()) for key in (endpoint.primary, endpoint.secondary))


def _is_token(endpoint: OnlineEndpoint, given: str) -> bool:
    ends, _, signature = given.partition(".")
    if not ends.isdecimal() or int(ends) <= time.time():
        return False
    return hmac.compare_digest(_signature(endpoint, int(ends)).encode(), signature.encode())


def _signature(endpoint: OnlineEndpoint, ends: int) -> str:
    return hmac.new(endpoint.primary.encode(), f"{endpoint.id}.{ends}".encode(), "sha256").hexdigest()
