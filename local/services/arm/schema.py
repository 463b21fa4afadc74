"""Names of the members of a definition: in whatever case they come, they are kept as the published schema writes them.

Members that the schema does not know are kept as they came. What values may be is in `checks`.
"""

from typing import Any, NamedTuple

from local.services.arm.errors import refused

STABLE, PREVIEW = "2017-01-01", "2016-05-01-preview"
VERSIONS = (PREVIEW, STABLE)


class MapOf(NamedTuple):
    """An object whose members' names are the user's own."""

    inner: Any = None


class ListOf(NamedTuple):
    """A list."""

    inner: Any = None


_VALUE = {"value": None, "certificateThumbprint": None}
_LOCATION = {"uri": None, "credentials": None}
_PORTS = MapOf({"type": None})
_COLUMN = {"type": None, "format": None, "enum": None, "x-ms-isnullable": None, "x-ms-isordered": None}
_TABLE = {"title": None, "description": None, "type": None, "format": None, "properties": MapOf(_COLUMN)}
_SPECIFICATION = {"title": None, "description": None, "type": None, "properties": MapOf(_TABLE)}
_ASSET = {
    "name": None,
    "id": None,
    "type": None,
    "locationInfo": _LOCATION,
    "inputPorts": _PORTS,
    "outputPorts": _PORTS,
    "metadata": MapOf(),
    "parameters": ListOf({"name": None, "parameterType": None, "modeValuesInfo": MapOf()}),
}
_NODE = {"assetId": None, "inputId": None, "outputId": None, "parameters": MapOf(_VALUE)}
_EDGE = {"sourceNodeId": None, "sourcePortId": None, "targetNodeId": None, "targetPortId": None}
_GRAPH_PARAMETER = {"description": None, "type": None, "links": ListOf({"nodeId": None, "parameterKey": None})}
PROPERTIES: dict[str, Any] = {
    "payloadsInBlobStorage": None,
    "payloadsLocation": _LOCATION,
    "provisioningState": None,
    "createdOn": None,
    "modifiedOn": None,
    "title": None,
    "description": None,
    "swaggerLocation": None,
    "readOnly": None,
    "exposeSampleData": None,
    "realtimeConfiguration": {"maxConcurrentCalls": None},
    "diagnostics": {"level": None, "expiry": None},
    "keys": {"primary": None, "secondary": None},
    "storageAccount": {"name": None, "key": None},
    "machineLearningWorkspace": {"id": None},
    "commitmentPlan": {"id": None},
    "input": _SPECIFICATION,
    "output": _SPECIFICATION,
    "assets": MapOf(_ASSET),
    "packageType": None,
    "exampleRequest": {"inputs": MapOf(), "globalParameters": MapOf()},
    "parameters": MapOf(_VALUE),
    "package": {"nodes": MapOf(_NODE), "edges": ListOf(_EDGE), "graphParameters": MapOf(_GRAPH_PARAMETER)},
}
RESOURCE = {"id": None, "name": None, "type": None, "location": None, "tags": MapOf(), "properties": PROPERTIES}
READ_ONLY = frozenset(
    {"payloadsInBlobStorage", "provisioningState", "createdOn", "modifiedOn", "swaggerLocation", "payloadsLocation"}
)
"""Members of `properties` that the service says; given ones are not listened to."""
PAYLOAD = ("assets", "input", "output", "package", "parameters", "exampleRequest")


def canonical(value: Any, schema: Any = None) -> Any:
    """The value with known members' names as published."""
    if isinstance(schema, ListOf) and isinstance(value, list):
        return [canonical(one, schema.inner) for one in value]
    if not isinstance(value, dict) or schema is None:
        return value
    if isinstance(schema, MapOf):
        return {name: canonical(one, schema.inner) for name, one in value.items()}
    known = {name.lower(): name for name in schema}
    named = {known.get(name.lower(), name): one for name, one in value.items()}
    return {name: canonical(one, schema.get(name)) for name, one in named.items()}


def read(body: dict[str, Any], version: str) -> dict[str, Any]:
    """A request's body in one form for both versions: parameters are `{"value", ...}`. Raises: WireError, 400."""
    resource = canonical(body, RESOURCE)
    return _converted(resource, lambda name, value: _taken(name, value, version))


def written(properties: dict[str, Any], version: str) -> dict[str, Any]:
    """The properties as this version shows them: the preview writes parameters as plain strings."""
    if version == STABLE:
        return properties
    shown = {name: value for name, value in properties.items() if name not in ("payloadsInBlobStorage",)}
    return dict(_converted({"properties": shown}, lambda _, value: value.get("value"))["properties"])


def _taken(name: str, value: Any, version: str) -> Any:
    if version == PREVIEW and (value is None or isinstance(value, str)):
        return {} if value is None else {"value": value}
    if version == STABLE and isinstance(value, dict):
        return value
    shape = "a string" if version == PREVIEW else 'an object {"value": ...}'
    text = f"Parameter {name!r} must be {shape} in api-version {version}."
    raise refused(400, "BadRequest", "The request is invalid.", ("InvalidParameterShape", text))


def _converted(resource: dict[str, Any], convert: Any) -> dict[str, Any]:
    properties = resource.get("properties")
    if not isinstance(properties, dict):
        return resource
    properties = dict(properties)
    if isinstance(properties.get("parameters"), dict):
        properties["parameters"] = {name: convert(name, one) for name, one in properties["parameters"].items()}
    package = properties.get("package")
    if isinstance(package, dict) and isinstance(package.get("nodes"), dict):
        nodes = {key: _node(node, convert) for key, node in package["nodes"].items()}
        properties["package"] = {**package, "nodes": nodes}
    return {**resource, "properties": properties}


def _node(node: Any, convert: Any) -> Any:
    if not isinstance(node, dict) or not isinstance(node.get("parameters"), dict):
        return node
    return {**node, "parameters": {name: convert(name, one) for name, one in node["parameters"].items()}}
