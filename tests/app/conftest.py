"""The whole app for tests: one Azurite and one Studio for a test process, and for each test a world of its own."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.stack import Stack, furnish
from tests.app.world import World
from tests.identity import identified

ACCOUNTS = 240
_numbers = itertools.count()


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Ends with the tests of this folder, for its identity is that of the whole process as long."""
    key = base64.b64encode(b"a key for tests").decode()
    accounts = ";".join(f"world{number}:{key}" for number in range(ACCOUNTS))
    folder = tmp_path_factory.mktemp("stack")
    running = Stack(folder, switches={"propagationDelay": 0}, accounts=accounts, workers=1)
    with running, identified(running.studio.url):
        yield running


@pytest.fixture
def new_world(stack: Stack, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes worlds (or their kind): a storage account, a model that is served, and on demand a host."""
    made: list[World] = []

    def make(kind: type[World] = World, **options: object) -> World:
        storage = stack.azurite.connection_string_for(f"world{next(_numbers)}")
        furnish(storage)
        folder = tmp_path / f"world{len(made)}"
        folder.mkdir()
        world = kind(stack, storage, folder, **options)  # type: ignore[arg-type]
        made.append(world)
        return world

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """The usual world: bikes, ridge trained on two winter months, no settle time; not adopted, no host."""
    return new_world()
