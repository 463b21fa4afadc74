"""Batch endpoints: made, given a default, invoked with either casing, and the same job read from both planes."""

from __future__ import annotations

import pytest

from local.services.client import Json, ServiceRefused
from local.services.tokens.client import managed_token

from .lab import IN, Lab, whole

DATA = {"data": {"JobInputType": "UriFile", "Uri": IN + "line.csv"}}


@pytest.fixture
def endpoint(lab: Lab) -> str:
    """The name of an endpoint whose default deployment is `blue`."""
    name = f"line-{lab.name()}"
    lab.client.create_batch_endpoint(name)
    lab.client.create_batch_deployment(name, "blue", whole(lab), default_compute=lab.compute)
    lab.client.create_batch_endpoint(name, "blue")
    return name


def scoring_uri(lab: Lab, endpoint: str) -> str:
    """Where it is invoked."""
    return str(lab.client.arm("GET", f"batchEndpoints/{endpoint}")["properties"]["scoringUri"])


def target(lab: Lab, name: str) -> Json:
    """An output that does not exist yet."""
    return {"scores": {"JobOutputType": "UriFile", "Uri": f"{IN}batch/{name}-{lab.name()}.csv"}}


def test_an_invocation_makes_a_job_that_both_planes_show_by_one_name(lab: Lab, endpoint: str) -> None:
    out = target(lab, endpoint)
    made = lab.client.invoke_batch(endpoint, DATA, out)
    found = lab.client.wait_job(made["name"])
    assert (found["status"], found["jobType"], found["experimentName"]) == ("Completed", "Pipeline", endpoint)
    there = lab.client.data_plane("GET", f"{scoring_uri(lab, endpoint)}/{made['name']}")
    assert there["properties"]["status"] == "Completed"
    path = out["scores"]["Uri"].partition("/paths/")[2]
    assert lab.download(path).startswith(b"x,kind,y,Scored Labels")


def test_an_invocation_is_answered_with_201_and_a_location_that_holds_no_job(lab: Lab, endpoint: str) -> None:
    token = managed_token(lab.url, "https://ml.azure.com")
    answer = lab.client.call("POST", scoring_uri(lab, endpoint), token, {"properties": {"InputData": DATA}})
    assert answer.status_code == 201
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.json()["name"] not in answer.headers["Location"]
    assert answer.json()["id"] == f"{lab.client.scope}/batchEndpoints//jobs/{answer.json()['name']}"


def test_a_body_in_the_casing_of_the_sdk_means_the_same(lab: Lab, endpoint: str) -> None:
    body = {
        "properties": {
            "inputData": {
                "data": {"jobInputType": "UriFile", "uri": IN + "line.csv"},
                "label": {"jobInputType": "Literal", "value": "y"},
            },
            "properties": {"experimentName": "retrain-line"},
        }
    }
    made = lab.client.data_plane("POST", scoring_uri(lab, endpoint), body)
    assert lab.client.wait_job(made["name"])["experimentName"] == "retrain-line"


def test_a_repeated_request_id_answers_the_first_job(lab: Lab, endpoint: str) -> None:
    repeated = {"repeatability_request-id": "one"}
    first, again = (lab.client.invoke_batch(endpoint, DATA, {}, repeated) for _ in range(2))
    assert first["name"] == again["name"]
    lab.client.switches(batchRepeated="another")
    assert lab.client.invoke_batch(endpoint, DATA, {}, repeated)["name"] != first["name"]


def test_a_job_is_known_although_the_answer_was_lost(lab: Lab, endpoint: str) -> None:
    import requests

    lab.client.fault("invokebatch", cut="after")
    repeated = {"repeatability_request-id": "lost"}
    with pytest.raises(requests.ConnectionError):
        lab.client.invoke_batch(endpoint, DATA, {}, repeated)
    jobs = f"{lab.url}/mferp/managementfrontend{lab.client.scope}/batchEndpoints/{endpoint}/jobs"
    listed = lab.client.data_plane("GET", f"{jobs}?api-version=2020-09-01-dataplanepreview")["value"]
    assert [one["name"] for one in listed] == [lab.client.invoke_batch(endpoint, DATA, {}, repeated)["name"]]


def test_the_header_chooses_the_deployment_and_the_default_can_be_switched(lab: Lab, endpoint: str) -> None:
    lab.client.create_batch_deployment(endpoint, "green", whole(lab))
    made = lab.client.invoke_batch(endpoint, DATA, {}, {"azureml-model-deployment": "green"})
    assert made["properties"]["tags"]["azureml.deploymentname"] == "green"
    lab.client.create_batch_endpoint(endpoint, "green")
    made = lab.client.invoke_batch(endpoint, DATA, {})
    assert made["properties"]["tags"]["azureml.deploymentname"] == "green"


