"""Tokens: made for one audience, and checked. Signed JWTs, because some clients look into them."""

import base64
import hmac
import secrets
import time
from typing import Any

import msgspec
from aiohttp import web

from local.services.engine.store import Store
from local.services.tokens.records import CONTRIBUTOR, Principal

MANAGEMENT = "https://management.azure.com"
ML = "https://ml.azure.com"
ALIASES = {"https://management.core.windows.net": MANAGEMENT}
"""Other names under which an audience was asked for."""
MANAGED = "00000000-0000-4000-8000-000000000001"
"""Client id of the managed identity; its `secret` is what IDENTITY_HEADER holds."""
TENANT = "00000000-0000-4000-8000-0000000000aa"


class BadToken(Exception):
    """A token that is not accepted; `status` is 401 or 403, the message says why."""

    def __init__(self, status: int, why: str):
        super().__init__(why)
        self.status = status


class Tokens:
    """Makes and checks tokens; principals are kept in the store."""

    def __init__(self, store: Store):
        self._store = store
        self._key = secrets.token_bytes(32)  # tokens end with the process, as they would within the hour
        if store.find(Principal, MANAGED) is None:
            store.save(Principal(id=MANAGED, created=time.time(), tenant=TENANT, secret=secrets.token_urlsafe(24)))

    @property
    def managed(self) -> Principal:
        """The managed identity of the app on this machine."""
        return self._store.get(Principal, MANAGED)

    def make(self, principal: Principal, audience: str, lifetime: float) -> str:
        """A token for one audience."""
        now = int(time.time())
        claims = {
            "aud": plain(audience),
            "iss": f"https://sts.windows.net/{principal.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime),
            "appid": principal.id,
            "oid": principal.id,
            "tid": principal.tenant,
        }
        signed = f"{_part({'typ': 'JWT', 'alg': 'HS256'})}.{_part(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def check(self, token: str, audience: str, *, write: bool) -> Principal:
        """Who asks. Raises: BadToken: 401 for a token that is not one for this audience, 403 for a missing role."""
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(self._signature(signed).encode(), signature.encode()):
            raise BadToken(401, "The access token is invalid.")
        claims: dict[str, Any] = msgspec.json.decode(base64.urlsafe_b64decode(signed.partition(".")[2] + "=="))
        if claims["aud"] != plain(audience):
            raise BadToken(
                401,
                f"The access token has been obtained for wrong audience or resource '{claims['aud']}'. "
                f"It should exactly match with one of the allowed audiences '{plain(audience)}'.",
            )
        if claims["exp"] <= time.time():
            raise BadToken(401, "The access token expiry UTC time is earlier than current UTC time.")
        principal = self._store.find(Principal, claims["appid"])
        if principal is None:
            raise BadToken(401, "The principal of this access token does not exist any more.")
        if write and principal.role != CONTRIBUTOR:
            raise BadToken(
                403,
                f"The client '{principal.id}' does not have authorization to perform this action; its role is "
                f"{principal.role}, Contributor is needed.",
            )
        return principal

    def _signature(self, signed: str) -> str:
        return _coded(hmac.digest(self._key, signed.encode(), "sha256"))


TOKENS: web.AppKey[Tokens] = web.AppKey("tokens", Tokens)


def authorised(request: web.Request, audience: str, *, write: bool | None = None) -> Principal:
    """The principal behind a request, by its bearer token; GET needs any role, anything else Contributor.

    Raises: BadToken.
    """
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise BadToken(401, "Authentication failed. The 'Authorization' header is missing.")
    needs = request.method not in ("GET", "HEAD") if write is None else write
    return request.app[TOKENS].check(token.strip(), audience, write=needs)


def plain(audience: str) -> str:
    """An audience or scope in one form: without `/.default` and final slashes."""
    bare = audience.strip().removesuffix("/.default").rstrip("/")
    return ALIASES.get(bare, bare)


def _part(value: Any) -> str:
    return _coded(msgspec.json.encode(value))


def _coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
