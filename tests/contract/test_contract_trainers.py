"""What any service that trains must do for us; the cases are in `cases`."""

from __future__ import annotations

import pytest

from retrain.errors import NotFound, RetryableError
from retrain.ports import JobState

from .cases import Case, stand_ins


def test_a_job_leaves_a_model_and_its_evaluation(subject: Case) -> None:
    run = subject.run()
    job = subject.submit(run)
    subject.trainer.start(job)
    status = subject.ended(job)
    assert status.state is JobState.SUCCEEDED, status.details
    results = subject.trainer.results(job)
    assert len(b"".join(subject.trainer.download(results.artifact))) > 1000
    assert 0.5 < subject.trainer.metrics(results.metrics)["auc"] <= 1


def test_starting_twice_is_harmless(subject: Case) -> None:
    job = subject.submit(subject.run())
    subject.trainer.start(job)
    subject.trainer.start(job)
    assert subject.ended(job).state is JobState.SUCCEEDED
    subject.trainer.start(job)
    assert subject.trainer.poll(job).state is JobState.SUCCEEDED


def test_a_job_that_was_submitted_is_found_by_its_run_or_does_nothing_unless_started(subject: Case) -> None:
    run = subject.run()
    assert subject.trainer.find(run) is None
    job = subject.submit(run)
    if subject.trainer.registers:
        assert subject.trainer.poll(job).state is JobState.NOT_STARTED
    else:
        assert subject.trainer.find(run) == job
        assert subject.trainer.find(subject.run()) is None
    subject.trainer.cancel(job)
    subject.ended(job)


def test_data_without_the_label_fails_with_a_reason(subject: Case) -> None:
    subject.ports.blobs.write("runs/contract/unlabelled.csv", b"age,hours\n" + b"30,40\n" * 20)
    job = subject.submit(subject.run(), "runs/contract/unlabelled.csv")
    subject.trainer.start(job)
    status = subject.ended(job)
    assert status.state is JobState.FAILED
    assert subject.model.label in status.details


def test_a_cancelled_job_stops_and_cancelling_again_is_harmless(subject: Case) -> None:
    job = subject.submit(subject.run())
    subject.trainer.start(job)
    subject.trainer.cancel(job)
    subject.trainer.cancel(job)
    assert subject.ended(job).state in (JobState.CANCELLED, JobState.SUCCEEDED)  # it may have been faster


def test_an_unknown_job_is_not_found(subject: Case) -> None:
    with pytest.raises(NotFound):
        subject.trainer.poll("0123456789abcdef0123456789abcdef")


@stand_ins()
def test_the_parameters_of_a_run_reach_the_job(subject: Case) -> None:
    assert subject.trained().sha256 != subject.trained(**{subject.trainer_faults.weight: "5000"}).sha256


def test_other_data_make_another_model(subject: Case) -> None:
    assert subject.trained().sha256 != subject.trained(subject.turned()).sha256


@stand_ins()
def test_a_service_that_cannot_now_is_told_from_one_that_will_not(subject: Case) -> None:
    assert subject.services is not None
    job = subject.submit(subject.run())
    subject.services.fault(subject.trainer_faults.poll, status=503, retry_after=30, times=9)
    with pytest.raises(RetryableError) as caught:
        subject.trainer.poll(job)
    assert caught.value.retry_after == 30
    subject.services.clear_faults()
    subject.trainer.cancel(job)
    subject.ended(job)


@stand_ins()
def test_a_submission_whose_answer_was_lost_leaves_at_most_one_job_that_runs(subject: Case) -> None:
    assert subject.services is not None
    run = subject.run()
    subject.services.fault(subject.trainer_faults.submit, cut="after")
    try:
        job = subject.submit(run)  # a job that is only registered, or that has our name, is simply asked for again
    except RetryableError:
        assert not subject.trainer.registers
        job = subject.trainer.find(run) or ""
    assert job
    assert subject.trainer.registers or subject.trainer.find(run) == job
    subject.trainer.start(job)
    assert subject.ended(job).state is JobState.SUCCEEDED


def test_examining_finds_nothing_wrong_and_changes_nothing(subject: Case) -> None:
    found = list(subject.trainer.examine())
    assert found
    assert [one for one in found if one.verdict == "fail"] == []
    if subject.services is not None:
        subject.services.clear_log()
        list(subject.trainer.examine())
        assert {seen["method"] for seen in subject.services.log() if "query" not in seen["path"]} <= {"GET"}


def test_it_says_how_many_jobs_it_runs_at_a_time_the_same_for_all_who_train_there(subject: Case) -> None:
    places = subject.trainer.places()
    assert places is None or (places.count >= 1 and places.url.startswith("http"))
    assert subject.trainer.places() == places
