"""The help pages of an endpoint, for people: how to score, how to run jobs, and what can be updated."""

from collections.abc import Iterator
from html import escape

from aiohttp import web

from local.services.engine.pages import link, page
from local.services.engine.store import Store
from local.services.studio.auth import find_endpoint, service_of
from local.services.studio.errors import error, operation
from local.services.studio.records import CLASSIC, Endpoint, Service
from local.services.studio.studio import studio_of

NO_RESOURCES = (
    "Sorry, but this feature is not supported or available in this context."
    " This Web Service has no updatable resources."
)
_MENU = {"score": "Request response", "jobs": "Batch execution", "update": "Update resource"}


@operation("help")
async def help_page(request: web.Request) -> web.Response:
    """GET apihelp/.../{score|jobs|update}; no key is needed and none is shown."""
    service = service_of(request)
    endpoint = find_endpoint(studio_of(request).store, service, request.match_info["endpoint"])
    if endpoint is None:
        raise error("WebServiceNotFound", request.match_info["endpoint"])
    origin = str(request.url.origin())
    body = _BODIES[request.match_info["page"]](service, endpoint, origin)
    return page(f"{service.name} ({endpoint.name})", body, "Help", _MENU)


def shown(store: Store) -> Iterator[tuple[str, str]]:
    """The web services' endpoints, with links to their help pages."""
    for endpoint in store.all(Endpoint):
        if endpoint.realm == CLASSIC and (service := store.find(Service, endpoint.service)) is not None:
            at = f"/apihelp/workspaces/{service.workspace}/webservices/{service.id}/endpoints/{endpoint.name}/score"
            yield link(at, f"{service.name} ({endpoint.name})"), f"endpoint of a {service.kind} web service"


def _score(service: Service, endpoint: Endpoint, origin: str) -> str:
    if service.kind != "predictive":
        return "<h2>Request response</h2><p>A training service answers batch requests only.</p>"
    columns = ", ".join(column.name for column in endpoint.graph.columns)
    return (
        f"<h2>Request response</h2><pre>POST {origin}{endpoint.path}/execute?api-version=2.0&amp;details=true</pre>"
        f"<p>Input <b>{endpoint.graph.inputs[0]}</b> has the columns {escape(columns)}.</p>"
    )


def _jobs(service: Service, endpoint: Endpoint, origin: str) -> str:
    base = origin + endpoint.path
    calls = [
        f"POST {base}/jobs?api-version=2.0",
        f"POST {base}/jobs/{{jobId}}/start?api-version=2.0",
        f"GET {base}/jobs/{{jobId}}?api-version=2.0",
        f"DELETE {base}/jobs/{{jobId}}?api-version=2.0",
    ]
    outputs = "".join(f"<li><b>{port.name}</b>: {port.kind}</li>" for port in endpoint.graph.outputs)
    values = "".join(
        f"<li><b>{escape(name)}</b>{' (required)' if value is None else f': {escape(value)}'}</li>"
        for name, value in endpoint.graph.parameters.items()
    )
    inputs = ", ".join(endpoint.graph.inputs) or "none"
    return (
        f"<h2>Batch execution</h2><pre>{chr(10).join(calls)}</pre><p>Inputs: {inputs}</p>"
        f"<h3>Outputs</h3><ul>{outputs}</ul>"
        f"<h3>Global parameters and their defaults</h3><ul>{values or '<li>none</li>'}</ul>"
    )


def _update(service: Service, endpoint: Endpoint, origin: str) -> str:
    if not endpoint.resources:
        return f"<h2>Update resource</h2><p>{NO_RESOURCES}</p>"
    url = f"{origin}/workspaces/{service.workspace}/webservices/{service.id}/endpoints/{endpoint.name}"
    names = "".join(f"<li>{escape(resource.name)}</li>" for resource in endpoint.resources)
    return f"<h2>Update resource</h2><pre>PATCH {url}</pre><h3>Updatable Resources</h3><ul>{names}</ul>"


_BODIES = {"score": _score, "jobs": _jobs, "update": _update}
ROUTES = [
    web.get(
        "/apihelp/workspaces/{workspace}/webservices/{service}/endpoints/{endpoint}/{page:score|jobs|update}", help_page
    )
]
