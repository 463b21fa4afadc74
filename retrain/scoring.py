"""Scores of a holdout from a slot: in chunks that are each kept, so that a kill resumes, or by batch execution.

Also the probe rows: a few rows of the holdout by which we recognise which model answers.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from retrain import paths
from retrain.champion import Probes
from retrain.data.holdout import Holdout, probe_indexes, read_holdout
from retrain.errors import NotFound, PermanentError
from retrain.model import Model
from retrain.ports import Endpoint, JobState, Ports, Rows, Slot
from retrain.run import Run

SAME = 1e-9  # relative difference below which two scores are one: they crossed the wire as text
MOST_HOLDOUTS = 4  # kept parsed in a process: the cap bounds each
_READ: dict[tuple[str, str, str], Holdout] = {}
_LOCK = threading.Lock()

PATIENCE = 60.0  # seconds of scoring in one invocation before the run yields to others
Scores = list[float]


@dataclass(frozen=True)
class Unfinished:
    """Scoring goes on in a later invocation, `wait` seconds from now; `job` is the batch job to look at, if any."""

    wait: float = 0
    job: str = ""


def holdout_of(run: Run, model: Model, ports: Ports) -> Holdout:
    """The run's holdout, read once per process for as long as it is in use."""
    assert run.data is not None
    key = (run.data.holdout, run.data.holdout_sha, model.sha)
    with _LOCK:
        if key in _READ:
            return _READ[key]
    holdout = read_holdout(
        ports.blobs.read(run.data.holdout),
        label=model.label,
        kind=model.kind,
        time=model.time,
        positive=model.positive,
        classes=run.data.classes or None,
    )
    with _LOCK:
        while len(_READ) >= MOST_HOLDOUTS:
            _READ.pop(next(iter(_READ)))
        _READ[key] = holdout
    return holdout


def rows_at(holdout: Holdout, indexes: Sequence[int]) -> Rows:
    """These rows of the holdout, as they are sent to an endpoint."""
    return Rows(columns=holdout.columns, values=tuple(holdout.rows[i] for i in indexes))


def probes_of(run: Run, model: Model, ports: Ports) -> Probes:
    """The probe rows of a run's holdout, with the scores that its candidate gave them in staging."""
    holdout = holdout_of(run, model, ports)
    indexes = probe_indexes(holdout)
    scores = load(kept_scores(run), ports)
    assert scores is not None
    rows = rows_at(holdout, indexes)
    return Probes(columns=rows.columns, rows=rows.values, scores=tuple(scores[i] for i in indexes))


def kept_scores(run: Run) -> str:
    """Where the candidate's scores of the holdout are kept."""
    return paths.file(run, "scores-candidate.json")


def load(blob: str, ports: Ports) -> Scores | None:
    """Scores kept earlier, or None."""
    try:
        return msgspec.json.decode(ports.blobs.read(blob), type=Scores)
    except NotFound:
        return None


def keep(blob: str, scores: Scores, ports: Ports) -> None:
    """Keeps scores."""
    ports.blobs.write(blob, msgspec.json.encode(scores))


def score_all(
    run: Run, holdout: Holdout, model: Model, endpoint: Endpoint, slot: Slot, side: str, ports: Ports
) -> Scores | Unfinished:
    """Every row's score from a slot, or how to go on later.

    Raises:
        RetryableError: the endpoint cannot now; chunks scored so far are kept.
    """
    if len(holdout.rows) > model.holdout.by_request:
        return _by_batch(run, endpoint, slot, side, ports)
    return _by_request(run, holdout, endpoint, slot, side, ports)


def _by_request(
    run: Run, holdout: Holdout, endpoint: Endpoint, slot: Slot, side: str, ports: Ports
) -> Scores | Unfinished:
    starts = range(0, len(holdout.rows), endpoint.chunk)
    stop = time.monotonic() + PATIENCE
    scores: Scores = []
    for start in starts:
        part = _chunk_path(run, side, start)
        known = load(part, ports) if len(starts) > 1 else None
        if known is None and time.monotonic() > stop:
            return Unfinished()
        if known is None:
            indexes = range(start, min(start + endpoint.chunk, len(holdout.rows)))
            known = endpoint.score(slot, rows_at(holdout, indexes))
            if len(starts) > 1:
                keep(part, known, ports)
        scores += known
    return scores


def _chunk_path(run: Run, side: str, start: int) -> str:
    """Carries the round: chunks of a staging that was lost are never mistaken for this one's."""
    attempt = run.evaluation.round if run.evaluation else 0
    return paths.file(run, f"scores/{side}-{attempt}/{start:06}.json")


def _by_batch(run: Run, endpoint: Endpoint, slot: Slot, side: str, ports: Ports) -> Scores | Unfinished:
    assert run.data is not None and run.evaluation is not None
    target = paths.file(run, f"scores/{side}-{run.evaluation.round}.csv")
    job = run.evaluation.jobs.get(side)
    if job is None:
        return Unfinished(wait=1, job=endpoint.score_file(slot, run.data.holdout, target))
    status = endpoint.scored_file(slot, job)
    if status.state is JobState.SUCCEEDED:
        return endpoint.scores_in(ports.blobs.open(target))
    if status.state in (JobState.FAILED, JobState.CANCELLED):
        raise PermanentError(f"batch scoring {job} on {slot.name} ended as {status.state}: {status.details}")
    return Unfinished(wait=5, job=job)


def same_scores(some: list[float] | tuple[float, ...], others: list[float] | tuple[float, ...]) -> bool:
    """Whether two lists of scores come from one model, allowing for the last digits lost on the wire."""
    close = (math.isclose(a, b, rel_tol=SAME, abs_tol=SAME) for a, b in zip(some, others, strict=False))
    return len(some) == len(others) and all(close)
