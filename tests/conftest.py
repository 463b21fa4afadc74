"""For all tests: properties are checked on a shared machine, so no example is failed for being slow."""

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

SLOW = ("tests/chaos", "tests/demo", "tests/howto", "tests/browser", "tests/bench")
"""Folders whose tests take long: they go first, so that no process is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests first; otherwise the order stays."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))
