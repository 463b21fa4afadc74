"""docs/howto/many-models.md does what it says: every command of it is run, and what it shows is what comes back."""

from __future__ import annotations

import pytest

from tests.howto.page import ROOT, missing, run

PAGE = ROOT / "docs" / "howto" / "many-models.md"


@pytest.mark.timeout(300)
def test_the_page_runs_and_prints_what_it_shows() -> None:
    wrong = [(block, line) for block in run(PAGE) if (line := missing(block)) is not None]
    assert not wrong, "\n\n".join(
        f"{PAGE.name}:{block.line} should print\n  {line}\nand printed\n{block.output}" for block, line in wrong
    )
