"""Is the candidate good enough? Criteria that look at what was measured on one holdout.

A criterion is a function of (rules, metric facts, evidence) that yields findings. An undefined figure always fails:
every comparison is written so that NaN does not pass. What may be measured at all is asked before, in `checks`.
"""

import math
from collections.abc import Callable, Iterator

from retrain.gate.decision import Finding, finite
from retrain.gate.facts import MetricFacts
from retrain.gate.rules import GateRules
from retrain.gate.statistics import Evidence

Criterion = Callable[[GateRules, MetricFacts, Evidence], Iterator[Finding]]


def measured(rules: GateRules, facts: MetricFacts, evidence: Evidence) -> Iterator[Finding]:
    """The metric is defined for both models, and so are the intervals."""
    figures = (evidence.candidate, evidence.champion, *evidence.gain_interval, *evidence.skill_interval)
    if not all(math.isfinite(figure) for figure in figures):
        message = (
            f"{facts.label} or its interval is undefined on these {evidence.rows} rows "
            "(figures too large, or too few rows of one class)"
        )
        yield Finding(rule="measured", verdict="fail", message=message)


def value(rules: GateRules, facts: MetricFacts, evidence: Evidence) -> Iterator[Finding]:
    """The candidate's own figure keeps to the configured floor or ceiling."""
    limit = rules.min_value if facts.higher_is_better else rules.max_value
    if limit is None:
        return
    found = evidence.candidate
    passed = found >= limit if facts.higher_is_better else found <= limit
    bound = "at least" if facts.higher_is_better else "at most"
    show = _shower(found - limit)
    message = f"the candidate's {facts.label} is {show(found)}, it must be {bound} {limit:g}"
    yield _finding("value", passed, message, found, limit)


def skill(rules: GateRules, facts: MetricFacts, evidence: Evidence) -> Iterator[Finding]:
    """The candidate beats the best constant, surely: shuffled labels leave no skill to find."""
    low, high = evidence.skill_interval
    passed = low > rules.min_skill
    message = (
        f"the candidate's skill over a constant prediction, {_percent(evidence.candidate_skill)} "
        f"[{_percent(low)}, {_percent(high)}], {_sure(passed, f'{rules.min_skill * 100:g} %', rules.confidence)}"
    )
    if not passed:
        message += "; the new data may be corrupt, or says nothing about the label"
    yield _finding("skill", passed, message, low, rules.min_skill)


def gain(rules: GateRules, facts: MetricFacts, evidence: Evidence) -> Iterator[Finding]:
    """The candidate beats the champion by more than `min_gain`, surely."""
    low, high = evidence.gain_interval
    passed = low > rules.min_gain
    show = _shower(high - low)
    message = (
        f"{facts.label} {show(evidence.candidate)} against the champion's {show(evidence.champion)}; "
        f"the gain of {show(evidence.gain, '+')} [{show(low, '+')}, {show(high, '+')}] "
        f"{_sure(passed, f'{rules.min_gain:g}', rules.confidence)}"
    )
    yield _finding("gain", passed, message, low, rules.min_gain)


CRITERIA: tuple[Criterion, ...] = (measured, value, skill, gain)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _sure(passed: bool, limit: str, confidence: float) -> str:
    return f"is {'' if passed else 'not '}above {limit} with {confidence * 100:g} % confidence"


def _finding(rule: str, passed: bool, message: str, figure: float, limit: float) -> Finding:
    return Finding(rule=rule, verdict="pass" if passed else "fail", message=message, figure=finite(figure), limit=limit)


def _shower(width: float) -> Callable[..., str]:
    """Formats figures with the decimals that a difference of `width` deserves: its first two digits."""
    decimals = 3
    if math.isfinite(width) and width:
        decimals = min(max(1 - math.floor(math.log10(abs(width))), 0), 8)
    return lambda figure, sign="": f"{figure:{sign},.{decimals}f}"
