"""Evaluation: try the candidate in a staging slot, score both models on the same rows, ask the gate.

Saved on the way: `switching` (the slot is ours, this is how it answered before), and `champion` when production cannot
be scored at once (the candidate's scores are kept, the slot is free). What is in between is sooner done again than
saved: giving the slot the candidate is repeatable, and long holdouts keep their scores part by part.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from retrain import paths, production, scoring
from retrain.accepted import accept
from retrain.champion import Champion
from retrain.data.holdout import Holdout, probe_indexes
from retrain.errors import PermanentError, RetryableError
from retrain.gate import Decision, Hearing, ModelId, ScoreTable, judge
from retrain.looking import LONGEST_OPERATION
from retrain.model import Model
from retrain.outcome import Outcome, end, go, halt, later, stay
from retrain.ports import ENDED_BADLY, Endpoint, JobState, Ports, Slot
from retrain.run import Artifact, Evaluation, Run, State, Verdict, is_behind
from retrain.scoring import Evidence, Place, Scores, Unfinished
from retrain.steps.promotion import behind, claimed

TENURE = timedelta(minutes=30)
"""A slot is taken for so long, and renewed while it is in use, so a dead run gives it up."""
MARGIN = timedelta(minutes=12)
"""A slot with less time left is renewed first: no invocation scores for longer than this."""
BUSY = 1.0  # seconds until the next look for a free slot
MOST_ROUNDS = 5
"""So many times a candidate is staged again when its slot turned out to be somebody else's."""
STAGING_DID_NOT_CHANGE = (
    "stagingDidNotChange: candidate and champion gave the same score on every row, so staging served the champion; "
    "see whether its PATCH is taken, then replay"
)


def prepare(run: Run, ports: Ports) -> Outcome:
    """From `trained`: take a slot, unless newer data went live meanwhile."""
    champion = production.require(run.target, ports)
    if is_behind(run.order, champion.fence):
        return end(run, State.SUPERSEDED, behind(champion), ports.now())
    at = _staged(run, ports)
    if at is None:
        return stay(run, BUSY, tries=0)
    return go(run, State.EVALUATING, f"against version {champion.version}", ports.now(), evaluation=at)


def evaluate(run: Run, ports: Ports) -> Outcome:
    """In `evaluating`: the next phase."""
    at = run.evaluation
    if at is None or at.phase == "waiting":
        staged = _staged(run, ports)
        return stay(run, None, evaluation=staged, tries=0) if staged else stay(run, BUSY, tries=0)
    if at.phase == "switching":
        return _candidate(run, at, ports)
    scores = scoring.load(scoring.kept_path(run), ports)
    if scores is None:
        return _again(run, at)
    return _champion(run, at, scores, ports)


def _staged(run: Run, ports: Ports) -> Evaluation | None:
    """Takes the first free staging slot and remembers how it answers before it is changed; None when all are taken."""
    model = ports.models.get(run.target)
    endpoint = ports.services.endpoint(model)
    round_, until = run.evaluation.round if run.evaluation else 0, ports.now() + TENURE
    if round_ >= MOST_ROUNDS:
        raise PermanentError(f"staging kept changing under {MOST_ROUNDS} tries; is something else using it?")
    slot = next((slot for slot in endpoint.staging() if ports.ledger.take_slot(slot.url, run.id, until)), None)
    if slot is None:
        return None
    before = () if endpoint.by_file else tuple(_probe(run, model, endpoint, slot, ports))
    return Evaluation(phase="switching", slot=slot.url, until=until, since=ports.now(), before=before, round=round_ + 1)


def _probe(run: Run, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports) -> Scores:
    holdout = scoring.holdout_of(run, model, ports)
    return endpoint.score(slot, scoring.rows_at(holdout, probe_indexes(holdout)))


def _again(run: Run, at: Evaluation) -> Outcome:
    """Stages the candidate anew: what was scored may be another model's."""
    return stay(run, BUSY, evaluation=Evaluation(phase="waiting", round=at.round))


