"""Judgement: the gate decides about a run, and its decision becomes the outcome: of the run, its batch, and production.

All of it is saved in one transaction with the run. What is written before that has the run's own name and comes to the
same when it is written again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec

from retrain import accepted, paths, scorebook, scoring
from retrain.accepted import Ruled
from retrain.gate import Decision, Hearing, judge
from retrain.holdouts import TRUSTED
from retrain.outcome import Outcome, end, go
from retrain.ports import Ports
from retrain.run import State, Verdict, is_behind
from retrain.steps import reviewing
from retrain.steps.hearing import Heard, hearing
from retrain.steps.promotion import behind, claimed
from retrain.steps.reviewing import Reviewed

STAGING_DID_NOT_CHANGE = (
    "stagingDidNotChange: candidate and champion gave the same score on every row, so staging served the champion; "
    "see whether its PATCH is taken, then replay"
)


def judged(heard: Heard, ports: Ports) -> Outcome:
    """What becomes of a run whose models were scored."""
    if _staging_did_not_change(heard, ports):
        return end(heard.run, State.FAILED, STAGING_DID_NOT_CHANGE, ports.now())
    said = hearing(heard, heard.candidate, heard.live)
    decision = judge(heard.model.gate, said, heard.champion_id, heard.candidate_id)
    if heard.unscored:  # its columns may be others than those of the accepted data
        decision = msgspec.structs.replace(decision, data="refused")
    reviewed = reviewing.review(heard, decision, ports)
    if isinstance(reviewed, Outcome):
        return reviewed
    scorebook.keep(scorebook.path(heard.run.target, heard.run.candidate, ""), heard.candidate, ports)
    verdict = _recorded(heard, said, decision, reviewed, ports)
    outcome = _on_production(heard, _decided(heard, verdict, ports), reviewed, ports)
    ruled = Ruled(
        decision.data, decision.confirms, TRUSTED in heard.holdouts.by_name, decision.reason, decision.unlearnt
    )
    pointer, lines = accepted.after(heard.run, heard.pointer, heard.doubted, ruled, ports)
    return replace(outcome, accepted=pointer, moves=(*outcome.moves, *lines))


def _staging_did_not_change(heard: Heard, ports: Ports) -> bool:
    """Two models never agree on every row of all holdouts: then the candidate was not where it was scored."""
    if heard.live is None or heard.run.candidate == heard.champion.artifact:
        return False
    if any(slot.by_file for slot in ports.services.endpoint(heard.model).staging()):
        return False  # such a slot names the model that it scored with
    rows = heard.holdouts.questions.values
    return scoring.same_scores([heard.candidate[key] for key in rows], [heard.live[key] for key in rows])


def _recorded(heard: Heard, said: Hearing, decision: Decision, reviewed: Reviewed | None, ports: Ports) -> Verdict:
    """Keeps the whole decision, with where its figures came from, and returns what the run's row shows of it."""
    from retrain.gate.evidence import Evidence  # loads numpy

    run = heard.run
    assert run.data is not None
    blob, evidence = paths.file(run, "decision.json"), paths.file(run, "evidence.npz")
    ports.blobs.write(evidence, Evidence(said, heard.champion_id, heard.candidate_id).to_bytes())
    record = {
        "decision": decision,
        "gate": heard.model.gate,
        "evidence": evidence,
        "holdout": run.data.holdout,
        "trusted": run.data.trusted or None,
        "doubted": heard.doubted.run if heard.doubted else None,
        "review": reviewing.kept(heard, reviewed, ports) if reviewed else None,
    }
    ports.blobs.write(blob, msgspec.json.encode(record))
    low, high = decision.gain_interval or (None, None)
    overruled = reviewed is not None and reviewed.overrules
    return Verdict(
        approved=decision.approved and not overruled,
        reason=_overruled(reviewed) if reviewed and overruled else decision.reason,
        metric=decision.metric,
        candidate=decision.candidate_value,
        champion=decision.champion_value,
        low=low,
        high=high,
        blob=blob,
        evidence=evidence,
        data=decision.data,
        confirms=decision.confirms,
        champion_version=heard.champion.version,
    )


def _overruled(reviewed: Reviewed) -> str:
    assert reviewed.against is not None
    return (
        f"refused: better than the champion, but so is version {reviewed.back.version} before it, and against that: "
        f"{reviewed.against.reason.removeprefix('refused: ')}"
    )


def _decided(heard: Heard, verdict: Verdict, ports: Ports) -> Outcome:
    run, now = heard.run, ports.now()
    decided: dict[str, Any] = {"verdict": verdict, "times": msgspec.structs.replace(run.times, decided=now)}
    if is_behind(run.order, heard.champion.fence):
        return end(run, State.SUPERSEDED, behind(heard.champion), now, **decided)
    if not verdict.approved:
        return end(run, State.REFUSED, verdict.reason, now, **decided)
    if heard.model.promotion.mode == "automatic":
        return go(run, State.PROMOTING, verdict.reason, now, **decided)
    asked = go(run, State.AWAITING_APPROVAL, verdict.reason, now, **decided)
    deadline = now + timedelta(hours=heard.model.promotion.deadline_hours)
    return replace(asked, run=msgspec.structs.replace(asked.run, deadline=deadline))


def _on_production(heard: Heard, outcome: Outcome, reviewed: Reviewed | None, ports: Ports) -> Outcome:
    """The outcome with what it changes of the champion's record: an approved candidate comes before a rollback."""
    champion = heard.champion
    if reviewed is not None and not (
        reviewed.worse and outcome.run.state in (State.PROMOTING, State.AWAITING_APPROVAL)
    ):
        champion = reviewing.acted(heard, reviewed, ports)
    if outcome.run.state is State.PROMOTING:
        champion = claimed(outcome.run, champion, heard.holdouts.fresh, heard.candidate, ports)
    return outcome if champion is heard.champion else replace(outcome, champion=champion)
