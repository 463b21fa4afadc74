"""The rules of endpoints: which bodies and which traffic are taken."""

import re
import time
from typing import Any

from local.services.azureml.control.errors import wrong
from local.services.azureml.online.operations import Operations
from local.services.azureml.online.records import OnlineDeployment, OnlineEndpoint, OnlineOperation
from local.services.azureml.records import MlWorkspace
from local.services.engine.store import Store

Json = dict[str, Any]
NAME = re.compile(r"[A-Za-z](?!.*--)[A-Za-z0-9-]{1,30}[A-Za-z0-9]")
AUTH_MODES = ("Key", "AMLToken", "AADToken")
READ_ONLY = ("provisioningState", "scoringUri", "swaggerUri")
MOST_MIRRORED = 50


def check_name(what: str, name: str) -> None:
    """Raises: WireError, 400: 3 to 32 letters, digits and single dashes, a letter first."""
    if not NAME.fullmatch(name):
        raise wrong(
            400,
            f"The {what} name {name!r} is invalid: 3 to 32 letters, digits and single dashes, beginning with a letter.",
        )


def find(store: Store, workspace: MlWorkspace, name: str) -> OnlineEndpoint:
    """The endpoint of that name, in whatever case. Raises: WireError, 404."""
    found = store.find(OnlineEndpoint, id_of(workspace, name))
    if found is None:
        raise wrong(404, f"Endpoint {name} not found in workspace {workspace.name}.")
    return found


def id_of(workspace: MlWorkspace, name: str) -> str:
    """Under which it is kept."""
    return f"{workspace.id}/onlineendpoints/{name.lower()}"


def put(operations: Operations, workspace: MlWorkspace, name: str, body: Json) -> tuple[bool, OnlineOperation]:
    """Creates or changes; whether it is new, and the operation. Raises: WireError, 400 or 409."""
    check_name("endpoint", name)
    known = operations.store.find(OnlineEndpoint, id_of(workspace, name))
    body = {**body, "properties": _checked(operations, known, body)}
    if known is not None:
        return False, operations.begin(known, known, "put", body)
    _check_unique(operations.store, workspace, name, body.get("location"))
    made = OnlineEndpoint(
        id=id_of(workspace, name),
        created=time.time(),
        workspace=workspace.id,
        scope=workspace.scope,
        name=name,
        location=str(body["location"]),
        tags=body.get("tags") or {},
        identity=body.get("identity") or {"type": "SystemAssigned"},
        properties={key: value for key, value in body["properties"].items() if key != "traffic"},
    )
    return True, operations.begin(made, made, "put", body)


def _check_unique(store: Store, workspace: MlWorkspace, name: str, location: object) -> None:
    taken = (one for one in store.all(OnlineEndpoint) if one.name.lower() == name.lower())
    if any(one.location == location and one.workspace != workspace.id for one in taken):
        raise wrong(400, f"The endpoint name {name} is already in use in {location}; names are unique in a region.")


def _checked(operations: Operations, known: OnlineEndpoint | None, body: Json) -> Json:
    """The writable properties. Raises: WireError."""
    properties = body.get("properties")
    if not isinstance(properties, dict) or not isinstance(body.get("location"), str):
        raise wrong(400, "The request needs location and properties.")
    given = {name: value for name, value in properties.items() if name not in READ_ONLY and value is not None}
    if given.get("authMode") not in AUTH_MODES:
        raise wrong(400, f"authMode is {given.get('authMode')!r}; it can be {', '.join(AUTH_MODES)}.")
    if known is not None and known.auth_mode != given["authMode"]:
        raise wrong(400, f"authMode of {known.name} is {known.auth_mode}; it cannot be changed.")
    _check_mirror(given.get("mirrorTraffic") or {})
    _check_traffic(operations, known, given.get("traffic") or {})
    return given


def _check_mirror(mirror: Json) -> None:
    """Mirrored traffic is left out here; what the service would refuse is refused in its words."""
    shares = [share for share in mirror.values() if share]
    if len(shares) > 1 or any(not isinstance(share, int) or not 1 <= share <= MOST_MIRRORED for share in shares):
        raise wrong(400, f"mirrorTraffic may name one deployment, with 1 to {MOST_MIRRORED} percent.")
    if shares:
        raise wrong(400, "Mirrored traffic is not played here; see what the local service leaves out.")


def _check_traffic(operations: Operations, known: OnlineEndpoint | None, traffic: Json) -> None:
    status = int(operations.engine.switches["onlineTrafficError"])
    if any(
        isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= 100 for share in traffic.values()
    ):
        raise wrong(status, "Shares of traffic are whole numbers from 0 to 100.")
    if sum(traffic.values()) not in (0, 100):
        raise wrong(status, f"Shares of traffic sum up to {sum(traffic.values())}; they must to 0 or 100.")
    deployments = {one.name: one for one in operations.store.all(OnlineDeployment, endpoint=known.id)} if known else {}
    for name, share in traffic.items():
        if name not in deployments:
            raise wrong(status, f"There is no deployment {name} to give traffic to; there are {sorted(deployments)}.")
        if share and not deployments[name].sha:
            raise wrong(status, f"Deployment {name} is {deployments[name].state}; it cannot take traffic.")


def patch(operations: Operations, endpoint: OnlineEndpoint, body: Json) -> OnlineOperation:
    """Changes tags and identity. Raises: WireError, 400 for anything else, traffic first of all."""
    others = sorted(set(body) - {"tags", "identity"})
    if others:
        raise wrong(400, f"PATCH takes tags and identity only, not {', '.join(others)}; PUT the whole endpoint.")
    return operations.begin(endpoint, endpoint, "patch", {"tags": endpoint.tags, **body})