def test_an_output_that_is_there_is_not_overwritten(lab: Lab, endpoint: str) -> None:
    out = target(lab, endpoint)
    for wanted in ("Completed", "Failed"):
        made = lab.client.invoke_batch(endpoint, DATA, out)
        assert lab.client.wait_job(made["name"])["status"] == wanted


@pytest.mark.parametrize(
    ("inputs", "outputs", "about"),
    [
        ({"other": DATA["data"]}, {}, "no input 'other'"),
        ({}, {}, "'data' is needed"),
        (DATA, {"other": {"JobOutputType": "UriFile"}}, "no output 'other'"),
        ({"data": {"JobInputType": "UriFile", "Uri": "azureml:none:1"}}, {}, "azureml:none:1"),
    ],
)
def test_an_invocation_is_refused_when_it_does_not_suit_the_component(
    lab: Lab, endpoint: str, inputs: Json, outputs: Json, about: str
) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.client.invoke_batch(endpoint, inputs, outputs)
    assert refused.value.status == 400
    assert about in refused.value.body


def test_an_invocation_is_refused_when_no_deployment_is_the_default(lab: Lab, endpoint: str) -> None:
    lab.client.create_batch_endpoint(endpoint)
    with pytest.raises(ServiceRefused) as refused:
        lab.client.invoke_batch(endpoint, DATA, {})
    assert "No valid deployments to route to" in refused.value.body


def test_an_invocation_with_a_token_for_resource_manager_is_refused(lab: Lab, endpoint: str) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.client.call("POST", scoring_uri(lab, endpoint), lab.client.token, {})
    assert refused.value.status == 401


def test_an_invocation_of_a_reader_is_refused(lab: Lab, endpoint: str) -> None:
    where = scoring_uri(lab, endpoint)
    lab.client.role("Reader")
    with pytest.raises(ServiceRefused) as refused:
        lab.client.data_plane("POST", where, {})
    assert refused.value.status == 403


def test_an_endpoint_has_no_address_until_it_is_made(lab: Lab) -> None:
    lab.client.switches(batchDelay=0.5)
    made = lab.client.create_batch_endpoint("slow-one")
    assert (made["properties"]["scoringUri"], made["properties"]["provisioningState"]) == (None, "Creating")
    followed = made["properties"]["properties"]["AzureAsyncOperationUri"]
    while (found := lab.client.call("GET", followed, lab.client.token).json())["status"] == "Creating":
        assert found["percentComplete"] == 0.0
    assert found["status"] == "Succeeded"
    assert scoring_uri(lab, "slow-one").endswith("/slow-one/jobs")


def test_a_deployment_that_a_fault_strikes_says_so_where_it_is_followed(lab: Lab, endpoint: str) -> None:
    lab.client.fault("runbatchoperation", endpoint="red", message="No quota.")
    made = lab.client.create_batch_deployment(endpoint, "red", whole(lab))
    assert made["properties"]["provisioningState"] == "Failed"
    followed = made["properties"]["properties"]["AzureAsyncOperationUri"]
    assert lab.client.call("GET", followed, lab.client.token).json()["error"]["message"] == "No quota."


def test_a_default_deployment_is_not_deleted_but_another_one_is(lab: Lab, endpoint: str) -> None:
    lab.client.create_batch_deployment(endpoint, "green", whole(lab))
    with pytest.raises(ServiceRefused) as refused:
        lab.client.arm("DELETE", f"batchEndpoints/{endpoint}/deployments/blue")
    assert refused.value.status == 400
    path = f"{lab.client.scope}/batchEndpoints/{endpoint}/deployments/green?api-version=2025-12-01"
    answer = lab.client.call("DELETE", path, lab.client.token)
    assert answer.status_code == 202
    assert lab.client.call("GET", answer.headers["Location"], lab.client.token).status_code == 204
    left = lab.client.arm("GET", f"batchEndpoints/{endpoint}/deployments")["value"]
    assert [one["name"] for one in left] == ["blue"]


def test_a_deployment_of_a_command_component_is_refused(lab: Lab, endpoint: str) -> None:
    whole(lab)
    with pytest.raises(ServiceRefused) as refused:
        lab.client.create_batch_deployment(endpoint, "train", f"{lab.client.scope}/components/train/versions/1")
    assert refused.value.status == 400
