"""docs/howto/classic.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.howto.page import ROOT, Block, missing, wrong

PAGE = ROOT / "docs" / "howto" / "classic.md"


@pytest.mark.timeout(300)
def test_the_page_runs_and_prints_what_it_shows_and_each_trouble_is_told_and_explained() -> None:
    assert not (found := wrong(PAGE)), "\n\n".join(found)


def test_every_step_has_its_name_and_says_why() -> None:
    text = PAGE.read_text(encoding="utf-8")
    steps = re.split(r"^## ", text, flags=re.MULTILINE)
    numbered = {int(found[1]): step for step in steps if (found := re.match(r"Step (\d+): ", step))}
    assert sorted(numbered) == list(range(1, 12))
    for number in range(1, 11):
        assert "\nWhy: " in numbered[number], number
        assert "curl" in numbered[number] or "$(deploy" in numbered[number], number
        assert "retrain " in numbered[number], number


def test_the_page_names_only_files_that_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target


def test_expected_lines_are_matched_in_order_and_as_a_whole(tmp_path: Path) -> None:
    block = Block("", 1, "", expected=["one …", "three"], output="one two\nthree\n")
    assert missing(block) is None
    assert missing(Block("", 1, "", ["three", "one …"], block.output)) == "one …"
    assert missing(Block("", 1, "", ["thr"], block.output)) == "thr"
