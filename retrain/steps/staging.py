"""Staging: a model is tried in a slot of its own, and scores the rows there.

A slot is a lease by time. Whose model answers is seen by the probe rows: they must answer otherwise than before the
change, and the same after the scoring as before it. What is in between is sooner done again than saved: giving the slot
the model is repeatable, and long holdouts keep their scores part by part.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from retrain import paths, scoring
from retrain.data.holdout import probe_indexes
from retrain.errors import BadRequest, PermanentError
from retrain.holdouts import Questions, fresh_of, rows_at
from retrain.looking import LONGEST_OPERATION
from retrain.model import Model
from retrain.outcome import Outcome, stay
from retrain.ports import ENDED_BADLY, Endpoint, JobState, Ports, Slot
from retrain.run import Artifact, Doubted, Evaluation, Run
from retrain.scorebook import Book
from retrain.scoring import Place, Scores, Unfinished

TENURE = timedelta(minutes=30)
"""A slot is taken for so long, and renewed while it is in use, so a dead run gives it up."""
MARGIN = timedelta(minutes=12)
"""A slot with less time left is renewed first: no invocation scores for longer than this."""
BUSY = 1.0  # seconds until the next look for a free slot
MOST_ROUNDS = 5
"""So many times a model is staged again when its slot turned out to be somebody else's."""


@dataclass(frozen=True)
class Scored:
    """The staged model's scores of all rows; its slot is free again."""

    book: Book


def taken(run: Run, ports: Ports, doubted: Doubted | None, artifact: Artifact | None = None) -> Evaluation | None:
    """The first free staging slot, and how it answers before it is changed; None when all are taken. `artifact` is the
    model to stage, where it is not the candidate."""
    model = ports.models.get(run.target)
    endpoint = ports.services.endpoint(model)
    round_, now = run.evaluation.round if run.evaluation else 0, ports.now()
    if round_ >= MOST_ROUNDS:
        raise PermanentError(f"staging kept changing under {MOST_ROUNDS} tries; is something else using it?")
    slot = next((slot for slot in endpoint.staging() if ports.ledger.take_slot(slot.url, run.id, now + TENURE)), None)
    if slot is None:
        return None
    before = () if slot.by_file else tuple(_answers(run, model, endpoint, slot, ports) or ())
    return Evaluation(
        phase="switching",
        slot=slot.url,
        until=now + TENURE,
        since=now,
        before=before,
        round=round_ + 1,
        doubted=doubted,
        artifact=artifact,
    )


def again(run: Run, at: Evaluation) -> Outcome:
    """Stages the model anew: what was scored may be another model's."""
    waiting = Evaluation(phase="waiting", round=at.round, doubted=at.doubted, artifact=at.artifact)
    return stay(run, BUSY, evaluation=waiting)


def scored(run: Run, at: Evaluation, asked: Questions, ports: Ports) -> Scored | Outcome:
    """Gives the slot the model, waits until it shows, and scores the rows there; or how to go on later.

    Raises:
        PermanentError: the service cannot serve this model, or it cannot score the rows.
    """
    model = ports.models.get(run.target)
    endpoint = ports.services.endpoint(model)
    slot = next((slot for slot in endpoint.staging() if slot.url == at.slot), None)
    renewed = _renewed(run, at, ports)
    if slot is None or renewed is None:
        return again(run, at)
    at = _followed(_begun(run, renewed, endpoint, slot, ports.now()), endpoint, slot, ports.now())
    shown = _shown(run, at, model, endpoint, slot, ports)
    if shown is None:
        return stay(run, _pause(endpoint), evaluation=at, tries=0)
    place = Place(endpoint, slot, f"{'earlier' if at.artifact else 'candidate'}-{at.round}")
    book = scoring.score_all(run, place, asked, model, ports)
    if isinstance(book, Unfinished):
        return unfinished(run, at, book)
    unchanged = _unchanged(run, at, shown, model, endpoint, slot, ports)
    if not ports.ledger.free_slot(at.slot, run.id) or not unchanged:
        return again(run, at)
    return Scored(book)


