"""The rules of authoring: drafts, their pipeline parameters, and publishing. The JSON is ours: it was done by hand."""

import time
from typing import Any, TypeVar

import msgspec

from local.services.azureml import graphs
from local.services.azureml.azureml import AzureMl
from local.services.azureml.catalogue import MODULES
from local.services.azureml.errors import Refused
from local.services.azureml.records import (
    Graph,
    Link,
    MlWorkspace,
    Node,
    Parameter,
    PipelineDraft,
    PipelineEndpoint,
    PublishedPipeline,
    guid,
)

T = TypeVar("T")


class Wire(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A wire to draw: `node` or `node:port` at both ends."""

    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class DraftBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a draft is to be; in an edit, what is absent stays."""

    name: str | None = None
    description: str | None = None
    nodes: dict[str, Node] | None = None
    edges: list[Wire] | None = None


class ParameterBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A pipeline parameter to create or edit."""

    default: str


class Publication(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How to publish: under which endpoint (made when there is none of that name), and as its default or not."""

    endpoint: str | None = None
    name: str | None = None
    description: str = ""
    version: str | None = None
    set_default: bool = True
    continue_on_step_failure: bool = False


def decode(body: bytes, kind: type[T]) -> T:
    """A JSON body. Raises: Refused, 400."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Refused(400, f"{wrong}.") from wrong


def edit(service: AzureMl, draft: PipelineDraft, body: bytes) -> PipelineDraft:
    """Changes a draft (or fills a new one) and keeps it. Raises: Refused."""
    given = decode(body, DraftBody)
    graph = _redrawn(draft.graph, given)
    _check_links(draft, graph)
    draft.graph, draft.name = graph, given.name or draft.name
    draft.description = draft.description if given.description is None else given.description
    if not draft.name:
        raise Refused(400, "A pipeline draft needs a name.")
    service.store.save(draft)
    return draft


def _redrawn(graph: Graph, given: DraftBody) -> Graph:
    nodes = graph.nodes if given.nodes is None else given.nodes
    graphs.check_nodes(nodes)
    gone = set(graph.nodes) - set(nodes)
    drawn = Graph(nodes=nodes, edges=graphs.without(graph.edges, gone))
    if given.edges is not None:
        edges = tuple(graphs.wire(drawn, one.start, one.end) for one in given.edges)
        drawn = Graph(nodes=nodes, edges=edges)
    graphs.check_edges(drawn)
    graphs.order(drawn)
    return drawn


def _check_links(draft: PipelineDraft, graph: Graph) -> None:
    for name, parameter in draft.parameters.items():
        for link in parameter.links:
            node = graph.nodes.get(link.node)
            if node is None or link.field not in MODULES[node.module].fields:
                raise Refused(409, f"Parameter {name!r} is attached to {link.node}; detach it first.")


def set_fields(service: AzureMl, draft: PipelineDraft, node: str, fields: dict[str, str]) -> PipelineDraft:
    """Changes some fields of one module. Raises: Refused."""
    found = _node(draft, node)
    nodes = {**draft.graph.nodes, node: msgspec.structs.replace(found, fields={**found.fields, **fields})}
    graphs.check_nodes(nodes)
    draft.graph = Graph(nodes=nodes, edges=draft.graph.edges)
    service.store.save(draft)
    return draft


def _node(draft: PipelineDraft, node: str) -> Node:
    if node not in draft.graph.nodes:
        raise Refused(404, f"The draft has no node {node!r}; it has {', '.join(draft.graph.nodes)}.")
    return draft.graph.nodes[node]


def set_parameter(service: AzureMl, draft: PipelineDraft, name: str, body: bytes) -> Parameter:
    """Creates a pipeline parameter, or gives it another default. Raises: Refused."""
    given, before = decode(body, ParameterBody), draft.parameters.get(name, Parameter(default=""))
    draft.parameters[name] = Parameter(default=given.default, links=before.links)
    service.store.save(draft)
    return draft.parameters[name]


def parameter_of(draft: PipelineDraft, name: str) -> Parameter:
    """Raises: Refused, 404."""
    if name not in draft.parameters:
        raise Refused(404, f"The draft has no parameter {name!r}; it has {', '.join(draft.parameters) or 'none'}.")
    return draft.parameters[name]


def attach(service: AzureMl, draft: PipelineDraft, name: str, link: Link) -> Parameter:
    """Lets a parameter fill a field. Raises: Refused: 409 for a field that another one fills."""
    parameter, node = parameter_of(draft, name), _node(draft, link.node)
    if link.field not in MODULES[node.module].fields:
        raise Refused(400, f"{node.module} has no field {link.field!r}.")
    for other, one in draft.parameters.items():
        if link in one.links and other != name:
            raise Refused(409, f"{link.field!r} of {link.node} is filled by {other!r}; detach that first.")
    links = parameter.links if link in parameter.links else (*parameter.links, link)
    draft.parameters[name] = Parameter(default=parameter.default, links=links)
    service.store.save(draft)
    return draft.parameters[name]


def detach(service: AzureMl, draft: PipelineDraft, name: str, link: Link) -> Parameter:
    """Ends that; the field keeps the parameter's default. Raises: Refused."""
    parameter = parameter_of(draft, name)
    if link not in parameter.links:
        raise Refused(404, f"Parameter {name!r} is not attached to {link.field!r} of {link.node}.")
    left = tuple(one for one in parameter.links if one != link)
    draft.parameters[name] = Parameter(default=parameter.default, links=left)
    set_fields(service, draft, link.node, {link.field: parameter.default})
    return draft.parameters[name]


def delete_parameter(service: AzureMl, draft: PipelineDraft, name: str) -> None:
    """Raises: Refused: 409 while it is attached to a field."""
    if parameter_of(draft, name).links:
        where = ", ".join(f"{link.node}: {link.field}" for link in draft.parameters[name].links)
        raise Refused(409, f"Parameter {name!r} is attached to {where}; detach it before deleting it.")
    del draft.parameters[name]
    service.store.save(draft)


def publish(
    service: AzureMl, workspace: MlWorkspace, draft: PipelineDraft, body: bytes
) -> tuple[PublishedPipeline, PipelineEndpoint | None]:
    """Publishes the draft, and adds it to an endpoint as its next version if one is named. Raises: Refused."""
    given = decode(body, Publication)
    graphs.check(draft.graph, draft.parameters)
    pipeline = PublishedPipeline(
        id=guid(),
        created=time.time(),
        workspace=workspace.id,
        name=given.name or draft.name,
        description=given.description or draft.description,
        version=given.version,
        graph_id=guid(),
        graph=draft.graph,
        parameters=dict(draft.parameters),
        continue_on_failure=given.continue_on_step_failure,
    )
    endpoint = None
    if given.endpoint is not None:
        endpoint = endpoint_named(service, workspace, given.endpoint)
        if endpoint is None:
            endpoint = new_endpoint(workspace, given.endpoint, given.description)
        add_version(endpoint, pipeline.id, default=given.set_default)
    service.store.save(pipeline, *([endpoint] if endpoint else []))
    return pipeline, endpoint


def endpoint_named(service: AzureMl, workspace: MlWorkspace, name: str) -> PipelineEndpoint | None:
    """The workspace's pipeline endpoint of that name."""
    return next(service.store.all(PipelineEndpoint, workspace=workspace.id, name=name), None)


def new_endpoint(workspace: MlWorkspace, name: str, description: str) -> PipelineEndpoint:
    """An endpoint without versions, not yet kept. Raises: Refused."""
    if not name.strip():
        raise Refused(400, "A pipeline endpoint needs a name.")
    return PipelineEndpoint(
        id=guid(),
        created=time.time(),
        workspace=workspace.id,
        name=name,
        description=description,
        versions=[],
        default="0",
    )


def add_version(endpoint: PipelineEndpoint, pipeline: str, *, default: bool) -> None:
    """Adds a published pipeline as the next version; the first is the default in any case."""
    endpoint.versions.append(pipeline)
    endpoint.modified = time.time()
    if default:
        endpoint.default = str(len(endpoint.versions) - 1)


def shown(draft: PipelineDraft) -> dict[str, Any]:
    """A draft as the authoring routes answer it."""
    edges = [
        {"from": f"{edge.source}:{edge.output}", "to": f"{edge.target}:{edge.input}"} for edge in draft.graph.edges
    ]
    return {
        "id": draft.id,
        "name": draft.name,
        "description": draft.description,
        "nodes": msgspec.to_builtins(draft.graph.nodes),
        "edges": edges,
        "parameters": msgspec.to_builtins(draft.parameters),
    }
