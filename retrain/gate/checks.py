"""May these models be compared on these tables at all? Checks that come before anything is measured.

A check is a function that yields findings and never raises, whatever is in the arrays. `ABOUT_MODELS` ask about the
hearing as a whole, `CHECKS` whether each holdout is in order, `ENOUGH` whether it is large and varied enough to say
anything. `MUST` says which of them refuse. Whether the candidate is good enough is asked afterwards, in `criteria`.
"""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from retrain.gate.cases import Case, Trial
from retrain.gate.decision import Finding
from retrain.gate.metrics import Floats
from retrain.gate.rules import GateRules
from retrain.gate.table import Coded, HoldoutKind

SAME = 1e-9
"""Scores that differ by less than this, relative to the largest, are one score: they crossed the wire as text."""

Check = Callable[[GateRules, Case], Iterator[Finding]]
ModelCheck = Callable[[GateRules, Trial], Iterator[Finding]]


def settings(rules: GateRules, trial: Trial) -> Iterator[Finding]:
    """The rules themselves can be used."""
    for problem in rules.problems():
        yield _fail("settings", f"the gate's settings cannot be used: {problem}")


def models(rules: GateRules, trial: Trial) -> Iterator[Finding]:
    """Candidate and champion are two models, known by the sha256 of their artifacts."""
    candidate, champion = trial.candidate, trial.champion
    for role, model in (("candidate", candidate), ("champion", champion)):
        if model is not None and not model.sha256:
            yield _fail("models", f"the {role} {model.name} has no sha256, so it cannot be told from the other model")
    if champion is not None and candidate.sha256 and candidate.sha256 == champion.sha256:
        yield _fail("models", "the gate was asked to compare a model with itself: both artifacts have the same sha256")


def champion(rules: GateRules, trial: Trial) -> Iterator[Finding]:
    """The champion could be scored."""
    if trial.champion is not None and trial.hearing.unscored:
        message = (
            f"the champion {trial.champion.name} cannot be scored on these rows: {trial.hearing.unscored}; "
            "a person may force the candidate"
        )
        yield _fail("champion", message)


def shape(rules: GateRules, case: Case) -> Iterator[Finding]:
    """All columns are lists of numbers of the same length."""
    sizes = {"labels": len(case.labels), "candidate scores": len(case.candidate)}
    if case.champion is not None:
        sizes["champion scores"] = len(case.champion)
    if case.blocks is not None:
        sizes["blocks"] = len(case.blocks)
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} {name}" for name, size in sizes.items())
        message = f"the columns of the {case.holdout} holdout do not match: {found}; every row needs each of them"
        yield _fail("shape", message)


def slices(rules: GateRules, case: Case) -> Iterator[Finding]:
    """Every column that slices are asked of is there, for each row."""
    for column in rules.slices if case.champion is not None else ():
        found = case.slices.get(column)
        if found is None:
            message = f"slices names the column {column!r}, which the {case.holdout} holdout does not have"
            yield _fail("slices", message)
            continue
        size = np.size(found.codes) if isinstance(found, Coded) else len(found)
        if size != len(case.labels):
            message = f"the column {column!r} has {size} values for the {len(case.labels)} rows of the holdout"
            yield _fail("slices", message)


def labels(rules: GateRules, case: Case) -> Iterator[Finding]:
    """The labels are finite and fit the metric."""
    values, facts = case.labels, rules.facts
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        message = f"{bad} of {len(values)} labels of the {case.holdout} holdout are missing or infinite"
        yield _fail("labels", message, bad, 0)
    elif facts and facts.kind == "classification" and not np.isin(values, (0.0, 1.0)).all():
        message = f"{facts.label} needs labels that are 0 or 1; other values are in the {case.holdout} holdout"
        yield _fail("labels", message)


def scores(rules: GateRules, case: Case) -> Iterator[Finding]:
    """Both models gave a usable prediction for every row."""
    yield from _usable(rules, case, "candidate", case.candidate)
    if case.champion is not None:
        yield from _usable(rules, case, "champion", case.champion)
    if _constant(case.candidate):
        yield _fail("scores", f"the candidate predicts {case.candidate[0]:g} for every row; it has learnt nothing")
    if case.champion is not None and _constant(case.champion):
        message = f"the champion predicts {case.champion[0]:g} for every row; is its endpoint in order?"
        yield Finding(rule="scores", verdict="note", message=message)


def reach(rules: GateRules, case: Case) -> Iterator[Finding]:
    """A regression's predictions stay near the labels: far outside, a unit or a feature has changed."""
    facts = rules.facts
    if facts and facts.kind == "regression":
        yield from _beyond(rules, case, "candidate", case.candidate)
        if case.champion is not None:
            for finding in _beyond(rules, case, "champion", case.champion):
                yield msgspec.structs.replace(finding, verdict="note")


