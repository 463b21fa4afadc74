"""The rules of intake by name with their severities, and the settings `[models.<name>.intake]`.

What a rule does is in the module that yields it; docs/intake.md tells of each.
"""

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from retrain.data.quality.finding import Severity

Wanted = Literal["refuse", "doubt", "warn", "note", "off"]

RULES: Mapping[str, Severity] = {
    "header_missing": "refuse",
    "missing_column": "refuse",
    "renamed_column": "refuse",
    "new_column": "refuse",
    "reordered_columns": "note",
    "column_type": "refuse",
    "coerced_numbers": "note",
    "few_rows": "refuse",
    "fewer_rows": "doubt",
    "more_rows": "warn",
    "duplicate_rows": "refuse",
    "repeated_batch": "refuse",
    "seen_rows": "refuse",
    "stale_batch": "doubt",
    "overlapping_days": "doubt",
    "time_order": "note",
    "empty_column": "refuse",
    "null_rate": "doubt",
    "constant_column": "refuse",
    "unit": "refuse",
    "mixed_units": "refuse",
    "far_values": "doubt",
    "range": "warn",
    "swapped_columns": "refuse",
    "distribution": "warn",
    "recased_categories": "refuse",
    "recoded_categories": "refuse",
    "unseen_categories": "doubt",
    "constant_label": "refuse",
    "class_gone": "refuse",
    "label_shift": "doubt",
    "label_unrelated": "refuse",
    "label_relation": "doubt",
    "leak": "refuse",
    "sudden_relation": "doubt",
}
"""Every rule with how bad it is that a batch breaks it. A rule of the calibrated kind is at most `doubt` while fewer
than two batches were accepted, because nothing is known yet of how much batches differ."""


TIMES = frozenset({"min_rows", "more_rows", "factor"})  # settings that are no shares


class IntakeRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked of a batch before a job is paid for. docs/intake.md says what each rule does with these.

    Shares are parts of 1. factor: a batch may differ from the accepted ones by so many times the most that those
    differed among themselves. severity: other severities than `RULES` has, by rule; "off" silences one.
    """

    min_rows: int = 50
    fewer_rows: float = 0.2
    more_rows: float = 5.0
    duplicates: float = 0.05
    repeated: float = 0.9
    seen_rows: float = 0.1
    overlap: float = 0.2
    null_rate: float = 0.1
    empty: float = 0.95
    constant: float = 0.05
    beyond: float = 0.05
    far_beyond: float = 0.005
    unseen: float = 0.05
    factor: float = 2.0
    shift: float = 0.05
    relation: float = 0.5
    leak: float = 0.9
    severity: dict[str, Wanted] = {}

    def problems(self) -> list[str]:
        """Everything wrong with these settings, a sentence each; empty when they can be used."""
        unknown = [f"severity: {_unknown(rule)}" for rule in self.severity if rule not in RULES]
        return [*self._range_problems(), *unknown]

    def _range_problems(self) -> Iterator[str]:
        for name, value in msgspec.structs.asdict(self).items():
            if name in TIMES and not 1 <= value < math.inf:
                yield f"{name} is {value:g}; it must be at least 1"
            elif name not in TIMES and isinstance(value, float) and not 0 <= value <= 1:
                yield f"{name} is {value:g}; it must be a share from 0 to 1"

    def severity_of(self, rule: str) -> Wanted:
        """How bad it is that a batch breaks this rule."""
        return self.severity.get(rule, RULES[rule])


def _unknown(rule: str) -> str:
    near = difflib.get_close_matches(rule, RULES, 1)
    return f"there is no rule {rule!r}" + (f"; did you mean {near[0]!r}?" if near else "; docs/intake.md has them all")
