"""What a service's definition will be after a PUT or a PATCH. Nothing is checked or stored here."""

from typing import Any

from local.services.arm.schema import PAYLOAD, READ_ONLY

Json = dict[str, Any]
SECRET = ("keys", "commitmentPlan")
"""Members of `properties` that are kept apart from the definition."""


def replaced(given: Json) -> Json:
    """The definition after a PUT: what was given, without secrets and what only the service says."""
    whole = {name: value for name, value in given.items() if name not in READ_ONLY and name not in SECRET}
    if isinstance(whole.get("storageAccount"), dict):
        whole["storageAccount"] = {"name": whole["storageAccount"].get("name")}
    return {"readOnly": False, "exposeSampleData": True, **whole}


def patched(present: Json, given: Json, *, payload: str) -> Json:
    """The definition after a PATCH. `null` leaves a member as it is; with `payload` = replace, maps of assets and the
    other members of the payload are taken as a whole."""
    changes = {name: value for name, value in replaced(given).items() if name in given and value is not None}
    whole = dict(present)
    for name, value in changes.items():
        merge = payload == "merge" or name not in PAYLOAD
        whole[name] = merged(present.get(name), value) if merge else value
    return whole


def merged(before: Any, after: Any) -> Any:
    """Objects are merged member by member; anything else is replaced."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    return before | {name: merged(before.get(name), value) for name, value in after.items() if value is not None}