def _candidate(run: Run, at: Evaluation, ports: Ports) -> Outcome:
    """Gives the slot the candidate, waits until it shows, scores the holdout there, and goes on to the champion."""
    model = ports.models.get(run.target)
    endpoint = ports.services.endpoint(model)
    slot = next((slot for slot in endpoint.staging() if slot.url == at.slot), None)
    renewed = _renewed(run, at, ports)
    if slot is None or renewed is None:
        return _again(run, at)
    at = _followed(_begun(run, renewed, endpoint, slot, ports.now()), endpoint, slot, ports.now())
    shown = _shown(run, at, model, endpoint, slot, ports)
    if shown is None:
        return stay(run, _pause(endpoint), evaluation=at, tries=0)
    place = Place("candidate", endpoint, slot, paths.file(run, f"scores/candidate-{at.round}"))
    scores = scoring.score_all(run, place, scoring.holdout_of(run, model, ports), model, ports)
    if isinstance(scores, Unfinished):
        return _unfinished(run, at, "candidate", scores)
    unchanged = _unchanged(run, at, shown, model, endpoint, slot, ports)
    if not ports.ledger.free_slot(at.slot, run.id) or not unchanged:
        return _again(run, at)
    return _on_to_champion(run, at, scores, ports)


def _renewed(run: Run, at: Evaluation, ports: Ports) -> Evaluation | None:
    """The slot is ours until a time we know; None when it ran out and another took it."""
    now = ports.now()
    if at.until is not None and now + MARGIN < at.until:
        return at
    if not ports.ledger.take_slot(at.slot, run.id, now + TENURE):
        return None
    return msgspec.structs.replace(at, until=now + TENURE)


def _begun(run: Run, at: Evaluation, endpoint: Endpoint, slot: Slot, now: datetime) -> Evaluation:
    assert run.candidate is not None
    if at.begun:
        return at
    begun = endpoint.begin(slot, run.candidate)
    return msgspec.structs.replace(at, begun=True, operation=begun.operation, since=now)


def _followed(at: Evaluation, endpoint: Endpoint, slot: Slot, now: datetime) -> Evaluation:
    """The operation of the change is followed to its end; what a slot that scores files serves then is remembered.

    Raises:
        PermanentError: the service could not make the change; says why.
    """
    if at.operation:
        status = endpoint.check(slot, at.operation)
        if status.state in ENDED_BADLY:
            raise PermanentError(f"staging at {slot.url} could not take the candidate: {status.reason}")
        if status.state is not JobState.SUCCEEDED:
            if at.since is not None and now >= at.since + LONGEST_OPERATION:
                raise PermanentError(f"staging at {slot.url} did not take the candidate by {now:%H:%M:%S} UTC")
            return at
        at = msgspec.structs.replace(at, operation="", since=now)
    if endpoint.by_file and not at.location:
        return msgspec.structs.replace(at, location=endpoint.current(slot).location)
    return at


def _shown(run: Run, at: Evaluation, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports) -> Scores | None:
    """How the slot answers the probe rows with the candidate (none where it scores files); None: not there yet."""
    if at.operation:
        return None
    if endpoint.by_file:
        return []
    shown = _probe(run, model, endpoint, slot, ports)
    waiting = scoring.same_scores(shown, at.before) and not _settled(at, endpoint, ports)
    return None if waiting else shown


def _unchanged(
    run: Run, at: Evaluation, shown: Scores, model: Model, endpoint: Endpoint, slot: Slot, ports: Ports
) -> bool:
    """Whether the slot still serves what was scored, and that is this run's candidate: a change that another run had
    asked for and that arrives late may have taken its place before the first row was scored."""
    assert run.candidate is not None
    serves = endpoint.current(slot).location
    if endpoint.by_file:
        return serves == at.location
    if paths.is_another(serves, run.candidate.blob):
        return False
    return scoring.same_scores(shown, _probe(run, model, endpoint, slot, ports))


def _settled(at: Evaluation, endpoint: Endpoint, ports: Ports) -> bool:
    """Whether the service has had its time; a candidate that scores like the model before it never shows otherwise."""
    return at.since is None or ports.now() >= at.since + endpoint.settle()


def _pause(endpoint: Endpoint) -> float:
    return min(max(endpoint.settle().total_seconds() / 10, 1.0), 10.0)


def _unfinished(run: Run, at: Evaluation, side: str, left: Unfinished) -> Outcome:
    jobs = {**at.jobs, side: left.job} if left.job else at.jobs
    return stay(run, left.wait, evaluation=msgspec.structs.replace(at, jobs=jobs), tries=0)


def _on_to_champion(run: Run, at: Evaluation, scores: Scores, ports: Ports) -> Outcome:
    """The champion's turn in the same invocation; the candidate's scores are kept only if that has to wait."""
    at = Evaluation(phase="champion", round=at.round)
    run = msgspec.structs.replace(run, evaluation=at)
    try:
        outcome = _champion(run, at, scores, ports)
    except RetryableError as error:
        outcome = later(run, error, ports.now())
    if outcome.run.state in (State.EVALUATING, State.PARKED):
        scoring.keep(scoring.kept_path(run), scores, ports)
    return outcome


