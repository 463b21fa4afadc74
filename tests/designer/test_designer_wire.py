"""What the wire leaves open, who may ask, and how errors are spelled."""

from __future__ import annotations

import time

import pytest
import requests

from local.services.client import ServiceRefused
from local.services.tokens.client import managed_token

from .lab import Json, Lab

PIPE, HIST = "/pipelines/v1.0{WS}", "/history/v1.0{WS}"


def submit_path(lab: Lab) -> str:
    return f"{PIPE}/PipelineRuns/PipelineEndpointSubmit/Id/{lab.endpoint['Id']}"


def error_of(answer: requests.Response) -> Json:
    error: Json = answer.json()["Error"]
    assert set(error) == {"Code", "Message", "Target", "Details", "InnerError", "DebugInfo"}
    return error


def test_discovery_leads_from_resource_manager_to_every_service(lab: Lab) -> None:
    workspace = lab.call("GET", "{WS}?api-version=2025-12-01").json()
    found = requests.get(workspace["properties"]["discoveryUrl"], timeout=9).json()
    assert {found[name] for name in ("api", "history", "pipelines", "metric", "artifact")} == {lab.url}
    assert workspace["id"] == lab.client.scope
    assert requests.get(
        lab.url + lab.client.scope.lower(), headers={"Authorization": f"Bearer {lab.client.token}"}, timeout=9
    ).ok


def test_a_workspace_is_made_and_missed_as_resource_manager_does(lab: Lab) -> None:
    other = lab.client.scope + "-made"
    headers = {"Authorization": f"Bearer {lab.client.token}"}
    missing = requests.get(lab.url + other, headers=headers, timeout=9)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "ResourceNotFound")
    assert requests.put(lab.url + other, headers=headers, data="[", timeout=9).status_code == 400
    assert requests.put(lab.url + other, timeout=9).json()["error"]["code"] == "InvalidAuthenticationToken"
    made = [requests.put(lab.url + other, headers=headers, json={"tags": {"a": "1"}}, timeout=9) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 200]
    assert made[0].json() == made[1].json()


def test_only_a_token_for_resource_manager_opens(lab: Lab) -> None:
    for token in ("none", managed_token(lab.url, "https://ml.azure.com")):
        refused = lab.call("POST", submit_path(lab), token, json={})
        assert refused.status_code == 401
        assert error_of(refused)["Code"] == "Unauthorized"
    missing = lab.call("GET", f"{HIST}/runs/x", token="")
    assert missing.status_code == 401
    assert missing.json()["error"]["code"] == "UserError"
    assert set(missing.json()) == {"error", "correlation", "environment", "location", "time", "componentName"}


def test_a_reader_reads_and_does_not_submit(lab: Lab) -> None:
    run = lab.client.submit(lab.pipeline["Id"])
    lab.ran(run)
    lab.client.role("Reader")
    assert lab.call("GET", f"{PIPE}/PipelineRuns/{run['Id']}").ok
    assert lab.call("POST", f"{HIST}/experiments/Line/runs:query", json={}).ok
    refused = lab.call("POST", submit_path(lab), json={})
    assert (refused.status_code, error_of(refused)["Code"]) == (403, "Forbidden")
    assert lab.call("POST", f"{PIPE}/PipelineRuns/{run['Id']}/Cancel").status_code == 403


@pytest.mark.parametrize("status", [405, 404, 400])
def test_a_get_on_an_address_to_submit_to_is_an_unsupported_version(lab: Lab, status: int) -> None:
    lab.client.switches(unsupportedMethod=status)
    refused = lab.call("GET", submit_path(lab))
    assert refused.status_code == status
    assert error_of(refused)["Code"] == "UnsupportedApiVersion"
    assert "does not support HTTP method 'GET'" in error_of(refused)["Message"]


@pytest.mark.parametrize(
    "path",
    ["PipelineRuns/none", "PublishedPipelines/none", "PipelineEndpoints/Id/none", "PipelineEndpoints/Name?name=x"],
)
def test_what_is_not_there_is_404_in_pascal_case(lab: Lab, path: str) -> None:
    missing = lab.call("GET", f"{PIPE}/{path}")
    assert (missing.status_code, error_of(missing)["Code"]) == (404, "NotFound")


def test_routes_and_workspaces_that_are_not_there_are_404_in_each_services_form(lab: Lab) -> None:
    assert lab.call("GET", PIPE + "/Nothing").json()["Error"]["Code"] == "NotFound"
    assert lab.call("GET", HIST + "/nothing").json()["error"]["code"] == "UserError"
    elsewhere = lab.call("GET", f"{HIST}/runs/x".replace("{WS}", lab.client.scope + "2"))
    assert "Workspace not found" in elsewhere.json()["error"]["message"]


