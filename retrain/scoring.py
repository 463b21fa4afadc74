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
from retrain.champion import Champion, Probes
from retrain.data.holdout import Holdout, probe_indexes, read_holdout
from retrain.decoding import from_json
from retrain.errors import Conflict, NotFound, PermanentError
from retrain.model import Model
from retrain.ports import ENDED_BADLY, Endpoint, JobState, Ports, Rows, Slot
from retrain.run import Run

SAME = 1e-9  # relative difference below which two scores are one: they crossed the wire as text
MOST_HOLDOUTS = 4  # kept parsed in a process: the cap bounds each
_READ: dict[tuple[str, str, str], Holdout] = {}
_LOCK = threading.Lock()

UNKEPT_CALLS = 3  # so many calls are sooner made again than kept one by one
PATIENCE = 60.0  # seconds of scoring in one invocation before the run yields to others
FIRST_LOOK, LONGEST_LOOK = 1.0, 10.0  # seconds between looks at a scoring job: a quarter of what it has taken so far
Scores = list[float]


@dataclass(frozen=True)
class Place:
    """Where one side is scored: the endpoint and its slot, and the folder below which parts of its scores are kept."""

    side: str  # candidate | champion
    endpoint: Endpoint
    slot: Slot
    folder: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate judged by, in the order of the holdout's rows."""

    candidate: Scores
    champion: Scores


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


def probes_of(holdout: Holdout, scores: Scores) -> Probes:
    """The probe rows of a holdout, with the scores that a model gave them."""
    indexes = probe_indexes(holdout)
    rows = rows_at(holdout, indexes)
    return Probes(columns=rows.columns, rows=rows.values, scores=tuple(scores[i] for i in indexes))


def evidence(run: Run, ports: Ports) -> Evidence:
    """Both models' scores as the gate saw them.

    Raises:
        Conflict: the candidate was never judged.
    """
    try:
        return from_json(ports.blobs.read(evidence_path(run)), Evidence)
    except NotFound as error:
        raise Conflict(f"the candidate of run {run.id} was never scored; replay the run instead") from error


def evidence_path(run: Run) -> str:
    """Where both models' scores of the holdout are kept, row by row."""
    return paths.file(run, "scores.json")


def kept_path(run: Run) -> str:
    """Where the candidate's scores wait while the champion cannot be scored."""
    return paths.file(run, "scores-candidate.json")


def champion_path(champion: Champion, run: Run) -> str:
    """Where a champion's scores of a holdout are kept: by the bytes of both, so that they are computed once."""
    assert run.data is not None
    model = champion.artifact.sha256[:16] if champion.artifact else f"version-{champion.version}"
    return f"{paths.RUNS}/{paths.place(run.target)}/champion-scores/{model}-{run.data.holdout_sha[:16]}"


def load(blob: str, ports: Ports) -> Scores | None:
    """Scores kept earlier, or None."""
    try:
        return from_json(ports.blobs.read(blob), Scores)
    except NotFound:
        return None


def keep(blob: str, scores: Scores | Evidence, ports: Ports) -> None:
    """Keeps scores."""
    ports.blobs.write(blob, msgspec.json.encode(scores))


def score_all(run: Run, at: Place, holdout: Holdout, model: Model, ports: Ports) -> Scores | Unfinished:
    """Every row's score from a slot, or how to go on later.

    Raises:
        RetryableError: the endpoint cannot now; parts scored so far are kept.
    """
    if at.endpoint.by_file or len(holdout.rows) > model.holdout.by_request:
        return _by_batch(run, at, ports)
    return _by_request(at, holdout, ports)


def _by_request(at: Place, holdout: Holdout, ports: Ports) -> Scores | Unfinished:
    """Call by call. Up to a few calls are simply made again after a kill; of more, each one's scores are kept."""
    size, count = at.endpoint.chunk, len(holdout.rows)
    starts = range(0, count, size)
    checkpoints = len(starts) > UNKEPT_CALLS
    known = {info.blob for info in ports.blobs.list(*at.folder.split("/", 1))} if checkpoints else set()
    stop = time.monotonic() + PATIENCE
    scores: Scores = []
    for start in starts:
        part = f"{at.folder}/{start:06}.json"
        if part in known:
            scores += from_json(ports.blobs.read(part), Scores)
            continue
        if checkpoints and time.monotonic() > stop:
            return Unfinished()
        some = at.endpoint.score(at.slot, rows_at(holdout, range(start, min(start + size, count))))
        if checkpoints:
            keep(part, some, ports)
        scores += some
    return scores


def _by_batch(run: Run, at: Place, ports: Ports) -> Scores | Unfinished:
    assert run.data is not None and run.evaluation is not None
    target, job = f"{at.folder}.csv", run.evaluation.jobs.get(at.side)
    if job is None:
        return Unfinished(wait=FIRST_LOOK, job=at.endpoint.score_file(at.slot, run.data.holdout, target))
    status = at.endpoint.scored_file(at.slot, job)
    if status.state is JobState.SUCCEEDED:
        return at.endpoint.scores_in(ports.blobs.open(target))
    if status.state in ENDED_BADLY:
        raise PermanentError(f"batch scoring {job} on {at.slot.name} ended as {status.state}: {status.details}")
    spent = ports.now() - (run.entered or ports.now())
    return Unfinished(wait=min(max(FIRST_LOOK, spent.total_seconds() / 4), LONGEST_LOOK), job=job)


def same_scores(some: list[float] | tuple[float, ...], others: list[float] | tuple[float, ...]) -> bool:
    """Whether two lists of scores come from one model, allowing for the last digits lost on the wire."""
    close = (math.isclose(a, b, rel_tol=SAME, abs_tol=SAME) for a, b in zip(some, others, strict=False))
    return len(some) == len(others) and all(close)
