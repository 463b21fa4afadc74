"""The management host's routes: web services and their endpoints. They translate; the rules are in services.py."""

from aiohttp import web

from local.services.engine.answers import json_response
from local.services.studio import services, swagger
from local.services.studio.auth import (
    managed_endpoint,
    managed_service,
    owned_workspace,
    service_of,
    workspace_of,
)
from local.services.studio.errors import error, operation
from local.services.studio.records import Endpoint, Service
from local.services.studio.studio import studio_of

BASE = "/workspaces/{workspace}/webservices"
ENDPOINTS = BASE + "/{service}/endpoints"


def _shown(request: web.Request, endpoint: Endpoint) -> dict[str, object]:
    return services.render_endpoint(studio_of(request), endpoint, str(request.url.origin()))


@operation("listservices")
async def list_services(request: web.Request) -> web.Response:
    """GET webservices."""
    workspace, studio = owned_workspace(request), studio_of(request)
    found = studio.store.all(Service, workspace=workspace.id)
    return json_response([services.render_service(studio, service) for service in found])


@operation("getservice")
async def get_service(request: web.Request) -> web.Response:
    """GET webservices/{S}."""
    return json_response(services.render_service(studio_of(request), managed_service(request)))


@operation("publishcode")
async def publish_code(request: web.Request) -> web.Response:
    """PUT webservices/{S}: publishing R or Python source, which this stand-in does not run."""
    owned_workspace(request)
    raise error("WebServiceTypeInvalid", "code web services are not offered here; deploy an experiment")


@operation("deleteservice")
async def delete_service(request: web.Request) -> web.Response:
    """DELETE webservices/{S}, for the workspace's owner."""
    owned_workspace(request)
    studio = studio_of(request)
    services.delete_service(studio, service_of(request))
    return web.Response(status=studio.switches["deleteStatus"])


@operation("listendpoints")
async def list_endpoints(request: web.Request) -> web.Response:
    """GET endpoints, keys included."""
    service = managed_service(request)
    found = studio_of(request).store.all(Endpoint, service=service.id)
    return json_response([_shown(request, endpoint) for endpoint in found])


@operation("getendpoint")
async def get_endpoint(request: web.Request) -> web.Response:
    """GET endpoints/{name}."""
    _, endpoint = managed_endpoint(request)
    return json_response(_shown(request, endpoint))


@operation("createendpoint")
async def create_endpoint(request: web.Request) -> web.Response:
    """PUT endpoints/{name}."""
    service, studio = managed_service(request), studio_of(request)
    name = request.match_info["endpoint"]
    endpoint = services.create_endpoint(studio, workspace_of(request), service, name, await request.read())
    return json_response(_shown(request, endpoint), studio.switches["putStatus"])


@operation("patch")
async def patch_endpoint(request: web.Request) -> web.Response:
    """PATCH endpoints/{name}: replaces trained models."""
    service, endpoint = managed_endpoint(request)
    studio = studio_of(request)
    await services.patch(studio, service, endpoint, await request.read())
    return web.Response(status=studio.switches["patchStatus"])


@operation("deleteendpoint")
async def delete_endpoint(request: web.Request) -> web.Response:
    """DELETE endpoints/{name}."""
    _, endpoint = managed_endpoint(request)
    studio = studio_of(request)
    services.delete_endpoint(studio, endpoint)
    return web.Response(status=studio.switches["deleteStatus"])


@operation("refresh")
async def refresh(request: web.Request) -> web.Response:
    """POST endpoints/{name}/refresh; 304 when nothing changed."""
    service, endpoint = managed_endpoint(request)
    changed = services.refresh(studio_of(request), service, endpoint, await request.read())
    return web.Response(status=200 if changed else 304)


@operation("apidocument")
async def api_document(request: web.Request) -> web.Response:
    """GET endpoints/{E}/apidocument: the Swagger document, for those who manage the service."""
    service, endpoint = managed_endpoint(request)
    return json_response(swagger.document(endpoint, service.name, str(request.url.origin())))


ROUTES = [
    web.get(BASE, list_services),
    web.get(BASE + "/{service}", get_service),
    web.put(BASE + "/{service}", publish_code),
    web.delete(BASE + "/{service}", delete_service),
    web.get(ENDPOINTS, list_endpoints),
    web.get(ENDPOINTS + "/{endpoint}", get_endpoint),
    web.put(ENDPOINTS + "/{endpoint}", create_endpoint),
    web.patch(ENDPOINTS + "/{endpoint}", patch_endpoint),
    web.delete(ENDPOINTS + "/{endpoint}", delete_endpoint),
    web.post(ENDPOINTS + "/{endpoint}/refresh", refresh),
    web.get(ENDPOINTS + "/{endpoint}/apidocument", api_document),
]
