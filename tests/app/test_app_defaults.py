"""The months as they came, by the platform's own worker library, with gate and intake as they are shipped.

Most tests of this folder are about something else, and quiet both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from local.bikes import LEARNER, PARAMETERS
from retrain.accepted import read_manifest
from tests.app import bikes
from tests.app.world import World


def inverted(month: str) -> str:
    """A month in which much is said to be little: every value plausible, and there is as much to learn as ever."""
    header, *rows = bikes.table(bikes.months(month))
    most = max(float(row[-1]) for row in rows)
    return bikes.text([header, *([*row[:-1], f"{most - float(row[-1]):g}"] for row in rows)])


class Stream:
    """A world into which one file after the other lands."""

    def __init__(self, world: World) -> None:
        self.world, self.count = world, 0

    def lands(self, file: str, content: str) -> dict[str, Any]:
        """The file's run, ended, as the app tells of it."""
        self.count += 1
        self.world.drop(file, content)
        ended = self.world.wait(self.count)[-1]
        run: dict[str, Any] = self.world.call("GET", f"runs/{ended['id']}").json()
        return run

    def doubted(self) -> str:
        """The run whose batch is in doubt."""
        found = self.world.ports.ledger.accepted(self.world.name).doubted
        return found.run if found else ""


@pytest.fixture
def stream(new_world: Callable[..., World]) -> Stream:
    """A model of two winter months is live; nothing of gate and intake is set."""
    world = new_world(gate="", learner=LEARNER, parameters=PARAMETERS)
    world.adopt()
    world.start()
    return Stream(world)


def decision(run: dict[str, Any]) -> dict[str, Any]:
    """What the gate said."""
    found: dict[str, Any] = run["decision"]["decision"]
    return found


@pytest.mark.timeout(180)
def test_spring_comes_through_and_a_month_upside_down_does_not(stream: Stream) -> None:
    april = stream.lands("april.csv", bikes.months("2011-04"))
    assert (april["data"]["doubts"], decision(april)["data"]) == ([], "doubted"), april["why"]
    assert "the champion's skill fell" in april["why"]  # it has only ever seen winter
    may = stream.lands("may.csv", bikes.months("2011-05"))
    assert (may["state"], may["data"]["doubts"], decision(may)["data"]) == ("promoted", [], "believed"), may["why"]

    wrong = stream.lands("june.csv", inverted("2011-06"))
    assert (wrong["state"], decision(wrong)["data"]) == ("refused", "doubted"), wrong["why"]
    assert decision(wrong)["gainInterval"][0] > 0  # on its own rows the new model is the better one
    assert any("does not follow the columns as before" in doubt for doubt in wrong["data"]["doubts"])
    assert stream.doubted() == wrong["id"]

    june = stream.lands("june-again.csv", bikes.months("2011-06"))
    assert (june["state"], june["version"], decision(june)["data"]) == ("promoted", 2, "believed"), june["why"]
    assert stream.doubted() == ""
    july = stream.lands("july.csv", bikes.months("2011-07"))
    assert july["data"]["doubts"] == []
    learnt = {part.run for part in read_manifest(july["data"]["manifest"], stream.world.ports).parts}
    assert {may["id"], june["id"], july["id"]} <= learnt
    assert wrong["id"] not in learnt
