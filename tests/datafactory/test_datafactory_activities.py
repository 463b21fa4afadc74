"""Each type of activity does what it does in Data Factory, against real services."""

from __future__ import annotations

import base64
import re
import threading
from typing import Any

import msgspec
import pytest
import requests

from local import scenery_factory
from tests.services.wire import Order, Wire

from .plant import CONTAINER, Plant, activity, failing, line, wait


def update(plant: Plant, model: str = "model.ilearner", **properties: Any) -> dict[str, Any]:
    given = {
        "trainedModelName": plant.scene.live["Resources"][0]["Name"],
        "trainedModelLinkedServiceName": scenery_factory.reference("storage"),
        "trainedModelFilePath": f"{CONTAINER}/{model}",
    }
    made = activity("AzureMLUpdateResource", "update", **{**given, **properties})
    return made | {"linkedServiceName": scenery_factory.reference("scoring")}


def test_a_batch_execution_trains_and_leaves_model_and_evaluation(plant: Plant) -> None:
    ident = plant.factory.start(plant.training(), **plant.paths("batch/"))
    run = plant.factory.ended(ident)
    assert run["status"] == "Succeeded", run["message"]
    (train,) = plant.factory.activities(ident)
    assert (train["activityName"], train["status"], train["linkedServiceName"]) == ("train", "Succeeded", "training")
    assert train["output"]["results"]["output2"]["RelativeLocation"] == f"{CONTAINER}/batch/model.ilearner"
    assert plant.read("batch/model.ilearner")[:2] == b"PK"
    assert b"Root Mean Squared Error" in plant.read("batch/metrics.csv")
    shown = str(plant.factory.activities(ident))
    assert "sig=" not in shown and "AccountKey" not in shown and plant.scene.training["PrimaryKey"] not in shown


def test_both_machine_learning_activities_retrain_and_update_the_endpoint(plant: Plant) -> None:
    plant.write("train.csv", line(7))
    second = update(plant, "both/model.ilearner") | {
        "dependsOn": [{"activity": "train", "dependencyConditions": ["Succeeded"]}]
    }
    run = plant.factory.ended(plant.factory.start(plant.training(second), **plant.paths("both/")))
    assert run["status"] == "Succeeded", run["message"]
    assert plant.predict(3) == pytest.approx(21, abs=0.5)


def test_a_refused_submit_is_error_2600_with_the_services_words(plant: Plant) -> None:
    bad = scenery_factory.training_activity()
    bad["typeProperties"]["webServiceOutputs"]["output9"] = bad["typeProperties"]["webServiceOutputs"].pop("output2")
    declared = {name: {"type": "String"} for name in ("dataPath", "modelPath", "metricsPath")}
    ident = plant.factory.start(plant.pipeline(bad, parameters=declared), **plant.paths())
    run, (did,) = plant.factory.ended(ident), plant.factory.activities(ident)
    assert run["status"] == "Failed"
    assert "Operation on target train failed" in run["message"]
    error = did["error"]
    assert error["errorCode"] == "2600" and "InvalidOutputOverrideName" in error["message"]
    assert (error["failureType"], error["target"]) == ("UserError", "train")


def test_a_job_that_fails_fails_the_activity_with_its_details(plant: Plant) -> None:
    plant.studio.fault("runjob", message="Error 0018: the data set is invalid")
    run = plant.factory.ended(plant.factory.start(plant.training(), **plant.paths()))
    assert run["status"] == "Failed" and "Error 0018: the data set is invalid" in run["message"]


def test_a_look_that_is_not_answered_is_repeated(plant: Plant) -> None:
    plant.studio.fault("getjobstatus", status=503, times=2)
    plant.studio.fault("getjobstatus", cut="before")
    assert plant.factory.ended(plant.factory.start(plant.training(), **plant.paths()))["status"] == "Succeeded"


def test_an_update_of_a_resource_that_is_not_there_says_so(plant: Plant) -> None:
    plant.factory.ended(plant.factory.start(plant.training(), **plant.paths()))
    run, did = plant.outcome(update(plant, trainedModelName="Nobody [trained model]"))
    assert run["status"] == "Failed"
    assert did["update"]["error"]["errorCode"] == "2600"
    assert "InvalidWebServiceResources" in did["update"]["error"]["message"]


