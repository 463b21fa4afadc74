"""Rows are scored by a slot: in calls whose scores are each kept, so that a kill resumes, or by batch execution.

Also the probe rows: a few rows of the fresh holdout by which we recognise which model answers.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from hashlib import blake2b

from retrain import paths, scorebook
from retrain.champion import Probes
from retrain.data.holdout import Holdout, probe_indexes
from retrain.data.tables import encode
from retrain.errors import Conflict, PermanentError
from retrain.holdouts import Questions, rows_at
from retrain.model import Model
from retrain.ports import ENDED_BADLY, Endpoint, JobState, Ports, Slot
from retrain.run import Run
from retrain.scorebook import Book, keys_of

SAME = 1e-9  # relative difference below which two scores are one: they crossed the wire as text
UNKEPT_CALLS = 3  # so many calls are sooner made again than kept one by one
PATIENCE = 60.0  # seconds of scoring in one invocation before the run yields to others
FIRST_LOOK, LONGEST_LOOK = 1.0, 10.0  # seconds between looks at a scoring job: a quarter of what it has taken so far
Scores = list[float]


@dataclass(frozen=True)
class Place:
    """Where rows are scored: the endpoint and its slot; names of what is kept on the way begin with `prefix`."""

    endpoint: Endpoint
    slot: Slot
    prefix: str


@dataclass(frozen=True)
class Unfinished:
    """Scoring goes on in a later invocation, `wait` seconds from now; `job` is the batch job to look at, if any, that
    scores what is called `name`."""

    wait: float = 0
    name: str = ""
    job: str = ""


def kept_path(run: Run) -> str:
    """Where the candidate's scores wait while something else has to be scored."""
    return paths.file(run, "scores-candidate")


def judged_by(run: Run, ports: Ports) -> Book:
    """The candidate's scores as the gate saw them.

    Raises:
        Conflict: the candidate was never judged.
    """
    book = scorebook.load(scorebook.path(run.target, run.candidate, ""), ports) if run.candidate else None
    if run.verdict is None or book is None:
        raise Conflict(f"the candidate of run {run.id} was never scored; replay the run instead")
    return book


def probes_of(holdout: Holdout, book: Book) -> Probes:
    """The probe rows of a holdout, with the scores that a model gave them."""
    rows = rows_at(holdout, probe_indexes(holdout))
    scores = tuple(book[key] for key in keys_of(rows.columns, rows.values))
    return Probes(columns=rows.columns, rows=rows.values, scores=scores)


def score_all(run: Run, at: Place, asked: Questions, model: Model, ports: Ports) -> Book | Unfinished:
    """The score of every row from a slot, or how to go on later.

    Raises:
        RetryableError: the endpoint cannot now; parts scored so far are kept.
        PermanentError: it cannot score these rows.
    """
    if not len(asked):
        return {}
    if at.slot.by_file or len(asked) > model.holdout.by_request:
        return _by_batch(run, at, asked, ports)
    return _by_request(run, at, asked, ports)


def with_known(run: Run, at: Place, blob: str, asked: Questions, model: Model, ports: Ports) -> Book | Unfinished:
    """As `score_all`, but of rows that the model's book at `blob` has, its score there is taken; new ones are added.

    Whoever calls this knows that the slot serves the model whose book that is.
    """
    known = scorebook.load(blob, ports) or {}
    new = score_all(run, at, asked.but(known), model, ports)
    if isinstance(new, Unfinished):
        return new
    book = {key: new[key] if key in new else known[key] for key in asked.values}
    if new:
        scorebook.keep(blob, scorebook.extended(known, book), ports)
    return book


def _folder(run: Run, at: Place, asked: Questions) -> str:
    """Where what is scored is kept: for these rows only."""
    return paths.file(run, f"scores/{at.prefix}-{blake2b(b''.join(asked.values), digest_size=6).hexdigest()}")


def _by_request(run: Run, at: Place, asked: Questions, ports: Ports) -> Book | Unfinished:
    """Call by call. Up to a few calls are simply made again after a kill; of more, each one's scores are kept."""
    checkpoints = len(asked) > UNKEPT_CALLS * at.endpoint.chunk
    folder = _folder(run, at, asked)
    known = {info.blob for info in ports.blobs.list(*folder.split("/", 1))} if checkpoints else set()
    stop = time.monotonic() + PATIENCE
    book: Book = {}
    for number, part in enumerate(asked.parts(at.endpoint.chunk)):
        blob = f"{folder}/{number:06}"
        if blob in known:
            book |= scorebook.unpacked(ports.blobs.read(blob))
            continue
        if checkpoints and time.monotonic() > stop:
            return Unfinished()
        some = _answered(at, part, at.endpoint.score(at.slot, part.rows))
        if checkpoints:
            scorebook.keep(blob, some, ports)
        book |= some
    return book


def _by_batch(run: Run, at: Place, asked: Questions, ports: Ports) -> Book | Unfinished:
    """The rows as a file, scored by a job of the service: begun now unless it was."""
    assert run.evaluation is not None
    folder = _folder(run, at, asked)
    name, target = paths.name_of(folder), f"{folder}.csv"
    job = run.evaluation.jobs.get(name)
    if job is None:
        rows = f"{folder}-rows.csv"
        ports.blobs.write(rows, b"".join(map(encode, (asked.columns, *asked.values.values()))))
        return Unfinished(wait=FIRST_LOOK, name=name, job=at.endpoint.score_file(at.slot, rows, target))
    status = at.endpoint.scored_file(at.slot, job)
    if status.state is JobState.SUCCEEDED:
        return _answered(at, asked, at.endpoint.scores_in(ports.blobs.open(target)))
    if status.state in ENDED_BADLY:
        raise PermanentError(f"batch scoring {job} on {at.slot.name} ended as {status.state}: {status.details}")
    spent = ports.now() - (run.entered or ports.now())
    return Unfinished(wait=min(max(FIRST_LOOK, spent.total_seconds() / 4), LONGEST_LOOK), name=name, job=job)


def _answered(at: Place, asked: Questions, scores: Scores) -> Book:
    if len(scores) != len(asked):
        raise PermanentError(f"{at.slot.name} at {at.slot.url} gave {len(scores)} scores for {len(asked)} rows")
    return asked.answered(scores)


def same_scores(some: list[float] | tuple[float, ...], others: list[float] | tuple[float, ...]) -> bool:
    """Whether two lists of scores come from one model, allowing for the last digits lost on the wire."""
    close = (math.isclose(a, b, rel_tol=SAME, abs_tol=SAME) for a, b in zip(some, others, strict=False))
    return len(some) == len(others) and all(close)
