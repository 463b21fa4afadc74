"""AzureMLUpdateResource: a trained model put behind a scoring service, without asking anybody whether it is better.

Classic: the PATCH of an endpoint's resource. "New" services: their definition is read, the asset's address replaced,
and all assets sent back (how Data Factory did it is not published).
"""

from typing import Any

from local.services.datafactory.doing import Doing
from local.services.datafactory.failures import ML_SERVICE, ActivityFailed, missing
from local.services.datafactory.identity import bearer
from local.services.datafactory.secrets import secret
from local.services.datafactory.storage import blob_of
from local.services.engine.records import BlobReference

SAS_LIFETIME = 24 * 3600.0  # seconds
API_VERSION = "api-version=2016-05-01-preview"


async def do(doing: Doing) -> Any:
    """Gives the model to the service. Raises: ActivityFailed."""
    name = str(doing.required("trainedModelName"))
    path = str(doing.required("trainedModelFilePath"))
    blob = blob_of(doing, doing.required("trainedModelLinkedServiceName"), path)
    model = doing.home.engine.blobs.result(blob, SAS_LIFETIME)
    url = str(doing.service.get("updateResourceEndpoint") or "").strip().rstrip(".")  # a published sample ends in one
    if not url:
        raise missing("updateResourceEndpoint")
    if "/providers/microsoft.machinelearning/webservices/" in url.lower():
        await _definition(doing, url, name, model)
    else:
        await _endpoint(doing, url, name, model)
    return {}


async def _endpoint(doing: Doing, url: str, name: str, model: BlobReference) -> None:
    location = {
        "BaseLocation": model.base_location,
        "RelativeLocation": model.relative_location,
        "SasBlobToken": model.sas_blob_token,
    }
    key = {"Authorization": f"Bearer {secret(doing.service, 'apiKey')}"}
    reply = await doing.send("PATCH", url, key, {"Resources": [{"Name": name, "Location": location}]})
    if not reply.ok:
        raise _failed(f"updating resource {name!r} failed with status code {reply.status}", reply.said())


async def _definition(doing: Doing, url: str, name: str, model: BlobReference) -> None:
    address, key = url if "api-version=" in url else f"{url}?{API_VERSION}", await bearer(doing, doing.service)
    reply = await doing.send("GET", address, key)
    if not reply.ok:
        raise _failed(f"reading the definition failed with status code {reply.status}", reply.said())
    properties = reply.json()["properties"]
    assets = properties.get("assets") or {}
    for asset in assets.values():
        if asset.get("name") == name and asset.get("type") == "Resource":
            asset["locationInfo"] = {"uri": f"{model.base_location}{model.relative_location}"}
            break
    else:
        raise _failed(f"the service has no resource {name!r}", ", ".join(a.get("name", "") for a in assets.values()))
    body = {"properties": {"packageType": properties.get("packageType", "Graph"), "assets": assets}}
    await _settled(doing, await doing.send("PATCH", address, key, body), key)


async def _settled(doing: Doing, reply: Any, key: dict[str, Any]) -> None:
    """Follows the change to its end. Raises: ActivityFailed."""
    if not reply.ok:
        raise _failed(f"updating the definition failed with status code {reply.status}", reply.said())
    headers = {name.lower(): value for name, value in reply.headers.items()}
    operation = headers.get("azure-asyncoperation") or headers.get("location")
    while operation:
        look = await doing.look(operation, key)
        found = (look.json() if look else None) or {}
        state = str(found.get("status") or found.get("provisioningState") or "").lower()
        if state in ("failed", "canceled", "cancelled") or (look and not look.ok):
            raise _failed(f"updating the definition ended as {state or 'refused'}", look.said() if look else "")
        if state == "succeeded":
            return
        await doing.pause()


def _failed(what: str, said: str) -> ActivityFailed:
    return ActivityFailed(ML_SERVICE, f"AzureMLUpdateResource: {what}. Error message from the web service: {said}")