def test_an_update_of_a_new_service_rewrites_its_definition_as_the_service_principal(plant: Plant, wire: Wire) -> None:
    plant.studio.call("POST", "/_local/principals", body={"id": "robot", "secret": "hush", "tenant": "home"})
    address = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearning/webServices/line"
    plant.factory.put(
        "linkedservices",
        "new-service",
        {
            "type": "AzureML",
            "typeProperties": {
                "mlEndpoint": f"{plant.url}/subscriptions/s/services/line/jobs",
                "apiKey": scenery_factory.secured("unused"),
                "updateResourceEndpoint": f"{wire.url}{address}?api-version=2016-05-01-preview.",
                "servicePrincipalId": "robot",
                "servicePrincipalKey": scenery_factory.secured("hush"),
                "tenant": "home",
            },
        },
    )
    asset = {"name": "Line [trained model]", "type": "Resource", "locationInfo": {"uri": "http://127.0.0.1/old"}}
    other = {"name": "Score Model", "type": "Module", "locationInfo": {"uri": "aml://module/1"}}
    found = {"properties": {"packageType": "Graph", "assets": {"asset1": other, "asset3": asset}}}
    states = [b'{"status": "Running"}', b'{"status": "Succeeded"}']
    wire.answers(
        Order(body=msgspec.json.encode(found)),
        Order(202, b"", {"Azure-AsyncOperation": f"{wire.url}/operation"}),
        *(Order(body=state) for state in states),
    )
    one = update(plant, trainedModelName="Line [trained model]")
    run, _ = plant.outcome(one | {"linkedServiceName": scenery_factory.reference("new-service")})
    assert run["status"] == "Succeeded", run["message"]
    assert [(seen.method, seen.path.partition("?")[0]) for seen in wire.seen] == [
        ("GET", address), ("PATCH", address), ("GET", "/operation"), ("GET", "/operation"),
    ]  # fmt: skip
    sent = msgspec.json.decode(wire.seen[1].body)["properties"]["assets"]
    assert sent["asset1"] == other
    uri = sent["asset3"]["locationInfo"]["uri"]
    assert uri.endswith(f"{CONTAINER}/model.ilearner") and "?" not in uri
    token = wire.seen[1].headers["Authorization"].removeprefix("Bearer ")
    assert b"robot" in msgspec.json.encode(_claims(token))


def _claims(token: str) -> Any:
    return msgspec.json.decode(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def test_a_web_activity_calls_with_method_headers_and_body_and_gives_the_answer(plant: Plant, wire: Wire) -> None:
    wire.answers(Order(body=b'{"id": 7}', headers={"x-mark": "yes"}))
    properties = {
        "method": "PUT",
        "url": f"{wire.url}/thing?x=@{{pipeline().Pipeline}}",
        "headers": {"x-functions-key": "hush", "X-Run": "@pipeline().RunId"},
        "body": {"run": "@pipeline().RunId", "list": [1, "@string(2)"]},
    }
    run, did = plant.outcome(
        activity("WebActivity", "call", **properties),
        activity("SetVariable", "keep", "call", variableName="id", value="@string(activity('call').output.id)"),
        variables={"id": {"type": "String"}},
    )
    assert run["status"] == "Succeeded", run["message"]
    (seen,) = wire.seen
    assert seen.method == "PUT" and seen.path == f"/thing?x={run['pipelineName']}"
    assert seen.headers["x-functions-key"] == "hush" and seen.headers["X-Run"] == run["runId"]
    assert msgspec.json.decode(seen.body) == {"run": run["runId"], "list": [1, "2"]}
    assert did["call"]["output"]["id"] == 7
    assert did["call"]["output"]["ADFWebActivityResponseHeaders"]["x-mark"] == "yes"
    assert did["call"]["input"]["headers"]["x-functions-key"] == "**********"
    assert did["keep"]["output"] == {"name": "id", "value": "7"}


def test_a_web_activity_follows_an_accepted_request_to_its_result(plant: Plant, wire: Wire) -> None:
    later = {"Location": f"{wire.url}/result"}
    wire.answers(Order(202, b"{}", later), Order(202, b"{}", later), Order(body=b'{"done": true}'))
    _, did = plant.outcome(activity("WebActivity", "call", method="POST", url=wire.url, body={}))
    assert did["call"]["output"]["done"] is True
    assert [seen.method for seen in wire.seen] == ["POST", "GET", "GET"]


def test_a_web_activity_can_call_as_the_factorys_identity(plant: Plant) -> None:
    given = {"type": "MSI", "resource": "https://management.azure.com/"}
    url = f"{plant.factory.resource}?api-version=2018-06-01"
    _, did = plant.outcome(activity("WebActivity", "call", method="GET", url=url, authentication=given))
    assert did["call"]["output"]["name"] == "plant"


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (Order(404, b'{"error": "nothing here"}'), "2108", "Response status code: '404'. More details: .*nothing here"),
        (Order(cut="before"), "2128", "No response from the endpoint"),
    ],
)
def test_a_web_activity_that_is_refused_says_how(
    plant: Plant, wire: Wire, answer: Order, code: str, words: str
) -> None:
    wire.answers(answer)
    run, did = plant.outcome(activity("WebActivity", "call", method="GET", url=wire.url))
    assert run["status"] == "Failed"
    assert did["call"]["error"]["errorCode"] == code
    assert re.search(words, did["call"]["error"]["message"])


