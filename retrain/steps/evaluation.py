"""Evaluation: try the candidate in a staging slot, score both models on the same rows, have them judged.

Saved on the way: `switching` (a slot is ours, this is how it answered before), and `champion` when production cannot
be scored at once (the candidate's scores are kept, the slot is free). The same way is gone once more, with `artifact`,
when the model before the champion must be scored for its review. How a model is staged is in `staging`, what the
scores come to in `judgement`.
"""

from __future__ import annotations

import msgspec

from retrain import accepted, production, scorebook, scoring
from retrain.champion import Champion
from retrain.errors import AccessDenied, BadConfiguration, Conflict, NotFound, PermanentError, RetryableError
from retrain.holdouts import Holdouts, holdouts_of
from retrain.model import Model
from retrain.outcome import Outcome, end, go, halt, later, stay
from retrain.ports import Ports
from retrain.run import Evaluation, Run, State, is_behind
from retrain.scorebook import Book
from retrain.scoring import Place, Unfinished
from retrain.steps import reviewing, staging
from retrain.steps.hearing import Heard
from retrain.steps.judgement import judged
from retrain.steps.promotion import behind
from retrain.steps.staging import BUSY


def prepare(run: Run, ports: Ports) -> Outcome:
    """From `trained`: take a slot, unless newer data went live meanwhile."""
    champion = production.require(run.target, ports)
    if is_behind(run.order, champion.fence):
        return end(run, State.SUPERSEDED, behind(champion), ports.now())
    at = _taken(run, ports)
    if at is None:
        return stay(run, BUSY, tries=0)
    return go(run, State.EVALUATING, f"against version {champion.version}", ports.now(), evaluation=at)


def evaluate(run: Run, ports: Ports) -> Outcome:
    """In `evaluating`: the next phase."""
    at = run.evaluation
    if at is not None and at.artifact:
        return reviewing.score(run, at, ports)
    if at is None or at.phase == "waiting":
        taken = _taken(run, ports)
        return stay(run, None, evaluation=taken, tries=0) if taken else stay(run, BUSY, tries=0)
    if at.phase == "switching":
        return _candidate(run, at, ports)
    book = scorebook.load(scoring.kept_path(run), ports)
    if book is None:
        return staging.again(run, at)
    return _champion(run, at, book, ports)


def _taken(run: Run, ports: Ports) -> Evaluation | None:
    """A slot for the candidate; the rows are chosen as the accepted data stand now."""
    return staging.taken(run, ports, accepted.doubted_before(run, ports.ledger.accepted(run.target)))


def _candidate(run: Run, at: Evaluation, ports: Ports) -> Outcome:
    """Has the candidate scored in its slot, and goes on to the champion."""
    questions = holdouts_of(run, ports.models.get(run.target), at.doubted, ports).questions
    scored = staging.scored(run, at, questions, ports)
    if isinstance(scored, Outcome):
        return scored
    return _on_to_champion(run, at, scored.book, ports)


def _on_to_champion(run: Run, at: Evaluation, book: Book, ports: Ports) -> Outcome:
    """The champion's turn in the same invocation; the candidate's scores are kept only if that has to wait."""
    at = Evaluation(phase="champion", round=at.round, doubted=at.doubted)
    run = msgspec.structs.replace(run, evaluation=at)
    try:
        outcome = _champion(run, at, book, ports)
    except RetryableError as error:
        outcome = later(run, error, ports.now())
    if outcome.run.state in (State.EVALUATING, State.PARKED):
        scorebook.keep(scoring.kept_path(run), book, ports)
    return outcome


def _champion(run: Run, at: Evaluation, candidate: Book, ports: Ports) -> Outcome:
    """Scores the champion where users call it, on the rows that it was never asked about, and has both judged."""
    champion = production.require(run.target, ports)
    model = ports.models.get(run.target)
    if champion.intent is not None:
        production.nudge(champion, ports)
        return stay(run, BUSY, why=f"a {champion.intent.change.kind} of {run.target} is under way")
    if said := production.drifted(champion, ports.services.endpoint(model)):
        return halt(run, f"{said}; then release this run with `retrain replay`", ports.now())
    pointer = ports.ledger.accepted(run.target)
    doubted = accepted.doubted_before(run, pointer)
    holdouts = holdouts_of(run, model, doubted, ports)
    if holdouts.repeats:
        doubted, holdouts = None, holdouts_of(run, model, None, ports)
    if len(holdouts.questions.but(candidate)):  # another batch came into doubt since
        return staging.again(run, Evaluation(phase="waiting", round=at.round, doubted=doubted))
    live = None if champion.vacant else _live(run, champion, holdouts, model, ports)
    if isinstance(live, Unfinished):
        return staging.unfinished(run, at, live)
    book, unscored = (None, live) if isinstance(live, str) else (live, "")
    return judged(Heard(run, model, champion, pointer, doubted, holdouts, candidate, book, unscored), ports)


def _live(run: Run, champion: Champion, holdouts: Holdouts, model: Model, ports: Ports) -> Book | Unfinished | str:
    """The champion's scores of all rows; or why it cannot score them."""
    endpoint = ports.services.endpoint(model)
    place = Place(endpoint, endpoint.production(), f"champion-{champion.version}")
    try:
        blob = scorebook.path(run.target, champion.artifact, f"version-{champion.version}")
        return scoring.with_known(run, place, blob, holdouts.questions, model, ports)
    except (AccessDenied, BadConfiguration, NotFound, Conflict):
        raise  # a person mends these; the rows are not to blame
    except PermanentError as error:
        return str(error)
