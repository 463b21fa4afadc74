"""A model served by "new" web services, whose storage account is not the app's: judged, promoted, taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from azure.storage.blob import BlobServiceClient

from local.scenery_service import deployed_anew
from local.services.arm.client import ArmClient
from retrain import acts, reconcile
from retrain.champion import Champion
from retrain.run import State
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = bikes.months("2011-04", "2011-05", "2011-06")


class Served:
    """The world's model at Resource Manager."""

    def __init__(self, world: World) -> None:
        self.world, self.arm, storage = world, ArmClient(world.studio.url), world.stack.storage
        world.studio.switches(operationDelay=0.2)
        scene = deployed_anew(world.studio, world.scenes[world.name], storage, 'models = "env:SERVICES_STORAGE"')
        world.scenes[world.name] = replace(scene, keys={**scene.keys, "SERVICES_STORAGE": storage})
        world.configure()

    def model(self, slot: str = "live") -> str:
        """Where a service's model is, by its definition."""
        url = self.world.scenes[self.world.name].patch_url.removesuffix("live") + slot
        return str(self.arm.get(url)["properties"]["assets"]["asset2"]["locationInfo"]["uri"])

    def fail(self, slot: str, times: int = 1) -> None:
        """The next changes of a service fail on their way."""
        name = f"{self.world.name}-{slot}"
        self.world.studio.fault("runoperation", endpoint=name, times=times, message="the service is out of machines")

    def champion(self) -> Champion:
        """What is live on record."""
        found = self.world.ports.ledger.champion(self.world.name)
        assert found is not None
        return found


@pytest.fixture
def served(new_world: Callable[..., World]) -> Served:
    made = new_world()
    return Served(made if made.storage != made.stack.storage else new_world())


def test_a_better_model_goes_live_in_the_services_own_account_and_is_taken_back(served: Served) -> None:
    world, first = served.world, served.model()
    assert world.adopt().champion.version == 0
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is State.PROMOTED, run.why
    assert "/retrain-models/champions/" in served.model() and "/retrain-models/" not in first
    acts.rollback(world.name, world.ports, actor=TESTER, why="only to try it")
    world.pump()
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and champion.version == 2 and champion.intent is None
    assert served.model().endswith(f"/retrain-models/champions/{world.name}/0/model.ilearner")


def test_bad_data_is_trained_on_and_refused_and_the_definition_stays(served: Served) -> None:
    world, first = served.world, served.model()
    world.adopt()
    run = world.finish(world.land("april.csv", bikes.shuffled("2011-04")))
    assert run.state is State.REFUSED, run.why
    assert served.model() == first


def test_a_change_is_shown_first_and_keeps_the_definition_that_it_replaces(served: Served) -> None:
    world, first = served.world, served.model()
    table = f"[models.{world.name}.gate]"
    world.configure((table, f'[models.{world.name}.promotion]\nmode = "approval"\n\n{table}'))
    world.adopt()
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is State.AWAITING_APPROVAL, run.why
    shown = acts.preview(run, world.ports).after
    (change,) = shown["changes"]  # type: ignore[misc]
    assert change["path"].endswith("locationInfo.uri") and change["before"] == first
    assert served.model() == first
    assert world.finish(acts.approve(run, world.ports, actor=TESTER, why="")).state is State.PROMOTED
    kept = world.ports.ledger.change(world.name, 1).record
    assert kept.endswith("/before.json")
    assert first.encode() in world.read(kept) and b"retrain-models" not in world.read(kept)


def test_a_candidate_that_staging_cannot_take_is_not_judged(served: Served) -> None:
    world = served.world
    world.adopt()
    before = served.model("staging")
    served.fail("staging")
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is not State.PROMOTED
    assert "could not take the candidate" in run.why and "out of machines" in run.why
    assert served.model("staging") == before


def test_a_change_that_fails_on_its_way_leaves_the_old_model_live(served: Served) -> None:
    world = served.world
    world.adopt()
    before = served.model()
    served.fail("live")
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is not State.PROMOTED and "out of machines" in run.why
    assert before.rpartition("/")[0] != served.model().rpartition("/")[0], "the champion's copy was put back"
    assert f"/champions/{world.name}/0/" in served.model()
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and champion.version == 0


def test_a_champion_that_never_left_counts_as_put_back_when_that_fails_too(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    world = served.world
    world.adopt()
    before = served.model()
    served.fail("live", times=2)
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is State.UNVERIFIED and "out of machines" in run.why, run.why
    assert served.model() == before
    assert served.champion().intent is None and served.champion().version == 0
    assert "neither model" not in caplog.text


def test_a_champion_whose_bytes_are_gone_stays_when_the_service_changed_nothing(served: Served) -> None:
    world, before = served.world, served.model()
    container, _, name = before.partition("?")[0].split("/", 4)[4].partition("/")
    with BlobServiceClient.from_connection_string(world.stack.storage) as theirs:
        theirs.get_blob_client(container, name).delete_blob()
    assert not world.adopt().copied
    served.fail("live")
    run = world.finish(world.land("spring.csv", SPRING))
    assert run.state is State.UNVERIFIED and "the champion stayed" in run.why, run.why
    assert served.champion().intent is None and served.model() == before


def test_a_change_that_takes_its_time_has_one_driver_however_often_the_timer_looks(served: Served) -> None:
    world = served.world
    world.adopt()
    assert world.finish(world.land("spring.csv", SPRING)).state is State.PROMOTED
    world.studio.switches(operationDelay=30)
    acts.rollback(world.name, world.ports, actor=TESTER, why="only to try it")
    world.later(minutes=10)
    while (intent := served.champion().intent) is not None and intent.looked is None:
        world.deliver()
    for _ in range(3):
        reconcile.intents(world.ports)
    assert world.ports.queues.waiting("evaluations") == 1
    world.later(minutes=2)
    reconcile.intents(world.ports)
    assert world.ports.queues.waiting("evaluations") == 2, "nobody looked for two minutes"
