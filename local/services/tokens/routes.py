"""Routes of the token service: the app's managed identity, client credentials in both forms, and local control."""

import time
from typing import Any

from aiohttp import web

from local.services.engine.answers import json_object, json_response
from local.services.engine.engine import engine_of
from local.services.engine.errors import WireError
from local.services.tokens.errors import Refused, operation
from local.services.tokens.records import ROLES, Principal
from local.services.tokens.tokens import TENANT, TOKENS, plain

API_VERSION = "2019-08-01"


def _lifetime(request: web.Request) -> float:
    lifetime: float = engine_of(request).switches["tokenLifetime"]
    return lifetime


@operation("managedidentity")
async def managed_identity(request: web.Request) -> web.Response:
    """GET /msi/token?api-version=2019-08-01&resource=R: what App Service and Functions offer their app."""
    tokens = request.app[TOKENS]
    if not tokens.managed.opened_by(request.headers.get("X-IDENTITY-HEADER", "")):
        raise Refused(401, "unauthorized_client", "X-IDENTITY-HEADER is missing or wrong")
    resource = request.query.get("resource", "")
    if request.query.get("api-version") != API_VERSION or not resource:
        raise Refused(400, "invalid_request", f"give resource=… and api-version={API_VERSION}")
    lifetime = _lifetime(request)
    return json_response(
        {
            "access_token": tokens.make(tokens.managed, resource, lifetime),
            "client_id": tokens.managed.id,
            "expires_on": str(int(time.time() + lifetime)),
            "resource": resource,
            "token_type": "Bearer",
        }
    )


@operation("clientcredentials")
async def client_credentials(request: web.Request) -> web.Response:
    """POST /{tenant}/oauth2/token (resource) and …/oauth2/v2.0/token (scope): a service principal's token."""
    form = await request.post()
    given = {name: str(value) for name, value in form.items()}
    principal = engine_of(request).store.find(Principal, given.get("client_id", ""))
    if given.get("grant_type") != "client_credentials":
        raise Refused(400, "unsupported_grant_type", "only client_credentials is offered")
    if principal is None or principal.tenant != request.match_info["tenant"]:
        raise Refused(400, "unauthorized_client", "the application was not found in the tenant")
    if not principal.opened_by(given.get("client_secret", "")):
        raise Refused(401, "invalid_client", "the client secret is wrong")
    scoped = request.path.endswith("/v2.0/token")
    wanted = given.get("scope" if scoped else "resource", "")
    if not wanted or (scoped and not wanted.endswith("/.default")):
        raise Refused(400, "invalid_scope", "give resource=…, or scope=…/.default with v2.0")
    lifetime = int(_lifetime(request))
    token = request.app[TOKENS].make(principal, wanted, lifetime)
    answer: dict[str, Any] = {"token_type": "Bearer", "access_token": token}
    if scoped:
        return json_response({**answer, "expires_in": lifetime, "ext_expires_in": lifetime})
    ends = str(int(time.time()) + lifetime)
    life = {"expires_in": str(lifetime), "ext_expires_in": str(lifetime), "expires_on": ends, "not_before": "0"}
    return json_response({**answer, **life, "resource": plain(wanted) + "/"})


async def get_identity(request: web.Request) -> web.Response:
    """GET /_local/identity: the settings with which azure-identity finds the managed identity."""
    header = request.app[TOKENS].managed.secret
    return json_response({"IDENTITY_ENDPOINT": f"{request.url.origin()}/msi/token", "IDENTITY_HEADER": header})


async def put_role(request: web.Request) -> web.Response:
    """PUT /_local/identity {"role"}: what the managed identity may do from now on."""
    engine, role = engine_of(request), (await json_object(request)).get("role")
    if role not in ROLES:
        raise WireError(400, "BadRole", f"role is {role!r}; it can be {' or '.join(ROLES)}")
    managed = request.app[TOKENS].managed
    managed.role = str(role)
    engine.store.save(managed)
    return json_response({"role": role})


async def post_principal(request: web.Request) -> web.Response:
    """POST /_local/principals {"id", "secret", "tenant"?, "role"?}: a service principal."""
    given = await json_object(request)
    try:
        made = Principal(
            id=str(given["id"]),
            created=time.time(),
            tenant=str(given.get("tenant", TENANT)),
            secret=str(given["secret"]),
            role=str(given.get("role", ROLES[0])),
        )
    except KeyError as missing:
        raise WireError(400, "BadPrincipal", f"{missing} is missing") from missing
    engine_of(request).store.save(made)
    return json_response({"id": made.id, "tenant": made.tenant, "role": made.role}, 201)


ROUTES = [
    web.get("/msi/token", managed_identity),
    web.post("/{tenant}/oauth2/token", client_credentials),
    web.post("/{tenant}/oauth2/v2.0/token", client_credentials),
    web.get("/_local/identity", get_identity),
    web.put("/_local/identity", put_role),
    web.post("/_local/principals", post_principal),
]
