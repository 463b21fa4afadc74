"""Names, places and states of Azure ML as we write and read them; nothing is called."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import BadConfiguration, BadRequest
from retrain.ports import JobState
from shared.services.azureml.assets import Stores, asset_id, name_and_version, short_name, workspace_path
from shared.services.azureml.components import Component
from shared.services.azureml.jobs import JobProperties, MlJob
from shared.services.azureml.measures import read_metrics
from shared.services.azureml.work import for_endpoint, literal, read_from, written_to
from shared.services.azureml.workspace import writable_identity

WORKSPACE = "/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices/workspaces/W"
STORES = Stores(WORKSPACE, {"runs": "retrain_runs", "candidates": "other"})
PATHS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,20}(/[A-Za-z0-9._=+-]{1,20}){0,4}", fullmatch=True)


@given(st.sampled_from(["runs", "candidates"]), PATHS, st.booleans())
def test_a_blob_of_ours_is_read_back_from_its_path_in_a_datastore(container: str, path: str, whole: bool) -> None:
    blob = f"{container}/{path}"
    assert STORES.blob(STORES.uri(blob, whole=whole)) == blob


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "azureml://datastores/elsewhere/paths/x",
        "azureml://jobs/a/outputs/model",
        "https://a.blob.core.windows.net/x",
    ],
)
def test_what_is_in_no_datastore_of_ours_is_no_blob_of_ours(uri: str) -> None:
    assert STORES.blob(uri) == ""


@given(st.text(min_size=1, max_size=80), st.text(max_size=80), st.integers(1, 99))
def test_a_jobs_name_is_one_the_service_takes_and_tells_runs_apart(target: str, other: str, attempt: int) -> None:
    name = f"{short_name(target, target)}-{attempt}"
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,254}", name)
    assert (short_name("x", target) == short_name("x", other)) == (target == other)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NotStarted", JobState.NOT_STARTED),
        *((status, JobState.RUNNING) for status in (
            "Starting", "Provisioning", "Preparing", "Queued", "Running", "Finalizing", "CancelRequested",
            "NotResponding", "Paused", "Unknown", "Scheduled",
        )),
        ("Completed", JobState.SUCCEEDED),
        ("Failed", JobState.FAILED),
        ("Canceled", JobState.CANCELLED),
        (None, JobState.NOT_STARTED),
    ],
)  # fmt: skip
def test_every_status_is_one_of_ours(status: str | None, state: JobState) -> None:
    assert MlJob(name="x", properties=JobProperties(status=status)).state is state


def test_the_data_plane_spells_inputs_and_outputs_its_own_way() -> None:
    given_ = {"data": read_from("uri_file", "u"), "model": read_from("mlflow_model", "m"), "rate": literal("0.1")}
    assert for_endpoint(given_) == {
        "data": {"JobInputType": "UriFile", "Uri": "u"},
        "model": {"JobInputType": "MLFlowModel", "Uri": "m"},
        "rate": {"JobInputType": "Literal", "Value": "0.1"},
    }
    assert for_endpoint({"out": written_to("uri_folder", "o")}) == {"out": {"JobOutputType": "UriFolder", "Uri": "o"}}


def test_an_asset_is_named_shortly_or_wholly() -> None:
    assert asset_id(WORKSPACE, "components", "azureml:train:3") == f"{WORKSPACE}/components/train/versions/3"
    whole = "azureml://registries/azureml/environments/sklearn-1.5/versions/1"
    assert asset_id(WORKSPACE, "environments", whole) == whole
    assert name_and_version(whole) == ("sklearn-1.5", "1") and name_and_version("a:2") == ("a", "2")
    with pytest.raises(BadConfiguration, match="NAME:VERSION"):
        name_and_version("just-a-name")
    assert workspace_path(f"https://management.azure.com{WORKSPACE}/") == WORKSPACE


@pytest.mark.parametrize(
    "bound",
    [
        "${{parent.inputs.model}}",
        {"job_input_type": "literal", "value": "${{ parent.inputs.model }}"},
        {"type": "custom_model", "path": "${{parent.inputs.model}}"},
    ],
)
def test_a_model_is_fixed_wherever_the_component_binds_it(bound: object) -> None:
    jobs = {"a": {"inputs": {"data": "${{parent.inputs.data}}", "it": bound}}, "b": {"inputs": {"it": bound, "n": 3}}}
    component = Component("c:1", {"type": "pipeline", "inputs": {"data": {}, "model": {}}, "jobs": jobs})
    fixed = Component("d:1", component.with_model("model", "custom_model", "azureml:m:7"))
    assert fixed.model_at(component.places("model")) == "azureml:m:7"
    assert [*fixed.inputs] == ["data"]
    assert fixed.spec["jobs"]["a"]["inputs"]["data"] == "${{parent.inputs.data}}"
    assert component.model_at(component.places("model")) == ""
    with pytest.raises(BadConfiguration, match="it has data, model"):
        component.places("modell")
    with pytest.raises(BadConfiguration, match="no step"):
        Component("e:1", {"inputs": {"model": {}}, "jobs": {}}).places("model")


def test_metrics_are_read_from_json_and_from_evaluate_models_csv() -> None:
    found = {"AUC": 0.9, "rmse": "1.5", "Mean Absolute Error": 7, "epochs": 3, "loss": None}
    assert read_metrics(msgspec.json.encode(found)) == {"auc": 0.9, "rmse": 1.5, "mae": 7.0}
    assert read_metrics(b"AUC,Accuracy\n0.8,0.7\n") == {"auc": 0.8, "accuracy": 0.7}
    for wrong in (b"{", b'{"a": [1]}', b"nothing\n"):
        with pytest.raises(BadRequest, match="evaluation"):
            read_metrics(wrong)


def test_an_identity_is_sent_without_what_the_service_says_of_it() -> None:
    shown = {"type": "SystemAssigned", "principalId": "p", "tenantId": "t"}
    assert writable_identity(shown) == {"type": "SystemAssigned"}
    users = {"type": "UserAssigned", "userAssignedIdentities": {"/id": {"clientId": "c"}}}
    assert writable_identity(users) == {"type": "UserAssigned", "userAssignedIdentities": {"/id": {}}}
