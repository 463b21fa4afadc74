"""The main job in the real host: one file becomes one promoted model, also when the host is killed on the way."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from tests.app import bikes
from tests.app.world import World

APRIL_TO_JUNE = ("2011-04", "2011-05", "2011-06")


def served(world: World) -> str:
    """Where production's model lies, as Studio says."""
    scene = world.scenes[world.name]
    resource = world.studio.get_endpoint(scene.workspace, scene.service, "live")["Resources"][0]["Location"]
    return resource["BaseLocation"].rstrip("/") + "/" + resource["RelativeLocation"].lstrip("/")


def test_a_file_that_lands_becomes_the_live_model(world: World) -> None:
    world.adopt()
    world.start()
    world.drop("spring.csv", bikes.months(*APRIL_TO_JUNE))
    (run,) = world.wait()
    assert run["state"] == "promoted", run["why"]
    assert run["version"] == 1
    model = world.call("GET", f"models/{world.name}").json()
    assert model["champion"]["run"] == run["id"]
    assert served(world) == model["champion"]["location"]
    assert world.names("training-data") == []
    assert [name.rsplit("/")[-1] for name in world.names("archive")] == ["spring.csv"]
    order = ("landed", "seen", "started", "trained", "decided", "live")
    times = [datetime.fromisoformat(run["times"][name]) for name in order]
    assert times == sorted(times)


@pytest.mark.parametrize("pause", [0.15, 0.45, 0.8])
def test_a_host_killed_in_the_middle_is_recovered_by_the_next(world: World, pause: float) -> None:
    world.adopt()
    host = world.start()
    world.drop("spring.csv", bikes.months(*APRIL_TO_JUNE))
    time.sleep(pause)
    host.kill()
    world.start()
    (run,) = world.wait()
    assert run["state"] == "promoted", run["why"]
    assert world.ports.ledger.champion(world.name).version == 1  # type: ignore[union-attr]
