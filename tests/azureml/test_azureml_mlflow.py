"""MLflow's own client reads the registry and the runs of a workspace, with a token for Resource Manager."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.services.tokens.client import managed_token

from .lab import IN, Lab

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client's own


@pytest.fixture
def mlflow(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client, pointed at the workspace as its documents say, but over plain HTTP."""
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", lab.client.token)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    address = f"{lab.url}/mlflow/v2.0{lab.client.scope}"
    yield MlflowClient(tracking_uri=address, registry_uri=address)


def test_a_champion_is_found_by_its_tags_with_the_run_that_made_it(mlflow: Any, lab: Lab) -> None:
    job = lab.trained()
    uri = f"azureml://jobs/{job}/outputs/model"
    lab.client.register_model("flown", "1", uri, jobName=job, tags={"decision": "refused"})
    lab.client.register_model("flown", "2", uri, jobName=job, tags={"decision": "approved"}, stage="Production")
    (champion,) = mlflow.search_model_versions("name='flown' and tags.decision = 'approved'")
    assert (champion.version, champion.current_stage, champion.source) == ("2", "Production", uri)
    run = mlflow.get_run(champion.run_id)
    assert (run.info.status, run.data.params["label"]) == ("FINISHED", "y")
    assert run.data.metrics["mean_absolute_error"] < 1
    (point,) = mlflow.get_metric_history(job, "mean_absolute_error")
    assert point.value == run.data.metrics["mean_absolute_error"]


def test_versions_are_read_one_by_one_and_the_latest_of_each_stage(mlflow: Any, lab: Lab) -> None:
    for version, stage in (("1", "Production"), ("2", None), ("3", "Production")):
        lab.client.register_model("staged-flow", version, IN + "m.ilearner", stage=stage, description="one")
    assert mlflow.get_model_version("staged-flow", "2").description == "one"
    model = mlflow.get_registered_model("staged-flow")
    assert {one.current_stage: one.version for one in model.latest_versions} == {"Production": "3", "None": "2"}
    (latest,) = mlflow.get_latest_versions("staged-flow", ["Production"])
    assert latest.version == "3"
    assert mlflow.get_model_version_download_uri("staged-flow", "3") == IN + "m.ilearner"


def test_runs_of_an_experiment_are_searched_page_by_page(mlflow: Any, lab: Lab) -> None:
    names = [lab.trained(experimentName="flown-pages", tags={"window": str(number)}) for number in range(3)]
    experiment = mlflow.get_experiment_by_name("flown-pages")
    first = mlflow.search_runs([experiment.experiment_id], max_results=2)
    rest = mlflow.search_runs([experiment.experiment_id], max_results=2, page_token=first.token)
    assert [run.info.run_id for run in (*first, *rest)] == names[::-1]
    (found,) = mlflow.search_runs([experiment.experiment_id], "tags.window = '1'")
    assert found.info.run_id == names[1]


def test_models_are_searched_by_name(mlflow: Any, lab: Lab) -> None:
    lab.client.register_model("searched-a", "1", IN + "m.ilearner")
    lab.client.register_model("searched-b", "1", IN + "m.ilearner")
    assert {model.name for model in mlflow.search_registered_models("name LIKE 'searched-%'")} == {
        "searched-a",
        "searched-b",
    }


def test_what_is_not_there_is_told_in_mlflows_words(mlflow: Any, lab: Lab) -> None:
    from mlflow.exceptions import MlflowException

    for ask in (
        lambda: mlflow.get_registered_model("none"),
        lambda: mlflow.get_model_version("none", "1"),
        lambda: mlflow.get_run("none"),
    ):
        with pytest.raises(MlflowException) as refused:
            ask()
        assert refused.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert mlflow.get_experiment_by_name("none") is None


def test_a_filter_that_cannot_be_read_is_refused(mlflow: Any, lab: Lab) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException) as refused:
        mlflow.search_model_versions("colour = 'red'")
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_token_for_the_data_plane_does_not_open_the_registry(
    mlflow: Any, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", managed_token(lab.url, "https://ml.azure.com"))
    with pytest.raises(MlflowException) as refused:
        mlflow.get_registered_model("any")
    assert refused.value.error_code == "UNAUTHENTICATED"
