"""The judgement of a batch: every rule looks at it, and what one finding explains no other repeats.

What each rule does is in the modules that it is imported from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec

from retrain.data.baseline import Baseline, Known
from retrain.data.profile import SplitSpec
from retrain.data.quality import categories, columns, labels, numbers, rows, scales
from retrain.data.quality.finding import Finding, milder, worst_first
from retrain.data.quality.settings import IntakeRules
from retrain.data.quality.view import View

CHECKS: tuple[Callable[[View], Iterator[Finding]], ...] = (
    columns.schema, columns.types, columns.coerced, rows.counts, rows.duplicates, rows.seen, rows.days, numbers.nulls,
    numbers.constants, numbers.swapped, scales.scales, numbers.distributions, categories.categories, labels.values,
    labels.relation,
)  # fmt: skip

EXPLAINS: Mapping[str, frozenset[str]] = {
    "column_type": frozenset({"distribution", "unseen_categories", "recoded_categories", "constant_column"}),
    "swapped_columns": frozenset(
        {"unit", "mixed_units", "far_values", "range", "distribution", "unseen_categories", "recoded_categories"}
    ),
    "unit": frozenset({"range", "far_values", "distribution", "label_shift"}),
    "mixed_units": frozenset({"range", "far_values", "distribution", "label_shift"}),
    "constant_column": frozenset({"distribution", "recoded_categories"}),
    "recased_categories": frozenset({"distribution"}),
    "recoded_categories": frozenset({"distribution"}),
    "unseen_categories": frozenset({"distribution"}),
    "label_unrelated": frozenset({"label_relation"}),
}
"""What a finding makes needless to say of the same column."""


def judge_batch(rules: IntakeRules, spec: SplitSpec, batch: Known, baseline: Baseline | None) -> tuple[Finding, ...]:
    """Everything remarkable about a batch beside the accepted ones, the worst first. Pure; the order of rows and of
    columns does not matter to it."""
    view = View(rules, spec, batch, baseline)
    findings = [kept for check in CHECKS for finding in check(view) if (kept := _weighed(finding, rules)) is not None]
    return worst_first(tuple(finding for finding in findings if not _explained(finding, findings)))


def _weighed(finding: Finding, rules: IntakeRules) -> Finding | None:
    """The finding as bad as the settings have it, and no worse than the rule itself dares; None when it is off."""
    wanted = rules.severity_of(finding.rule)
    return None if wanted == "off" else msgspec.structs.replace(finding, severity=milder(wanted, finding.severity))


def _explained(finding: Finding, findings: list[Finding]) -> bool:
    return any(
        finding.rule in EXPLAINS.get(other.rule, ()) and finding.column == other.column
        for other in findings
        if other is not finding
    )
