"""Whether a definition can be meant: what the published schema requires of its values, before anything is begun.

Whether its blobs can be read and its model can score is found out by the operation (`applying`).
"""

from collections.abc import Iterator
from typing import Any

from local.services.arm.errors import refused

LOCATIONS = ("South Central US", "West Europe", "Southeast Asia", "Japan East", "East US 2", "West Central US")
TYPES = ("Boolean", "Integer", "Number", "String")
FORMATS = (
    *("Byte", "Char", "Complex64", "Complex128", "Date-time", "Date-timeOffset", "Double", "Duration", "Float"),
    *("Int8", "Int16", "Int32", "Int64", "Uint8", "Uint16", "Uint32", "Uint64"),
)
GRAPH_TYPES = (
    *("String", "Int", "Float", "Enumerated", "Script", "Mode", "Credential", "Boolean", "Double"),
    *("ColumnPicker", "ParameterRange", "DataGatewayName"),
)
Problem = tuple[str, str]
LARGEST = 3 << 20  # bytes of payload that are taken inline


def place(location: str) -> str:
    """A location in one form: `southcentralus` for `South Central US`."""
    return location.replace(" ", "").lower()


def check_location(name: str, given: object) -> None:
    """Raises: WireError, 400 for a region in which the service is not offered."""
    if place(str(given or "")) not in map(place, LOCATIONS):
        raise invalid("LocationNotAvailable", f"{name} is {given!r}; it can be {', '.join(LOCATIONS)}.")


def check(properties: dict[str, Any]) -> None:
    """Raises: WireError, 400 naming everything that is wrong in a whole definition."""
    problems = [*_settings(properties), *_tables(properties), *_assets(properties), *_package(properties)]
    if problems:
        raise refused(400, "BadRequest", "The request is invalid.", *problems)


def invalid(code: str, message: str) -> Exception:
    """The 400 for one thing that is wrong."""
    return refused(400, "BadRequest", "The request is invalid.", (code, message))


def _settings(properties: dict[str, Any]) -> Iterator[Problem]:
    kind = properties.get("packageType")
    if kind != "Graph":
        yield "InvalidPackageType", f"packageType is {kind!r}; only Graph is supported."
    calls = _member(properties, "realtimeConfiguration", "maxConcurrentCalls")
    if calls is not None and not (isinstance(calls, int) and 4 <= calls <= 200):
        yield "InvalidMaxConcurrentCalls", f"maxConcurrentCalls is {calls!r}; it can be 4 to 200."
    level = _member(properties, "diagnostics", "level")
    if "diagnostics" in properties and level not in ("None", "Error", "All"):
        yield "InvalidDiagnosticsLevel", f"diagnostics.level is {level!r}; it can be None, Error or All."
    for name in ("readOnly", "exposeSampleData"):
        if not isinstance(properties.get(name, False), bool):
            yield "InvalidValue", f"{name} must be true or false."


def _member(properties: dict[str, Any], *path: str) -> Any:
    found: Any = properties
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _tables(properties: dict[str, Any]) -> Iterator[Problem]:
    for port in ("input", "output"):
        tables = _member(properties, port, "properties")
        if not isinstance(tables, dict):
            yield "MissingSchema", f"{port}.properties is missing."
            continue
        for name, table in tables.items():
            for column, found in (_member(table, "properties") or {}).items():
                yield from _column(f"{port}.properties.{name}.properties.{column}", found)


def _column(where: str, column: Any) -> Iterator[Problem]:
    kind, form = _member(column, "type"), _member(column, "format")
    if str(kind).lower() not in map(str.lower, TYPES):
        yield "InvalidColumnType", f"{where}.type is {kind!r}; it can be {', '.join(TYPES)}."
    if form is not None and str(form).lower() not in map(str.lower, FORMATS):
        yield "InvalidColumnFormat", f"{where}.format is {form!r}; it can be {', '.join(FORMATS)}."


def _assets(properties: dict[str, Any]) -> Iterator[Problem]:
    assets = properties.get("assets")
    if not isinstance(assets, dict) or not assets:
        yield "MissingAssets", "assets is missing."
        return
    for key, asset in assets.items():
        if not _member(asset, "name"):
            yield "InvalidAsset", f"assets.{key}.name is missing."
        if str(_member(asset, "type")).lower() not in ("module", "resource"):
            yield "InvalidAsset", f"assets.{key}.type is {_member(asset, 'type')!r}; it can be Module or Resource."
        if not _member(asset, "locationInfo", "uri"):
            yield "InvalidAsset", f"assets.{key}.locationInfo.uri is missing."


def _package(properties: dict[str, Any]) -> Iterator[Problem]:
    nodes, edges = _member(properties, "package", "nodes"), _member(properties, "package", "edges")
    if not isinstance(nodes, dict) or not isinstance(edges, list):
        yield "InvalidPackage", "package needs nodes and edges."
        return
    there = {
        "assetId": properties.get("assets") or {},
        "inputId": _member(properties, "input", "properties") or {},
        "outputId": _member(properties, "output", "properties") or {},
    }
    for key, node in nodes.items():
        named = [(kind, node[kind]) for kind in there if isinstance(node, dict) and node.get(kind)]
        if len(named) != 1:
            yield "InvalidPackage", f"package.nodes.{key} needs one of assetId, inputId and outputId."
        yield from (
            ("InvalidPackage", f"package.nodes.{key}.{kind} names {value!r}, which the definition does not have.")
            for kind, value in named
            if value not in there[kind]
        )
    for edge in edges:
        ends = [_member(edge, end) for end in ("sourceNodeId", "targetNodeId")]
        if not all(isinstance(end, str) and end in nodes for end in ends):
            yield "InvalidPackage", f"An edge of the package joins {ends[0]!r} and {ends[1]!r}; both must be nodes."
    yield from _graph_parameters(properties)


def _graph_parameters(properties: dict[str, Any]) -> Iterator[Problem]:
    for name, found in (_member(properties, "package", "graphParameters") or {}).items():
        kind = _member(found, "type")
        if kind not in GRAPH_TYPES or not isinstance(_member(found, "links"), list):
            yield (
                "InvalidPackage",
                f"package.graphParameters.{name} needs links, and a type of {', '.join(GRAPH_TYPES)}.",
            )
