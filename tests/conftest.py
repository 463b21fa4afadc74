"""For all tests: what every one may rely on, and how they are shared out among test processes."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine is slow at times, so no example of a property is failed for that.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
# scikit-learn's joblib asks other programs how many cores there are, and warns where they are not on PATH.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "2")

LONG = ("chaos", "app", "demo", "howto", "bench", "browser")
"""Folders whose tests take long: they go first, so that no process is left alone with one of them at the end."""
HALVED = ("app",)
"""Folders with so much to do that two processes share them."""
TESTS = Path(__file__).parent


def pytest_itemcollected(item: pytest.Item) -> None:
    """One process runs all tests of a folder, since they share one running Azurite and Studio."""
    item.add_marker(pytest.mark.xdist_group(_group(item.path)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders whose tests take long go first; otherwise the order stays."""
    items.sort(key=lambda item: _rank(item.path))


def _folder(path: Path) -> str:
    return path.relative_to(TESTS).parts[0]


def _group(path: Path) -> str:
    folder = _folder(path)
    return f"{folder}-{len(path.stem) % 2}" if folder in HALVED else folder


def _rank(path: Path) -> int:
    folder = _folder(path)
    return LONG.index(folder) if folder in LONG else len(LONG)
