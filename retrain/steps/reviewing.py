"""The look back after a promotion: the first believed batch after it also judges the model before the champion.

That model is scored in a staging slot, as a candidate is. When it surely is the better one, production goes back to it
together with the end of the run that found this out, or a person is asked; `on_worse` says which.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from retrain import gate, paths, production, scorebook, scoring
from retrain.champion import Champion, Change, ChangeKind, Review
from retrain.errors import AccessDenied, BadConfiguration, PermanentError, RetryableError
from retrain.gate import Decision
from retrain.holdouts import holdouts_of
from retrain.outcome import OURSELVES, Outcome, stay
from retrain.ports import Ports
from retrain.run import Evaluation, Run, is_behind
from retrain.scorebook import Book
from retrain.steps import staging
from retrain.steps.hearing import Heard, hearing, named
from retrain.steps.staging import BUSY


@dataclass(frozen=True)
class Reviewed:
    """What the comparison with the model before the champion came to. `review` is None when that could not be scored,
    `against` is the candidate's own decision against it, where it was approved against the champion."""

    back: Change
    why: str
    review: gate.Review | None = None
    against: Decision | None = None

    @property
    def worse(self) -> bool:
        """Whether the champion surely is the worse one."""
        return self.review is not None and self.review.verdict == "worse"

    @property
    def overrules(self) -> bool:
        """Whether an approved candidate may not go live all the same: it is not better than the model before."""
        return self.worse and self.against is not None and not self.against.approved


def review(heard: Heard, decision: Decision, ports: Ports) -> Reviewed | Outcome | None:
    """The look back, if it is due now; or the outcome that first has the model before the champion scored."""
    back = _before(heard, decision, ports)
    if back is None or heard.live is None:
        return None
    at = heard.run.evaluation
    if at is not None and at.unscored:
        why = f"version {back.version}, the model before, could not be scored, so nobody compared them: {at.unscored}"
        return Reviewed(back, why)
    questions = heard.holdouts.questions
    book = scorebook.load(scorebook.path(heard.run.target, back.artifact, ""), ports) or {}
    if len(questions.but(book)):
        waiting = Evaluation(
            phase="waiting", round=at.round if at else 0, doubted=at.doubted if at else None, artifact=back.artifact
        )
        return stay(heard.run, None, evaluation=waiting, tries=0)
    return _compared(heard, decision, back, book)


def _before(heard: Heard, decision: Decision, ports: Ports) -> Change | None:
    """The change that brought the model before the champion, when these are to be compared on this run's batch.

    Only a promotion is looked back at, once, by believed data that are newer than the champion's own.
    """
    champion, run = heard.champion, heard.run
    promoted = champion.run and champion.version == champion.origin and champion.review is None
    newer = run.landings and run.order > champion.order and not is_behind(run.order, champion.fence)
    if not promoted or not newer or decision.data != "believed" or heard.model.promotion.on_worse == "nothing":
        return None
    back = production.replaced_by(champion, ports)
    return back if back is not None and back.artifact is not None else None


def _compared(heard: Heard, decision: Decision, back: Change, book: Book) -> Reviewed:
    rules, earlier, live = heard.model.gate, named(back.artifact, f"version {back.version}"), heard.champion_id
    assert heard.live is not None and live is not None
    seen = gate.review(rules, hearing(heard, heard.live, book), earlier, live)
    against = None
    if seen.verdict == "worse" and decision.approved:
        against = gate.judge(rules, hearing(heard, heard.candidate, book), earlier, heard.candidate_id)
    return Reviewed(back, seen.reason, seen, against)


def score(run: Run, at: Evaluation, ports: Ports) -> Outcome:
    """Has the model before the champion scored in a slot, and goes back to the judgement, which does without it when
    it cannot be scored."""
    back = Evaluation(phase="champion", round=at.round, doubted=at.doubted)
    try:
        outcome = _taken(run, at, ports) if at.phase == "waiting" else _scored(run, at, ports)
        return outcome or stay(run, None, evaluation=back, tries=0, deadline=None)
    except (AccessDenied, BadConfiguration):
        raise
    except (RetryableError, PermanentError) as error:
        given_up = run.deadline is not None and ports.now() >= run.deadline
        if isinstance(error, RetryableError) and not given_up:
            raise
        if at.slot:
            ports.ledger.free_slot(at.slot, run.id)
        back = msgspec.structs.replace(back, unscored=str(error))
        return stay(run, None, evaluation=back, tries=0, deadline=None)


def _taken(run: Run, at: Evaluation, ports: Ports) -> Outcome:
    taken = staging.taken(run, ports, at.doubted, at.artifact)
    return stay(run, None if taken else BUSY, evaluation=taken or at, tries=0)


def _scored(run: Run, at: Evaluation, ports: Ports) -> Outcome | None:
    """Adds the model's scores of the rows it was never asked about to its book; or how to go on later."""
    blob = scorebook.path(run.target, at.artifact, "")
    known = scorebook.load(blob, ports) or {}
    asked = holdouts_of(run, ports.models.get(run.target), at.doubted, ports).questions
    scored = staging.scored(run, at, asked.but(known), ports)
    if isinstance(scored, Outcome):
        return scored
    candidate = scorebook.load(scoring.kept_path(run), ports) or {}
    theirs = [candidate[key] for key in scored.book if key in candidate]
    if scored.book and scoring.same_scores(list(scored.book.values()), theirs):
        raise PermanentError("staging answered every row as the candidate does, so it did not serve that model")
    scorebook.keep(blob, scorebook.extended(known, scored.book), ports)
    return None


def kept(heard: Heard, reviewed: Reviewed, ports: Ports) -> dict[str, object]:
    """Writes the whole comparison down; it in short, and where the whole is."""
    blob = blob_of(heard)
    short = {
        "champion": heard.champion.version,
        "before": reviewed.back.version,
        "worse": reviewed.worse,
        "why": reviewed.why,
    }
    whole = {**short, "review": reviewed.review, "candidateAgainstBefore": reviewed.against}
    ports.blobs.write(blob, msgspec.json.encode(whole))
    return {**short, "blob": blob}


def blob_of(heard: Heard) -> str:
    """Where a run's look back is kept as a whole."""
    return paths.file(heard.run, "review.json")


def acted(heard: Heard, reviewed: Reviewed, ports: Ports) -> Champion:
    """The champion's record with what the review came to, to be saved with the run.

    A model that a person forced is not taken back by itself.
    """
    champion, worse, blob = heard.champion, reviewed.worse, blob_of(heard)
    done = Review(run=heard.run.id, at=ports.now(), worse=worse, why=reviewed.why, blob=blob)
    if not worse:
        return msgspec.structs.replace(champion, review=done)
    forced = ports.ledger.change(champion.target, champion.version).kind is ChangeKind.FORCED
    if forced or heard.model.promotion.on_worse == "ask":
        return msgspec.structs.replace(champion, review=msgspec.structs.replace(done, asked=True))
    why = f"{reviewed.why} (run {heard.run.id})"
    change = production.undoing(champion, ports, actor=OURSELVES, why=why, review=blob)
    return production.change_with(msgspec.structs.replace(champion, review=done), change, ports)
