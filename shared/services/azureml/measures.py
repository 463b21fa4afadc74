"""What a training job measured of its own model: in a file that it wrote, or logged to the workspace (MLflow)."""

from __future__ import annotations

import msgspec

from retrain.errors import BadRequest
from shared.services.designer.pipelines import Pipelines
from shared.services.designer.results import metrics_of
from shared.services.studio.metrics import NAMES, finite, our_name, read_evaluation

OURS = frozenset(NAMES.values())


def read_metrics(data: bytes) -> dict[str, float]:
    """A JSON object of numbers by name, or Evaluate Model's CSV; names that are none of ours are left out.

    Raises:
        BadRequest: it is neither.
    """
    if not data.lstrip().startswith(b"{"):
        return read_evaluation(data)
    try:
        found = msgspec.json.decode(data, type=dict[str, float | int | str | None])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"read the job's evaluation: no JSON object of numbers ({error})") from None
    return {
        ours: number
        for name, value in found.items()
        if (ours := name_of(name)) and (number := finite(value)) is not None
    }


def name_of(name: str) -> str | None:
    """Our name of a metric: its own, or that of one of Evaluate Model's."""
    plain = name.strip().lower()
    return plain if plain in OURS else our_name(plain)


def logged(history: Pipelines, experiment: str, job: str) -> dict[str, float]:
    """What a job logged; when it logged nothing, what its steps did."""
    found = metrics_of(history, job)
    for step in () if found else history.steps(experiment, job):
        found = {**metrics_of(history, step.run_id), **found}
    return found
