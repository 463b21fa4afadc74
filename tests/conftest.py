"""For all tests: what every one may rely on, and how they are shared out among test processes."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# A shared machine is slow at times, so no example of a property is failed for that.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
# scikit-learn's joblib asks other programs how many cores there are, and warns where they are not on PATH.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "2")

LONG = ("chaos", "app", "demo", "howto", "bench", "browser")
"""Folders whose tests take long: they go first, so that no process is left alone with one of them at the end."""
SHARED = ("app",)
"""Folders with so much to do that two processes take a part each."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose tests take long go first; otherwise the order stays."""
    items.sort(key=lambda item: _rank(folder(item.nodeid)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """One process runs all tests of a folder, since they share one running Azurite and Studio."""
    config.option.loadscopereorder = False
    return ByFolder(config, log)


class ByFolder(LoadScopeScheduling):
    """Hands out folders of tests, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        name, file = folder(nodeid), nodeid.partition("::")[0]
        return f"{name} {len(file) % 2}" if name in SHARED else name


def folder(nodeid: str) -> str:
    """The folder below `tests/` that a test belongs to."""
    return nodeid.split("/")[1]


def _rank(name: str) -> int:
    return LONG.index(name) if name in LONG else len(LONG)
