"""Routes of "new" web services. They translate; the rules are in webservices.py, what a change does in applying.py."""

from typing import Any

from aiohttp import web

from local.services.arm import render, webservices
from local.services.arm.checks import place
from local.services.arm.errors import caller, operation, refused
from local.services.arm.operations import OPERATIONS, Operations
from local.services.arm.paths import GROUP, PROVIDER, SUBSCRIPTION, version_of
from local.services.arm.records import ServiceOperation, WebService
from local.services.arm.schema import STABLE, VERSIONS, read
from local.services.engine.answers import json_object, json_response
from local.services.engine.errors import WireError
from local.services.tokens.records import CONTRIBUTOR

KIND = "/{kind:(?i:webServices)}"
LIST = GROUP + PROVIDER + KIND
BASE = LIST + "/{service}"
AUTHORIZATION = r"/{more:(?i:providers)}/{other:(?i:Microsoft\.Authorization)}/{what:(?i:permissions)}"
FOLLOW = SUBSCRIPTION + PROVIDER + "/{locations:(?i:locations)}/{location}"


def _called(request: web.Request) -> tuple[Operations, str]:
    caller(request)
    return request.app[OPERATIONS], version_of(request, "webServices", VERSIONS)


def _place(request: web.Request) -> tuple[str, str, str]:
    at = request.match_info
    return at["subscription"], at["group"], at["service"]


def _service(request: web.Request, operations: Operations) -> WebService:
    found = webservices.find(operations.studio.store, *_place(request))
    region = place(request.query.get("region", "")) if request.method == "GET" else ""
    if found is None or (region and region not in (place(found.location), *found.regions)):
        raise webservices.not_found(request.match_info["service"])
    return found


async def _body(request: web.Request, version: str) -> dict[str, Any]:
    try:
        return read(await json_object(request), version)
    except WireError as wrong:
        if wrong.code != "BadBody":
            raise
        raise refused(400, "InvalidRequestContent", f"The request content was invalid: {wrong.message}") from wrong


def _begun(
    request: web.Request, operations: Operations, begun: ServiceOperation, version: str, status: int
) -> web.Response:
    headers = render.begun(request, operations.studio.switches, begun, version)
    service = operations.studio.store.get(WebService, begun.service)
    return json_response(render.skeleton(service, version), status, headers)


@operation("putwebservice")
async def put_service(request: web.Request) -> web.Response:
    """PUT webServices/{name}: creates (201) or replaces (200), without a warning."""
    operations, version = _called(request)
    new, begun = webservices.put(operations, _place(request), await _body(request, version))
    return _begun(request, operations, begun, version, 201 if new else 200)


@operation("getwebservice")
async def get_service(request: web.Request) -> web.Response:
    """GET webServices/{name}: all but secrets."""
    operations, version = _called(request)
    service = _service(request, operations)
    failed = webservices.failed_definition(operations, service)
    origin = str(request.url.origin())
    return json_response(render.whole(service, operations.studio.switches, origin, version, failed))


@operation("patchwebservice")
async def patch_service(request: web.Request) -> web.Response:
    """PATCH webServices/{name}: merges."""
    operations, version = _called(request)
    begun = webservices.patch(operations, _service(request, operations), await _body(request, version))
    return _begun(request, operations, begun, version, 200)


@operation("deletewebservice")
async def delete_service(request: web.Request) -> web.Response:
    """DELETE webServices/{name}: 202, or 204 when there is none."""
    operations, version = _called(request)
    service = webservices.find(operations.studio.store, *_place(request))
    if service is None:
        return web.Response(status=204)
    begun = webservices.remove(operations, service)
    headers = render.begun(request, operations.studio.switches, begun, version)
    headers["Location"] = render.operation_url(begun, str(request.url.origin()), version, "operationresults")
    return web.Response(status=202, headers=headers)


@operation("listkeys")
async def list_keys(request: web.Request) -> web.Response:
    """GET webServices/{name}/listKeys."""
    operations, _ = _called(request)
    service = _service(request, operations)
    return json_response({"primary": service.primary, "secondary": service.secondary})