def _champion(run: Run, at: Evaluation, candidate: Scores, ports: Ports) -> Outcome:
    """Scores the champion where users call it, unless that was done before, and asks the gate."""
    champion = production.require(run.target, ports)
    model = ports.models.get(run.target)
    endpoint = ports.services.endpoint(model)
    if champion.intent is not None:
        production.nudge(champion, ports)
        return stay(run, BUSY, why=f"a {champion.intent.change.kind} of {run.target} is under way")
    if said := production.drifted(champion, endpoint):
        return halt(run, f"{said}; then release this run with `retrain replay`", ports.now())
    holdout = scoring.holdout_of(run, model, ports)
    place = Place("champion", endpoint, endpoint.production(), scoring.champion_path(champion, run))
    scores = _champion_scores(run, place, holdout, model, ports)
    if isinstance(scores, Unfinished):
        return _unfinished(run, at, "champion", scores)
    return _judge(run, model, champion, holdout, Evidence(candidate=candidate, champion=scores), ports)


def _champion_scores(run: Run, place: Place, holdout: Holdout, model: Model, ports: Ports) -> Scores | Unfinished:
    """From the store where this champion may have met this holdout before: a run's own fresh one it never has."""
    blob = f"{place.folder}.json"
    known = None if run.landings else scoring.load(blob, ports)
    scores = known or scoring.score_all(run, place, holdout, model, ports)
    if known is None and not run.landings and not isinstance(scores, Unfinished):
        scoring.keep(blob, scores, ports)
    return scores


def _judge(run: Run, model: Model, champion: Champion, holdout: Holdout, evidence: Evidence, ports: Ports) -> Outcome:
    assert run.candidate is not None
    endpoint = ports.services.endpoint(model)
    same = scoring.same_scores(evidence.candidate, evidence.champion)
    if same and run.candidate != champion.artifact and not endpoint.by_file:
        return end(run, State.FAILED, STAGING_DID_NOT_CHANGE, ports.now())
    table = ScoreTable(
        labels=holdout.labels,
        candidate=evidence.candidate,
        champion=evidence.champion,
        blocks=holdout.blocks,
        unit=holdout.unit,
        holdout="fresh",
    )
    live = _named(champion.artifact, f"version {champion.version}")
    decision = judge(model.gate, Hearing(fresh=table), live, _named(run.candidate, run.id))
    scoring.keep(scoring.evidence_path(run), evidence, ports)
    verdict = _recorded(run, model, champion, decision, ports)
    outcome = _decided(run, model, champion, verdict, ports)
    if outcome.run.state is State.PROMOTING:
        promoting = claimed(outcome.run, champion, holdout, evidence.candidate, ports)
        outcome = replace(outcome, champion=promoting)
    return replace(outcome, accepted=accept(run, ports)) if decision.data == "believed" else outcome


def _named(artifact: Artifact | None, name: str) -> ModelId:
    return ModelId(name=name, sha256=artifact.sha256 if artifact else f"unknown: {name}")


def _recorded(run: Run, model: Model, champion: Champion, decision: Decision, ports: Ports) -> Verdict:
    """Keeps the whole decision, with where its figures came from, and returns what the run's row shows of it."""
    assert run.data is not None
    blob = paths.file(run, "decision.json")
    record = {
        "decision": decision,
        "gate": model.gate,
        "scores": scoring.evidence_path(run),
        "holdout": run.data.holdout,
    }
    ports.blobs.write(blob, msgspec.json.encode(record))
    low, high = decision.gain_interval or (None, None)
    return Verdict(
        approved=decision.approved,
        reason=decision.reason,
        metric=decision.metric,
        candidate=decision.candidate_value,
        champion=decision.champion_value,
        low=low,
        high=high,
        blob=blob,
        champion_version=champion.version,
    )


def _decided(run: Run, model: Model, champion: Champion, verdict: Verdict, ports: Ports) -> Outcome:
    now = ports.now()
    decided: dict[str, Any] = {"verdict": verdict, "times": msgspec.structs.replace(run.times, decided=now)}
    if is_behind(run.order, champion.fence):
        return end(run, State.SUPERSEDED, behind(champion), now, **decided)
    if not verdict.approved:
        return end(run, State.REFUSED, verdict.reason, now, **decided)
    if model.promotion.mode == "automatic":
        return go(run, State.PROMOTING, verdict.reason, now, **decided)
    asked = go(run, State.AWAITING_APPROVAL, verdict.reason, now, **decided)
    deadline = now + timedelta(hours=model.promotion.deadline_hours)
    return replace(asked, run=msgspec.structs.replace(asked.run, deadline=deadline))
