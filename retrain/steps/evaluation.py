"""Evaluation: try the candidate in a staging slot, score both models on the same rows, ask the gate.

Phases, each saved: `switching` (the slot is ours and is being given the candidate) → `champion` (the candidate's scores
are kept, the slot is free) → the decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from retrain import paths, production, scoring
from retrain.accepted import accept
from retrain.advance import OURSELVES, Outcome, end, go, halt, stay
from retrain.champion import Champion
from retrain.data.holdout import Holdout, probe_indexes
from retrain.errors import PermanentError
from retrain.gate import Decision, ModelId, ScoreTable, judge
from retrain.model import Model
from retrain.ports import Endpoint, Ports, Slot
from retrain.run import Artifact, Evaluation, Run, State, Verdict
from retrain.scoring import Scores, Unfinished
from retrain.steps.promotion import behind

TENURE = timedelta(minutes=30)
"""A slot is taken for so long; each look renews it, so a dead run gives it up."""
BUSY = 2.0  # seconds until the next look for a free slot
STAGING_DID_NOT_CHANGE = (
    "stagingDidNotChange: candidate and champion gave the same score on every row, so staging served the champion; "
    "see whether its PATCH is taken, then replay"
)
MOST_ROUNDS = 5
"""So many times a candidate is staged again when its slot turned out to be somebody else's."""


def prepare(run: Run, ports: Ports) -> Outcome:
    """From `trained`: nothing to judge when newer data went live meanwhile."""
    champion = production.require(run.target, ports)
    if run.order <= champion.fence:
        return end(run, State.SUPERSEDED, behind(champion), ports.now())
    return go(run, State.EVALUATING, f"against version {champion.version}", ports.now())


def evaluate(run: Run, ports: Ports) -> Outcome:
    """In `evaluating`: the next phase."""
    model = ports.models.get(run.target)
    endpoint = ports.services.endpoint(model)
    if run.evaluation is None or run.evaluation.phase == "waiting":
        return _stage(run, model, endpoint, ports)
    if run.evaluation.phase == "switching":
        return _candidate(run, run.evaluation, model, endpoint, ports)
    return _champion(run, run.evaluation, model, endpoint, ports)


def _stage(run: Run, model: Model, endpoint: Endpoint, ports: Ports) -> Outcome:
    """Takes a staging slot and saves how it answers before it is changed."""
    slot = _free_slot(run, endpoint.staging(), ports)
    round_ = run.evaluation.round if run.evaluation else 0
    if slot is None:
        waiting = Evaluation(phase="waiting", round=round_)
        return stay(run, BUSY, evaluation=waiting, why="every staging slot is taken", tries=0)
    if round_ >= MOST_ROUNDS:
        raise PermanentError(f"staging {slot.url} kept changing under {MOST_ROUNDS} tries; is something else using it?")
    holdout = scoring.holdout_of(run, model, ports)
    before = endpoint.score(slot, scoring.rows_at(holdout, probe_indexes(holdout)))
    evaluation = Evaluation(phase="switching", slot=slot.url, since=ports.now(), before=tuple(before), round=round_ + 1)
    return stay(run, None, evaluation=evaluation, tries=0)


def _free_slot(run: Run, slots: Sequence[Slot], ports: Ports) -> Slot | None:
    until = ports.now() + TENURE
    return next((slot for slot in slots if ports.ledger.take_slot(slot.url, run.id, until)), None)


def _candidate(run: Run, at: Evaluation, model: Model, endpoint: Endpoint, ports: Ports) -> Outcome:
    """Gives the slot the candidate, waits until it shows, and scores the holdout there."""
    slot = next((slot for slot in endpoint.staging() if slot.url == at.slot), None)
    if slot is None or not ports.ledger.holds_slot(at.slot, run.id):
        return stay(run, None, evaluation=Evaluation(phase="waiting", round=at.round))
    assert run.candidate is not None
    if not at.begun:
        endpoint.begin(slot, run.candidate)
        at = msgspec.structs.replace(at, begun=True, since=ports.now())
    holdout = scoring.holdout_of(run, model, ports)
    probes = scoring.rows_at(holdout, probe_indexes(holdout))
    shown = endpoint.score(slot, probes)
    if scoring.same_scores(shown, at.before) and not _settled(at, endpoint, ports):
        ports.ledger.take_slot(at.slot, run.id, ports.now() + TENURE)
        return stay(run, _pause(endpoint), evaluation=at, tries=0)
    scores = scoring.score_all(run, holdout, model, endpoint, slot, "candidate", ports)
    if isinstance(scores, Unfinished):
        return _unfinished(run, at, "candidate", scores)
    if not _unchanged(run, endpoint, slot, shown, holdout, ports):
        return stay(run, BUSY, evaluation=Evaluation(phase="waiting", round=at.round))
    scoring.keep(scoring.kept_scores(run), scores, ports)
    ports.ledger.free_slot(at.slot, run.id)
    return stay(run, None, evaluation=Evaluation(phase="champion", round=at.round), tries=0)


def _settled(at: Evaluation, endpoint: Endpoint, ports: Ports) -> bool:
    """Whether the service has had its time; a candidate that scores like the model before it never shows otherwise."""
    return at.since is None or ports.now() >= at.since + endpoint.settle()


