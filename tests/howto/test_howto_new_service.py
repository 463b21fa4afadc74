"""docs/howto/new-service.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import re

import pytest

from tests.howto.page import ROOT, wrong

PAGE = ROOT / "docs" / "howto" / "new-service.md"


@pytest.mark.timeout(300)
def test_the_page_runs_and_prints_what_it_shows_and_each_trouble_is_told_and_explained() -> None:
    assert not (found := wrong(PAGE)), "\n\n".join(found)


def test_every_step_has_its_name_and_says_why() -> None:
    steps = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    numbered = {int(found[1]): step for step in steps if (found := re.match(r"Step (\d+): ", step))}
    assert sorted(numbered) == list(range(1, 14))
    for number, step in numbered.items():
        assert "\nWhy: " in step, number
        assert "curl" in step or "arm " in step or "python -" in step or "$(sign_in)" in step, number
        assert "retrain" in step, number
