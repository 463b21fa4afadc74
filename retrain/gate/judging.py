"""From scores to a decision: two models' scores on some holdouts go in, a decision comes out, whatever the data.

First the checks, all of them, so that a refusal names everything that is wrong. Only when none failed is anything
measured, and then every criterion must pass and nothing may be in doubt. A further rule is one more function in
`CHECKS`, `CRITERIA` or `DOUBTS`.
"""

from typing import Any

import msgspec

from retrain.gate.cases import Trial
from retrain.gate.checks import examine
from retrain.gate.criteria import CRITERIA, Measurements
from retrain.gate.decision import Decision, Finding, Measured, ModelId, finite
from retrain.gate.doubts import DOUBTED, DOUBTS, lasts, objects, of_data, unlearnt
from retrain.gate.measuring import measure, record
from retrain.gate.metrics import METRICS
from retrain.gate.rules import GateRules
from retrain.gate.table import Hearing

FIRST_SAID = ("disagreement", "champion")
"""Rules that explain a refusal best, whatever else failed."""


def decide(rules: GateRules, hearing: Hearing, champion: ModelId | None, candidate: ModelId) -> Decision:
    """Decide whether the candidate may replace the champion, or be the first.

    Approved only when at least one criterion was applied and no finding failed. The same input gives the same
    decision, to the last digit of the intervals.
    """
    trial = Trial.of(hearing, champion, candidate)
    findings, cases = examine(rules, trial)
    if any(finding.verdict == "fail" and finding.rule != "champion" for finding in findings):
        return _decision(rules, trial, findings)
    evidence = Measurements.of(measure(rules, cases), trial.compared)
    findings += _applied(rules, evidence)
    doubts = tuple(found for doubt in DOUBTS for found in doubt(rules, hearing, evidence, findings))
    confirms = bool(doubts) and lasts(rules, hearing, evidence)
    findings += doubts
    data = of_data(findings, doubts=bool(doubts) and not confirms)
    strange = unlearnt(findings)
    if confirms:
        findings = (*(_waived(finding) for finding in findings), _lasting(rules, trial))
    return _decision(rules, trial, findings, evidence, data=data, confirms=confirms, unlearnt=strange)


def _applied(rules: GateRules, evidence: Measurements) -> tuple[Finding, ...]:
    facts = METRICS[rules.metric].facts
    return tuple(finding for criterion in CRITERIA for finding in criterion(rules, facts, evidence))


def _waived(finding: Finding) -> Finding:
    """What a change that lasts overrules informs from then on."""
    overruled = objects(finding) or finding.rule in DOUBTED
    return msgspec.structs.replace(finding, verdict="note") if overruled else finding


def _lasting(rules: GateRules, trial: Trial) -> Finding:
    seen = 1 if rules.persistence == 1 else trial.hearing.doubts + 1
    shown = "is surely better" if trial.compared else "surely has skill"
    batches = f"{seen} batches in a row" if seen > 1 else "this batch"
    message = (
        f"the change lasts: the candidate {shown} on the rows of {batches}, so trusted rows from before it no longer "
        "count; a person should look at what has changed"
    )
    return Finding(rule="persistence", verdict="pass", message=message, figure=seen, limit=rules.persistence)


def _decision(
    rules: GateRules,
    trial: Trial,
    findings: tuple[Finding, ...],
    evidence: Measurements | None = None,
    **more: Any,
) -> Decision:
    approved = evidence is not None and _approved(trial, findings)
    kept = (evidence.fresh, evidence.trusted, evidence.doubted) if evidence else ()
    holdouts = tuple(record(measurement) for measurement in kept if measurement is not None)
    return Decision(
        approved=approved,
        reason=_reason(approved, findings, trial.hearing.uses),
        findings=findings,
        champion=trial.champion,
        candidate=trial.candidate,
        metric=rules.metric,
        holdout=trial.hearing.fresh.holdout,
        confidence=finite(rules.confidence),
        holdouts=holdouts,
        uses=trial.hearing.uses,
        first=trial.champion is None,
        **_fresh(trial, holdouts[0] if holdouts else None),
        **more,
    )


def _approved(trial: Trial, findings: tuple[Finding, ...]) -> bool:
    """Nothing failed, and what has to be shown was."""
    needed = "skill" if trial.champion is None else "gain"
    shown = any(found.rule == needed and found.holdout == "fresh" and found.verdict == "pass" for found in findings)
    return shown and all(finding.verdict != "fail" for finding in findings)


def _fresh(trial: Trial, fresh: Measured | None) -> dict[str, Any]:
    """The figures of the fresh holdout that stand at the top level of a decision."""
    if fresh is None:
        return {"rows": len(trial.cases[0].labels)}
    return {name: getattr(fresh, name) for name in _TOP}


_TOP = (
    "rows",
    "blocks",
    "champion_value",
    "candidate_value",
    "gain",
    "gain_interval",
    "champion_skill",
    "candidate_skill",
    "skill_interval",
)


def _reason(approved: bool, findings: tuple[Finding, ...], uses: int) -> str:
    """One sentence for a stranger: the gain when approved, otherwise what failed first and how much else did."""
    said = _approval(findings) if approved else _refusal(findings)
    times = "once" if uses == 1 else f"{uses} times"
    return f"{said} (the trusted holdout has helped to pick a winner {times} before)" if uses else said


def _approval(findings: tuple[Finding, ...]) -> str:
    by_rule = {finding.rule: finding.message for finding in reversed(findings)}
    said = by_rule["gain"] if "gain" in by_rule else f"the first model: {by_rule['skill']}"
    return f"approved: {said}" + (f"; {by_rule['persistence']}" if "persistence" in by_rule else "")


def _refusal(findings: tuple[Finding, ...]) -> str:
    first, *more = failed(findings)
    others = ", ".join(dict.fromkeys(finding.rule for finding in more))
    return f"refused: {first.message}" + (f" (also failed: {others})" if others else "")


def failed(findings: tuple[Finding, ...]) -> list[Finding]:
    """The findings against a candidate, the one first that explains its refusal best."""
    found = [finding for finding in findings if finding.verdict == "fail"]
    return sorted(found, key=lambda finding: finding.rule not in FIRST_SAID)