def _who(at: Evaluation) -> str:
    return "the model before the champion" if at.artifact else "the candidate"


def unfinished(run: Run, at: Evaluation, left: Unfinished) -> Outcome:
    """Scoring goes on later."""
    jobs = {**at.jobs, left.name: left.job} if left.job else at.jobs
    return stay(run, left.wait, evaluation=msgspec.structs.replace(at, jobs=jobs), tries=0)


def _probe(run: Run, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports) -> Scores:
    holdout = fresh_of(run, model, ports)
    return endpoint.score(slot, rows_at(holdout, probe_indexes(holdout)))


def _answers(run: Run, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports) -> Scores | None:
    """As `_probe`; None from a model that cannot score such rows: it was trained on other columns."""
    try:
        return _probe(run, model, endpoint, slot, ports)
    except BadRequest:
        return None


def _renewed(run: Run, at: Evaluation, ports: Ports) -> Evaluation | None:
    """The slot is ours until a time we know; None when it ran out and another took it."""
    now = ports.now()
    if at.until is not None and now + MARGIN < at.until:
        return at
    if not ports.ledger.take_slot(at.slot, run.id, now + TENURE):
        return None
    return msgspec.structs.replace(at, until=now + TENURE)


def _begun(run: Run, at: Evaluation, endpoint: Endpoint, slot: Slot, now: datetime) -> Evaluation:
    artifact = at.artifact or run.candidate
    assert artifact is not None
    if at.begun:
        return at
    begun = endpoint.begin(slot, artifact)
    return msgspec.structs.replace(at, begun=True, operation=begun.operation, since=now)


def _followed(at: Evaluation, endpoint: Endpoint, slot: Slot, now: datetime) -> Evaluation:
    """The operation of the change is followed to its end; what a slot that scores files serves then is remembered.

    Raises:
        PermanentError: the service could not make the change; says why.
    """
    if at.operation:
        status = endpoint.check(slot, at.operation)
        if status.state in ENDED_BADLY:
            raise PermanentError(f"staging at {slot.url} could not take {_who(at)}: {status.reason}")
        if status.state is not JobState.SUCCEEDED:
            at = msgspec.structs.replace(at, operation=status.operation or at.operation)
            if at.since is not None and now >= at.since + LONGEST_OPERATION:
                raise PermanentError(f"staging at {slot.url} did not take {_who(at)} by {now:%H:%M:%S} UTC")
            return at
        at = msgspec.structs.replace(at, operation="", since=now)
    if slot.by_file and not at.location:
        return msgspec.structs.replace(at, location=endpoint.current(slot).location)
    return at


def _shown(run: Run, at: Evaluation, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports) -> Scores | None:
    """How the slot answers the probe rows with the model (none where it scores files); None: not there yet."""
    if at.operation:
        return None
    if slot.by_file:
        return []
    if _settled(at, endpoint, ports):
        return _probe(run, model, endpoint, slot, ports)
    shown = _answers(run, model, endpoint, slot, ports)
    return None if shown is None or scoring.same_scores(shown, at.before) else shown


def _unchanged(
    run: Run, at: Evaluation, shown: Scores, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports
) -> bool:
    """Whether the slot still serves what was scored, and that is the model it was given: a change that another run had
    asked for and that arrives late may have taken its place before the first row was scored."""
    artifact, serves = at.artifact or run.candidate, endpoint.current(slot).location
    assert artifact is not None
    if slot.by_file:
        return serves == at.location
    if paths.is_another(serves, artifact.blob):
        return False
    return scoring.same_scores(shown, _probe(run, model, endpoint, slot, ports))


def _settled(at: Evaluation, endpoint: Endpoint, ports: Ports) -> bool:
    """Whether the service has had its time; a model that scores like the one before it never shows otherwise."""
    return at.since is None or ports.now() >= at.since + endpoint.settle()


def _pause(endpoint: Endpoint) -> float:
    return min(max(endpoint.settle().total_seconds() / 10, 1.0), 10.0)
