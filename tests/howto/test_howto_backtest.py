"""docs/howto/backtest.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import pytest

from tests.howto.page import ROOT, unprinted

PAGE = ROOT / "docs" / "howto" / "backtest.md"


@pytest.mark.timeout(300)
def test_the_page_runs_and_prints_what_it_shows() -> None:
    assert not (found := unprinted(PAGE)), "\n\n".join(found)
