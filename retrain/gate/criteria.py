"""Is the candidate good enough? Criteria that look at what was measured on the holdouts.

A criterion is a function of (rules, metric facts, measurements) that yields findings. An undefined figure always fails:
every comparison is written so that NaN does not pass. What may be measured at all is asked before, in `checks`; whether
the data may be believed afterwards, in `doubts`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist, fmean

from retrain.gate.decision import Finding, Verdict, finite
from retrain.gate.facts import MetricFacts
from retrain.gate.measuring import Measurement
from retrain.gate.rules import GateRules
from retrain.gate.slices import SliceFigures
from retrain.gate.statistics import Comparison, Estimate
from retrain.gate.table import HoldoutKind

TOGETHER = 0.5
"""Share of the error that the second way to show a gain, on both holdouts together, may use. An equal candidate also
loses as measured on trusted rows half of the time, so the first way, on fresh rows alone, uses about the other half."""


@dataclass(frozen=True)
class Measurements:
    """The holdouts that were measured. `compared`: there is a champion to compare with."""

    fresh: Measurement
    trusted: Measurement | None
    doubted: Measurement | None
    compared: bool

    @classmethod
    def of(cls, measured: tuple[Measurement, ...], compared: bool) -> "Measurements":
        """By the names of their holdouts."""
        by_name = {measurement.holdout: measurement for measurement in measured}
        return cls(by_name["fresh"], by_name.get("trusted"), by_name.get("doubted"), compared)

    def deciding(self) -> Iterator[Measurement]:
        """The fresh and the trusted one; the doubted one only ever confirms."""
        yield from (measurement for measurement in (self.fresh, self.trusted) if measurement is not None)


Criterion = Callable[[GateRules, MetricFacts, Measurements], Iterator[Finding]]


def measured(rules: GateRules, facts: MetricFacts, evidence: Measurements) -> Iterator[Finding]:
    """The metric is defined for both models, and so are the intervals."""
    for measurement in evidence.deciding():
        found = measurement.found
        needed = (found.gain, found.skill, found.skill_gain) if evidence.compared else (found.skill,)
        if not all(estimate.defined for estimate in needed):
            message = (
                f"{facts.label} or its interval is undefined on the {found.rows} rows of the {measurement.holdout} "
                "holdout (figures too large, or too few rows of one class)"
            )
            yield Finding(rule="measured", verdict="fail", message=message, holdout=measurement.holdout)


def value(rules: GateRules, facts: MetricFacts, evidence: Measurements) -> Iterator[Finding]:
    """The candidate's own figure on the fresh holdout keeps to the configured floor or ceiling."""
    limit = rules.min_value if facts.higher_is_better else rules.max_value
    if limit is None:
        return
    found = evidence.fresh.found.candidate
    passed = found >= limit if facts.higher_is_better else found <= limit
    bound = "at least" if facts.higher_is_better else "at most"
    show = _shower(found - limit)
    message = f"the candidate's {facts.label} is {show(found)}, it must be {bound} {limit:g}"
    yield finding_of("value", passed, message, found, limit, "fresh")


def skill(rules: GateRules, facts: MetricFacts, evidence: Measurements) -> Iterator[Finding]:
    """The candidate beats the best constant on both holdouts, surely: shuffled labels leave no skill to find. Trusted
    rows of which the champion knows nothing either (another season's) are no reproach."""
    for measurement in evidence.deciding():
        estimate, on = measurement.found.skill, measurement.holdout
        sure = estimate.low > rules.min_skill
        message = (
            f"the candidate's skill over a constant prediction on {on} rows, {percents(estimate)}, "
            f"{_sure(sure, percent(rules.min_skill), measurement.confidence)}"
        )
        excused = not sure and _unknown_to_both(rules, evidence, measurement)
        if excused:
            message += "; nor is the champion's"
        elif not sure and on == "fresh":
            message += "; the new data may be corrupt, or says nothing about the label"
        yield finding_of("skill", sure or excused, message, estimate.low, rules.min_skill, on)


def _unknown_to_both(rules: GateRules, evidence: Measurements, held: Measurement) -> bool:
    """Trusted rows on which neither model surely has skill, and the candidate has no less."""
    known = held.found.champion_skill.low > rules.min_skill
    return held.holdout == "trusted" and evidence.compared and not known and held.found.skill_gain.value >= 0


