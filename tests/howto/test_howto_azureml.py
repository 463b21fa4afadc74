"""docs/howto/azureml.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import re

import pytest

from tests.howto.page import ROOT, unprinted

PAGE = ROOT / "docs" / "howto" / "azureml.md"


@pytest.mark.timeout(300)
def test_the_page_runs_and_prints_what_it_shows() -> None:
    assert not (found := unprinted(PAGE)), "\n\n".join(found)


def test_every_step_has_its_name_and_says_why() -> None:
    steps = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    numbered = {int(found[1]): step for step in steps if (found := re.match(r"Step (\d+): ", step))}
    assert sorted(numbered) == [1, 2, 3]
    assert all("\nWhy: " in step and "call PUT" in step for step in numbered.values())
