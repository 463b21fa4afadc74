"""docs/howto/classic.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.howto.page import ROOT, Block, missing, quoted, run, table

PAGE = ROOT / "docs" / "howto" / "classic.md"


def untold(block: Block, service: str, retrain: str) -> list[str]:
    """What a row of the table quotes and its block did not print: the service's words, or those of `retrain`."""
    lines = (block.output or "").splitlines()
    explained = "\n".join(line for line in lines if line.startswith("retrain: "))
    answered = "\n".join(line for line in lines if not line.startswith("retrain: "))
    said = [(words, answered) for words in quoted(service)] + [(words, explained) for words in quoted(retrain)]
    return [words for words, text in said if words not in text]


@pytest.mark.timeout(300)
def test_the_page_runs_and_prints_what_it_shows_and_each_trouble_is_told_and_explained() -> None:
    ran = run(PAGE)  # once for all: workers of a parallel test run would each run it again
    wrong = [(block, line) for block in ran if (line := missing(block)) is not None]
    for name, service, retrain, advice in table(PAGE, "what was wrong"):
        block = next(block for block in ran if block.heading == name)
        assert quoted(service) and quoted(retrain) and advice, name
        wrong += [(block, words) for words in untold(block, service, retrain)]
    assert not wrong, "\n\n".join(
        f"{PAGE.name}:{block.line} should print\n  {words}\nand printed\n{block.output}" for block, words in wrong
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


def test_the_page_names_only_files_that_are_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target


def test_expected_lines_are_matched_in_order_and_as_a_whole(tmp_path: Path) -> None:
    block = Block("", 1, "", expected=["one …", "three"], output="one two\nthree\n")
    assert missing(block) is None
    assert missing(Block("", 1, "", ["three", "one …"], block.output)) == "one …"
    assert missing(Block("", 1, "", ["thr"], block.output)) == "thr"
