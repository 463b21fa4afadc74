"""Predictions on the wire of online endpoints: bodies for a scoring request, and scores out of its answers.

Rows and scores are plain values here; which deployment is called, and with which key, is `online`.
Sources: how-to-deploy-mlflow-models-online-endpoints.md (`input_data`); how-to-troubleshoot-online-endpoints.md (424).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Literal

from retrain.errors import BadRequest, RetrainError, Unavailable
from retrain.ports import Rows
from shared.services.answers import Answer
from shared.services.studio.scores import choose, finite

Form = Literal["split", "records"]
MODEL_STATUS, MODEL_REASON = "ms-azureml-model-error-statuscode", "ms-azureml-model-error-reason"
_WRAPPED = ("predictions", "result", "results", "outputs")
"""Members in which scoring scripts put their list, where they answer an object."""
_NUMBERS = (
    "For a classifier let the scoring script answer the probability of the positive class, or name the record's member "
    "in `score_column`."
)


def request(form: Form, rows: Rows, as_text: Collection[str]) -> dict[str, Any]:
    """The body: `input_data` as columns and rows, or as a list of records. Numbers go as numbers, for models have a
    schema; `as_text` are columns whose values only look like numbers."""
    numeric = [name not in as_text for name in rows.columns]
    data = [
        [_value(text) if number else text for text, number in zip(row, numeric, strict=True)] for row in rows.values
    ]
    if form == "records":
        return {"input_data": [dict(zip(rows.columns, row, strict=True)) for row in data]}
    return {"input_data": {"columns": rows.columns, "index": list(range(len(data))), "data": data}}


def _value(text: str) -> Any:
    if not text:
        return None
    for read in (int, float):
        try:
            found = read(text)
        except ValueError:
            continue
        if math.isnan(found):
            return None
        return found if math.isfinite(found) and "_" not in text else text
    return text


def scores(answer: Any, count: int, column: str | None) -> list[float]:
    """The predictions in an answer: numbers, records, or rows of class probabilities (the last is the positive one).

    Raises:
        BadConfiguration: no such column. BadRequest: another number of rows, a value that is no number.
        Unavailable: an answer of another shape.
    """
    found = _unwrapped(answer)
    if not isinstance(found, list):
        raise Unavailable(f"score: the answer is no list of predictions but {str(answer)[:80]!r}; asked again later")
    if len(found) != count:
        raise BadRequest(f"score: {len(found)} scores came back for {count} rows; the model drops or adds rows")
    name = choose(list(found[0]), column) if found and isinstance(found[0], dict) else None
    return [finite(_picked(one, name), place, _NUMBERS) for place, one in enumerate(found, 1)]


def _unwrapped(answer: Any) -> Any:
    if isinstance(answer, Mapping):
        return next((answer[name] for name in _WRAPPED if name in answer), answer)
    return answer


def _picked(one: Any, name: str | None) -> Any:
    if isinstance(one, dict):
        return one.get(name)
    return one[-1] if isinstance(one, list) and one else one


def refusal(answer: Answer, deployment: str) -> RetrainError:
    """The error of a scoring call; with 424 it is the model's own, whose status comes in a header."""
    if answer.status != 424:
        return answer.error(_ADVICE.get(answer.status, ""))
    status = answer.headers.get(MODEL_STATUS, "")
    said = f"the model answered {status or 'an error'} {answer.headers.get(MODEL_REASON, '')}".rstrip()
    text = f"{answer.asked}: HTTP 424, {said}: {answer.refusal}."
    if status in ("502", "503", "504"):
        return Unavailable(f"{text} Its container may be starting; it is asked again later.")
    advice = f"Look at the logs of {deployment or 'the deployment'}: the rows may not fit it, or it lacks a package."
    return BadRequest(f"{text} {advice}")


_ADVICE = {
    401: "Check `key`, or the identity's role where the endpoint signs in by token: AzureML Data Scientist, or "
    "onlineEndpoints/score/action on it.",
    404: "No deployment has traffic, or the one that was named is gone; look at the endpoint.",
    408: "The model takes longer than requestTimeout; set a smaller rows_per_call.",
    429: "More requests wait there than it takes; it is asked again later. More instances, or a larger "
    "maxConcurrentRequestsPerInstance, help.",
}
