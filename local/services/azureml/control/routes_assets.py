"""Routes of versioned assets. They translate; the rules are in assets.py."""

import time
from typing import Any

import msgspec
from aiohttp import web

from local.services.azureml.control import assets
from local.services.azureml.control.control import (
    SCOPE,
    Control,
    Json,
    control_of,
    listed,
    paged,
    resource,
    workspace_of,
)
from local.services.azureml.control.errors import operation, wrong
from local.services.azureml.control.records import AssetContainer, RegistryAsset
from local.services.azureml.records import MlWorkspace
from local.services.engine.answers import json_response

NAMES = SCOPE + "/{collection:" + "|".join(assets.COLLECTIONS) + "}"
NAME = NAMES + "/{name}"
VERSIONS = NAME + "/versions"
VERSION = VERSIONS + "/{version}"
OF_CONTAINERS = ("description", "tags", "properties", "isArchived")


class Body(msgspec.Struct, kw_only=True):
    """A resource as it is put; members that the service sets are ignored."""

    properties: dict[str, Any]
    location: str | None = None
    tags: dict[str, str] | None = None
    identity: dict[str, Any] | None = None


async def body_of(request: web.Request) -> Body:
    """The resource in a request. Raises: WireError, 400."""
    try:
        return msgspec.json.decode(await request.read() or b"{}", type=Body)
    except (msgspec.DecodeError, UnicodeDecodeError) as unreadable:
        raise wrong(400, f"The request is invalid: {unreadable}.") from unreadable


def _place(request: web.Request) -> tuple[str, str]:
    return request.match_info["collection"], request.match_info["name"]


def shown_version(workspace: MlWorkspace, asset: RegistryAsset) -> Json:
    """A version as a resource."""
    path = f"{asset.collection}/{asset.name}/versions/{asset.version}"
    return resource(workspace, path, assets.shown(asset), asset.created, asset.modified)


def _shown_container(control: Control, workspace: MlWorkspace, collection: str, name: str) -> Json:
    there = assets.versions(control.store, workspace, collection, name)
    created = there[-1].created if there else time.time()
    about = assets.about(control.store, workspace, collection, name)
    return resource(workspace, f"{collection}/{name}", about, created)


@operation("putasset")
async def put_version(request: web.Request) -> web.Response:
    """PUT {collection}/{name}/versions/{version}: 201 for a new one; 200 where tags, stage, … of one are changed."""
    workspace, control = workspace_of(request), control_of(request)
    collection, name = _place(request)
    given = (await body_of(request)).properties
    control.check_asset(workspace, given)
    asset, new = assets.put(control.store, workspace, collection, name, request.match_info["version"], given)
    if new and collection == "models":
        control.registered(asset)
    return json_response(shown_version(workspace, asset), 201 if new else 200)


@operation("getasset")
async def get_version(request: web.Request) -> web.Response:
    """GET {collection}/{name}/versions/{version}."""
    workspace, control = workspace_of(request), control_of(request)
    asset = assets.get(control.store, workspace, *_place(request), request.match_info["version"])
    return json_response(shown_version(workspace, asset))


@operation("deleteasset")
async def delete_version(request: web.Request) -> web.Response:
    """DELETE {collection}/{name}/versions/{version}: 200, or 204 when there is none."""
    workspace, control = workspace_of(request), control_of(request)
    found = assets.find(control.store, workspace, *_place(request), request.match_info["version"])
    if found is None:
        return web.Response(status=204)
    control.store.delete(found)
    return web.Response(status=200)


@operation("listassetversions")
async def list_versions(request: web.Request) -> web.Response:
    """GET {collection}/{name}/versions[?version,tags,$orderBy,$top,$skip,listViewType]: the newest first."""
    workspace, control = workspace_of(request), control_of(request)
    found = [
        asset
        for asset in assets.versions(control.store, workspace, *_place(request))
        if listed(request, bool(asset.properties.get("isArchived")))
    ]
    chosen = assets.matching(found, request.query, control.switches["assetTagFilter"] == "applied")
    return paged(request, [shown_version(workspace, asset) for asset in chosen])


@operation("getassetcontainer")
async def get_container(request: web.Request) -> web.Response:
    """GET {collection}/{name}: its latest version and the next one to take."""
    return json_response(_shown_container(control_of(request), workspace_of(request), *_place(request)))


@operation("putassetcontainer")
async def put_container(request: web.Request) -> web.Response:
    """PUT {collection}/{name}: what is said of all its versions."""
    workspace, control = workspace_of(request), control_of(request)
    collection, name = _place(request)
    key = assets.key(workspace, collection, name)
    found, given = control.store.find(AssetContainer, key), (await body_of(request)).properties
    own: Json = {
        member: given[member] for member in ("description", "tags", "properties", "isArchived") if member in given
    }
    made = found or AssetContainer(
        id=key, created=time.time(), workspace=workspace.id, collection=collection, name=name, properties={}
    )
    made.properties = own
    control.store.save(made)
    return json_response(_shown_container(control, workspace, collection, name), 200 if found else 201)


@operation("listassetcontainers")
async def list_containers(request: web.Request) -> web.Response:
    """GET {collection}[?$skip,listViewType]."""
    workspace, control = workspace_of(request), control_of(request)
    collection = request.match_info["collection"]
    shown = [
        _shown_container(control, workspace, collection, name)
        for name in assets.names(control.store, workspace, collection)
    ]
    return paged(request, [one for one in shown if listed(request, bool(one["properties"]["isArchived"]))])


ROUTES = [
    web.put(VERSION, put_version),
    web.get(VERSION, get_version),
    web.delete(VERSION, delete_version),
    web.get(VERSIONS, list_versions),
    web.get(NAME, get_container),
    web.put(NAME, put_container),
    web.get(NAMES, list_containers),
]
