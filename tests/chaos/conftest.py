"""The bench for trials: one Azurite, one Studio and one proxy loop for a test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.bench import Bench, opened
from tests.chaos.trial import Undisturbed, undisturbed


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with opened(tmp_path_factory.mktemp("chaos")) as ready:
        yield ready


@pytest.fixture(scope="session")
def calm(bench: Bench) -> Undisturbed:
    """What a run does, and how it ends, when nothing is killed."""
    return undisturbed(bench)
