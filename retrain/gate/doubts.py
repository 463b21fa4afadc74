"""May the batch be believed? What the holdouts say of the data, beside what they say of the candidate.

One bad batch and a change of the world look alike on the day they arrive: new rows contradict old ones. What tells
them apart is whether it lasts. So a batch that contradicts what is trusted is held in doubt, and its candidate refused,
until the next batch says the same: the candidate is then better on the rows of both.
"""

import math
from collections.abc import Callable, Iterator

from retrain.gate.criteria import Measurements, allowance, better, percent, percents
from retrain.gate.decision import Data, Finding, finite
from retrain.gate.rules import GateRules
from retrain.gate.statistics import Comparison, Estimate
from retrain.gate.table import Hearing

OBJECTIONS = ("skill", "trusted", "slices")
"""Criteria that contradict the fresh rows when they fail on trusted ones."""
LEAST_FALL = 0.15
"""Skill that a champion must at least lose to make its data doubtful: one that knew little cannot tell."""
UNDECIDED = "the batch is bad, or the world has changed: the next batch will tell"

Doubt = Callable[[GateRules, Hearing, Measurements, tuple[Finding, ...]], Iterator[Finding]]


def disagreement(
    rules: GateRules, hearing: Hearing, evidence: Measurements, findings: tuple[Finding, ...]
) -> Iterator[Finding]:
    """Fresh rows say surely better, trusted rows object; or fresh rows say better, trusted rows surely worse. Where
    both say worse they agree: the candidate is bad, and the batch need not be. One that learnt apart from what was
    accepted is worse on trusted rows for that reason alone, which says nothing of the batch."""
    if evidence.trusted is None or not evidence.compared or not any(objects(finding) for finding in findings):
        return
    fresh, old = evidence.fresh.found.skill_gain, evidence.trusted.found.skill_gain
    contradicted = better(rules, evidence.fresh.found)
    unexplained = fresh.value > 0 and old.high < 0 and not hearing.apart
    if contradicted or unexplained:
        message = _contradiction(fresh.value, old.value) if contradicted else _harm(fresh.value, old)
        yield _doubt("disagreement", f"{message}; {UNDECIDED}", old.value, -allowance(rules, evidence))


def _contradiction(fresh: float, old: float) -> str:
    return (
        f"fresh and trusted rows disagree: the candidate's skill is {percent(fresh, '+')} against the champion's on "
        f"fresh rows and {percent(old, '+')} on trusted ones"
    )


def _harm(fresh: float, old: Estimate) -> str:
    return (
        f"what the candidate learnt is surely worse on trusted rows: its skill is {percents(old, '+')} against the "
        f"champion's there, and {percent(fresh, '+')} on fresh rows"
    )


def collapse(
    rules: GateRules, hearing: Hearing, evidence: Measurements, findings: tuple[Finding, ...]
) -> Iterator[Finding]:
    """The champion itself, which surely had some, has lost its skill from one day to the next."""
    if evidence.trusted is None or not evidence.compared:
        return
    then, now = evidence.trusted.found.champion_skill, evidence.fresh.found.champion_skill
    least, limit = surely_lost(then, now), max(rules.collapse * then.value, LEAST_FALL)
    if then.low > 0 and least > limit:
        message = (
            f"the champion's skill fell from {percent(then.value)} on trusted rows to {percent(now.value)} on fresh "
            f"ones, surely by more than {percent(limit)}; {UNDECIDED}"
        )
        yield _doubt("collapse", message, least, limit)


def intake(
    rules: GateRules, hearing: Hearing, evidence: Measurements, findings: tuple[Finding, ...]
) -> Iterator[Finding]:
    """What intake doubts."""
    for message in hearing.warned:
        yield Finding(rule="intake", verdict="fail", message=f"intake doubts the batch: {message}")


DOUBTS: tuple[Doubt, ...] = (disagreement, collapse, intake)
DOUBTED = tuple(doubt.__name__ for doubt in DOUBTS)


def lasts(rules: GateRules, hearing: Hearing, evidence: Measurements) -> bool:
    """This batch and those in doubt before it say the same: so many in a row as are asked.

    Each by its own rows alone: with trusted rows, which a change that lasts overrules, nothing is confirmed.
    """
    if not _convinces(rules, evidence, evidence.fresh.found):
        return False
    if rules.persistence == 1:
        return True
    doubted = evidence.doubted
    if doubted is None or not _convinces(rules, evidence, doubted.found):
        return False
    return hearing.doubts + 1 >= rules.persistence


def _convinces(rules: GateRules, evidence: Measurements, found: Comparison) -> bool:
    """The candidate is surely the better one; where there is nothing to compare it with, it surely has skill."""
    return better(rules, found) if evidence.compared else found.skill.low > rules.min_skill


def objects(finding: Finding) -> bool:
    """The finding says that trusted rows contradict the candidate."""
    return finding.verdict == "fail" and finding.holdout == "trusted" and finding.rule in OBJECTIONS


def of_data(findings: tuple[Finding, ...], *, doubts: bool) -> Data:
    """What may be done with the batch: `doubts` are there and the change does not last."""
    if not learnt(findings):
        return "doubted" if unlearnt(findings) else "refused"
    return "doubted" if doubts else "believed"


def learnt(findings: tuple[Finding, ...]) -> bool:
    """The candidate has skill on fresh rows."""
    return any(found.rule == "skill" and found.holdout == "fresh" and found.verdict == "pass" for found in findings)


def unlearnt(findings: tuple[Finding, ...]) -> bool:
    """Neither model knows what fresh rows are about. Rows from before a change that turns everything round drown those
    that show it, so the next candidate has to learn without them; nonsense nobody learns."""
    return not learnt(findings) and any(found.rule == "collapse" for found in findings)


def _doubt(rule: str, message: str, figure: float, limit: float) -> Finding:
    return Finding(rule=rule, verdict="fail", message=message, figure=finite(figure), limit=limit)


def surely_lost(then: Estimate, now: Estimate) -> float:
    """The lower end of the interval of what was lost between two independent estimates (Zou & Donner 2008)."""
    return then.value - now.value - math.hypot(then.value - then.low, now.high - now.value)