def gain(rules: GateRules, facts: MetricFacts, evidence: Measurements) -> Iterator[Finding]:
    """On fresh rows the candidate surely beats the champion, or does so on fresh and trusted rows together; or it is
    surely not worse on fresh rows, where that is all that is asked."""
    if not evidence.compared:
        return
    found = evidence.fresh.found
    estimate, limit, shown = _asked(rules, found)
    alone = estimate.low > limit
    together = not alone and better_together(rules, evidence)
    show = _shower(found.gain.high - found.gain.low)
    message = (
        f"{facts.label} {show(found.candidate)} against the champion's {show(found.champion)}; "
        f"the gain{shown} {_sure(alone or together, _limit(rules), rules.confidence)}{_on_both(together, evidence)}"
    )
    figure = estimate.value if together else estimate.low
    yield finding_of("gain", alone or together, message, figure, limit, "fresh")


def better_together(rules: GateRules, evidence: Measurements) -> bool:
    """Fresh and trusted rows, each too few to be sure, say the same: the mean of their gains, in which the surer one
    weighs more, is sure (inverse variances; the holdouts share no rows).

    Only where equal candidates are held to what they lose on trusted rows as measured: other rules leave no error over.
    """
    fresh, old = evidence.fresh, evidence.trusted
    if old is None or (rules.mode, rules.trusted_rule) != ("better", "share"):
        return False
    gains, errors = zip(*(_gain(measurement) for measurement in (fresh, old)), strict=True)
    if not all(errors):
        return False
    weights = [error**-2 for error in errors]
    allowed = TOGETHER * (1 - rules.confidence) / 2
    sure = (fmean(gains, weights) - rules.min_gain) * math.sqrt(sum(weights)) > NormalDist().inv_cdf(1 - allowed)
    return fresh.found.gain.value > rules.min_gain and sure


def _gain(measurement: Measurement) -> tuple[float, float]:
    """The gain and its standard error, by the lower end of its interval; 0 where there is none."""
    gain = measurement.found.gain
    reach = NormalDist().inv_cdf((1 + measurement.confidence) / 2)
    return gain.value, (gain.value - gain.low) / reach if gain.low < gain.value else 0.0


def _on_both(together: bool, evidence: Measurements) -> str:
    if not together or evidence.trusted is None:
        return ""
    return f", together with that on trusted rows, in skill {percents(evidence.trusted.found.skill_gain, '+')}"


def trusted(rules: GateRules, facts: MetricFacts, evidence: Measurements) -> Iterator[Finding]:
    """On trusted rows the candidate keeps its skill: what a bad batch teaches shows on rows from before it."""
    if evidence.trusted is None or not evidence.compared:
        return
    found, margin = evidence.trusted.found, allowance(rules, evidence)
    passed, figure = TRUSTED[rules.trusted_rule](found.skill_gain, margin)
    message = (
        f"on the trusted holdout the candidate's skill is {percent(found.skill.value)} against the champion's "
        f"{percent(found.champion_skill.value)}, {percents(found.skill_gain, '+')}; "
        f"{_WORDS[rules.trusted_rule].format(margin=percent(margin))}{_why_so_little(rules, margin)}"
    )
    yield finding_of("trusted", passed, message, figure, -margin, "trusted")


def allowance(rules: GateRules, evidence: Measurements) -> float:
    """How much skill may be lost on the trusted holdout. What corrupt rows teach is worth much on such rows only, so by
    default it is a small share of what is gained on the fresh ones."""
    gained = evidence.fresh.found.skill_gain.value
    if rules.trusted_rule != "share" or rules.mode != "better":
        return rules.trusted_margin
    return min(rules.trusted_margin, rules.trusted_share * max(0.0, gained))


def _why_so_little(rules: GateRules, allowed: float) -> str:
    if allowed == rules.trusted_margin or not rules.trusted_share:
        return ""
    if not allowed:
        return ", as it gains none on fresh rows"
    return f", {percent(rules.trusted_share)} of what it gains on fresh rows"


def measured_loss(gain: Estimate, margin: float) -> tuple[bool, float]:
    """The loss as measured is at most the margin; what was compared with it."""
    return gain.value >= -margin, gain.value


def strict(gain: Estimate, margin: float) -> tuple[bool, float]:
    """The loss is surely smaller than the margin; what was compared with it."""
    return gain.low > -margin, gain.low


def even(gain: Estimate, margin: float) -> tuple[bool, float]:
    """The loss as measured is at most the margin, and there is not surely any."""
    return gain.value >= -margin and gain.high >= 0, gain.value