def test_enums_are_texts_or_numbers(lab: Lab) -> None:
    run = lab.client.submit(lab.pipeline["Id"], RunType="SDK")
    lab.ran(run)
    texts = lab.client.run(run["Id"])
    lab.client.switches(enumEncoding="number")
    numbers = lab.client.run(run["Id"])
    kinds = ("UploadState", "RunType", "EntityStatus")
    assert [texts[kind] for kind in kinds] == ["Completed", "SDK", "Active"]
    assert [numbers[kind] for kind in kinds] == [1, 1, 0]
    assert (texts["Status"]["StatusCode"], numbers["Status"]["StatusCode"]) == ("Finished", 3)


def test_other_spellings_of_a_run_that_were_seen_can_be_had(lab: Lab) -> None:
    lab.client.switches(
        createdDate="epoch", dataSetMember="DataSetDefinitionValueAssignment", newRunStatus="null", stepDelay=0.3
    )
    run = lab.client.submit(lab.pipeline["Id"])
    assert run["CreatedDate"] == "1970-01-01T00:00:00"
    assert run["DataSetDefinitionValueAssignment"] == {}
    assert run["Status"] is None
    lab.ran(run)
    lab.client.switches(runCasing="camel")
    shown = lab.client.run(run["Id"])
    assert (shown["id"], shown["status"]["statusCode"]) == (run["Id"], "Finished")


def test_a_parameter_that_does_not_exist_is_refused_or_ignored(lab: Lab) -> None:
    body = {"ParameterAssignments": {"colour": "red"}}
    for status in (400, 422):
        lab.client.switches(unknownParameter=status)
        refused = lab.call("POST", submit_path(lab), json=body)
        assert refused.status_code == status
        assert "'colour'" in error_of(refused)["Message"]
    lab.client.switches(unknownParameter="ignore")
    lab.ran(lab.call("POST", submit_path(lab), json=body).json())


def test_a_path_may_be_wanted_in_one_of_the_maps_only(lab: Lab) -> None:
    text = {"ParameterAssignments": {"data_path": "line.csv"}}
    path = {"DataPathAssignments": {"data_path": {"DataStoreName": "lab", "RelativePath": "line.csv"}}}
    for wanted, good, bad in (("DataPathAssignments", path, text), ("ParameterAssignments", text, path)):
        lab.client.switches(pathAssignment=wanted)
        refused = lab.call("POST", submit_path(lab), json=bad)
        assert refused.status_code == 400
        assert wanted in error_of(refused)["Message"]
        lab.ran(lab.call("POST", submit_path(lab), json=good).json())


@pytest.mark.parametrize("body", ["[1]", "{", '{"ParameterAssignments": 3}', '{"DataPathAssignments": {"a": {}}}'])
def test_a_body_that_is_no_submission_is_refused(lab: Lab, body: str) -> None:
    refused = lab.call("POST", submit_path(lab), data=body)
    assert refused.status_code == 400
    assert "PipelineSubmissionInfo" in error_of(refused)["Message"]


@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_disabled_pipeline_or_endpoint_is_not_submitted(lab: Lab, status: int) -> None:
    lab.client.switches(disabledPipeline=status)
    lab.client.set_status(lab.pipeline["Id"], "Disabled")
    try:
        assert lab.call("POST", submit_path(lab), json={}).status_code == status
        listed = lab.call("GET", PIPE + "/PublishedPipelines?activeOnly=true").json()
        assert lab.pipeline["Id"] not in [one["Id"] for one in listed]
        assert lab.call("GET", f"{PIPE}/PublishedPipelines/{lab.pipeline['Id']}/status").json() == "Disabled"
    finally:
        lab.client.set_status(lab.pipeline["Id"], "Active")
    put = f"{PIPE}/PipelineEndpoints/{lab.endpoint['Id']}"
    assert lab.call("PUT", put, json={"EntityStatus": "Disabled"}).ok
    assert lab.call("POST", submit_path(lab), json={}).status_code == status
    assert lab.call("PUT", put, json={"EntityStatus": 0}).ok
    lab.ran(lab.call("POST", submit_path(lab), json={}).json())


def test_faults_are_spelled_as_the_service_they_are_ordered_for(lab: Lab) -> None:
    lab.client.fault("submitpipelineendpoint", status=429, retry_after=3)
    throttled = lab.call("POST", submit_path(lab), json={})
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "3")
    assert error_of(throttled)["Code"] == "TooManyRequests"
    lab.client.fault("getrundetails", status=503)
    assert lab.call("GET", f"{HIST}/runs/x/details").json()["error"]["code"] == "ServiceError"


