"""The story of a model of the designer: trained by a pipeline, judged by files, put live by a pointer, taken back.

Income is predicted of Americans and retrained on everybody else, as in the designer's sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from local import adult
from retrain import acts, advance
from retrain.errors import Conflict
from retrain.run import Run, State
from retrain.steps import submission
from tests.app.designer import DesignerWorld
from tests.app.world import TESTER, World

BATCH = 'train_on = "batch"'
"""Retrained on the new data set alone."""


@pytest.fixture
def new(new_world: Callable[..., World]) -> Iterator[Callable[..., DesignerWorld]]:
    """Makes worlds of the designer; what was ordered from the stand-ins is taken back."""
    made: list[DesignerWorld] = []

    def make(**options: object) -> DesignerWorld:
        world = new_world(DesignerWorld, **options)
        assert isinstance(world, DesignerWorld)
        made.append(world)
        return world

    yield make
    for world in made:
        world.designer.clear_faults()
        world.designer.release_jobs()
        world.designer.switches(unknownExperiment="refuse")


@pytest.fixture
def world(new: Callable[..., DesignerWorld]) -> DesignerWorld:
    """A model of five hundred Americans, adopted."""
    made = new(extra=BATCH)
    made.adopt()
    return made


def landed(world: DesignerWorld, content: str = "") -> Run:
    return world.land("others.csv", content or adult.others())


def states(world: DesignerWorld) -> list[str]:
    return [job["status"] for job in world.jobs()]


def submitting(world: DesignerWorld) -> Run:
    """A run that noted that it is about to submit, and whose host died then or later."""
    run = landed(world)
    while run.state is not State.TRAINING:
        advance.save(run, advance.take(run, world.ports), world.ports)
        run = world.ports.ledger.run(run.id)
    assert run.job is not None and run.job.phase == "submitting"
    return run


def test_a_small_model_is_replaced_by_what_the_others_teach(world: DesignerWorld) -> None:
    before = world.live()
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert run.verdict is not None
    assert 0.86 < run.verdict.champion < 0.90 < run.verdict.candidate < 0.93
    assert 0.89 < run.metrics["auc"] < 0.92
    after = world.live()
    assert after["model"] == f"champions/{world.name}/1-{run.id.rpartition('~')[2]}/model.ilearner"
    assert after["sha256"] == run.candidate.sha256 != before["sha256"]  # type: ignore[union-attr]
    (job,) = world.jobs()
    assert (job["tags"]["retrainRun"], job["tags"]["retrainAttempt"]) == (run.id, "1")


def test_the_first_model_ever_goes_live_when_it_is_good_enough(new: Callable[..., DesignerWorld]) -> None:
    world = new(extra=BATCH)
    container, _, path = world.scene.live.partition("/")
    world.blobs.get_blob_client(container, path).delete_blob()
    adopted = world.adopt()
    assert (adopted.champion.version, adopted.baseline, adopted.champion.vacant) == (0, None, True)
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    told = world.decision(run)["decision"]
    assert (told["first"], told["champion"]) == (True, None)
    assert world.live()["sha256"] == run.candidate.sha256  # type: ignore[union-attr]
    with pytest.raises(Conflict, match="cannot be put back"):
        acts.rollback(world.name, world.ports, actor=TESTER, why="there was none")


def test_a_model_of_all_americans_is_kept(new: Callable[..., DesignerWorld]) -> None:
    world = new(champion=adult.americans(), extra=BATCH)
    adopted = world.adopt()
    assert 0.91 < adopted.baseline.value < 0.93
    before = world.live()
    run = world.finish(landed(world))
    assert run.state is State.REFUSED, run.why
    assert "on trusted rows" in run.why
    assert run.verdict is not None
    assert 0.89 < run.verdict.champion < 0.92
    assert world.live() == before


def test_labels_that_were_mixed_up_are_refused(world: DesignerWorld) -> None:
    before = world.live()
    run = world.finish(landed(world, adult.shuffled()))
    assert run.state is State.REFUSED, run.why
    assert world.live() == before


def test_a_promotion_is_taken_back_and_the_pointer_names_the_first_model_again(world: DesignerWorld) -> None:
    first = world.live()["sha256"]
    world.finish(landed(world))
    assert world.live()["sha256"] != first
    acts.rollback(world.name, world.ports, actor=TESTER, why="a test")
    for _ in range(200):
        champion = world.ports.ledger.champion(world.name)
        if champion is not None and champion.intent is None:
            break
        world.deliver()
    assert champion is not None and (champion.version, champion.origin) == (2, 0)
    assert world.live()["sha256"] == first
    assert world.live()["model"] == f"champions/{world.name}/0/model.ilearner"


def test_the_pointer_is_shown_before_and_after_and_stays(world: DesignerWorld) -> None:
    world.configure(
        (
            f"[models.{world.name}.gate]",
            f'[models.{world.name}.promotion]\nmode = "approval"\n[models.{world.name}.gate]',
        )
    )
    run = world.finish(landed(world))
    assert run.state is State.AWAITING_APPROVAL, run.why
    before = world.live()
    endpoint = world.ports.services.endpoint(world.ports.models.get(world.name))
    assert run.candidate is not None
    shown = endpoint.preview(endpoint.production(), run.candidate)
    assert shown["before"] == before == world.live()


def test_a_submission_whose_answer_was_lost_is_found_and_no_second_one_runs(world: DesignerWorld) -> None:
    world.designer.fault("submitpipelineendpoint", cut="after")
    run = world.handed(landed(world))
    assert run.job is not None and (run.job.phase, run.job.id, run.tries) == ("submitting", "", 1)
    world.later(seconds=2)
    run = world.finish(run)
    assert run.state is State.PROMOTED, run.why
    assert states(world) == ["Completed"]


def test_a_host_that_died_after_it_submitted_finds_the_job(world: DesignerWorld) -> None:
    run = submitting(world)
    trainer = world.ports.services.trainer(world.ports.models.get(world.name))
    assert run.data is not None
    job = trainer.submit(run, run.data.training, "unused", "unused")
    world.later(seconds=2)
    assert world.finish(run).state is State.PROMOTED
    assert [one["runId"] for one in world.jobs()] == [job]


def test_a_host_that_died_before_it_submitted_looks_twice_and_then_submits_once(world: DesignerWorld) -> None:
    run = submitting(world)
    world.later(seconds=2)
    run = world.handed(run)
    assert run.job is not None and run.job.phase == "looking"
    assert run.due is not None and run.due - run.job.since >= submission.LAG * 0.99
    world.later(seconds=60)
    run = world.handed(run)
    assert run.job is not None and run.job.phase == "looking"  # a message came early
    assert world.jobs() == []
    world.later(seconds=61)
    run = world.handed(run)
    assert run.job is not None and (run.job.phase, run.job.again) == ("started", True)
    assert world.finish(run).state is State.PROMOTED
    assert states(world) == ["Completed"]


def test_a_job_that_shows_late_is_kept_and_the_second_one_cancelled(world: DesignerWorld) -> None:
    run = submitting(world)
    world.later(seconds=2)
    run = world.handed(run)
    world.designer.hold_jobs()
    trainer = world.ports.services.trainer(world.ports.models.get(world.name))
    assert run.data is not None
    first = trainer.submit(run, run.data.training, "unused", "unused")
    world.designer.fault("queryruns", status=404, times=4)  # two looks at a listing that lags behind
    world.later(seconds=121)
    run = world.handed(run)
    assert run.job is not None and (run.job.phase, run.job.again) == ("started", True)
    assert run.job.id != first
    run = world.handed(run)
    assert run.job is not None and run.job.id == first
    assert sorted(states(world)) == ["Canceled", "Running"]
    world.designer.release_jobs()
    assert world.finish(run).state is State.PROMOTED
    assert sorted(states(world)) == ["Canceled", "Completed"]


def test_a_throttled_submission_is_made_again_as_soon_as_the_service_says(world: DesignerWorld) -> None:
    world.designer.fault("submitpipelineendpoint", status=429, retry_after=1, times=2)
    run = world.finish(landed(world))
    assert run.state is State.PROMOTED, run.why
    assert states(world) == ["Completed"]


def test_a_configuration_the_service_refuses_parks_the_run_and_replay_submits_at_once(world: DesignerWorld) -> None:
    world.configure(('data_parameter = "data"', 'data_parameter = "Data"'))
    run = world.finish(landed(world))
    assert run.state is State.PARKED
    assert "it has data, seed" in run.why
    assert run.job is not None and run.job.phase == "due"
    world.configure()
    acts.replay(run, world.ports, actor=TESTER, why="corrected")
    run = world.finish(run)
    assert run.state is State.PROMOTED, run.why
    assert states(world) == ["Completed"]


def test_a_pipeline_that_fails_ends_the_run_with_its_words(world: DesignerWorld) -> None:
    world.designer.fault("runstep", endpoint="Train Model", message="Error 0018: the data set is invalid")
    run = world.finish(landed(world))
    assert run.state is State.FAILED
    assert "step Train Model: UserError: Error 0018" in run.why


def test_cancelling_a_run_that_may_have_submitted_cancels_what_it_submitted(world: DesignerWorld) -> None:
    run = submitting(world)
    world.designer.hold_jobs()
    trainer = world.ports.services.trainer(world.ports.models.get(world.name))
    assert run.data is not None
    trainer.submit(run, run.data.training, "unused", "unused")
    acts.cancel(run, world.ports, actor=TESTER, why="a test")
    assert states(world) == ["Canceled"]


def test_a_pointer_that_somebody_else_moved_stops_the_run(world: DesignerWorld) -> None:
    pointer = msgspec.json.encode({"model": f"serving/{world.name}/other.ilearner"})
    container, _, path = world.scene.live.partition("/")
    world.blobs.get_blob_client(container, path).upload_blob(pointer, overwrite=True)
    run = world.finish(landed(world))
    assert run.state is State.PARKED
    assert "it was changed from outside" in run.why