def lenient(gain: Estimate, margin: float) -> tuple[bool, float]:
    """The loss is not surely greater than the margin."""
    return gain.high >= -margin, gain.high


TRUSTED: dict[str, Callable[[Estimate, float], tuple[bool, float]]] = {
    "share": measured_loss,
    "strict": strict,
    "even": even,
    "lenient": lenient,
}
"""What `trusted_rule` may say: which loss of skill on the trusted holdout is let through."""
_WORDS = {
    "share": "it may lose at most {margin}",
    "strict": "it must surely lose less than {margin}",
    "even": "it may lose at most {margin}, and nothing surely",
    "lenient": "it must not surely lose more than {margin}",
}


def slices(rules: GateRules, facts: MetricFacts, evidence: Measurements) -> Iterator[Finding]:
    """No slice surely loses more than it may."""
    for measurement in evidence.deciding():
        judged = [figures for figures in measurement.slices if not figures.unjudged]
        losing = [figures for figures in judged if not figures.skill_gain.high >= figures.limit]
        yield from (_losing(rules, figures, measurement.holdout) for figures in losing)
        if measurement.slices and not losing:
            yield _none_loses(rules, judged, len(measurement.slices) - len(judged), measurement.holdout)


def _losing(rules: GateRules, figures: SliceFigures, on: HoldoutKind) -> Finding:
    message = (
        f"where {figures.column} is {figures.value!r}, {figures.rows} {on} rows, the candidate's skill changes by "
        f"{percents(figures.skill_gain, '+')}, surely more than the {percent(rules.slice_margin)} it may lose"
    )
    return finding_of("slices", False, message, figures.skill_gain.high, figures.limit, on)


def _none_loses(rules: GateRules, judged: list[SliceFigures], apart: int, on: HoldoutKind) -> Finding:
    message = f"none of {len(judged)} slices of the {on} holdout surely loses more than {percent(rules.slice_margin)}"
    message += f"; {apart} more could not be judged" if apart else ""
    worst = min((figures.skill_gain.high for figures in judged), default=math.nan)
    return finding_of("slices", True, message, worst, -rules.slice_margin, on)


CRITERIA: tuple[Criterion, ...] = (measured, value, skill, gain, trusted, slices)


def better(rules: GateRules, found: Comparison) -> bool:
    """The candidate is surely the better one, whatever the mode."""
    return found.gain.low > max(rules.min_gain, 0.0)


def _asked(rules: GateRules, found: Comparison) -> tuple[Estimate, float, str]:
    """What the gain is measured in, what it must be above, and how it is shown."""
    if rules.mode == "not-worse":
        return found.skill_gain, -rules.margin, f" in skill of {percents(found.skill_gain, '+')}"
    estimate = found.gain
    show = _shower(estimate.high - estimate.low)
    return (
        estimate,
        rules.min_gain,
        f" of {show(estimate.value, '+')} [{show(estimate.low, '+')}, {show(estimate.high, '+')}]",
    )


def _limit(rules: GateRules) -> str:
    return percent(-rules.margin) if rules.mode == "not-worse" else f"{rules.min_gain:g}"


def percent(share: float, sign: str = "") -> str:
    """A share as people read it."""
    return f"{share * 100:{sign}.3g} %"


def percents(estimate: Estimate, sign: str = "") -> str:
    """A share with its interval."""
    return " ".join((_one(estimate.value, sign), f"[{_one(estimate.low, sign)}, {_one(estimate.high, sign)}]"))


def _one(share: float, sign: str) -> str:
    return f"{share * 100:{sign}.1f} %"


def _sure(passed: bool, limit: str, confidence: float) -> str:
    return f"is {'' if passed else 'not '}above {limit} with {confidence * 100:g} % confidence"


def finding_of(
    rule: str, passed: bool, message: str, figure: float, limit: float, holdout: HoldoutKind | None = None
) -> Finding:
    """A finding that passes or fails."""
    verdict: Verdict = "pass" if passed else "fail"
    return Finding(rule=rule, verdict=verdict, message=message, figure=finite(figure), limit=limit, holdout=holdout)


def _shower(width: float) -> Callable[..., str]:
    """Formats figures with the decimals that a difference of `width` deserves: its first two digits."""
    decimals = 3
    if math.isfinite(width) and width:
        decimals = min(max(1 - math.floor(math.log10(abs(width))), 0), 8)
    return lambda figure, sign="": f"{figure:{sign},.{decimals}f}"