def test_a_submit_whose_answer_is_lost_is_found_by_its_tag(lab: Lab) -> None:
    lab.client.fault("submitpipelineendpoint", cut="after", endpoint="line")
    body = {"ExperimentName": "lost", "tags": {"OperationId": "lost-1"}}
    with pytest.raises(requests.ConnectionError):
        lab.call("POST", submit_path(lab), json=body)
    query = {"filter": "Tags/OperationId eq lost-1"}
    (found,) = lab.call("POST", f"{HIST}/experiments/lost/runs:query", json=query).json()["value"]
    lab.ran({"Id": found["runId"]})


def test_an_experiment_nobody_submitted_to_is_unknown_or_empty(lab: Lab) -> None:
    path = f"{HIST}/experiments/nobody/runs:query"
    assert lab.call("POST", path, json={}).status_code == 404
    lab.client.switches(unknownExperiment="empty")
    assert lab.call("POST", path, json={}).json() == {"value": [], "continuationToken": None}


def test_answers_come_in_pages(lab: Lab) -> None:
    runs = [lab.client.submit(lab.pipeline["Id"], ExperimentName="pages")["Id"] for _ in range(3)]
    for run in runs:
        lab.client.cancel(run)
    lab.client.switches(historyPage=2)
    path = f"{HIST}/experiments/pages/runs:query"
    first = lab.call("POST", path, json={"top": 10}).json()
    assert [one["runId"] for one in first["value"]] == runs[:0:-1]
    rest = lab.call("POST", path, json={"continuationToken": first["continuationToken"]}).json()
    assert ([one["runId"] for one in rest["value"]], rest["continuationToken"]) == (runs[:1], None)
    assert lab.call("POST", path, json={"continuationToken": "x"}).status_code == 400
    one = lab.call("POST", path, json={"top": 1, "orderby": "createdUtc desc"}).json()
    assert [found["runId"] for found in one["value"]] == runs[:1]


def test_runs_are_found_by_filters(lab: Lab) -> None:
    for number in ("1", "2"):
        run = lab.client.submit(lab.pipeline["Id"], ExperimentName="filters", tags={"n": number, "all": "it's"})
        lab.client.cancel(run["Id"])
    path = f"{HIST}/experiments/filters/runs:query"

    def numbers(text: str) -> set[str]:
        answer = lab.call("POST", path, json={"filter": text})
        assert answer.ok, answer.text
        return {one["tags"]["n"] for one in answer.json()["value"]}

    assert numbers("Tags/n eq 1") == {"1"}
    assert numbers("Tags/n ne 1") == {"2"}
    assert numbers("(Tags/n eq 1 or Tags/n eq 2) and Status eq Canceled") == {"1", "2"}
    assert numbers("Tags/all eq 'it''s' and (ParentRunId eq null)") == {"1", "2"}
    assert numbers("Tags/none eq null and RunType eq azureml.PipelineRun") == {"1", "2"}
    assert numbers("Status eq Completed") == set()
    for wrong in ("Tags/n", "Colour eq red", "(Tags/n eq 1", "Tags/n like 1", "Tags/n eq 1 )"):
        assert lab.call("POST", path, json={"filter": wrong}).status_code == 400, wrong


def test_tags_of_a_run_can_be_changed(lab: Lab) -> None:
    run = lab.client.submit(lab.pipeline["Id"], ExperimentName="tags", tags={"a": "1", "b": "2"}, Tags={"c": "3"})
    path = f"{HIST}/experiments/tags/runs/{run['Id']}"
    change = {"tags": {"a": "9", "b": None, "d": "4"}, "description": "told"}
    assert lab.call("PATCH", path, json=change).ok
    found = lab.call("GET", path).json()
    own = {name: value for name, value in found["tags"].items() if not name.startswith("azureml.")}
    assert (own, found["description"]) == ({"a": "9", "c": "3", "d": "4"}, "told")
    assert found["tags"]["azureml.pipelineid"] == lab.pipeline["Id"]
    data = lab.call("POST", f"{HIST}/rundata", json={"runId": run["Id"]}).json()
    assert data["runMetadata"]["runId"] == run["Id"]
    lab.ran(run)


def test_a_token_can_end_during_a_run(lab: Lab) -> None:
    before = lab.client.switches()["tokenLifetime"]
    lab.client.switches(tokenLifetime=3)
    token = managed_token(lab.url)
    lab.client.switches(tokenLifetime=before)
    assert lab.call("GET", PIPE + "/PublishedPipelines", token).ok
    until = time.monotonic() + 10
    while (status := lab.call("GET", PIPE + "/PublishedPipelines", token).status_code) == 200:
        assert time.monotonic() < until, "the token goes on for ever"
        time.sleep(0.1)
    assert status == 401
    with pytest.raises(ServiceRefused, match="no data set"):
        reference = {"data_path": {"DataSetReference": {"Name": "none"}}}
        lab.client.submit(lab.pipeline["Id"], DataSetDefinitionValueAssignments=reference)
