"""The story of a model of today's Azure ML: trained by a job, judged by a job, put live by a batch endpoint's default
deployment, taken back; each candidate is a version in the workspace's registry.

Income is predicted of Americans and retrained on everybody else, as in the designer's sample.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from local import adult
from retrain import acts, advance, doctor, reconcile
from retrain.errors import Conflict
from retrain.run import Run, State
from tests.app.azureml import AzureMlWorld, short
from tests.app.test_app_secrets import blobs, leaks, rows
from tests.app.world import TESTER, World

BATCH = 'train_on = "batch"'
"""Retrained on the new data set alone."""


@pytest.fixture
def new(new_world: Callable[..., World]) -> Iterator[Callable[..., AzureMlWorld]]:
    """Makes worlds of Azure ML; what was ordered from the stand-ins is taken back."""
    made: list[AzureMlWorld] = []

    def make(**options: object) -> AzureMlWorld:
        world = new_world(AzureMlWorld, **options)
        assert isinstance(world, AzureMlWorld)
        made.append(world)
        return world

    yield make
    for world in made:
        world.control.clear_faults()
        world.control.switches(jobDelay=0, tokenLifetime=3600)
        world.control.role("Contributor")


@pytest.fixture
def world(new: Callable[..., AzureMlWorld]) -> AzureMlWorld:
    """A model of five hundred Americans, adopted."""
    made = new(extra=BATCH)
    made.adopt()
    return made


def landed(world: AzureMlWorld, content: str = "") -> Run:
    return world.land("others.csv", content or adult.others())


def settled(world: AzureMlWorld) -> None:
    """Delivers messages until no change of production is under way."""
    for _ in range(300):
        champion = world.ports.ledger.champion(world.name)
        if champion is not None and champion.intent is None:
            return
        world.deliver()
    raise AssertionError("the change does not end")


def test_a_small_model_is_replaced_by_what_the_others_teach(world: AzureMlWorld) -> None:
    assert world.default() == "first"
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert run.verdict is not None
    assert 0.86 < run.verdict.champion < 0.90 < run.verdict.candidate < 0.93
    assert 0.85 < run.metrics["auc"] < 0.95
    assert world.default() == short(run)
    (job,) = world.submitted()
    assert run.job is not None and job["name"] == run.job.id
    assert job["properties"]["tags"] == {"retrainRun": run.id, "retrainAttempt": "1"}


def test_the_candidate_is_a_version_whose_tags_tell_where_it_came_from_and_what_became_of_it(
    world: AzureMlWorld,
) -> None:
    run = world.finish(landed(world))
    tags = world.versions()["2"]
    assert run.candidate is not None and run.data is not None and run.job is not None and run.verdict is not None
    told = {name.removeprefix("retrain"): value for name, value in tags.items()}
    assert told["Run"] == run.id and told["Target"] == run.target and told["Job"] == run.job.id
    assert (told["Data"], told["Manifest"]) == (run.data.fingerprint, run.data.manifest)
    assert told["Files"] == ", ".join(f"{one.blob}@{one.etag}" for one in run.landings)
    assert (told["State"], told["Champion"], told["Sha256"]) == ("promoted", "1", run.candidate.sha256)
    assert told["Decision"][:250] == run.verdict.reason[:250]
    assert told["Metric.auc"] == f"{run.metrics['auc']:.6g}"


def test_labels_that_were_mixed_up_are_refused_and_nothing_is_deployed(world: AzureMlWorld) -> None:
    run = world.finish(landed(world, adult.shuffled()))
    assert run.state is State.REFUSED, run.why
    assert (world.default(), world.deployments()) == ("first", ["first"])
    tags = world.versions()["2"]
    assert tags["retrainState"] == "refused" and tags["retrainDecision"].startswith("refused")
    assert "retrainChampion" not in tags


def test_a_promotion_is_taken_back_and_the_champion_is_found_again_from_the_registry_alone(
    world: AzureMlWorld,
) -> None:
    run = world.finish(landed(world))
    registry = world.ports.services.registry(world.ports.models.get(world.name))
    assert registry is not None and run.candidate is not None
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and champion.artifact is not None
    found = registry.champions(world.name)
    assert [one.version for one in found] == [1, 0]
    assert (found[0].artifact.blob, found[0].artifact.sha256) == (champion.artifact.blob, champion.artifact.sha256)
    acts.rollback(world.name, world.ports, actor=TESTER, why="a test")
    settled(world)
    champion = world.ports.ledger.champion(world.name)
    assert champion is not None and (champion.version, champion.origin) == (2, 0)
    found = registry.champions(world.name)
    assert [one.version for one in found] == [2, 1]
    assert found[0].artifact.sha256 == champion.artifact.sha256  # type: ignore[union-attr]
    assert world.read(found[0].artifact.blob) == world.read(champion.artifact.blob)  # type: ignore[union-attr]
    endpoint = world.ports.services.endpoint(world.ports.models.get(world.name))
    assert endpoint.current(endpoint.production()).location == champion.location


def test_a_batch_endpoint_trains_as_well(new: Callable[..., AzureMlWorld]) -> None:
    world = new(extra=BATCH, by_endpoint=True)
    world.adopt()
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    (job,) = world.submitted()
    assert run.job is not None and job["name"] == run.job.id


def test_an_invocation_whose_answer_was_lost_leaves_one_job(new: Callable[..., AzureMlWorld]) -> None:
    world = new(extra=BATCH, by_endpoint=True)
    world.adopt()
    world.control.fault("invokebatch", cut="after", times=3)
    run = world.handed(landed(world))
    world.later(seconds=2)
    run = world.finish(run)
    assert run.state is State.PROMOTED, run.why
    assert len(world.submitted()) == 1


def test_the_first_model_ever_goes_live_when_it_is_good_enough(new: Callable[..., AzureMlWorld]) -> None:
    world = new(extra=BATCH)
    world.vacate()
    adopted = world.adopt()
    assert (adopted.champion.version, adopted.champion.vacant) == (0, True)
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert world.default() == short(run)
    with pytest.raises(Conflict, match="cannot be put back"):
        acts.rollback(world.name, world.ports, actor=TESTER, why="there was none")


def test_a_candidate_may_be_tried_by_a_deployment_of_its_own(new: Callable[..., AzureMlWorld]) -> None:
    world = new(extra=BATCH, endpoint='scores = "deployment"\nstaging = "trial"')
    world.adopt()
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert sorted(world.deployments()) == sorted(["first", "trial", short(run)])
    assert world.default() == short(run)


def test_a_host_that_died_after_it_put_the_job_finds_it(world: AzureMlWorld) -> None:
    run = landed(world)
    while run.state is not State.TRAINING:
        advance.save(run, advance.take(run, world.ports), world.ports)
        run = world.ports.ledger.run(run.id)
    trainer = world.ports.services.trainer(world.ports.models.get(world.name))
    assert run.data is not None
    job = trainer.submit(run, run.data.training, f"candidates/{world.name}/x/1/m", f"runs/{world.name}/x/m.csv")
    trainer.cancel(job)
    world.later(seconds=2)
    run = world.finish(run)
    assert run.state is State.CANCELLED, run.why
    assert [one["name"] for one in world.submitted()] == [job]


def test_a_failed_job_fails_the_run_with_its_words(world: AzureMlWorld) -> None:
    trainer = f"[models.{world.name}.trainer]\n"
    world.configure((trainer, f'{trainer}parameters = {{ l2_weight = "many" }}\n'))
    run = world.finish(landed(world))
    assert run.state is State.FAILED, run.why
    assert "many" in run.why


def test_a_registry_that_cannot_be_written_keeps_no_run_from_its_end(world: AzureMlWorld) -> None:
    world.control.fault("putasset", status=503, times=99)
    run = landed(world)
    while (now := world.handed(run)).state not in (State.TRAINED, State.EVALUATING):
        assert not now.ended, now.why
    world.control.clear_faults()
    assert world.finish(run).state is State.PROMOTED
    assert world.versions()["2"]["retrainState"] == "promoted"


def test_a_run_that_could_not_be_told_at_its_end_is_told_by_the_timer(world: AzureMlWorld) -> None:
    run = landed(world, adult.shuffled())
    while (now := world.ports.ledger.run(run.id)).state is not State.EVALUATING:
        world.handed(run)
    assert now.state is State.EVALUATING
    while not (now := world.ports.ledger.run(run.id)).verdict:
        world.control.clear_faults()
        advance.save(now, advance.take(now, world.ports), world.ports)
    assert now.state is State.REFUSED, now.why
    world.control.fault("listassetversions", status=503, retry_after=60, times=999)
    advance.send(now, world.ports)
    assert run.id in [*world.ports.ledger.open_runs()]
    world.control.clear_faults()
    reconcile.tick(world.ports)
    world.pump()
    assert run.id not in [*world.ports.ledger.open_runs()]
    assert world.versions()["2"]["retrainState"] == "refused"


def test_a_rollback_that_the_registry_was_not_told_of_is_shown_by_doctor_and_told_by_the_timer(
    world: AzureMlWorld,
) -> None:
    world.finish(landed(world))
    told = {one.subject: one for one in doctor.examine(world.name, world.ports).models[0].findings}
    assert told["registry"].verdict == "ok" and "is version 1, as the ledger says" in told["registry"].message
    acts.rollback(world.name, world.ports, actor=TESTER, why="a test")
    world.control.fault("putasset", status=503, retry_after=60, times=99)
    settled(world)
    world.control.clear_faults()
    told = {one.subject: one for one in doctor.examine(world.name, world.ports).models[0].findings}
    assert told["registry"].verdict == "warn" and "the ledger version 2" in told["registry"].message
    reconcile.tick(world.ports)
    told = {one.subject: one for one in doctor.examine(world.name, world.ports).models[0].findings}
    assert told["registry"].verdict == "ok", told["registry"].message


def test_a_default_that_somebody_else_moved_stops_the_run(world: AzureMlWorld) -> None:
    world.serve_other()
    run = world.finish(landed(world))
    assert run.state is State.PARKED
    assert "it was changed from outside" in run.why


def test_rows_blobs_and_the_most_talkative_log_hold_no_token_and_no_signature(
    new: Callable[..., AzureMlWorld], caplog: pytest.LogCaptureFixture
) -> None:
    world = new(extra=BATCH, by_endpoint=True)
    with caplog.at_level(logging.DEBUG):
        world.adopt()
        assert world.finish(landed(world)).state is State.PROMOTED
        acts.rollback(world.name, world.ports, actor=TESTER, why="a test")
        settled(world)
        doctor.examine_all(world.ports)
    assert leaks(world, rows(world)) == []
    assert leaks(world, blobs(world)) == []
    assert leaks(world, [("tags", repr(world.versions()))]) == []
    assert leaks(world, [("log", "\n".join(record.getMessage() for record in caplog.records))]) == []


def test_tokens_that_last_for_seconds_are_renewed_while_a_job_runs(world: AzureMlWorld) -> None:
    world.control.switches(tokenLifetime=2, jobDelay=3)
    world.start()
    world.drop("others.csv", adult.others())
    (run,) = world.wait()
    assert run["state"] == "promoted", run["why"]


def test_the_app_in_its_host_does_it_all_as_its_managed_identity(world: AzureMlWorld) -> None:
    world.start()
    world.drop("others.csv", adult.others())
    (run,) = world.wait()
    assert run["state"] == "promoted", run["why"]
