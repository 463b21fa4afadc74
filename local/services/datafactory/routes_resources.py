"""Routes of factories and of what is in them: linked services, data sets, pipelines.

Source: Data Factory REST API 2018-06-01.
"""

import re
import time
import uuid
from typing import Any

from aiohttp import web

from local.services.arm.errors import caller, operation, refused
from local.services.datafactory.definitions import check, check_unused
from local.services.datafactory.factories import factories_of
from local.services.datafactory.records import DataFactory, FactoryItem, FactoryRun
from local.services.datafactory.secrets import masked
from local.services.engine.answers import json_object, json_response
from local.services.engine.errors import WireError
from local.services.engine.records import wire_time

VERSION = "2018-06-01"
PROVIDER = "providers/Microsoft.DataFactory/factories"
FACTORY_NAME, ITEM_NAME = re.compile(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"), re.compile(r"[A-Za-z0-9_][^<>*#.%&:\\+?/]*")
TYPES = {"linkedservices": "linkedservices", "datasets": "datasets", "pipelines": "pipelines"}


def opened(request: web.Request) -> DataFactory | None:
    """The factory that the address names, if it is there, once the caller and the version are accepted.

    Raises: WireError.
    """
    caller(request)
    if request.query.get("api-version") != VERSION:
        raise refused(400, "InvalidApiVersionParameter", f"The api-version is invalid; it has to be {VERSION}.")
    return factories_of(request).factory(path_of(request))


def there(request: web.Request) -> DataFactory:
    """The same. Raises: WireError, 404 when it is not."""
    factory = opened(request)
    if factory is None:
        name, group = request.match_info["factory"], request.match_info["group"]
        raise refused(
            404,
            "ResourceNotFound",
            f"The Resource 'Microsoft.DataFactory/factories/{name}' under resource group '{group}' was not found.",
        )
    return factory


def path_of(request: web.Request) -> str:
    """The factory's resource id as it was written."""
    part = request.match_info
    return f"/subscriptions/{part['subscription']}/resourceGroups/{part['group']}/{PROVIDER}/{part['factory']}"


def _etag() -> str:
    return str(uuid.uuid4())


def _same(request: web.Request, header: str, etag: str) -> bool:
    given = request.headers.get(header, "").strip()
    return given == "*" or given.strip('"') == etag


def _check_match(request: web.Request, etag: str | None) -> None:
    """Raises: WireError, 412."""
    if "If-Match" in request.headers and (etag is None or not _same(request, "If-Match", etag)):
        raise refused(412, "PreconditionFailed", "The document was changed, or is not there: If-Match does not hold.")


def _unless_known(request: web.Request, etag: str, shown: dict[str, Any]) -> web.Response:
    """What is asked for, or 304 to whoever has this version already."""
    if "If-None-Match" in request.headers and _same(request, "If-None-Match", etag):
        return web.Response(status=304)
    return json_response(shown)


@operation("putfactory")
async def put_factory(request: web.Request) -> web.Response:
    """PUT …/factories/{f}."""
    known, given = opened(request), await json_object(request)
    _check_match(request, known.etag if known else None)
    name = request.match_info["factory"]
    if not FACTORY_NAME.fullmatch(name) or not 3 <= len(name) <= 63:
        raise refused(400, "InvalidFactoryName", f"The factory name {name!r}: 3 to 63 letters, digits and dashes.")
    factory = DataFactory(
        id=path_of(request).lower(),
        created=known.created if known else time.time(),
        path=known.path if known else path_of(request),
        location=str(given.get("location") or "local"),
        tags=dict(given.get("tags") or {}),
        identity=given.get("identity"),
        etag=_etag(),
    )
    factories_of(request).engine.store.save(factory)
    return json_response(_factory(factory))


@operation("getfactory")
async def get_factory(request: web.Request) -> web.Response:
    """GET …/factories/{f}."""
    factory = there(request)
    return _unless_known(request, factory.etag, _factory(factory))


@operation("listfactories")
async def list_factories(request: web.Request) -> web.Response:
    """GET …/factories, of a subscription or of one resource group."""
    caller(request)
    prefix = request.path.lower().partition("/providers/")[0] + "/"
    found = [one for one in factories_of(request).engine.store.all(DataFactory) if one.id.startswith(prefix)]
    return json_response({"value": [_factory(one) for one in found]})


@operation("deletefactory")
async def delete_factory(request: web.Request) -> web.Response:
    """DELETE …/factories/{f}: with all that is in it."""
    factory, home = opened(request), factories_of(request)
    if factory is None:
        return web.Response(status=204)
    runs = list(home.engine.store.all(FactoryRun, factory=factory.id))
    for run in runs:
        if run.ended is None:
            home.runs.cancel(run)
    home.engine.store.delete(factory, *home.engine.store.all(FactoryItem, factory=factory.id))
    return web.Response(status=200)


@operation("putitem")
async def put_item(request: web.Request) -> web.Response:
    """PUT …/{linkedservices|datasets|pipelines}/{name} {"properties"}."""
    factory, home, given = there(request), factories_of(request), await json_object(request)
    kind, name = request.match_info["kind"].lower(), request.match_info["item"]
    known, properties = home.item(factory.id, kind, name), given.get("properties")
    _check_match(request, known.etag if known else None)
    if not ITEM_NAME.fullmatch(name) or len(name) > 260 or not isinstance(properties, dict):
        raise refused(400, "BadRequest", f"{kind} {name!r}: give a valid name and an object `properties`.")
    check(home, factory.id, kind, name, properties)
    item = FactoryItem(
        id=f"{factory.id}/{kind}/{name}".lower(),
        created=known.created if known else time.time(),
        factory=factory.id,
        collection=kind,
        path=known.path if known else f"{factory.path}/{kind}/{name}",
        properties=properties,
        etag=_etag(),
    )
    home.engine.store.save(item)
    return json_response(_item(item))


@operation("getitem")
async def get_item(request: web.Request) -> web.Response:
    """GET …/{kind}/{name}; secrets are hidden."""
    item = _found(request)
    return _unless_known(request, item.etag, _item(item))


@operation("listitems")
async def list_items(request: web.Request) -> web.Response:
    """GET …/{kind}."""
    factory, kind = there(request), request.match_info["kind"].lower()
    found = factories_of(request).engine.store.all(FactoryItem, factory=factory.id, collection=kind)
    return json_response({"value": [_item(item) for item in found]})


@operation("deleteitem")
async def delete_item(request: web.Request) -> web.Response:
    """DELETE …/{kind}/{name}."""
    factory, home, part = there(request), factories_of(request), request.match_info
    item = home.item(factory.id, part["kind"].lower(), part["item"])
    if item is None:
        return web.Response(status=204)
    check_unused(home, item)
    home.engine.store.delete(item)
    return web.Response(status=200)


def _found(request: web.Request) -> FactoryItem:
    factory, part = there(request), request.match_info
    item = factories_of(request).item(factory.id, part["kind"].lower(), part["item"])
    if item is None:
        raise not_there(part["kind"].lower(), part["item"])
    return item


def not_there(kind: str, name: str) -> WireError:
    """An item that the factory does not have."""
    return refused(404, "NotFound", f"{kind.removesuffix('s').capitalize()} {name} not found.")


def _factory(factory: DataFactory) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": factory.path.rpartition("/")[2],
        "id": factory.path,
        "type": "Microsoft.DataFactory/factories",
        "properties": {
            "provisioningState": "Succeeded",
            "createTime": wire_time(factory.created),
            "version": VERSION,
        },
        "eTag": f'"{factory.etag}"',
        "location": factory.location,
        "tags": factory.tags,
    }
    return shown | ({"identity": factory.identity} if factory.identity else {})


def _item(item: FactoryItem) -> dict[str, Any]:
    return {
        "id": item.path,
        "name": item.path.rpartition("/")[2],
        "type": f"Microsoft.DataFactory/factories/{item.collection}",
        "properties": masked(item.properties),
        "etag": item.etag,
    }


GROUP = "/subscriptions/{subscription}/{groups:(?i:resourceGroups)}/{group}"
ONE = GROUP + "/{providers:(?i:providers/Microsoft.DataFactory/factories)}/{factory}"
KIND = "{kind:(?i:linkedservices|datasets|pipelines)}"
ROUTES = [
    web.put(ONE, put_factory),
    web.get(ONE, get_factory),
    web.delete(ONE, delete_factory),
    web.get(GROUP + "/{providers:(?i:providers/Microsoft.DataFactory/factories)}", list_factories),
    web.get("/subscriptions/{subscription}/{providers:(?i:providers/Microsoft.DataFactory/factories)}", list_factories),
    web.get(f"{ONE}/{KIND}", list_items),
    web.put(f"{ONE}/{KIND}/{{item}}", put_item),
    web.get(f"{ONE}/{KIND}/{{item}}", get_item),
    web.delete(f"{ONE}/{KIND}/{{item}}", delete_item),
]
