"""Training over the batch execution protocol, against the stand-in of Studio."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from retrain.errors import AccessDenied, BadConfiguration, BadRequest, Conflict, NotFound, Throttled, Unavailable
from retrain.ports import JobState, JobStatus
from shared.services.studio.batch import StudioBatch
from tests.waiting import ended

from .world import World, a_run, people

DATA, MODEL, METRICS = "runs/income/train.csv", "runs/income/model.ilearner", "runs/income/metrics.csv"


def submitted(world: World, trainer: StudioBatch) -> str:
    return trainer.submit(a_run(), DATA, MODEL, METRICS)


def test_a_job_trains_and_gives_model_and_metrics(world: World) -> None:
    trainer = world.trainer()
    job = submitted(world, trainer)
    assert '"' not in job and trainer.poll(job).state is JobState.NOT_STARTED
    trainer.start(job)
    assert ended(trainer, job).state is JobState.SUCCEEDED
    results = trainer.results(job)
    assert len(b"".join(trainer.download(results.artifact))) > 1000
    metrics = trainer.metrics(results.metrics)
    assert 0.5 < metrics["auc"] <= 1
    assert "accuracy" in metrics and "f1" in metrics


def test_results_in_our_storage_can_be_read_though_the_job_could_only_write_them(world: World) -> None:
    trainer = world.trainer()
    job = submitted(world, trainer)
    trainer.start(job)
    ended(trainer, job)
    results = trainer.results(job)
    assert "sp=r&" in results.artifact + "&"
    assert b"".join(trainer.download(results.artifact)) == world.blobs.read(MODEL)


@pytest.mark.parametrize("encoding", ["string", "number"])
def test_both_encodings_of_a_status_are_understood(world: World, encoding: str) -> None:
    world.studio.switches(statusEncoding=encoding, detailsWhenNull="absent", startStatus=204, cancelStatus=202)
    trainer = world.trainer()
    job = submitted(world, trainer)
    assert trainer.poll(job).state is JobState.NOT_STARTED
    world.studio.hold_jobs()
    trainer.start(job)
    assert trainer.poll(job).state is JobState.RUNNING
    trainer.cancel(job)
    assert ended(trainer, job).state is JobState.CANCELLED
    failing = submitted(world, trainer)
    world.studio.release_jobs()
    world.studio.fault("runjob", message="Error 0018: the data set is invalid")
    trainer.start(failing)
    assert ended(trainer, failing) == JobStatus(state=JobState.FAILED, details=trainer.poll(failing).details)
    assert "Error 0018" in trainer.poll(failing).details


def test_either_spelling_of_cancelled_is_understood(world: World) -> None:
    world.studio.switches(cancelledSpelling="Canceled")
    trainer = world.trainer()
    job = submitted(world, trainer)
    trainer.cancel(job)
    assert trainer.poll(job).state is JobState.CANCELLED
    trainer.cancel(job)


def test_starting_twice_is_harmless(world: World) -> None:
    trainer = world.trainer()
    job = submitted(world, trainer)
    trainer.start(job)
    trainer.start(job)
    ended(trainer, job)
    trainer.start(job)
    assert trainer.poll(job).state is JobState.SUCCEEDED
    trainer.cancel(job)


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("operation", ["submitjob", "startjob", "getjobstatus", "canceljob"])
def test_a_lost_answer_changes_nothing(world: World, operation: str, cut: str) -> None:
    trainer = world.trainer()
    world.studio.fault(operation, cut=cut)
    world.studio.hold_jobs()
    job = submitted(world, trainer)
    trainer.start(job)
    assert trainer.poll(job).state in (JobState.NOT_STARTED, JobState.RUNNING)
    trainer.cancel(job)
    assert ended(trainer, job).state is JobState.CANCELLED
    assert [entry["id"] for entry in world.studio.jobs() if entry["state"] in ("Running", "Queued")] == []


def test_a_throttled_call_hands_on_the_time_to_wait(world: World) -> None:
    trainer = world.trainer()
    world.studio.fault("submitjob", detail="RequestThrottled", retry_after=30)
    with pytest.raises(Throttled) as caught:
        submitted(world, trainer)
    assert caught.value.retry_after == 30


def test_a_service_low_on_memory_is_asked_again(world: World) -> None:
    trainer = world.trainer()
    world.studio.fault("submitjob", code="InternalErrorSystemLowOnMemory", times=2)
    assert submitted(world, trainer)
    world.studio.fault("submitjob", status=503, code="InitializingContainers", times=3)
    with pytest.raises(Unavailable, match="InitializingContainers"):
        submitted(world, trainer)


def test_a_wrong_key_is_explained_and_not_shown(world: World) -> None:
    trainer = world.trainer(key="d3Jvbmcga2V5==")
    with pytest.raises(AccessDenied, match="Each endpoint has keys of its own") as caught:
        submitted(world, trainer)
    assert "d3Jvbmc" not in str(caught.value)


def test_a_wrong_address_is_explained(world: World) -> None:
    base = f"{world.studio.url}/workspaces"
    for url in (f"{base}/{'0' * 32}/services/{'1' * 32}", f"{base}/{world.workspace['id']}/services/{'1' * 32}"):
        with pytest.raises(NotFound, match="the id after services/ is the endpoint's"):
            submitted(world, world.trainer(url=url))


@pytest.mark.parametrize("names", [{"model": "output9"}, {"input": "data"}, {"metrics": "evaluation"}])
def test_names_the_service_lacks_are_answered_with_those_it_has(world: World, names: dict[str, str]) -> None:
    with pytest.raises(BadConfiguration, match=r"inputs input1; outputs output1, output2; global parameters"):
        submitted(world, world.trainer(**names))


def test_an_unknown_parameter_is_answered_with_those_there_are(world: World) -> None:
    trainer = world.trainer(parameters={"Nonsense": "1"})
    with pytest.raises(BadConfiguration, match=r"UnexpectedParameter.*global parameters "):
        submitted(world, trainer)


def test_swapped_outputs_are_refused_before_or_after_training(world: World) -> None:
    with pytest.raises(BadConfiguration, match="InvalidBlobExtension"):
        submitted(world, world.trainer(model="output1", metrics="output2"))
    trainer = world.trainer()
    job = submitted(world, trainer)
    trainer.start(job)
    ended(trainer, job)
    with pytest.raises(BadConfiguration, match=r"no trained model; the outputs that are: output2"):
        world.trainer(model="output1", metrics="").results(job)
    with pytest.raises(BadConfiguration, match=r"no output 'model'; it has output1, output2"):
        world.trainer(model="model").results(job)


def test_a_model_that_would_not_end_in_ilearner_is_refused_at_once(world: World) -> None:
    with pytest.raises(BadConfiguration, match=r"must end in .ilearner"):
        world.trainer().submit(a_run(), DATA, "runs/income/model.bin", METRICS)


def test_a_parameter_of_the_run_wins_over_the_configured_one(world: World) -> None:
    trainer = world.trainer(parameters={"Nonsense": "1"})
    with pytest.raises(BadConfiguration, match="Other"):
        trainer.submit(a_run(Other="2"), DATA, MODEL, METRICS)


def test_data_by_address_needs_no_input(world: World) -> None:
    experiment = world.studio.create_training_experiment(
        world.workspace, "By address", "classification", "income", csv=people(100, 3)
    )
    address = world.blobs.sign(DATA, "r", timedelta(hours=1))
    world.studio.add_outputs(
        world.workspace, experiment["id"], outputs=("model", "evaluation"), data="uri", uri=address
    )
    service = world.studio.deploy(world.workspace, experiment["id"])["WebServiceGroupId"]
    trainer = world.trainer_at(service, data_parameter="URI", model="output1", metrics="output2")
    job = submitted(world, trainer)
    trainer.start(job)
    assert ended(trainer, job).state is JobState.SUCCEEDED, trainer.poll(job).details
    with pytest.raises(BadConfiguration, match="inputs none; outputs output1, output2; global parameters"):
        submitted(world, world.trainer_at(service, model="output1", metrics="output2"))


def test_an_output_left_to_the_service_comes_with_the_services_signature(world: World) -> None:
    trainer = world.trainer(metrics="")
    job = submitted(world, trainer)
    trainer.start(job)
    ended(trainer, job)
    results = world.trainer().results(job)
    assert "experimentoutput" in results.metrics
    assert trainer.metrics(results.metrics)["auc"] > 0.5


def test_data_that_cannot_be_read_is_refused(world: World) -> None:
    with pytest.raises(AccessDenied, match=r"BlobNotFound.*check that the blob exists"):
        world.trainer().submit(a_run(), "runs/income/nowhere.csv", MODEL, METRICS)


def test_an_expired_signature_is_refused_with_advice(world: World) -> None:
    trainer = world.trainer()
    old = StudioBatch(trainer._settings, trainer._jobs._studio._key, lambda blob, permissions, lifetime: (
        f"{world.blobs.url(blob)}?sv=2024-08-04&se=2020-01-01T00%3A00%3A00Z&sr=b&sp=r&sig=U2VjcmV0"
    ))  # fmt: skip
    with pytest.raises(AccessDenied, match="its SAS expired") as caught:
        submitted(world, old)
    assert "U2VjcmV0" not in str(caught.value)


def test_an_expired_download_says_to_ask_again(world: World) -> None:
    trainer = world.trainer()
    url = world.blobs.sign(DATA, "r", timedelta(seconds=1))
    time.sleep(1.2)
    with pytest.raises(AccessDenied, match="ask for the job's results again"):
        trainer.download(url)


def test_an_unknown_job_is_not_found(world: World) -> None:
    for job in ("0" * 32, 'with "quotes"/and?more'):
        with pytest.raises(NotFound):
            world.trainer().poll(job)


def test_results_of_a_job_that_has_none_are_a_conflict(world: World) -> None:
    trainer = world.trainer()
    with pytest.raises(Conflict, match="only a job that succeeded"):
        trainer.results(submitted(world, trainer))


def test_metrics_that_are_no_evaluation_name_the_columns(world: World) -> None:
    with pytest.raises(BadRequest, match="its columns are: age, hours, job, income"):
        world.trainer().metrics(world.blobs.sign(DATA, "r", timedelta(hours=1)))


def test_the_service_cannot_tell_what_was_submitted(world: World) -> None:
    assert world.trainer().find(a_run()) is None
