"""Reading a definition: which trained models and blobs it names, and what its graph does.

Port and parameter names are opaque, except those that the local Studio writes into its own exports: a training service
can only be run from such an export.
"""

from typing import Any, NamedTuple

from local.services.engine.outputs import PROBABILITIES
from local.services.engine.records import Column
from local.services.studio.batch import MODEL_EXTENSIONS
from local.services.studio.errors import error
from local.services.studio.records import Graph, Port

_KINDS = ("evaluation", "model")


class Blob(NamedTuple):
    """A user's asset: its key, its name, its address, and whether it is a trained model."""

    key: str
    name: str
    uri: str
    is_model: bool


def blobs_of(properties: dict[str, Any]) -> list[Blob]:
    """Assets that lie in storage, those which the graph uses first."""
    used = [node.get("assetId") for node in properties["package"]["nodes"].values()]
    assets = properties["assets"]
    order = sorted(assets, key=lambda key: used.index(key) if key in used else len(used))
    found = [(key, assets[key]["name"], assets[key]["locationInfo"]["uri"]) for key in order]
    return [
        Blob(key, name, uri, uri.partition("?")[0].lower().endswith(MODEL_EXTENSIONS))
        for key, name, uri in found
        if uri.lower().startswith(("http://", "https://"))
    ]


def graph_of(properties: dict[str, Any]) -> Graph:
    """What the service does. Raises: WireError for a graph that cannot be run here."""
    predictive = any(blob.is_model for blob in blobs_of(properties))
    inputs = tuple(properties["input"]["properties"])
    parameters = {name: one.get("value") for name, one in (properties.get("parameters") or {}).items()}
    return Graph(
        kind="predictive" if predictive else "training",
        revision=0,
        task=_task(properties, predictive),
        columns=_columns(properties, inputs),
        label=str(parameters.get("Label") or ""),
        inputs=inputs,
        outputs=_outputs(properties, predictive),
        parameters={name: None if value is None else str(value) for name, value in parameters.items()},
    )


def _task(properties: dict[str, Any], predictive: bool) -> str:
    for node in properties["package"]["nodes"].values():
        task = (node.get("parameters") or {}).get("Task", {}).get("value")
        if task:
            return str(task)
    if not predictive:
        text = (
            "only training definitions that this machine's Studio exported can be run: no node has the parameter Task"
        )
        raise error("ValidationError", text)
    columns = {name for table in properties["output"]["properties"].values() for name in table.get("properties") or {}}
    return "classification" if PROBABILITIES in columns else "regression"


def _columns(properties: dict[str, Any], inputs: tuple[str, ...]) -> tuple[Column, ...]:
    tables = properties["input"]["properties"]
    found = (tables[inputs[0]].get("properties") or {}) if inputs else {}
    numeric = ("number", "integer")
    kinds = {name: "number" if str(one["type"]).lower() in numeric else "category" for name, one in found.items()}
    return tuple(Column(name, kind) for name, kind in kinds.items())


def _outputs(properties: dict[str, Any], predictive: bool) -> tuple[Port, ...]:
    package = properties["package"]
    nodes = {key: node["outputId"] for key, node in package["nodes"].items() if node.get("outputId")}
    ports = {edge["targetNodeId"]: edge.get("sourcePortId") for edge in package["edges"]}
    unknown = [name for key, name in nodes.items() if not predictive and ports.get(key) not in _KINDS]
    if unknown or not nodes:
        raise error("ValidationError", f"output {', '.join(unknown) or 'missing'}: its port is no evaluation or model")
    kinds = [Port(name, "scores" if predictive else str(ports[key])) for key, name in nodes.items()]
    order = list(properties["output"]["properties"])
    return tuple(sorted(kinds, key=lambda port: order.index(port.name)))