@operation("listwebservices")
async def list_services(request: web.Request) -> web.Response:
    """GET webServices of a resource group or a subscription, page by page."""
    operations, version = _called(request)
    at, size = request.match_info, int(operations.studio.switches["webServicePage"])
    found = list(webservices.within(operations.studio.store, at["subscription"], at.get("group")))
    token = request.query.get("$skiptoken", "0")
    if not token.isdigit():
        raise refused(400, "BadRequest", "The request is invalid.", ("InvalidSkipToken", "$skiptoken is not ours."))
    start, origin = int(token), str(request.url.origin())
    page: dict[str, Any] = {"value": [render.sparse(one, origin, version) for one in found[start : start + size]]}
    if len(found) > start + size:
        page["nextLink"] = str(request.url.update_query({"$skiptoken": str(start + size)}))
    return json_response(page)


@operation("createregionalblob")
async def create_regional_blob(request: web.Request) -> web.Response:
    """POST webServices/{name}/CreateRegionalBlob?region=: copies its blobs there."""
    operations, version = _called(request)
    if version != STABLE:
        version_of(request, "webServices/CreateRegionalBlob", (STABLE,))
    region = request.query.get("region", "")
    begun = webservices.copy_to(operations, _service(request, operations), region)
    switches = operations.studio.switches
    shown = render.status(begun, switches, render.operation_url(begun, "", version).partition("?")[0])
    return json_response(shown, 202, render.begun(request, switches, begun, version))


def _operation(request: web.Request, operations: Operations) -> ServiceOperation:
    found = operations.studio.store.find(ServiceOperation, request.match_info["operation"])
    if found is None or found.subscription != request.match_info["subscription"].lower():
        raise refused(404, "NotFound", f"There is no operation {request.match_info['operation']}.")
    return found


@operation("operationstatus")
async def operation_status(request: web.Request) -> web.Response:
    """GET operationsStatus/{id}: how far a change is."""
    operations, _ = _called(request)
    found, switches = _operation(request, operations), operations.studio.switches
    return json_response(render.status(found, switches, request.path), headers=render.retry_after(switches, found))


@operation("operationresult")
async def operation_result(request: web.Request) -> web.Response:
    """GET operationresults/{id}: 202 as long as the change goes on, then 204."""
    operations, _ = _called(request)
    found = _operation(request, operations)
    if found.ended is None:
        return web.Response(status=202, headers={"Location": str(request.url)})
    return web.Response(status=204)


@operation("listoperations")
async def list_operations(request: web.Request) -> web.Response:
    """GET /providers/Microsoft.MachineLearning/operations: what may be allowed to somebody."""
    caller(request)
    version_of(request, "operations", (STABLE,))
    shown = {"provider": "Microsoft Azure Machine Learning", "resource": "Web Service"}
    names = {"read": "Read", "write": "Create or Update", "delete": "Delete", "listkeys/action": "List Keys of"}
    return json_response(
        {
            "value": [
                {
                    "name": f"{render.PROVIDER}/webServices/{verb}",
                    "display": {**shown, "operation": f"{text} Web Service", "description": f"{text} a web service"},
                }
                for verb, text in names.items()
            ]
        }
    )


@operation("listpermissions")
async def list_permissions(request: web.Request) -> web.Response:
    """GET webServices/{name}/providers/Microsoft.Authorization/permissions: what the caller may do with it."""
    principal = caller(request)
    version_of(request, "permissions", ("2015-07-01", "2022-04-01"))
    _service(request, request.app[OPERATIONS])
    actions = ["*"] if principal.role == CONTRIBUTOR else ["*/read"]
    denied = ["Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write"]
    return json_response({"value": [{"actions": actions, "notActions": denied if actions == ["*"] else []}]})


ROUTES = [
    web.put(BASE, put_service),
    web.get(BASE, get_service),
    web.patch(BASE, patch_service),
    web.delete(BASE, delete_service),
    web.get(BASE + "/{keys:(?i:listKeys)}", list_keys),
    web.post(BASE + "/{blob:(?i:CreateRegionalBlob)}", create_regional_blob),
    web.get(BASE + AUTHORIZATION, list_permissions),
    web.get(LIST, list_services),
    web.get(SUBSCRIPTION + PROVIDER + KIND, list_services),
    web.get(FOLLOW + "/{state:(?i:operationsStatus)}/{operation}", operation_status),
    web.get(FOLLOW + "/{state:(?i:operationresults)}/{operation}", operation_result),
    web.get(PROVIDER + "/{operations:(?i:operations)}", list_operations),
]
