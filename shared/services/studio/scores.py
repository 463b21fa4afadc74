"""Predictions on Studio's wire: bodies for the request-response service, and scores out of its answers and files.

Rows and scores are plain values here; which endpoint is called, and with which key, is `classic`.
"""

from __future__ import annotations

import codecs
import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from retrain.errors import BadConfiguration, BadRequest, Unavailable
from retrain.ports import Rows

Form = Literal["table", "swagger"]
PROBABILITIES, LABELS = "Scored Probabilities", "Scored Labels"
_ADVICE = (
    f"For a classifier set `score_column` to {PROBABILITIES!r} and let the experiment's Score Model append it; check "
    "that row's values too."
)
QUERY: dict[str, str] = {"table": "details=true", "swagger": "format=swagger"}


def request(form: Form, name: str, rows: Rows, parameters: Mapping[str, str]) -> dict[str, Any]:
    """`ExecutionRequest` for the input `name`: a table, or a list of objects."""
    inputs: Any = {"ColumnNames": rows.columns, "Values": rows.values}
    if form == "swagger":
        inputs = [dict(zip(rows.columns, values, strict=True)) for values in rows.values]
    return {"Inputs": {name: inputs}, "GlobalParameters": dict(parameters)}


def scores(form: Form, answer: dict[str, Any], output: str, column: str | None) -> list[float]:
    """The predictions in `ExecutionResults`, in the order of the rows.

    Raises:
        BadConfiguration: no such output or column; says which there are. BadRequest: a value that is no number.
        Unavailable: an answer of another shape.
    """
    results = answer.get("Results")
    if not isinstance(results, dict):
        raise Unavailable("score: the answer has no Results; it is asked again later")
    if output not in results:
        there = ", ".join(results) or "none"
        raise BadConfiguration(f"score: the service has no output {output!r}; it has {there}. Correct `output`.")
    found = results[output]
    try:
        if form == "swagger":
            return _numbers(found, choose(list(found[0]), column)) if found else []
        table = found["value"]
        names = table.get("ColumnNames")
        place = names.index(choose(names, column)) if names else -1
        return _numbers(table["Values"], place)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise Unavailable(f"score: output {output!r} is not in {form} form ({error!r}); check `rrs_form`") from None


def scores_in_csv(blocks: Iterable[bytes], column: str | None) -> list[float]:
    """The predictions in a CSV that batch execution wrote, given in lines or in blocks of any size.

    Raises: as `scores`; BadRequest for a file without a header.
    """
    rows = csv.reader(_lines(blocks))
    try:
        header = next(rows, None)
        if not header:
            raise BadRequest("read scores: the file is empty; look at the scoring job's details")
        place = header.index(choose(header, column))
        return _numbers((row for row in rows if row), place)
    except (csv.Error, IndexError) as error:
        raise BadRequest(f"read scores: line {rows.line_num} is no row of the table ({error})") from None


def choose(columns: Sequence[str], wanted: str | None) -> str:
    """The column that holds predictions. Raises BadConfiguration with the columns there are."""
    for name in (wanted,) if wanted else (PROBABILITIES, LABELS):
        if name in columns:
            return name
    raise BadConfiguration(
        f"score: no column {wanted or f'{PROBABILITIES} or {LABELS}'!r}; there are {', '.join(columns)[:400]}. "
        "Set `score_column` to the one that holds the prediction."
    )


def finite(value: Any, row: int, advice: str) -> float:
    """A prediction as a finite number. Raises BadRequest with the row and the advice."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if math.isfinite(found):
        return found
    raise BadRequest(f"score: row {row} was answered with {str(value)[:60]!r}, not a number. {advice}")


def _numbers(rows: Iterable[Any], place: Any) -> list[float]:
    return [finite(row[place], number, _ADVICE) for number, row in enumerate(rows, 1)]


def _lines(blocks: Iterable[bytes]) -> Iterator[str]:
    rest = ""
    for text in codecs.iterdecode(blocks, "utf-8-sig", errors="replace"):
        *whole, rest = (rest + text).split("\n")
        yield from (line + "\n" for line in whole)
    if rest:
        yield rest
