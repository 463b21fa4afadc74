"""The look back after a promotion: on the next batch's rows, is the promoted model worse than the one before it?

It is worse when its predecessor is surely better on the fresh holdout and not surely worse on the trusted one. The
fresh holdout must be of a batch that is believed; whoever asks sees to that, and to what follows.
"""

import msgspec

from retrain.gate.cases import Trial
from retrain.gate.checks import examine
from retrain.gate.criteria import Measurements, finding_of, percents
from retrain.gate.decision import Finding, ModelId, Review
from retrain.gate.facts import CATALOGUE
from retrain.gate.measuring import Measurement, measure, record
from retrain.gate.rules import GateRules
from retrain.gate.table import Hearing


def look_back(rules: GateRules, hearing: Hearing, predecessor: ModelId, champion: ModelId) -> Review:
    """Whether the champion stays. What cannot be measured changes nothing: it stays, and the reason is kept."""
    rules = msgspec.structs.replace(rules, slices=())
    trial = Trial.of(hearing, predecessor, champion)
    findings, cases = examine(rules, trial)
    measured: tuple[Measurement, ...] = ()
    if not any(finding.verdict == "fail" for finding in findings):
        measured = measure(rules, cases)
        findings += _compared(rules, Measurements.of(measured, compared=True))
    asked = [finding for finding in findings if finding.rule in ("predecessor", "trusted")]
    worse = bool(asked) and all(finding.verdict == "pass" for finding in asked)
    return Review(
        verdict="worse" if worse else "stay",
        reason=_reason(worse, findings),
        findings=findings,
        champion=champion,
        predecessor=predecessor,
        metric=rules.metric,
        holdouts=tuple(record(measurement) for measurement in measured),
    )


def _compared(rules: GateRules, evidence: Measurements) -> tuple[Finding, ...]:
    found = (_predecessor(rules, evidence.fresh), _trusted(rules, evidence.trusted))
    return tuple(finding for finding in found if finding is not None)


def _predecessor(rules: GateRules, fresh: Measurement) -> Finding:
    gain = fresh.found.gain
    sure = gain.high < 0
    message = (
        f"on fresh rows the champion's {CATALOGUE[rules.metric].label} is {fresh.found.candidate:.4g} against its "
        f"predecessor's {fresh.found.champion:.4g}, a gain in skill of {percents(fresh.found.skill_gain, '+')}; the "
        f"predecessor is {'' if sure else 'not '}surely better"
    )
    return finding_of("predecessor", sure, message, gain.high, 0.0, "fresh")


def _trusted(rules: GateRules, trusted: Measurement | None) -> Finding | None:
    if trusted is None:
        return None
    gain = trusted.found.gain
    spared = not gain.low > 0
    message = (
        f"on trusted rows the champion's gain in skill over its predecessor is "
        f"{percents(trusted.found.skill_gain, '+')}; the predecessor is {'not ' if spared else ''}surely worse there"
    )
    return finding_of("trusted", spared, message, gain.low, 0.0, "trusted")


def _reason(worse: bool, findings: tuple[Finding, ...]) -> str:
    """One sentence: what showed that it is worse, or what kept it."""
    if worse:
        return "worse: " + next(finding.message for finding in findings if finding.rule == "predecessor")
    return "stays: " + next(finding.message for finding in findings if finding.verdict == "fail")
