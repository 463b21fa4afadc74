"""Pages that are drawn from the code are as the code is."""

from __future__ import annotations

import pytest

from local.docs import PAGES, PICTURE, REMAKE, ROOT, meanings
from retrain.run import State


@pytest.mark.parametrize("name", PAGES)
def test_a_drawn_page_is_as_the_code_is(name: str) -> None:
    known = (ROOT / name).read_text(encoding="utf-8")
    assert PAGES[name](known) == known, f"{name} is stale: run `.venv/bin/{REMAKE}`"


def test_every_state_says_what_it_means() -> None:
    assert list(meanings()) == list(State)


def test_the_readme_has_one_place_for_its_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [text.count(mark) for mark in PICTURE] == [1, 1]
