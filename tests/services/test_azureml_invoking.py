"""Training by invoking a batch endpoint of Azure ML, whose jobs have names of the service's own."""

from __future__ import annotations

from uuid import uuid4

import pytest

from local.scenery_azureml import create_endpoint, deploy
from retrain.errors import AccessDenied, BadConfiguration, BadRequest, NotFound, PermanentError, RetryableError
from retrain.ports import JobState
from shared.services.azureml.trainer import AzureMlTrainer
from shared.services.azureml.workspace import ML, Workspace
from shared.services.http import Http
from tests.waiting import ended

from .azureml_lab import AzureMlLab

BASE = "https://management.azure.com/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices"


@pytest.fixture(scope="module")
def endpoint(shared_azureml: AzureMlLab) -> str:
    """The name of a batch endpoint that trains."""
    name = f"training-{uuid4().hex[:8]}"
    create_endpoint(shared_azureml.control, name)
    deploy(shared_azureml.control, name, "old", shared_azureml.training)
    deploy(shared_azureml.control, name, "blue", shared_azureml.training)
    return name


@pytest.fixture
def trainer(azureml: AzureMlLab, endpoint: str) -> AzureMlTrainer:
    return azureml.trainer(endpoint=endpoint)


def test_an_invocation_trains_and_the_model_is_where_we_asked_for_it(
    azureml: AzureMlLab, trainer: AzureMlTrainer
) -> None:
    run = azureml.run(l2_weight="2")
    results = trainer.results(azureml.trained(trainer, run))
    model = f"candidates/{run.id.replace('~', '/')}/1/model.ilearner"
    assert results.artifact.partition("?")[0] == azureml.blobs.url(model)
    assert 0.7 < trainer.metrics(results.metrics)["auc"] <= 1


def test_the_job_carries_the_run_and_what_was_asked(azureml: AzureMlLab, trainer: AzureMlTrainer) -> None:
    run = azureml.run(l2_weight="2")
    shown = azureml.control.job(azureml.submitted(trainer, run))
    assert (shown["tags"]["retrainRun"], shown["tags"]["retrainAttempt"]) == (run.id, "1")
    assert shown["tags"]["azureml.deploymentname"] == "blue"
    assert shown["experimentName"] == "retrain"
    assert shown["inputs"]["l2_weight"]["value"] == "2"


def test_a_deployment_that_is_named_is_invoked(azureml: AzureMlLab, endpoint: str) -> None:
    job = azureml.submitted(azureml.trainer(endpoint=endpoint, deployment="old"))
    assert azureml.control.job(job)["tags"]["azureml.deploymentname"] == "old"


def test_an_invocation_whose_answer_was_lost_is_asked_again_and_makes_one_job(
    azureml: AzureMlLab, trainer: AzureMlTrainer
) -> None:
    run = azureml.run()
    azureml.control.fault("invokebatch", cut="after")
    job = azureml.submitted(trainer, run)
    assert [one["name"] for one in azureml.jobs_of(run)] == [job]
    assert trainer.find(run) == job


def test_a_second_job_of_a_service_that_heeds_no_repeated_id_is_cancelled(
    azureml: AzureMlLab, trainer: AzureMlTrainer
) -> None:
    azureml.control.switches(batchRepeated="another", jobDelay=3)
    run = azureml.run()
    first, second = azureml.submitted(trainer, run), azureml.submitted(trainer, run)
    assert first != second
    assert trainer.find(run) == first
    assert ended(trainer, second).state is JobState.CANCELLED
    trainer.cancel(first)


def test_a_list_that_refuses_the_filter_is_looked_through(azureml: AzureMlLab, trainer: AzureMlTrainer) -> None:
    run = azureml.run()
    job = azureml.submitted(trainer, run)
    azureml.control.fault("listmljobs", status=400, times=1)
    assert trainer.find(run) == job
    azureml.control.switches(resourcePage=1)
    assert trainer.find(run) == job
    assert trainer.find(azureml.run()) is None


def test_each_plane_gets_a_token_of_its_own(azureml: AzureMlLab, endpoint: str) -> None:
    asked: list[str] = []

    def token(scope: str) -> str:
        asked.append(scope)
        return azureml.token(scope)

    azureml.submitted(azureml.trainer(token=token, endpoint=endpoint))
    assert {*asked} == {"https://management.azure.com/.default", ML}
    wrong = azureml.trainer(token=lambda _: azureml.token("https://management.azure.com/.default"), endpoint=endpoint)
    with pytest.raises(AccessDenied) as caught:
        azureml.submitted(wrong)
    assert "audience" in str(caught.value)
    assert azureml.token("https://management.azure.com/.default") not in str(caught.value)


@pytest.mark.parametrize(("status", "retry_after"), [(429, 7), (429, None), (503, 30), (408, None)])
def test_a_service_that_cannot_now_is_asked_again_later(
    azureml: AzureMlLab, trainer: AzureMlTrainer, status: int, retry_after: int | None
) -> None:
    azureml.control.fault("invokebatch", status=status, retry_after=retry_after, times=9)
    with pytest.raises(RetryableError) as caught:
        azureml.submitted(trainer)
    assert caught.value.retry_after == retry_after


@pytest.mark.parametrize("status", [409, 424])
def test_a_service_that_will_not_says_so(azureml: AzureMlLab, trainer: AzureMlTrainer, status: int) -> None:
    azureml.control.fault("invokebatch", status=status, message="The deployment cannot take it.", times=9)
    with pytest.raises(PermanentError, match="The deployment cannot take it"):
        azureml.submitted(trainer)


def test_an_input_that_the_deployment_lacks_is_refused_with_those_it_has(azureml: AzureMlLab, endpoint: str) -> None:
    with pytest.raises((BadConfiguration, BadRequest), match="it has data, l2_weight"):
        azureml.submitted(azureml.trainer(endpoint=endpoint, parameters={"epochs": "3"}))


def test_an_endpoint_without_a_default_cannot_train_and_examining_says_so(azureml: AzureMlLab) -> None:
    name = f"training-{uuid4().hex[:8]}"
    create_endpoint(azureml.control, name)
    trainer = azureml.trainer(endpoint=name)
    with pytest.raises(NotFound, match="No valid deployments"):
        azureml.submitted(trainer)
    assert "no default deployment" in " ".join(one.message for one in trainer.examine() if one.verdict == "fail")


def test_examining_tells_which_deployment_trains(azureml: AzureMlLab, trainer: AzureMlTrainer, endpoint: str) -> None:
    found = list(trainer.examine())
    assert {one.verdict for one in found} == {"ok"}, found
    assert f"batch endpoint {endpoint} is there, deployment blue (its default" in found[0].message
    wrong = azureml.trainer(endpoint=endpoint, data_input="rows")
    told = [one.message for one in wrong.examine() if one.verdict == "fail"]
    assert [message for message in told if "data_input = 'rows'" in message]
    assert [message for message in told if "needs its input 'data'" in message]


def test_an_address_that_is_no_host_of_azure_ml_never_gets_a_token() -> None:
    workspace = Workspace(f"{BASE}/workspaces/W", {}, http=Http(BASE), token=lambda _: "t")
    workspace.allow_endpoint("https://income.westeurope.inference.ml.azure.com/jobs")
    for url in ("https://inference.ml.azure.com.example.com/jobs", "https://example.com/jobs", "http://127.0.0.1/jobs"):
        with pytest.raises(BadConfiguration, match="refused"):
            workspace.allow_endpoint(url)
