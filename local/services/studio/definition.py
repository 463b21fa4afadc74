"""Exporting an experiment as the definition of a "new" (Resource Manager) web service.

As with the original, the storage account's key and the commitment plan must be added by hand before a PUT. Module ids
and port names are this stand-in's own; a reader should treat them as opaque.
"""

from typing import Any

from local.services.engine.outputs import LABELS, SCORED
from local.services.engine.records import Column
from local.services.studio.records import Experiment, Graph

_DATASET = {"type": "Dataset"}


def export(experiment: Experiment, graph: Graph) -> dict[str, Any]:
    """The definition: `location` and `properties` with assets, ports, parameters and package."""
    properties = {
        "packageType": "Graph",
        "title": experiment.name,
        "description": "",
        "readOnly": False,
        "exposeSampleData": True,
        "realtimeConfiguration": {"maxConcurrentCalls": 4},
        "diagnostics": {"level": "None"},
        "machineLearningWorkspace": {"id": experiment.workspace},
        "assets": _assets(experiment, graph),
        **_example(graph),
        "parameters": {name: {"value": value} if value is not None else {} for name, value in graph.parameters.items()},
        "input": _ports({name: {column.name: _column(column) for column in graph.columns} for name in graph.inputs}),
        "output": _ports({port.name: _output(graph.task, port.kind) for port in graph.outputs}),
        "package": _package(graph),
    }
    return {"location": "South Central US", "tags": {}, "properties": properties}


def _assets(experiment: Experiment, graph: Graph) -> dict[str, Any]:
    ports = {"inputPorts": {"Dataset": _DATASET}, "outputPorts": {port.kind: _DATASET for port in graph.outputs}}
    name = "Score Model" if graph.kind == "predictive" else "Train Model"
    module = {"name": name, "type": "Module", "locationInfo": {"uri": f"aml://module/{graph.kind}"}, **ports}
    if experiment.location is None:
        return {"asset1": module}
    module["inputPorts"] = {"Trained model": _DATASET, **ports["inputPorts"]}
    uri = f"{experiment.location.base_location}{experiment.location.relative_location}"
    model = {"name": experiment.resource, "type": "Resource", "locationInfo": {"uri": uri}}
    return {"asset1": module, "asset2": {**model, "outputPorts": {"Results dataset": _DATASET}}}


def _ports(tables: dict[str, dict[str, Any]]) -> dict[str, Any]:
    properties = {
        name: {"title": "", "description": "", "type": "object", "properties": columns}
        for name, columns in tables.items()
    }
    return {"title": "", "description": "", "type": "object", "properties": properties}


def _column(column: Column) -> dict[str, Any]:
    if column.kind == "number":
        return {"type": "Number", "format": "Double", "x-ms-isnullable": True}
    return {"type": "String", "x-ms-isnullable": True}


def _example(graph: Graph) -> dict[str, Any]:
    """`exampleRequest` of a service that scores: one row that any model of it takes."""
    if graph.kind != "predictive":
        return {}
    row = [0 if column.kind == "number" else next(iter(column.categories), "") for column in graph.columns]
    return {"exampleRequest": {"inputs": {name: [row] for name in graph.inputs}, "globalParameters": {}}}


def _output(task: str, kind: str) -> dict[str, Any]:
    if kind != "scores":
        return {}
    label = _column(Column(LABELS, "number" if task == "regression" else "category"))
    return {name: label if name == LABELS else _column(Column(name, "number")) for name in SCORED[task]}


def _package(graph: Graph) -> dict[str, Any]:
    settings = {"Task": {"value": graph.task}, **{name: {"value": value} for name, value in graph.parameters.items()}}
    nodes: dict[str, Any] = {"module": {"assetId": "asset1", "parameters": settings}}
    edges: list[dict[str, str]] = []
    if graph.kind == "predictive":
        nodes["model"] = {"assetId": "asset2"}
        source = {"sourceNodeId": "model", "sourcePortId": "Results dataset"}
        edges.append({**source, "targetNodeId": "module", "targetPortId": "Trained model"})
    for name in graph.inputs:
        nodes[name] = {"inputId": name}
        edges.append({"sourceNodeId": name, "targetNodeId": "module", "targetPortId": "Dataset"})
    for port in graph.outputs:
        nodes[port.name] = {"outputId": port.name}
        edges.append({"sourceNodeId": "module", "sourcePortId": port.kind, "targetNodeId": port.name})
    links = {
        name: {"description": "", "type": "String", "links": [{"nodeId": "module", "parameterKey": name}]}
        for name in graph.parameters
    }
    return {"nodes": nodes, "edges": edges, "graphParameters": links}
