"""May these two models be compared on this table at all? Checks that come before anything is measured.

A check is a function of (rules, case) that yields findings and never raises, whatever is in the arrays; a failed one
ends in a refusal. Whether the candidate is good enough is asked afterwards, in `criteria`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrain.gate.decision import Finding, ModelId
from retrain.gate.facts import CATALOGUE
from retrain.gate.metrics import Floats, Ints
from retrain.gate.rules import GateRules
from retrain.gate.table import ScoreTable


@dataclass(frozen=True)
class Case:
    """A table whose columns are arrays, and the two models. A column that is no list of numbers is empty."""

    table: ScoreTable
    champion_id: ModelId
    candidate_id: ModelId
    labels: Floats
    candidate: Floats
    champion: Floats
    blocks: Ints | None

    @classmethod
    def of(cls, table: ScoreTable, champion: ModelId, candidate: ModelId) -> "Case":
        """Turn the table's columns into arrays without ever raising."""
        return cls(
            table=table,
            champion_id=champion,
            candidate_id=candidate,
            labels=_floats(table.labels),
            candidate=_floats(table.candidate),
            champion=_floats(table.champion),
            blocks=_codes(table.blocks),
        )


Check = Callable[[GateRules, Case], Iterator[Finding]]


def settings(rules: GateRules, case: Case) -> Iterator[Finding]:
    """The rules themselves can be used."""
    for problem in rules.problems():
        yield _fail("settings", f"the gate's settings cannot be used: {problem}")


def models(rules: GateRules, case: Case) -> Iterator[Finding]:
    """Candidate and champion are two models, known by the sha256 of their artifacts."""
    for role, model in (("candidate", case.candidate_id), ("champion", case.champion_id)):
        if not model.sha256:
            yield _fail("models", f"the {role} {model.name} has no sha256, so it cannot be told from the other model")
    if case.candidate_id.sha256 and case.candidate_id.sha256 == case.champion_id.sha256:
        yield _fail("models", "the gate was asked to compare a model with itself: both artifacts have the same sha256")


def shape(rules: GateRules, case: Case) -> Iterator[Finding]:
    """All columns are lists of numbers of the same length."""
    sizes = {"labels": len(case.labels), "candidate scores": len(case.candidate), "champion scores": len(case.champion)}
    if case.blocks is not None:
        sizes["blocks"] = len(case.blocks)
    if len(set(sizes.values())) > 1:
        found = ", ".join(f"{size} {name}" for name, size in sizes.items())
        yield _fail("shape", f"the columns of the score table do not match: {found}; every row needs each of them")


def size(rules: GateRules, case: Case) -> Iterator[Finding]:
    """There are enough rows, and enough blocks of them, to say anything."""
    rows = len(case.labels)
    if rows < rules.min_rows:
        message = f"the holdout has {rows} rows, at least {rules.min_rows} are needed"
        yield _fail("rows", message, rows, rules.min_rows)
    blocks = rows if case.blocks is None else len(np.unique(case.blocks))
    if blocks < rules.min_blocks:
        unit = case.table.unit
        message = (
            f"the holdout covers {blocks} {unit}s, at least {rules.min_blocks} are needed for an interval by {unit}"
        )
        yield _fail("blocks", message, blocks, rules.min_blocks)


def labels(rules: GateRules, case: Case) -> Iterator[Finding]:
    """The labels are finite, fit the metric, and are not all the same."""
    values, facts = case.labels, rules.facts
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        yield _fail("labels", f"{bad} of {len(values)} labels are missing or infinite", bad, 0)
    elif facts and facts.kind == "classification" and not np.isin(values, (0.0, 1.0)).all():
        yield _fail("labels", f"{facts.label} needs labels that are 0 or 1; other values are in the holdout")
    elif len(values) and (values == values[0]).all():
        yield _fail("labels", f"all {len(values)} labels of the holdout are {values[0]:g}; nothing can be told apart")


def scores(rules: GateRules, case: Case) -> Iterator[Finding]:
    """Both models gave a usable prediction for every row."""
    for role, values in (("candidate", case.candidate), ("champion", case.champion)):
        yield from _usable(rules, role, values)
    if len(case.candidate) and (case.candidate == case.candidate[0]).all():
        yield _fail("scores", f"the candidate predicts {case.candidate[0]:g} for every row; it has learnt nothing")
    if len(case.champion) and (case.champion == case.champion[0]).all():
        message = f"the champion predicts {case.champion[0]:g} for every row; is its endpoint in order?"
        yield Finding(rule="scores", verdict="note", message=message)


def difference(rules: GateRules, case: Case) -> Iterator[Finding]:
    """The models do not answer alike: two retrained models never agree on every digit of every row."""
    if len(case.candidate) and np.array_equal(case.candidate, case.champion):
        message = (
            f"both models gave identical scores on all {len(case.candidate)} rows; "
            "was the candidate really live where it was scored?"
        )
        yield _fail("difference", message)


CHECKS: tuple[Check, ...] = (settings, models, shape, labels, scores, difference, size)


def _usable(rules: GateRules, role: str, values: Floats) -> Iterator[Finding]:
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad:
        yield _fail("scores", f"{bad} of the {role}'s {len(values)} scores are missing or infinite", bad, 0)
        return
    facts = CATALOGUE.get(rules.metric)
    outside = int(np.count_nonzero((values < 0) | (values > 1)))
    if facts and facts.probabilities and outside:
        message = f"{outside} of the {role}'s {len(values)} scores are no probabilities between 0 and 1"
        yield _fail("scores", f"{message}, which {facts.label} needs", outside, 0)


def _fail(rule: str, message: str, figure: float | None = None, limit: float | None = None) -> Finding:
    return Finding(rule=rule, verdict="fail", message=message, figure=figure, limit=limit)


def _floats(column: npt.ArrayLike) -> Floats:
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return np.empty(0)
    return values if values.ndim == 1 else np.empty(0)


def _codes(column: npt.ArrayLike | None) -> Ints | None:
    if column is None:
        return None
    values = _floats(column)
    whole = np.isfinite(values).all() and (np.abs(values) < 2**53).all() and (values == np.floor(values)).all()
    return values.astype(np.int64) if whole else np.empty(0, dtype=np.int64)
