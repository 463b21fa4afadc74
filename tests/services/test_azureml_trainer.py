"""Training by jobs of today's Azure ML, put under our own name."""

from __future__ import annotations

import time

import msgspec
import pytest

from retrain.errors import AccessDenied, BadConfiguration, BadRequest, Conflict, NotFound, Throttled, Unavailable
from retrain.ports import JobState
from shared.services.azureml.trainer import job_name
from tests.waiting import ended

from .azureml_lab import TRAINING, AzureMlLab

COMMAND = {
    "command": "python train.py --data ${{inputs.data}} --task classification --label income "
    "--learner logistic-regression --model ${{outputs.model}} --evaluation ${{outputs.metrics}}",
    "environment": "azureml://registries/azureml/environments/sklearn-1.5/versions/1",
    "compute": "cpu",
}
"""What the component does, as a command."""


def test_a_job_trains_and_its_model_is_where_we_asked_for_it(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(), azureml.run()
    results = trainer.results(azureml.trained(trainer, run))
    model = f"candidates/{run.id.replace('~', '/')}/1/model.ilearner"
    assert results.artifact.partition("?")[0] == azureml.blobs.url(model)
    assert len(b"".join(trainer.download(results.artifact))) == azureml.blobs.head(model).size > 1000
    assert 0.7 < trainer.metrics(results.metrics)["auc"] <= 1


def test_a_job_has_the_name_that_its_run_computes_and_says_whose_it_is(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(), azureml.run()
    job = azureml.submitted(trainer, run)
    assert job == job_name(run) != job_name(msgspec.structs.replace(run, attempt=2))
    shown = azureml.control.job(job)
    assert shown["tags"] == {"retrainRun": run.id, "retrainAttempt": "1"}
    assert shown["experimentName"] == "retrain"


def test_targets_whose_names_look_alike_have_jobs_of_their_own(azureml: AzureMlLab) -> None:
    run = azureml.run()
    twins = [msgspec.structs.replace(run, id=f"{target}~1", target=target) for target in ("a:b", "a-b")]
    assert job_name(twins[0]) != job_name(twins[1])


def test_a_job_that_is_there_is_not_put_again(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(), azureml.run()
    first = azureml.submitted(trainer, run)
    azureml.control.clear_log()
    assert azureml.submitted(trainer, run) == first
    assert {seen["method"] for seen in azureml.control.log()} == {"GET"}


def test_a_submission_whose_answer_was_lost_is_one_job(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(), azureml.run()
    azureml.control.fault("putmljob", cut="after")
    job = azureml.submitted(trainer, run)
    assert [one["name"] for one in azureml.jobs_of(run)] == [job]


def test_a_job_is_found_by_its_run_and_each_attempt_is_another(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(), azureml.run()
    assert trainer.find(run) is None
    job = azureml.submitted(trainer, run)
    assert trainer.find(run) == job
    assert trainer.find(msgspec.structs.replace(run, attempt=2)) is None


def test_somebody_elses_job_of_this_name_is_not_taken_for_ours(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(), azureml.run()
    inputs = {"data": {"jobInputType": "uri_file", "uri": "azureml://datastores/retrain_runs/paths/x.csv"}}
    azureml.control.command_job(job_name(run), "python train.py --data ${{inputs.data}}", inputs, {})
    with pytest.raises(Conflict, match="is not that of run"):
        trainer.find(run)
    with pytest.raises(Conflict, match="is not that of run"):
        azureml.submitted(trainer, run)


def test_a_command_trains_as_a_component_does(azureml: AzureMlLab) -> None:
    by_command, by_component = azureml.trainer(**COMMAND), azureml.trainer()
    measured = [
        trainer.metrics(trainer.results(azureml.trained(trainer)).metrics) for trainer in (by_command, by_component)
    ]
    assert measured[0] == measured[1]


def test_the_model_is_taken_from_a_folder_where_one_is_named(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(model_as="custom_model", model_file="model.ilearner", **COMMAND), azureml.run()
    artifact = trainer.results(azureml.trained(trainer, run)).artifact
    assert artifact.partition("?")[0].endswith("/1/output/model.ilearner")
    assert len(b"".join(trainer.download(artifact))) > 1000


def test_a_folder_without_the_named_file_is_a_mistake_of_the_configuration(azureml: AzureMlLab) -> None:
    trainer = azureml.trainer(model_as="custom_model", model_file="other.pkl", **COMMAND)
    with pytest.raises(BadConfiguration, match=r"no model at .*other\.pkl.*model_file"):
        trainer.results(azureml.trained(trainer))


def test_parameters_of_the_run_win_and_those_of_the_data_are_refused(azureml: AzureMlLab) -> None:
    trainer, run = azureml.trainer(parameters={"l2_weight": "2"}), azureml.run(l2_weight="3")
    inputs = azureml.control.job(azureml.submitted(trainer, run))["inputs"]
    assert inputs["l2_weight"]["value"] == "3"
    with pytest.raises(BadRequest, match="takes the data of the run"):
        azureml.submitted(trainer, azureml.run(data="other.csv"))


def test_a_service_that_refuses_the_job_is_a_mistake_of_the_configuration(azureml: AzureMlLab) -> None:
    trainer = azureml.trainer(component="no-such:1")
    with pytest.raises((BadConfiguration, NotFound), match="no-such"):
        azureml.submitted(trainer)


def test_a_failed_job_tells_what_it_said(azureml: AzureMlLab) -> None:
    azureml.blobs.write("runs/income/azureml/unlabelled.csv", b"age,hours\n" + b"30,40\n" * 20)
    trainer = azureml.trainer()
    status = ended(trainer, azureml.submitted(trainer, data="runs/income/azureml/unlabelled.csv"))
    assert status.state is JobState.FAILED
    assert "'income'" in status.details or "income," in status.details, status.details


@pytest.mark.parametrize("state", ["NotResponding", "Paused"])
def test_a_job_that_may_still_go_on_is_at_work(azureml: AzureMlLab, state: str) -> None:
    azureml.control.switches(runningStatus=state, jobDelay=1)
    trainer = azureml.trainer()
    job = azureml.submitted(trainer)
    while azureml.control.job(job)["status"] != state:
        time.sleep(0.02)
    assert trainer.poll(job).state is JobState.RUNNING
    trainer.cancel(job)


def test_results_of_a_job_that_did_not_succeed_are_refused(azureml: AzureMlLab) -> None:
    azureml.control.switches(jobDelay=5)
    trainer = azureml.trainer()
    job = azureml.submitted(trainer)
    with pytest.raises(Conflict, match="only one that completed has any"):
        trainer.results(job)
    trainer.cancel(job)
    assert ended(trainer, job).state is JobState.CANCELLED
    trainer.cancel(job)


def test_an_output_outside_of_our_storage_is_a_mistake_of_the_configuration(azureml: AzureMlLab) -> None:
    job = azureml.trained(azureml.trainer())
    with pytest.raises(BadConfiguration, match=r"its outputs are .*model"):
        azureml.trainer(model_output="default", metrics_output="").results(job)


def test_what_a_job_logged_is_read_where_it_writes_no_file(azureml: AzureMlLab) -> None:
    trainer = azureml.trainer(metrics_output="")
    job = azureml.trained(trainer)
    assert trainer.results(job).metrics == job
    assert 0.7 < trainer.metrics(job)["auc"] <= 1


def test_a_throttled_look_says_how_long_to_wait(azureml: AzureMlLab) -> None:
    trainer = azureml.trainer()
    job = azureml.submitted(trainer)
    azureml.control.fault("getmljob", status=429, retry_after=7, times=9)
    with pytest.raises(Throttled) as caught:
        trainer.poll(job)
    assert caught.value.retry_after == 7


def test_a_service_that_is_down_is_asked_again_later(azureml: AzureMlLab) -> None:
    azureml.control.fault("putmljob", status=500, times=9)
    with pytest.raises(Unavailable):
        azureml.submitted(azureml.trainer())


def test_a_token_for_somebody_else_is_refused_with_advice(azureml: AzureMlLab) -> None:
    trainer = azureml.trainer(token=lambda scope: azureml.token("https://ml.azure.com/.default"))
    with pytest.raises(AccessDenied, match="identity"):
        azureml.submitted(trainer)


def test_examining_tells_of_what_is_there(azureml: AzureMlLab) -> None:
    found = list(azureml.trainer(parameters={"l2_weight": "1"}).examine())
    assert {one.verdict for one in found} == {"ok"}, found
    told = " ".join(one.message for one in found)
    for words in ("component income-train:1 is there", "retrain_candidates is over the container candidates", "cpu"):
        assert words in told


def test_examining_names_what_is_wrong(azureml: AzureMlLab) -> None:
    stores = {"runs": "retrain_history", "candidates": "no-such"}
    wrong = azureml.trainer(data_input="Data", metrics_output="metric", datastores=stores, compute="gpu",
                            component="income-train:1")  # fmt: skip
    told = [one.message for one in wrong.examine() if one.verdict == "fail"]
    for words in ("did you mean 'data'", "did you mean 'metrics'", "over the container 'history'", "no-such", "gpu"):
        assert [message for message in told if words in message], words
    assert not [message for message in told if TRAINING in message]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"component": ""}, "give one of them"),
        ({"component": "a:1", "endpoint": "b"}, "give one of them"),
        ({"component": "just-a-name"}, "NAME:VERSION"),
        ({"command": "python train.py"}, "environment is missing"),
        ({"component": "a:1", "code": "c:1"}, "belong to a command"),
        ({"component": "a:1", "deployment": "blue"}, "set endpoint"),
        ({"component": "a:1", "datastores": {"runs": "x"}}, "candidates"),
        ({"component": "a:1", "data_input": ""}, "data_input"),
        ({"component": "a:1", "parameters": {"data": "x"}}, "which data_input fills"),
        ({"component": "a:1", "model_as": "mlflow_model"}, "model_file"),
        ({"component": "a:1", "workspace": "https://management.azure.com/x"}, "workspace"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_called(
    azureml: AzureMlLab, given: dict[str, object], words: str
) -> None:
    problems = azureml.settings(**{"component": "", **given}).problems()
    assert [problem for problem in problems if words in problem], problems
