"""Routes around the data of assets: where a new one is uploaded to, and where an output lies by its asset id.

Source: `startPendingUpload` of the management API; `batchGetResolvedUris` of the data and model registry planes, as
Microsoft's Python client calls them.
"""

import msgspec
from aiohttp import web

from local.services.arm.errors import caller
from local.services.azureml.control.control import SCOPE, control_of, find_workspace, workspace_of
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.locations import NoSuchPlace, resolved
from local.services.azureml.control.routes_assets import VERSION
from local.services.azureml.records import guid
from local.services.engine.answers import json_object, json_response

UPLOADS = "azureml-uploads-{guid}"
UPLOAD_LIFETIME = 3600.0  # seconds


@operation("startpendingupload")
async def start_upload(request: web.Request) -> web.Response:
    """POST {collection}/{name}/versions/{version}/startPendingUpload: a container of its own, and a SAS to fill it."""
    workspace_of(request)
    engine = control_of(request).engine
    given, container = await json_object(request), UPLOADS.format(guid=guid()[:13])
    await engine.blobs.create_container(container)
    reference = {
        "blobUri": f"{engine.blobs.own.url}/{container}",
        "storageAccountArmId": f"/storageAccounts/{engine.blobs.own.name}",
        "credential": {"credentialType": "SAS", "sasUri": engine.blobs.filling(container, UPLOAD_LIFETIME)},
    }
    return json_response(
        {
            "pendingUploadId": given.get("pendingUploadId") or guid(),
            "pendingUploadType": given.get("pendingUploadType") or "TemporaryBlobReference",
            "blobReferenceForConsumption": reference,
        }
    )


class Asked(msgspec.Struct, kw_only=True):
    """Asset ids."""

    values: list[str]


@operation("resolveuris")
async def resolve(request: web.Request) -> web.Response:
    """POST …/batchGetResolvedUris {"values": [asset id]}: the URI of each."""
    caller(request, write=False)
    workspace, engine = find_workspace(request), control_of(request).engine
    member = "uri" if request.path.startswith("/data/") else "path"
    try:
        asked = msgspec.json.decode(await request.read(), type=Asked)
        found = {one: {member: resolved(engine, workspace, one), "type": None} for one in asked.values}
    except (msgspec.DecodeError, UnicodeDecodeError) as unreadable:
        raise wrong(400, f"The request is invalid: {unreadable}.") from unreadable
    except NoSuchPlace as nowhere:
        raise wrong(404, str(nowhere)) from nowhere
    return json_response({"values": found})


ROUTES = [
    web.post(VERSION + "/startPendingUpload", start_upload),
    web.post("/data/v1.0" + SCOPE + "/dataversion/batchGetResolvedUris", resolve),
    web.post("/modelregistry/v1.0" + SCOPE + "/models/batchGetResolvedUris", resolve),
]
