"""Request-response scoring: reading the request forms and writing the answers. Models are elsewhere."""

import time
from typing import Any

import msgspec

from local.services.engine.outputs import Scores
from local.services.engine.tables import BadTable, MissingColumns, Table, Unparsable, table_of
from local.services.studio.batch import parameters
from local.services.studio.errors import error, outer_error
from local.services.studio.records import Endpoint
from local.services.studio.studio import Studio

NUMERIC = {("DataTable", "Double"): "Numeric"}
"""How numbers are called where they are not called as they are."""


def read(endpoint: Endpoint, body: bytes, swagger: bool) -> Table:
    """The rows of a request: `{"ColumnNames", "Values"}`, or a list of objects in swagger form. Raises: WireError."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise error("RequestBodyInvalid") from wrong
    if not isinstance(request, dict) or not isinstance(request.get("GlobalParameters") or {}, dict):
        raise error("RequestBodyInvalid")
    parameters(endpoint.graph, request.get("GlobalParameters") or {})
    name = endpoint.graph.inputs[0]
    inputs = request.get("Inputs")
    if not isinstance(inputs, dict) or inputs.get(name) is None:
        raise error("MissingRequestInput", name)
    unknown = [other for other in inputs if other != name]
    if unknown:
        raise error("InvalidInputNames", ", ".join(unknown), name)
    return _objects(inputs[name]) if swagger else _table(inputs[name])


def _table(given: Any) -> Table:
    names, values = (given.get("ColumnNames"), given.get("Values")) if isinstance(given, dict) else (None, None)
    if not isinstance(names, list) or not isinstance(values, list) or not all(isinstance(row, list) for row in values):
        raise error("InputParseError", 'the input is not {"ColumnNames": [...], "Values": [[...]]}')
    return _checked(names, values)


def _objects(given: Any) -> Table:
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        raise error("InputParseError", "the input is not a list of objects (the form asked for by format=swagger)")
    names = list(dict.fromkeys(name for row in given for name in row))
    return _checked(names, [[row.get(name) for name in names] for row in given])


def _checked(names: list[Any], rows: list[list[Any]]) -> Table:
    try:
        return table_of(names, rows, "the input")
    except BadTable as wrong:
        raise error("InputMismatchError", wrong) from wrong


def score_rows(studio: Studio, endpoint: Endpoint, table: Table) -> Scores:
    """Scores with the model that is live now. Raises: WireError, 400 or 500."""
    from local.services.engine.modelfile import NotAModel  # scikit-learn takes seconds to import: not at the start
    from local.services.engine.scoring import score

    if endpoint.graph.kind != "predictive":
        raise error("WebServiceTypeInvalid", "a training service answers batch requests only")
    try:
        return score(studio.models().load(endpoint.resources[0].live(time.time())), table)
    except MissingColumns as wrong:
        raise error("InputMismatchError", wrong) from wrong
    except Unparsable as wrong:
        raise error("InputParseError", wrong) from wrong
    except NotAModel as wrong:
        raise outer_error("ModelPackageFormatError", str(wrong)) from wrong


def render(endpoint: Endpoint, scores: Scores, swagger: bool, details: bool, table: str = "table") -> dict[str, Any]:
    """`ExecutionResults`: a list of objects in swagger form; else a table, with names and types if `details`.

    `table` is the word for it: `table` in answers that users kept, with types such as `Double`; `DataTable` in the
    published samples, with the type `Numeric`.
    """
    output = endpoint.graph.outputs[0].name
    if swagger:
        return {"Results": {output: [dict(zip(scores.names, row, strict=True)) for row in scores.rows]}}
    value: dict[str, Any] = {"Values": scores.rows}
    if details:
        types = [NUMERIC.get((table, name), name) for name in scores.types]
        value = {"ColumnNames": list(scores.names), "ColumnTypes": types, "Values": scores.rows}
    return {"Results": {output: {"type": table, "value": value}}}


def read_legacy(body: bytes) -> Table:
    """The one row of a v1 call, `{"Id", "Instance": {"FeatureVector": {...}}}`. Raises: WireError."""
    try:
        vector = msgspec.json.decode(body)["Instance"]["FeatureVector"]
    except (msgspec.DecodeError, KeyError, TypeError) as wrong:
        raise error("RequestBodyInvalid") from wrong
    return _objects([vector])
