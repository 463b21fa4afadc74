"""Deploying an experiment as a web service, or again onto the default endpoint of the one it has."""

import time

import msgspec

from local.services.engine.records import new_id, new_key
from local.services.studio.auth import default_of
from local.services.studio.errors import error, outer_error
from local.services.studio.records import (
    DEFAULT,
    Activity,
    Endpoint,
    Experiment,
    Graph,
    Port,
    Resource,
    Service,
    Workspace,
)
from local.services.studio.services import DEFAULT_CALLS, LOW_CALLS, decode
from local.services.studio.studio import Studio


class Deployment(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Ours: ids and keys to use, so that a local configuration stays the same from run to run; all may be absent."""

    name: str | None = None
    description: str | None = None
    web_service_id: str | None = None
    endpoint_id: str | None = None
    primary_key: str | None = None
    secondary_key: str | None = None


def deploy(studio: Studio, workspace: Workspace, experiment: Experiment, body: bytes, update: bool) -> Activity:
    """Deploys; with `update` an existing service's default endpoint alone is changed. Raises: WireError, 400 or 409."""
    request: Deployment = decode(body or b"{}", Deployment)
    graph = graph_of(experiment)
    existing = studio.store.find(Service, experiment.service or "") if update else None
    if existing is not None:
        endpoint = default_of(studio.store, existing)
        endpoint.graph, endpoint.resources = graph, _resources(experiment)
        return _done(studio, experiment, existing, endpoint)
    if studio.store.find(Service, request.web_service_id or "") or studio.store.find(
        Endpoint, request.endpoint_id or ""
    ):
        raise outer_error("Conflict", "A web service or endpoint of that id exists.")
    service = Service(
        id=request.web_service_id or new_id(),
        created=time.time(),
        workspace=workspace.id,
        name=request.name or experiment.name,
        kind=experiment.kind,
        experiment=experiment.id,
        description=request.description,
    )
    experiment.service = service.id
    return _done(studio, experiment, service, _default_endpoint(workspace, service, experiment, graph, request))


def _default_endpoint(
    workspace: Workspace, service: Service, experiment: Experiment, graph: Graph, request: Deployment
) -> Endpoint:
    return Endpoint(
        id=request.endpoint_id or new_id(),
        created=service.created,
        workspace=workspace.id,
        service=service.id,
        name=DEFAULT,
        primary=request.primary_key or new_key(),
        secondary=request.secondary_key or new_key(),
        throttle="Low" if workspace.free else "High",
        max_calls=LOW_CALLS if workspace.free else DEFAULT_CALLS,
        graph=graph,
        resources=_resources(experiment),
    )


def _done(studio: Studio, experiment: Experiment, service: Service, endpoint: Endpoint) -> Activity:
    activity = Activity(
        id=new_id(), created=time.time(), workspace=service.workspace, service=service.id, endpoint=endpoint.id
    )
    studio.store.save(experiment, service, endpoint, activity)
    return activity


def graph_of(experiment: Experiment) -> Graph:
    """What an endpoint deployed now would do. Raises: WireError if the experiment has no web-service output."""
    if not experiment.outputs:
        raise error("ValidationError", "the experiment has no web service output; add outputs before deploying it")
    return Graph(
        kind=experiment.kind,
        revision=experiment.revision,
        task=experiment.task,
        columns=experiment.columns,
        label=experiment.label,
        inputs=() if experiment.data == "uri" else ("input1",),
        outputs=tuple(Port(f"output{number}", kind) for number, kind in enumerate(experiment.outputs, start=1)),
        parameters=experiment.parameters,
    )


def _resources(experiment: Experiment) -> tuple[Resource, ...]:
    if experiment.resource is None or experiment.location is None or experiment.model is None:
        return ()
    return (Resource(name=experiment.resource, location=experiment.location, sha=experiment.model),)
