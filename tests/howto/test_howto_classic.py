"""docs/howto/classic.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.howto.page import ROOT, Block, missing, quoted, run, table

PAGE = ROOT / "docs" / "howto" / "classic.md"
TROUBLE = table(PAGE, "what was wrong")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def ran() -> list[Block]:
    return run(PAGE)


def test_the_page_runs_and_prints_what_it_shows(ran: list[Block]) -> None:
    lines = [(block, line) for block in ran if (line := missing(block)) is not None]
    assert not lines, "\n\n".join(
        f"{PAGE.name}:{block.line} should print\n  {line}\nand printed\n{block.output}" for block, line in lines
    )


def test_every_step_has_its_name_and_says_why() -> None:
    text = PAGE.read_text(encoding="utf-8")
    steps = re.split(r"^## ", text, flags=re.MULTILINE)
    numbered = {int(found[1]): step for step in steps if (found := re.match(r"Step (\d+): ", step))}
    assert sorted(numbered) == list(range(1, 12))
    for number in range(1, 11):
        assert "\nWhy: " in numbered[number], number
        assert "curl" in numbered[number] or "$(deploy" in numbered[number], number
        assert "retrain " in numbered[number], number


@pytest.mark.parametrize("row", TROUBLE, ids=[row[0] for row in TROUBLE])
def test_trouble_is_told_by_the_service_and_explained_by_retrain(ran: list[Block], row: list[str]) -> None:
    name, service, retrain, advice = row
    (block,) = [block for block in ran if block.heading == name][:1]
    said = [line for line in (block.output or "").splitlines() if line.startswith("retrain: ")]
    answered = [line for line in (block.output or "").splitlines() if not line.startswith("retrain: ")]
    assert quoted(service) and all(any(words in line for line in answered) for words in quoted(service)), block.output
    assert quoted(retrain) and all(any(words in line for line in said) for words in quoted(retrain)), block.output
    assert advice


def test_the_page_names_only_files_that_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target


def test_expected_lines_are_matched_in_order_and_as_a_whole(tmp_path: Path) -> None:
    block = Block("", 1, "", expected=["one …", "three"], output="one two\nthree\n")
    assert missing(block) is None
    assert missing(Block("", 1, "", ["three", "one …"], block.output)) == "one …"
    assert missing(Block("", 1, "", ["thr"], block.output)) == "thr"