def _pause(endpoint: Endpoint) -> float:
    return min(max(endpoint.settle().total_seconds() / 10, 1.0), 10.0)


def _unchanged(run: Run, endpoint: Endpoint, slot: Slot, shown: Scores, holdout: Holdout, ports: Ports) -> bool:
    """Whether the same model answered all the while and the slot was ours throughout."""
    after = endpoint.score(slot, scoring.rows_at(holdout, probe_indexes(holdout)))
    return scoring.same_scores(shown, after) and ports.ledger.holds_slot(slot.url, run.id)


def _unfinished(run: Run, at: Evaluation, side: str, left: Unfinished) -> Outcome:
    jobs = {**at.jobs, side: left.job} if left.job else at.jobs
    return stay(run, left.wait, evaluation=msgspec.structs.replace(at, jobs=jobs), tries=0)


def _champion(run: Run, at: Evaluation, model: Model, endpoint: Endpoint, ports: Ports) -> Outcome:
    """Scores the champion where users call it, unless that was done before, and asks the gate."""
    champion = production.require(run.target, ports)
    if champion.intent is not None:
        return stay(run, BUSY, why=f"a {champion.intent.change.kind} of {run.target} is under way")
    slot = endpoint.production()
    serving = endpoint.current(slot).location
    if serving != champion.location:
        return halt(run, drifted(champion, serving), ports.now())
    holdout = scoring.holdout_of(run, model, ports)
    blob = champion_scores(champion, run)
    known = scoring.load(blob, ports)
    scores = known or scoring.score_all(run, holdout, model, endpoint, slot, "champion", ports)
    if isinstance(scores, Unfinished):
        return _unfinished(run, at, "champion", scores)
    if known is None:
        scoring.keep(blob, scores, ports)
    return _judge(run, model, champion, holdout, scores, blob, ports)


def champion_scores(champion: Champion, run: Run) -> str:
    """Where a champion's scores of a holdout are kept: by the bytes of both, so that they are computed once."""
    assert run.data is not None
    model = champion.artifact.sha256[:16] if champion.artifact else f"version-{champion.version}"
    return f"{paths.RUNS}/{run.target}/champion-scores/{model}-{run.data.holdout_sha[:16]}.json"


def drifted(champion: Champion, serving: str) -> str:
    """What to say when production serves something that the ledger does not know."""
    return (
        f"production of {champion.target} serves {serving}, but the champion on record (version {champion.version}) is "
        f"{champion.location}: it was changed from outside. `retrain adopt {champion.target} --again` accepts what is "
        f"live, `retrain rollback` undoes it; then release this run with `retrain replay`"
    )


def _judge(
    run: Run, model: Model, champion: Champion, holdout: Holdout, scores: Scores, blob: str, ports: Ports
) -> Outcome:
    candidate = scoring.load(scoring.kept_scores(run), ports)
    assert candidate is not None and run.candidate is not None
    if scoring.same_scores(candidate, scores) and run.candidate != champion.artifact:
        return end(run, State.FAILED, STAGING_DID_NOT_CHANGE, ports.now())
    table = ScoreTable(
        labels=holdout.labels,
        candidate=candidate,
        champion=scores,
        blocks=holdout.blocks,
        unit=holdout.unit,
        holdout="fresh",
    )
    decision = judge(
        model.gate, table, _named(champion.artifact, f"version {champion.version}"), _named(run.candidate, run.id)
    )
    return _decided(run, model, champion, decision, blob, ports)


def _named(artifact: Artifact | None, name: str) -> ModelId:
    return ModelId(name=name, sha256=artifact.sha256 if artifact else f"unknown: {name}")


def _decided(run: Run, model: Model, champion: Champion, decision: Decision, blob: str, ports: Ports) -> Outcome:
    assert run.data is not None
    record = paths.file(run, "decision.json")
    scores = {"candidate": scoring.kept_scores(run), "champion": blob, "holdout": run.data.holdout}
    ports.blobs.write(record, msgspec.json.encode({"decision": decision, "gate": model.gate, "scores": scores}))
    low, high = decision.gain_interval or (None, None)
    verdict = Verdict(
        approved=decision.approved,
        reason=decision.reason,
        metric=decision.metric,
        candidate=decision.candidate_value,
        champion=decision.champion_value,
        low=low,
        high=high,
        blob=record,
        champion_version=champion.version,
    )
    outcome = _next(run, model, verdict, ports)
    return replace(outcome, accepted=accept(run, ports)) if decision.data_believable else outcome


def _next(run: Run, model: Model, verdict: Verdict, ports: Ports) -> Outcome:
    now = ports.now()
    decided: dict[str, Any] = {"verdict": verdict, "times": msgspec.structs.replace(run.times, decided=now)}
    if not verdict.approved:
        return end(run, State.REFUSED, verdict.reason, now, **decided)
    if model.promotion.mode == "automatic":
        return go(run, State.PROMOTING, verdict.reason, now, actor=OURSELVES, **decided)
    asked = go(run, State.AWAITING_APPROVAL, verdict.reason, now, **decided)
    deadline = now + timedelta(hours=model.promotion.deadline_hours)
    return replace(asked, run=msgspec.structs.replace(asked.run, deadline=deadline))