@pytest.mark.parametrize(
    "url", ["https://example.com/x", "http://10.0.0.1/", "http://127.0.0.1.nip.io/", "ftp://127.0.0.1/"]
)
def test_nothing_outside_of_this_machine_is_called(plant: Plant, url: str) -> None:
    _, did = plant.outcome(activity("WebActivity", "call", method="GET", url=url))
    assert did["call"]["error"]["errorCode"] == "LocalOnly"
    assert "is not on this machine" in did["call"]["error"]["message"]


def called_back(plant: Plant, wire: Wire, said: Any, **properties: Any) -> tuple[Any, Any]:
    """Runs a WebHook whose partner says this when it is told where."""
    wire.answers(Order(202))
    one = activity("WebHook", "ask", method="POST", url=f"{wire.url}/ask", body={"a": 1}, **properties)
    ident = plant.factory.start(plant.pipeline(one))
    while not wire.seen:
        threading.Event().wait(0.02)
    body = msgspec.json.decode(wire.seen[0].body)
    assert body["a"] == 1
    answer = requests.post(body["callBackUri"], json=said, timeout=30)
    assert answer.status_code == 200
    run = plant.factory.ended(ident)
    return run, plant.factory.activities(ident)[0]


def test_a_web_hook_waits_until_it_is_called_back(plant: Plant, wire: Wire) -> None:
    said = {"statusCode": "200", "output": {"state": "promoted"}}
    run, did = called_back(plant, wire, said, reportStatusOnCallBack=True)
    assert run["status"] == "Succeeded"
    assert did["output"] == {"state": "promoted"}
    run, did = called_back(plant, wire, said)
    assert did["output"] == said


def test_a_web_hook_fails_with_the_error_that_it_was_called_back_with(plant: Plant, wire: Wire) -> None:
    said = {"StatusCode": "409", "Error": {"ErrorCode": "failed", "Message": "the job broke"}, "Output": {"run": "r"}}
    run, did = called_back(plant, wire, said, reportStatusOnCallBack=True)
    assert run["status"] == "Failed" and "the job broke" in run["message"]
    assert (did["error"]["errorCode"], did["output"]) == ("failed", {"run": "r"})
    run, _ = called_back(plant, wire, said)
    assert run["status"] == "Succeeded", "without reportStatusOnCallBack any call back is a success"


def test_a_web_hook_that_is_not_called_back_in_time_fails(plant: Plant, wire: Wire) -> None:
    wire.answers(Order(202))
    one = activity("WebHook", "ask", method="POST", url=wire.url, body={}, timeout="00:00:01")
    run, did = plant.outcome(one)
    assert run["status"] == "Failed"
    assert did["ask"]["error"]["errorCode"] == "TimedOut"


def test_a_call_back_needs_the_secret_of_its_address_and_counts_once(plant: Plant, wire: Wire) -> None:
    wire.answers(Order(202))
    one = activity("WebHook", "ask", method="POST", url=wire.url, body={}, reportStatusOnCallBack=True)
    ident = plant.factory.start(plant.pipeline(one))
    while not wire.seen:
        threading.Event().wait(0.02)
    address = msgspec.json.decode(wire.seen[0].body)["callBackUri"]
    bare, _, token = address.partition("?token=")
    for wrong in (bare, f"{bare}?token=x", f"{bare}?token={token[:-1]}"):
        assert requests.post(wrong, json={}, timeout=30).status_code == 401
    assert plant.factory.run(ident)["status"] == "InProgress"
    for said in ({"output": {"n": 1}}, {"output": {"n": 2}}):
        assert requests.post(address, json=said, timeout=30).status_code == 200
    plant.factory.ended(ident)
    assert plant.factory.activities(ident)[0]["output"] == {"n": 1}
    assert token not in str(plant.factory.activities(ident)) and token not in str(plant.studio.log())


def test_fail_ends_with_its_message_and_code_and_wait_waits(plant: Plant) -> None:
    run, did = plant.outcome(wait("pause", seconds=0.2), failing("stop", after="pause"))
    assert run["message"] == "Operation on target stop failed: stop fails"
    assert did["stop"]["error"]["errorCode"] == "77"
    assert did["pause"]["durationInMs"] >= 200


def test_a_variable_that_is_not_declared_is_not_set(plant: Plant) -> None:
    run, _ = plant.outcome(activity("SetVariable", "keep", variableName="nobody", value="1"))
    assert "no variable 'nobody'" in run["message"]


def test_a_template_that_cannot_be_evaluated_fails_the_activity(plant: Plant) -> None:
    _, did = plant.outcome(activity("WebActivity", "call", method="GET", url="@pipeline().parameters.nobody"))
    assert did["call"]["error"]["errorCode"] == "InvalidTemplate"


def test_an_activity_needs_a_linked_service_of_its_own_kind(plant: Plant) -> None:
    wrong = scenery_factory.training_activity() | {"linkedServiceName": scenery_factory.reference("storage")}
    wrong["typeProperties"] = {}
    _, did = plant.outcome(wrong)
    assert did["train"]["error"]["errorCode"] == "2110"
