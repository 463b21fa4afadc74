"""docs/intake.md tells of every rule of intake, as the code has it."""

from __future__ import annotations

import re

import msgspec
import pytest

from local.docs import ROOT
from retrain.data.quality.settings import RULES, IntakeRules
from retrain.quarantine import COLUMNS

PAGE = (ROOT / "docs" / "intake.md").read_text(encoding="utf-8")
TOLD = {
    rule: (severity, threshold, example)
    for rule, severity, threshold, example in re.findall(
        r"^\| `(\w+)` \| [^|]+ \| (\w+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE
    )
}


def test_every_rule_is_told_in_order_with_its_severity() -> None:
    assert {rule: severity for rule, (severity, _, _) in TOLD.items()} == RULES
    assert list(TOLD) == list(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_a_threshold_is_a_setting(rule: str) -> None:
    _, threshold, example = TOLD[rule]
    settings = {field.name for field in msgspec.structs.fields(IntakeRules)} - {"severity"}
    assert threshold == "\u2013" or threshold.strip("`") in settings
    assert len(example) > 20


def test_every_threshold_is_used_by_a_rule() -> None:
    settings = {field.name for field in msgspec.structs.fields(IntakeRules)} - {"severity"}
    assert settings == {threshold.strip("`") for _, threshold, _ in TOLD.values()} - {"\u2013"}


def test_the_page_says_what_cannot_be_released() -> None:
    section = PAGE.partition("## Releasing")[2]
    assert [rule for rule in COLUMNS if f"`{rule}`" not in section] == []
