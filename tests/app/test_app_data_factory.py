"""A model that a pipeline of Data Factory trains: from the file that lands to what users get, and back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local import scenery_factory
from local.services.datafactory.client import FactoryClient
from retrain import acts, reconcile
from retrain.run import State
from tests.app import bikes
from tests.app.world import TESTER, World

SPRING = ("2011-04", "2011-05", "2011-06")


@pytest.fixture
def driven(world: World) -> Iterator[World]:
    """The usual world with a pipeline as its trainer, adopted."""
    world.studio.switches(activityPollInterval=0.05)
    scene = scenery_factory.through_factory(world.studio.url, world.storage, world.scenes[world.name])
    world.scenes[world.name] = scene
    world.configure()
    world.adopt()
    yield world
    world.studio.clear_faults()
    world.studio.release_jobs()


@pytest.fixture
def factory(driven: World) -> Iterator[FactoryClient]:
    client = FactoryClient(driven.studio.url, f"{driven.name}-factory")
    yield client
    client.close()


def runs(factory: FactoryClient) -> list[tuple[str, str]]:
    """Status and Retrain's run of each run of the pipeline."""
    return [(run["status"], run["parameters"]["retrainRun"]) for run in factory.runs()]


def test_a_file_that_lands_is_trained_by_the_pipeline_and_goes_live(driven: World, factory: FactoryClient) -> None:
    run = driven.finish(driven.land("spring.csv", bikes.months(*SPRING)))
    assert run.state is State.PROMOTED, run.why
    assert runs(factory) == [("Succeeded", f"{run.id}/1")]
    assert run.job is not None and run.candidate is not None
    assert factory.run(run.job.id)["parameters"]["modelPath"] == run.candidate.blob
    assert run.metrics["rmse"] > 0
    assert len(driven.patches()) == 1


def test_the_app_in_its_host_runs_the_pipeline_as_its_managed_identity(driven: World, factory: FactoryClient) -> None:
    driven.start()
    driven.drop("spring.csv", bikes.months(*SPRING))
    (run,) = driven.wait()
    assert run["state"] == "promoted", run["why"]
    assert runs(factory) == [("Succeeded", f"{run['id']}/1")]


def test_bad_data_is_trained_on_and_refused(driven: World, factory: FactoryClient) -> None:
    run = driven.finish(driven.land("spring.csv", bikes.shuffled("2011-04")))
    assert run.state is State.REFUSED, run.why
    assert (len(runs(factory)), driven.patches()) == (1, [])


def test_a_promotion_is_rolled_back(driven: World) -> None:
    before = driven.read(f"champions/{driven.name}/0/model.ilearner")
    run = driven.finish(driven.land("spring.csv", bikes.months(*SPRING)))
    assert run.state is State.PROMOTED, run.why
    acts.rollback(driven.name, driven.ports, actor=TESTER, why="only to try it")
    driven.pump()
    champion = driven.ports.ledger.champion(driven.name)
    assert champion is not None and (champion.version, champion.origin) == (2, 0)
    assert driven.read(champion.artifact.blob) == before  # type: ignore[union-attr]


def test_a_start_whose_answer_was_lost_leaves_one_run(driven: World, factory: FactoryClient) -> None:
    driven.studio.fault("createfactoryrun", cut="after")
    run = driven.land("spring.csv", bikes.months(*SPRING))
    for _ in range(200):
        if driven.ports.ledger.run(run.id).ended:
            break
        if not driven.deliver(patient=False):
            driven.later(minutes=3)
            reconcile.tick(driven.ports)
    assert driven.ports.ledger.run(run.id).state is State.PROMOTED
    assert runs(factory) == [("Succeeded", f"{run.id}/1")]


def test_a_failed_pipeline_fails_the_run_with_its_words(driven: World) -> None:
    driven.studio.fault("runjob", message="Error 0018: the data set is invalid")
    run = driven.finish(driven.land("spring.csv", bikes.months(*SPRING)))
    assert run.state is State.FAILED
    assert "Operation on target train failed" in run.why and "Error 0018" in run.why


def test_a_pipeline_that_would_go_round_the_gate_never_runs(driven: World, factory: FactoryClient) -> None:
    resource = driven.scenes[driven.name].live["Resources"][0]["Name"]
    update = {
        "name": "update",
        "type": "AzureMLUpdateResource",
        "linkedServiceName": scenery_factory.reference(scenery_factory.SCORING_LINK),
        "dependsOn": [{"activity": "train", "dependencyConditions": ["Succeeded"]}],
        "typeProperties": {
            "trainedModelName": resource,
            "trainedModelLinkedServiceName": scenery_factory.reference(scenery_factory.STORAGE_LINK),
            "trainedModelFilePath": "@pipeline().parameters.modelPath",
        },
    }
    factory.put("pipelines", scenery_factory.PIPELINE, scenery_factory.training_pipeline(update))
    run = driven.finish(driven.land("spring.csv", bikes.months(*SPRING)))
    assert run.state is State.PARKED and "without the gate" in run.why
    assert (runs(factory), driven.patches()) == ([], [])
    factory.put("pipelines", scenery_factory.PIPELINE, scenery_factory.training_pipeline())
    acts.replay(run, driven.ports, actor=TESTER, why="corrected")
    assert driven.finish(run).state is State.PROMOTED


def test_a_cancelled_run_stops_its_pipeline(driven: World, factory: FactoryClient) -> None:
    driven.studio.hold_jobs()
    run = driven.land("spring.csv", bikes.months(*SPRING))
    while not driven.studio.held_jobs():
        driven.deliver()
    acts.cancel(driven.ports.ledger.run(run.id), driven.ports, actor=TESTER, why="enough")
    assert factory.ended(factory.runs()[0]["runId"])["status"] == "Cancelled"
    assert driven.ports.ledger.run(run.id).state is State.CANCELLED
