"""What a deployment answers: rows out of a request's forms, scores into the answer's forms. Knows no HTTP."""

from typing import Any

import msgspec

from local.services.engine.outputs import LABELS, PROBABILITIES, Scores
from local.services.engine.tables import BadTable, Table, table_of

Json = dict[str, Any]
FORMS = '{"input_data": {"columns": [...], "data": [[...]]}}, {"input_data": [{...}]} or {"data": [{...}]}'


class BadRows(ValueError):
    """The body is not in a form that the container reads."""


def read(body: bytes) -> Table:
    """The rows of a request, in the forms that MLflow models take: `split`, `records`. Raises: BadRows."""
    try:
        given = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise BadRows(f"the request is no JSON: {wrong}") from wrong
    data = next((given[name] for name in ("input_data", "data") if isinstance(given, dict) and name in given), None)
    if isinstance(data, dict) and isinstance(data.get("columns"), list) and isinstance(data.get("data"), list):
        return _table(data["columns"], data["data"])
    if isinstance(data, list) and all(isinstance(row, dict) for row in data):
        names = list(dict.fromkeys(name for row in data for name in row))
        return _table(names, [[row.get(name) for name in names] for row in data])
    raise BadRows(f"the rows must come as {FORMS}")


def _table(names: list[Any], rows: list[Any]) -> Table:
    try:
        return table_of(names, rows, "the request")
    except (BadTable, TypeError) as wrong:
        raise BadRows(str(wrong)) from wrong


def answer(scores: Scores, form: str) -> Any:
    """The scores in one of the forms that deployments answer in (the switch `onlineAnswer`)."""
    if form == "numbers":
        return [float(row[-1]) for row in scores.rows]
    if form == "probabilities" and PROBABILITIES in scores.names:
        return [[1 - float(row[-1]), float(row[-1])] for row in scores.rows]
    records = [_record(scores.names, row) for row in scores.rows]
    return {"predictions": records} if form == "wrapped" else records


def _record(names: tuple[str, ...], row: list[str]) -> Json:
    numeric = names == (LABELS,)
    return {
        name: float(value) if numeric or name == PROBABILITIES else value
        for name, value in zip(names, row, strict=True)
    }
