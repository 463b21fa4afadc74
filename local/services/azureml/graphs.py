"""Graphs of modules: whether they can run, in which order, and putting values into their fields."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import msgspec

from local.services.azureml.catalogue import MODULES, Port
from local.services.azureml.errors import Refused
from local.services.azureml.records import Edge, Graph, Link, Location, Node, Parameter


def wire(graph: Graph, source: str, target: str) -> Edge:
    """An edge given as `node` or `node:port` at both ends. Raises: Refused."""
    from_node, output = _end(graph, source, outputs=True)
    to_node, name = _end(graph, target, outputs=False)
    return Edge(source=from_node, output=output, target=to_node, input=name)


def _end(graph: Graph, text: str, *, outputs: bool) -> tuple[str, str]:
    node, _, port = text.partition(":")
    ports = _ports(graph, node, outputs)
    names = [one.name for one in ports]
    if not port and len(names) == 1:
        return node, names[0]
    if port not in names:
        raise Refused(400, f"{text!r} names no {'output' if outputs else 'input'} of {node!r}: {', '.join(names)}.")
    return node, port


def _ports(graph: Graph, node: str, outputs: bool) -> tuple[Port, ...]:
    if node not in graph.nodes:
        raise Refused(400, f"There is no node {node!r}; there are {', '.join(graph.nodes)}.")
    module = MODULES[graph.nodes[node].module]
    return module.outputs if outputs else module.inputs


def check_nodes(nodes: Mapping[str, Node]) -> None:
    """Raises: Refused for a module or a field that does not exist."""
    for key, node in nodes.items():
        module = MODULES.get(node.module)
        if not key or ":" in key:
            raise Refused(400, f"{key!r} cannot be the id of a node.")
        if module is None:
            raise Refused(400, f"There is no module {node.module!r}; there are {', '.join(MODULES)}.")
        unknown = [name for name in node.fields if name not in module.fields]
        if unknown:
            raise Refused(400, f"{node.module} has no field {unknown[0]!r}; it has {', '.join(module.fields)}.")


def check(graph: Graph, parameters: Mapping[str, Parameter]) -> None:
    """Raises: Refused unless every module has its inputs and needed values, and data goes round in no circle."""
    if not graph.nodes:
        raise Refused(400, "The pipeline has no modules.")
    order(graph)
    filled = {(link.node, link.field) for parameter in parameters.values() for link in parameter.links}
    for key, node in graph.nodes.items():
        module = MODULES[node.module]
        wired = {edge.input for edge in graph.edges if edge.target == key}
        open_ports = [port.name for port in module.inputs if not port.optional and port.name not in wired]
        if open_ports:
            raise Refused(400, f"{key} ({node.module}): input {open_ports[0]!r} is not connected.")
        for name, field in module.fields.items():
            if field.default is None and not node.fields.get(name) and (key, name) not in filled:
                raise Refused(400, f"{key} ({node.module}): field {name!r} needs a value.")


def check_edges(graph: Graph) -> None:
    """Raises: Refused for a wire between ports of different kinds, and for two wires into one input."""
    taken: set[tuple[str, str]] = set()
    for edge in graph.edges:
        source = _port(graph, edge.source, edge.output, outputs=True)
        target = _port(graph, edge.target, edge.input, outputs=False)
        if source.kind != target.kind:
            raise Refused(400, f"{edge.source}:{source.name} is a {source.kind}, {edge.target} needs a {target.kind}.")
        if (edge.target, edge.input) in taken:
            raise Refused(400, f"{edge.target}:{edge.input} is connected twice.")
        taken.add((edge.target, edge.input))


def _port(graph: Graph, node: str, name: str, *, outputs: bool) -> Port:
    return next(port for port in _ports(graph, node, outputs) if port.name == name)


def order(graph: Graph) -> list[str]:
    """The nodes, each after those it needs. Raises: Refused for a circle."""
    needs = {key: {edge.source for edge in graph.edges if edge.target == key} for key in graph.nodes}
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as circle:
        raise Refused(400, f"Data goes round in a circle: {' -> '.join(circle.args[1])}.") from circle


def inputs_of(graph: Graph, node: str) -> Iterator[Edge]:
    """The wires that end at this node."""
    return (edge for edge in graph.edges if edge.target == node)


def filled(graph: Graph, parameters: Mapping[str, Parameter], values: Mapping[str, str | Location]) -> Graph:
    """The graph with each parameter's value, or its default, in the fields it is attached to. Raises: Refused."""
    nodes = dict(graph.nodes)
    for name, parameter in parameters.items():
        value = values.get(name, parameter.default)
        for link in parameter.links:
            given = _given(name, nodes[link.node], link, value)
            nodes[link.node] = msgspec.structs.replace(nodes[link.node], fields={**nodes[link.node].fields, **given})
    return Graph(nodes=nodes, edges=graph.edges)


def _given(name: str, node: Node, link: Link, value: str | Location) -> dict[str, str]:
    if isinstance(value, str):
        return {link.field: value}
    if link.field != "Path":
        raise Refused(400, f"Parameter {name!r} fills {link.field!r} of {node.module}, which no data path fits.")
    return {"Datastore": value.datastore, "Path": value.path}


def takes_path(parameter: Parameter) -> bool:
    """Whether the parameter fills a Path."""
    return any(link.field == "Path" for link in parameter.links)


def without(edges: Iterable[Edge], nodes: Iterable[str]) -> tuple[Edge, ...]:
    """The wires between nodes that remain when these are removed."""
    gone = set(nodes)
    return tuple(edge for edge in edges if edge.source not in gone and edge.target not in gone)
