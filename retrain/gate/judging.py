"""From scores to a decision: two models' scores on a holdout go in, a decision comes out. It never raises for bad data.

First the checks, all of them, so that a refusal names everything that is wrong. Only when none failed is anything
measured, and then every criterion must pass. A further rule is one more function in `CHECKS` or `CRITERIA`.
"""

from retrain.gate.checks import CHECKS, Case
from retrain.gate.criteria import CRITERIA
from retrain.gate.decision import Decision, Finding, ModelId, finite, finite_interval
from retrain.gate.metrics import METRICS
from retrain.gate.rules import GateRules
from retrain.gate.statistics import Evidence, compare
from retrain.gate.table import ScoreTable


def decide(rules: GateRules, table: ScoreTable, champion: ModelId, candidate: ModelId) -> Decision:
    """Decide whether the candidate may replace the champion.

    Approved only when at least one criterion was applied and no finding failed. The same input gives the same
    decision, to the last digit of the intervals.
    """
    case = Case.of(table, champion, candidate)
    findings = tuple(finding for check in CHECKS for finding in check(rules, case))
    if any(finding.verdict == "fail" for finding in findings):
        return _refusal(rules, case, findings)
    evidence = _measure(rules, case)
    findings += _apply(rules, evidence)
    return _decision(rules, case, findings, evidence)


def _measure(rules: GateRules, case: Case) -> Evidence:
    return compare(
        METRICS[rules.metric],
        case.labels,
        case.candidate,
        case.champion,
        case.blocks,
        confidence=rules.confidence,
        resamples=rules.resamples,
    )


def _apply(rules: GateRules, evidence: Evidence) -> tuple[Finding, ...]:
    facts = METRICS[rules.metric].facts
    return tuple(finding for criterion in CRITERIA for finding in criterion(rules, facts, evidence))


def _refusal(rules: GateRules, case: Case, findings: tuple[Finding, ...]) -> Decision:
    return Decision(
        approved=False,
        reason=_reason(False, findings),
        findings=findings,
        champion=case.champion_id,
        candidate=case.candidate_id,
        metric=rules.metric,
        holdout=case.table.holdout,
        confidence=finite(rules.confidence),
        rows=len(case.labels),
    )


def _decision(rules: GateRules, case: Case, findings: tuple[Finding, ...], evidence: Evidence) -> Decision:
    verdicts = {finding.rule: finding.verdict for finding in findings}
    approved = verdicts.get("gain") == "pass" and all(finding.verdict != "fail" for finding in findings)
    return Decision(
        approved=approved,
        reason=_reason(approved, findings),
        findings=findings,
        champion=case.champion_id,
        candidate=case.candidate_id,
        metric=rules.metric,
        holdout=case.table.holdout,
        confidence=rules.confidence,
        rows=evidence.rows,
        blocks=evidence.blocks,
        champion_value=finite(evidence.champion),
        candidate_value=finite(evidence.candidate),
        gain=finite(evidence.gain),
        gain_interval=finite_interval(evidence.gain_interval),
        champion_skill=finite(evidence.champion_skill),
        candidate_skill=finite(evidence.candidate_skill),
        skill_interval=finite_interval(evidence.skill_interval),
        data_believable=verdicts.get("skill") == "pass",
    )


def _reason(approved: bool, findings: tuple[Finding, ...]) -> str:
    """One sentence for a stranger: the gain when approved, otherwise what failed first and how much else did."""
    if approved:
        return "approved: " + next(finding.message for finding in findings if finding.rule == "gain")
    failed = [finding for finding in findings if finding.verdict == "fail"]
    others = ", ".join(dict.fromkeys(finding.rule for finding in failed[1:]))
    return f"refused: {failed[0].message}" + (f" (also failed: {others})" if others else "")