def difference(rules: GateRules, case: Case) -> Iterator[Finding]:
    """The models do not answer alike: two retrained models never agree on every digit of every row."""
    if len(case.candidate) and case.champion is not None and _same(case.candidate, case.champion):
        message = (
            f"both models gave identical scores on all {len(case.candidate)} rows of the {case.holdout} holdout; "
            "was the candidate really live where it was scored?"
        )
        yield _fail("difference", message)


def rows(rules: GateRules, case: Case) -> Iterator[Finding]:
    """There are enough rows, and enough blocks of them, to say anything."""
    found = len(case.labels)
    if found < rules.min_rows:
        message = f"the {case.holdout} holdout has {found} rows, at least {rules.min_rows} are needed"
        yield _fail("rows", message, found, rules.min_rows)
    blocks = case.of_blocks
    if blocks < rules.min_blocks:
        message = (
            f"the {case.holdout} holdout covers {blocks} {case.unit}s, "
            f"at least {rules.min_blocks} are needed for an interval by {case.unit}"
        )
        yield _fail("blocks", message, blocks, rules.min_blocks)


def variety(rules: GateRules, case: Case) -> Iterator[Finding]:
    """The labels are not all the same."""
    if _constant(case.labels):
        message = (
            f"all {len(case.labels)} labels of the {case.holdout} holdout are {case.labels[0]:g}; "
            "nothing can be told apart"
        )
        yield _fail("labels", message)


ABOUT_MODELS: tuple[ModelCheck, ...] = (settings, models, champion)
CHECKS: tuple[Check, ...] = (shape, slices, labels, scores, reach, difference)
ENOUGH: tuple[Check, ...] = (rows, variety)
MUST: dict[HoldoutKind, tuple[Check, ...]] = {"fresh": (*CHECKS, *ENOUGH), "trusted": CHECKS, "doubted": ()}
"""What refuses when it fails. A holdout for which anything else fails is set aside: without a trusted one the fresh one
decides, and without a doubted one nothing is confirmed."""


def examine(rules: GateRules, trial: Trial) -> tuple[tuple[Finding, ...], tuple[Case, ...]]:
    """The findings of all checks, and the holdouts that can be asked."""
    found = [finding for about in ABOUT_MODELS for finding in about(rules, trial)]
    usable = []
    for case in trial.cases:
        own = [(check, finding) for check in (*CHECKS, *ENOUGH) for finding in check(rules, case)]
        found += [_of(case, finding if check in MUST[case.holdout] else _aside(finding)) for check, finding in own]
        if all(finding.verdict != "fail" for _, finding in own):
            usable.append(case)
    return tuple(found), tuple(usable)


def _aside(finding: Finding) -> Finding:
    if finding.verdict != "fail":
        return finding
    return msgspec.structs.replace(finding, verdict="note", message=f"{finding.message}; it is not asked")


def _of(case: Case, finding: Finding) -> Finding:
    return msgspec.structs.replace(finding, holdout=case.holdout)


def _constant(values: Floats) -> bool:
    return len(values) > 0 and bool((values == values[0]).all())


def _same(some: Floats, others: Floats) -> bool:
    if some.shape != others.shape:
        return False
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(others), initial=0.0))
        return bool((np.abs(some - others) <= SAME * largest).all())


def _usable(rules: GateRules, case: Case, role: str, values: Floats) -> Iterator[Finding]:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    on = f"{len(values)} scores on the {case.holdout} holdout"
    if bad:
        yield _fail("scores", f"{bad} of the {role}'s {on} are missing or infinite", bad, 0)
        return
    facts = rules.facts
    outside = int(np.count_nonzero((values < 0) | (values > 1)))
    if facts and facts.probabilities and outside:
        message = f"{outside} of the {role}'s {on} are no probabilities between 0 and 1, which {facts.label} needs"
        yield _fail("scores", message, outside, 0)


def _beyond(rules: GateRules, case: Case, role: str, values: Floats) -> Iterator[Finding]:
    low, high = case.span
    with np.errstate(all="ignore"):
        far = np.maximum(low - values, values - high) > rules.reach * (high - low)
    outside = int(np.count_nonzero(far))
    if outside and high > low:
        message = (
            f"{outside} of the {role}'s {len(values)} scores on the {case.holdout} holdout, one {values[far][0]:g}, "
            f"are further from the labels ({low:g} to {high:g}) than {rules.reach:g} times their range"
        )
        yield _fail("reach", message, outside, 0)


def _fail(rule: str, message: str, figure: float | None = None, limit: float | None = None) -> Finding:
    return Finding(rule=rule, verdict="fail", message=message, figure=figure, limit=limit)
