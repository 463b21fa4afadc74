"""What the real services of pipelines send and the local designer does not: reused steps, two models, odd answers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import BadConfiguration, Conflict, Unavailable
from retrain.ports import JobState
from shared.services.designer.pipeline_endpoint import PipelineEndpoint, PipelineEndpointSettings
from shared.services.designer.pipelines import MOST_PAGES, state_of
from shared.services.http import Http

from .wire import Order, Wire
from .world import a_run

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
TRAIN = {"runId": "t2", "name": "t2", "displayName": "Train Model", "status": "Completed"}
DONE = {"runId": "r", "status": "Completed"}


def says(body: Any, status: int = 200) -> Order:
    return Order(status, msgspec.json.encode(body))


def trainer(server: Wire, **settings: Any) -> PipelineEndpoint:
    url = f"{server.url}/pipelines/v1.0{SCOPE}/PipelineRuns/PipelineEndpointSubmit/Id/e"
    given = {"url": url, "datastores": {"runs": "r"}, **settings}
    if "workspace" in given:
        given["url"] = ""
    whole = PipelineEndpointSettings(**given)
    http = Http(whole.url or whole.workspace, sleep=lambda _: None)
    return PipelineEndpoint(whole, http=http, token=lambda scope: "token")


def asked(server: Wire) -> list[str]:
    return [seen.path.replace(SCOPE, "") for seen in server.seen]


def test_a_step_that_was_not_run_again_has_what_its_first_run_left(server: Wire) -> None:
    reused = {"azureml.isreused": "true", "azureml.reusedrunid": "t1"}
    other = {"azureml.moduleName": "Evaluate Model", "azureml.reusedrunid": "e1"}
    steps = [{**TRAIN, "properties": reused}, {"runId": "e2", "name": "e2", "properties": other, "status": "Completed"}]
    listed = {"value": [{"path": "trained_model_outputs/data.ilearner"}, {"path": "trained_model_outputs/score.py"}]}
    server.answers(says(DONE), says({"value": steps}), says(listed), says({"contentUri": "https://x.example/m?sig=s"}))
    results = trainer(server).results("r")
    assert (results.artifact, results.metrics) == ("https://x.example/m?sig=s", "e1")
    assert asked(server)[2:] == [
        "/artifact/v2.0/artifacts/ExperimentRun/dcid.t1",
        "/artifact/v2.0/artifacts/contentinfo/ExperimentRun/dcid.t1/trained_model_outputs/data.ilearner",
    ]


def test_steps_of_one_name_cannot_be_told_apart(server: Wire) -> None:
    server.answers(says(DONE), says({"value": [TRAIN, {**TRAIN, "runId": "t3"}]}))
    with pytest.raises(BadConfiguration, match=r"has 2 steps 'Train Model' \(t2, t3\); name the one that counts"):
        trainer(server).results("r")


def test_of_two_models_the_trained_one_is_on_the_left_and_what_is_no_number_is_left_out(server: Wire) -> None:
    names = ("AUC (left port)", "AUC (right port)", "F1 Score (left port)", "Recall (left port)", "ROC curve")
    server.answers(
        says({"value": [{"metricKey": {"namespace": "", "name": name}} for name in names]}),
        says({"value": [{"data": {"AUC (left port)": 0.7}}, {"data": {"AUC (left port)": 0.9}}]}),
        says({"value": [{"data": {"F1 Score (left port)": "NaN"}}]}),
        says({"error": {"code": "UserError", "message": "no such metric"}}, 404),
    )
    assert trainer(server).metrics("e") == {"auc": 0.9}
    assert len(server.seen) == 4


def test_regression_metrics_have_our_names(server: Wire) -> None:
    names = {"Mean_Absolute_Error": "mae", "Root_Mean_Squared_Error": "rmse", "Coefficient_of_Determination": "r2"}
    listed = {"value": [{"metricKey": {"name": name}} for name in names]}
    server.answers(says(listed), *(says({"value": [{"data": {name: 1.5}}]}) for name in names))
    assert trainer(server).metrics("e") == dict.fromkeys(names.values(), 1.5)


def test_runs_without_a_time_come_last_and_odd_tags_do_not_count(server: Wire) -> None:
    run = a_run()
    tags = {"retrainRun": run.id, "retrainAttempt": "1"}
    shown = [
        {"runId": "c", "status": "Completed", "tags": tags},
        {"runId": "b", "status": "Completed", "tags": tags, "createdUtc": "2026-03-01T12:00:00.1234567+00:00"},
        {"runId": "a", "status": "Failed", "tags": {**tags, "retrainAttempt": 1}, "createdUtc": "2026-01-01T00:00:00Z"},
        {"runId": "0", "status": "Failed", "tags": None},
    ]
    server.answers(says({"value": shown}))
    assert trainer(server).find(run) == "b"


def test_a_filter_that_finds_nothing_is_not_the_last_word(server: Wire) -> None:
    run = a_run()
    shown = {"runId": "a", "status": "Running", "tags": {"retrainRun": run.id, "retrainAttempt": "1"}}
    server.answers(says({"value": []}), says({"value": [shown]}))
    assert trainer(server).find(run) == "a"
    filters = [msgspec.json.decode(seen.body)["filter"] for seen in server.seen]
    assert filters == [f"Tags/retrainRun eq {run.id}", None]


def test_a_listing_that_never_ends_is_left_at_last(server: Wire) -> None:
    server.answers(says({"value": [], "continuationToken": "more"}))
    assert trainer(server).find(a_run()) is None
    assert len(server.seen) == 2 * MOST_PAGES


def test_an_error_of_the_pipelines_service_is_told_with_its_words(server: Wire) -> None:
    error = {"Code": "PipelineRunInTerminalState", "Message": "The run has ended.", "InnerError": None}
    server.answers(says({"Error": error}, 409), says({"runId": "r", "status": "Running"}))
    with pytest.raises(Conflict, match="HTTP 409, PipelineRunInTerminalState: The run has ended"):
        trainer(server).cancel("r")


@pytest.mark.parametrize("code", [3, "3", "Finished", "finished"])
def test_a_run_that_history_does_not_know_is_asked_for_where_it_was_submitted(server: Wire, code: int | str) -> None:
    server.answers(says({"error": {"message": "?"}}, 404), says({"Id": "r", "Status": {"StatusCode": code}}))
    assert trainer(server).poll("r").state is JobState.SUCCEEDED
    assert asked(server) == ["/history/v1.0/runs/r/details", "/pipelines/v1.0/PipelineRuns/r"]


def test_the_smallest_answers_there_are_in_use_are_enough(server: Wire) -> None:
    """A public relay of this contract answers a submit with an id alone, and details with a state alone."""
    server.answers(says({"Id": "r"}), says({"status": "CANCELED"}))
    client = trainer(server)
    job = client.submit(a_run(), "runs/income/train.csv", "unused", "unused")
    assert client.poll(job).state is JobState.CANCELLED


@given(st.none() | st.integers(0, 99) | st.text(max_size=20))
def test_any_state_is_one_of_ours(status: int | str | None) -> None:
    assert state_of(status) in JobState


def test_states_on_the_way_are_running() -> None:
    for name in ("Queued", "Preparing", "Provisioning", "Starting", "Running", "Finalizing", "CancelRequested"):
        assert state_of(name) is JobState.RUNNING
    assert state_of(None) is state_of(0) is state_of("NotStarted") is JobState.NOT_STARTED


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([says({"properties": {}})], "names no discovery address; set `url` instead"),
        ([says({"properties": {"discoveryUrl": "{url}/discovery"}}), says({"history": "x"})], "names no service `api`"),
    ],
)
def test_a_workspace_that_names_no_services_is_told(server: Wire, answers: list[Order], said: str) -> None:
    server.answers(*(order._replace(body=order.body.replace(b"{url}", server.url.encode())) for order in answers))
    client = trainer(server, workspace=server.url + SCOPE, endpoint="income")
    with pytest.raises(BadConfiguration, match=said):
        client.poll("r")


def test_a_workspace_is_asked_for_its_services_once(server: Wire) -> None:
    server.answers(
        says({"properties": {"discoveryUrl": f"{server.url}/discovery"}}),
        says({"api": server.url, "history": server.url}),
        says(DONE),
    )
    client = trainer(server, workspace=server.url + SCOPE, endpoint="income")
    for _ in range(2):
        assert client.poll("r").state is JobState.SUCCEEDED
    assert [path.partition("?")[0] for path in asked(server)] == [
        "", "/discovery", "/history/v1.0/runs/r/details", "/history/v1.0/runs/r/details",
    ]  # fmt: skip
    assert "Authorization" not in server.seen[1].headers


def test_the_token_is_not_sent_to_services_elsewhere_than_at_azure_ml(server: Wire) -> None:
    server.answers(
        says({"properties": {"discoveryUrl": f"{server.url}/discovery"}}),
        says({"api": "https://api.azureml.ms.evil.example"}),
    )
    with pytest.raises(BadConfiguration, match="no host of Azure ML; refused"):
        trainer(server, workspace=server.url + SCOPE, endpoint="income").poll("r")
    assert len(server.seen) == 2


def test_a_sign_in_page_in_between_is_no_answer(server: Wire) -> None:
    server.answers(Order(body=b"<html>please sign in</html>"))
    with pytest.raises(Unavailable, match="proxy or sign-in page"):
        trainer(server).poll("r")
