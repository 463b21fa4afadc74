"""Secrets in linked services and pipelines: read by activities, never given out."""

from typing import Any

from local.services.datafactory.failures import ActivityFailed, missing

MASK = "**********"
_NAMES = {
    "apikey", "serviceprincipalkey", "connectionstring", "sasuri", "sastoken", "accountkey", "password",
    "encryptedcredential", "pfx",
}  # fmt: skip
_HEADERS = {"authorization", "x-functions-key", "ocp-apim-subscription-key", "api-key", "x-api-key", "cookie"}


def secret(properties: dict[str, Any], name: str) -> str:
    """The secret of that name. Raises: ActivityFailed when it is missing, or in a vault."""
    found = properties.get(name)
    if isinstance(found, dict) and found.get("type") != "SecureString":
        raise ActivityFailed("2104", f"{name} is a {found.get('type')}; here only SecureString can be read.")
    value = found.get("value") if isinstance(found, dict) else found
    if not value or value == MASK:
        raise missing(name)
    return str(value)


def masked(value: Any, name: str = "") -> Any:
    """The same with every secret hidden: SecureStrings, and what has the name of a secret."""
    if isinstance(value, dict):
        if value.get("type") == "SecureString":
            return {**value, "value": MASK}
        if name.lower() == "headers":
            return {key: MASK if key.lower() in _HEADERS else item for key, item in value.items()}
        return {key: masked(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    if isinstance(value, str) and name.lower() in _NAMES:
        return {"type": "SecureString", "value": MASK}
    return value
