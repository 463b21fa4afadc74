"""Who may do what, and finding what a path names. Ids and names in, records or the wire's own errors out."""

import re
import secrets

from aiohttp import web

from local.services.engine.store import Store
from local.services.studio.errors import error
from local.services.studio.records import CLASSIC, DEFAULT, Endpoint, Service, Workspace
from local.services.studio.studio import Studio, studio_of

_ID = re.compile(r"^[0-9a-f]{32}$")


def token_of(request: web.Request) -> str:
    """The caller's key or token: `Authorization: Bearer` in any case, or the Studio API's own header; else empty."""
    scheme, _, token = request.headers.get("Authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    return request.headers.get("x-ms-metaanalytics-authorizationtoken", "").strip()


def workspace_of(request: web.Request) -> Workspace:
    """The workspace of the path. Raises: WireError (WorkspaceNotFound)."""
    key = request.match_info["workspace"]
    workspace = studio_of(request).store.find(Workspace, key)
    if workspace is None:
        raise error("WorkspaceNotFound", key)
    return workspace


def is_owner(workspace: Workspace, token: str) -> bool:
    """Whether the token is the workspace's."""
    return secrets.compare_digest(token.encode(), workspace.token.encode())


def owned_workspace(request: web.Request, refused: str = "ManagementRequestUnauthorized") -> Workspace:
    """The workspace of the path, if the caller has its token. Raises: WireError."""
    workspace = workspace_of(request)
    if not is_owner(workspace, token_of(request)):
        raise error(refused)
    return workspace


def service_of(request: web.Request) -> Service:
    """The web service of a management path. Raises: WireError, 404."""
    workspace = workspace_of(request)
    key = request.match_info["service"]
    if not _ID.match(key):
        raise error("WebServiceIdInvalid")
    service = studio_of(request).store.find(Service, key)
    if service is None or service.workspace != workspace.id:
        raise error("WebServiceIdNotFoundInWorkspace", key)
    return service


def find_endpoint(store: Store, service: Service, key: str) -> Endpoint | None:
    """An endpoint of the service by name or id (help pages put the id where management puts the name)."""
    by_id = store.find(Endpoint, key)
    if by_id is not None and by_id.service == service.id:
        return by_id
    return next(store.all(Endpoint, service=service.id, name=key), None)


def default_of(store: Store, service: Service) -> Endpoint:
    """The service's default endpoint; there always is one."""
    return next(store.all(Endpoint, service=service.id, name=DEFAULT))


def managed_service(request: web.Request) -> Service:
    """The service of the path, if the caller may manage its endpoints. Raises: WireError, 404 or 401."""
    service = service_of(request)
    studio = studio_of(request)
    if not _manages(studio, request, service, any_endpoint=studio.switches["siblingKey"] == "accept"):
        raise error("ManagementRequestUnauthorized")
    return service


def managed_endpoint(request: web.Request) -> tuple[Service, Endpoint]:
    """The endpoint of a management path, if the caller may manage it. Raises: WireError, 404 or 401."""
    service = service_of(request)
    studio = studio_of(request)
    endpoint = find_endpoint(studio.store, service, request.match_info["endpoint"])
    own = endpoint is not None and endpoint.opened_by(token_of(request))
    if not own and not _manages(studio, request, service, any_endpoint=studio.switches["siblingKey"] == "accept"):
        raise error("ManagementRequestUnauthorized")
    if endpoint is None:
        raise error("WebServiceNotFound", f"endpoint {request.match_info['endpoint']} of {service.name}")
    return service, endpoint


def _manages(studio: Studio, request: web.Request, service: Service, any_endpoint: bool) -> bool:
    token = token_of(request)
    if is_owner(workspace_of(request), token):
        return True
    siblings = studio.store.all(Endpoint, service=service.id) if any_endpoint else ()
    return any(sibling.opened_by(token) for sibling in siblings)


def called_endpoint(request: web.Request, authorise: bool = True) -> Endpoint:
    """The endpoint of a runtime path, if the caller has one of its keys. Raises: WireError, 400, 404 or 401."""
    realm, owner, key = (request.match_info[part] for part in ("realm", "workspace", "endpoint"))
    if realm == CLASSIC:
        workspace_of(request)
    if not _ID.match(key):
        raise error("WebServiceIdInvalid")
    endpoint = studio_of(request).store.find(Endpoint, key)
    if endpoint is None:
        raise error("WebServiceNotFound", key)
    if (endpoint.realm, endpoint.workspace) != (realm, owner):
        raise error("WebServiceIdNotFoundInWorkspace", key)
    if authorise and not endpoint.opened_by(token_of(request)):
        raise error("ScoreRequestUnauthorized")
    return endpoint
