"""For all tests: what every one may rely on, and how they are shared out among test processes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# A shared machine is slow at times, so no example of a property is failed for that.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
# scikit-learn's joblib asks other programs how many cores there are, and warns where they are not on PATH.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "2")

LONG = ("app", "howto", "chaos", "demo", "cli", "services", "host", "bench", "browser")
"""Folders whose tests take long: they go first, so that no process is left alone with one of them at the end."""
PARTS = {"app": 3, "howto": 8, "cli": 2, "services": 2}
"""In how many parts a folder is handed out. Each part that another process takes starts what the folder shares once
more, so only folders with much to do, or with little to share, have several: a page of how-to starts its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose tests take long go first; otherwise the order stays."""
    items.sort(key=lambda item: _rank(folder(item.nodeid)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """One process runs all tests of a folder, or of a part of it: they share one running Azurite and its services."""
    config.option.loadscopereorder = False
    return ByFolder(config, log)


class ByFolder(LoadScopeScheduling):
    """Hands out folders of tests, in the order in which they were collected; some in parts, file by file in turn."""

    def schedule(self) -> None:
        """Deals out the files before the tests."""
        collected: Sequence[str] = next(iter(self.registered_collections.values()))
        self.parts = parts(collected)
        super().schedule()

    def _split_scope(self, nodeid: str) -> str:
        return self.parts[file(nodeid)]


def parts(collected: Sequence[str]) -> dict[str, str]:
    """The part that each file of tests belongs to."""
    found: dict[str, str] = {}
    dealt: dict[str, int] = {}
    for name in dict.fromkeys(map(file, collected)):
        where = folder(name)
        found[name] = f"{where} {dealt.get(where, 0) % PARTS.get(where, 1)}"
        dealt[where] = dealt.get(where, 0) + 1
    return found


def file(nodeid: str) -> str:
    """The file of a test."""
    return nodeid.partition("::")[0]


def folder(nodeid: str) -> str:
    """The folder below `tests/` that a test belongs to."""
    return nodeid.split("/")[1]


def _rank(name: str) -> int:
    return LONG.index(name) if name in LONG else len(LONG)
