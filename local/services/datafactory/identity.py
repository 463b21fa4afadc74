"""Tokens that activities present: of a linked service's service principal, or of the factory's own identity."""

from typing import Any

from local.services.datafactory.calls import NoAnswer
from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import ActivityFailed, missing
from local.services.datafactory.secrets import secret

LIFETIME = 3600.0
MANAGEMENT = "https://management.azure.com/"


async def bearer(doing: Doing, properties: dict[str, Any], resource: str = MANAGEMENT) -> dict[str, Any]:
    """The header for calls as the principal that a linked service names. Raises: ActivityFailed."""
    if str(properties.get("authentication", "")).upper() == "MSI":
        return own(doing, resource)
    tenant, ident = properties.get("tenant"), properties.get("servicePrincipalId")
    for name, value in (("servicePrincipalId", ident), ("tenant", tenant)):
        if not value:
            raise missing(name)
    form = {
        "grant_type": "client_credentials",
        "resource": resource,
        "client_id": str(ident),
        "client_secret": secret(properties, "servicePrincipalKey"),
    }
    try:
        reply = await doing.home.calls.send("POST", f"{doing.run.origin}/{tenant}/oauth2/token", form=form)
    except NoAnswer as silent:
        raise ActivityFailed("2128", f"The token service gave no answer ({silent}).", "SystemError") from silent
    if not reply.ok:
        raise ActivityFailed("2403", f"Get access token from the service principal failed: {reply.said()}")
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


def own(doing: Doing, resource: str) -> dict[str, Any]:
    """The header for calls as the factory's managed identity: on this machine, the one there is."""
    tokens = doing.home.tokens
    return {"Authorization": f"Bearer {tokens.make(tokens.managed, resource, LIFETIME)}"}
