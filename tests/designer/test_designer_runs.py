"""Runs of published pipelines over plain HTTP: submitting in every form, watching, failing, cancelling."""

from __future__ import annotations

import time

import pytest
import requests

from tests.lines import rows_csv

from .lab import LINE_EDGES, LINE_NODES, Json, Lab

RUNS = "/pipelines/v1.0{WS}/PipelineRuns"
SUBMIT = RUNS + "/PipelineEndpointSubmit"


def test_a_published_pipeline_runs_and_leaves_status_metrics_and_a_model(lab: Lab) -> None:
    path = lab.upload(rows_csv(slope=3))
    body = {"ExperimentName": "first", "ParameterAssignments": {"data_path": path}, "tags": {"OperationId": "42"}}
    submitted = lab.call("POST", f"{RUNS}/PipelineSubmit/{lab.pipeline['Id']}", json=body)
    assert submitted.status_code == 200
    run = submitted.json()
    assert (run["RunHistoryExperimentName"], run["tags"], run["TotalRunSteps"]) == ("first", {"OperationId": "42"}, 5)
    steps = lab.ran(run)
    assert lab.client.details(run["Id"])["status"] == "Completed"
    metrics = lab.client.metrics(steps["Evaluate Model"]["runId"])
    assert metrics["Root_Mean_Squared_Error"] < 0.1
    assert lab.client.metrics(run["Id"]) == {}
    train = steps["Train Model"]["runId"]
    left = lab.client.artifacts(train)
    assert "trained_model_outputs/model.ilearner" in left
    content = lab.client.artifact(train, "trained_model_outputs/model.ilearner")
    assert content[:2] == b"PK"
    info = "/artifact/v2.0{WS}/artifacts/contentinfo/ExperimentRun/dcid." + train
    found = lab.call("GET", f"{info}/trained_model_outputs/model.ilearner").json()
    assert requests.get(found["contentUri"], timeout=9).content == content
    many = lab.call("GET", info.replace("contentinfo", "prefix/contentinfo") + "/trained_model_outputs").json()
    assert {one["path"] for one in many["value"]} == {path for path in left if path.startswith("trained")}
    older = f"/history/v1.0{{WS}}/experiments/first/runs/{train}/artifacts"
    assert {one["path"] for one in lab.call("GET", older).json()["value"]} == set(left)
    assert lab.call("GET", f"{older}/contentinfo?path={left[0]}").json()["path"] == left[0]


def test_every_form_of_submitting_to_an_endpoint_reaches_the_version_it_names(lab: Lab) -> None:
    versions = [lab.client.publish(lab.draft, endpoint="forms", setDefault=n < 2) for n in range(3)]
    endpoint, ids = versions[-1]["endpoint"], [one["pipeline"]["Id"] for one in versions]
    assert (endpoint["DefaultVersion"], len(endpoint["PipelineVersionList"])) == ("1", 3)
    forms = {
        f"/Id/{endpoint['Id']}": ids[1],
        f"/Id/{endpoint['Id']}?pipelineVersion=0": ids[0],
        f"/Id/{endpoint['Id']}/2": ids[2],
        "/Name?name=forms": ids[1],
        "/Name?name=forms&pipelineVersion=2": ids[2],
    }
    for form, pipeline in forms.items():
        run = lab.call("POST", SUBMIT + form, data="").json()
        assert run["PipelineId"] == pipeline, form
        lab.client.cancel(run["Id"])
    assert endpoint["Url"] == lab.url + SUBMIT.replace("{WS}", lab.client.scope) + f"/Id/{endpoint['Id']}"
    assert lab.call("POST", f"{SUBMIT}/Id/{endpoint['Id']}/3", json={}).status_code == 404
    lab.client.set_default_version(endpoint["Id"], "0")
    assert lab.call("POST", f"{SUBMIT}/Name?name=forms", json={}).json()["PipelineId"] == ids[0]
    shown = lab.call("GET", f"/pipelines/v1.0{{WS}}/PipelineEndpoints/{endpoint['Id']}/pipelines").json()
    assert [one["Id"] for one in shown] == ids


def test_data_can_be_named_by_all_three_maps_of_assignments(lab: Lab) -> None:
    slopes = {"text": 3, "path": 4, "literal": 5, "named": 6, "saved": 7}
    paths = {name: lab.upload(rows_csv(slope)) for name, slope in slopes.items()}
    named, saved = (lab.client.register_dataset(name, "lab", paths[name]) for name in ("named", "saved"))
    lab.client.register_dataset("other", "lab", "absent.csv")
    bodies: dict[str, Json] = {
        "text": {"ParameterAssignments": {"data_path": paths["text"], "l2": 0}},
        "path": {"DataPathAssignments": {"data_path": at(paths["path"])}},
        "literal": {"DataSetDefinitionValueAssignments": {"data_path": {"LiteralValue": at(paths["literal"])}}},
        "named": {"DataSetDefinitionValueAssignments": {"data_path": {"DataSetReference": {"Name": named["name"]}}}},
        "saved": {"DataSetDefinitionValueAssignments": {"data_path": {"SavedDataSetReference": {"Id": saved["id"]}}}},
    }
    runs = {name: lab.client.submit(lab.pipeline["Id"], **body) for name, body in bodies.items()}
    assert runs["text"]["ParameterAssignments"] == {"data_path": paths["text"], "l2": "0"}
    assert runs["literal"]["DataSetDefinitionValueAssignments"]["data_path"]["LiteralValue"] == at(paths["literal"])
    for name, run in runs.items():
        step = lab.ran(run)["Import Data"]
        log = lab.client.artifact(step["runId"], "logs/azureml/stdoutlogs.txt").decode()
        assert f"from {paths[name]}" in log


def at(path: str) -> Json:
    return {"DataStoreName": "lab", "RelativePath": path}


def test_steps_tell_their_status_and_log_while_a_run_goes_on(lab: Lab) -> None:
    lab.client.hold_jobs("line")
    run = lab.client.submit_endpoint(lab.endpoint["Id"], ExperimentName="held")
    while run["Id"] not in lab.client.held_jobs():
        time.sleep(0.02)
    assert lab.client.run(run["Id"])["Status"]["StatusCode"] == "Running"
    graph = f"{RUNS}/{run['Id']}/Graph"
    steps = lab.call("GET", graph + "/AllNodes/Status").json()
    assert {step["StatusCode"] for step in steps.values()} == {"Finished"}
    assert lab.call("GET", graph + "/Node/StatusCode?nodeId=train").json() == "Finished"
    assert "Trained ridge for y" in lab.call("POST", graph + "/Shareable/STDOUT", json=["train"]).text
    assert lab.call("GET", graph + "/Shareable/STDERR?nodeId=train").text == ""
    assert lab.call("GET", graph + "/Node/Status?nodeId=none").status_code == 404
    lab.client.release_jobs(run["Id"])
    lab.ran(run)
    listed = lab.call("GET", f"{RUNS}/Pipeline/{lab.pipeline['Id']}").json()
    assert run["Id"] in [one["Id"] for one in listed]


def test_children_are_the_steps_and_the_runs_submitted_under_a_run(lab: Lab) -> None:
    parent = lab.client.submit(lab.pipeline["Id"], ExperimentName="family")
    lab.ran(parent)
    child = lab.call("POST", f"{RUNS}/PipelineSubmit/{lab.pipeline['Id']}?parentRunId={parent['Id']}", json={}).json()
    lab.ran(child)
    path = f"/history/v1.0{{WS}}/experiments/family/runs/{parent['Id']}/children"
    children = lab.call("GET", path).json()["value"]
    assert [one["runId"] for one in children][-1] == child["Id"]
    assert {one["properties"].get("azureml.moduleName") for one in children[:-1]} == {
        node["module"] for node in LINE_NODES.values()
    }
    wanted = "Properties/azureml.moduleName eq Evaluate Model"
    (found,) = lab.call("GET", path, params={"$filter": wanted, "$top": "3"}).json()["value"]
    assert (found["name"], found["parentRunId"], found["rootRunId"]) == ("Evaluate Model", parent["Id"], parent["Id"])


def test_a_failed_step_ends_the_run_and_says_why(lab: Lab) -> None:
    run = lab.client.submit(lab.pipeline["Id"], ExperimentName="bad", ParameterAssignments={"data_path": "absent.csv"})
    steps = lab.ran(run, "Failed")
    assert lab.client.details(run["Id"])["status"] == "Failed"
    message = lab.client.details(run["Id"])["error"]["error"]["message"]
    assert message.startswith("Import Data (import): Unable to read 'absent.csv'")
    assert "404" in message
    assert "sig=" not in message and "AccountKey" not in message
    assert steps["Import Data"]["status"] == "Failed"
    assert steps["Evaluate Model"]["status"] == "Canceled"
    log = lab.client.artifact(steps["Import Data"]["runId"], "logs/azureml/stderrlogs.txt").decode()
    assert "Unable to read" in log
    assert lab.client.run(run["Id"])["HasErrors"] is True


@pytest.mark.parametrize(("going_on", "expected"), [(True, "Completed"), (False, "Canceled")])
def test_a_run_can_go_on_after_a_failure(lab: Lab, going_on: bool, expected: str) -> None:
    nodes = {**LINE_NODES, "slow": {"module": "Import Data", "fields": {"Datastore": "lab", "Path": "line.csv"}}}
    pipeline = lab.publish(nodes, LINE_EDGES)
    lab.client.fault("runstep", endpoint="slow", delay=1)
    lab.client.fault("runstep", endpoint="learner", message="Error 1000: the library threw an exception.")
    run = lab.client.submit(pipeline["Id"], ContinueRunOnStepFailure=going_on)
    lab.ran(run, "Failed")
    assert "Error 1000" in lab.client.run(run["Id"])["Status"]["StatusDetail"]
    nodes = lab.call("GET", f"{RUNS}/{run['Id']}/Graph/AllNodes/Status").json()
    assert lab.client.details(nodes["slow"]["RunId"])["status"] == expected
    assert nodes["train"]["StatusCode"] == ("Bypassed" if going_on else "Canceled")


@pytest.mark.parametrize("way", ["DELETE /Execution", "POST /Cancel", "history"])
def test_a_cancelled_run_stops(lab: Lab, way: str) -> None:
    lab.client.switches(stepDelay=20)
    run = lab.client.submit(lab.pipeline["Id"], ExperimentName="stop")
    verb, _, tail = way.partition(" ")
    path = f"{RUNS}/{run['Id']}{tail}"
    if way == "history":
        verb, path = "POST", f"/history/v1.0{{WS}}/experiments/stop/runs/{run['Id']}/cancel"
    assert lab.call(verb, path).status_code == 200
    steps = lab.ran(run, "Canceled")
    assert {step["status"] for step in steps.values()} == {"Canceled"}
    assert lab.call(verb, path).status_code == 200
    assert lab.client.details(run["Id"])["status"] == "Canceled"


def test_a_training_that_is_cancelled_gives_its_worker_back(lab: Lab) -> None:
    nodes = {
        **LINE_NODES,
        "learner": {
            "module": "Boosted Decision Tree Regression",
            "fields": {"Total number of trees constructed": "5000"},
        },
    }
    pipeline = lab.publish(nodes, LINE_EDGES, {"data_path": ("line.csv", "import", "Path")})
    run = lab.client.submit(pipeline["Id"], ParameterAssignments={"data_path": lab.upload(rows_csv(count=20_000))})
    graph = f"{RUNS}/{run['Id']}/Graph/Node/StatusCode?nodeId=train"
    while lab.call("GET", graph).json() != "Running":
        time.sleep(0.02)
    time.sleep(0.3)
    before = set(lab.client.health()["workers"])
    lab.client.cancel(run["Id"])
    assert lab.client.run(run["Id"])["Status"]["StatusCode"] == "Canceled"
    lab.ran(lab.client.submit(lab.pipeline["Id"]))
    assert set(lab.client.health()["workers"]) != before


def test_at_most_forty_runs_are_at_work_and_the_next_begins_when_one_ends(lab: Lab) -> None:
    nodes = {"import": LINE_NODES["import"]}
    pipeline = lab.publish(nodes, [], name="Crowd")
    lab.client.hold_jobs("Crowd")
    runs = [lab.client.submit(pipeline["Id"])["Id"] for _ in range(42)]
    while len(lab.client.held_jobs()) < 40:
        time.sleep(0.05)
    states = [lab.client.run(run)["Status"]["StatusCode"] for run in runs]
    assert states == ["Running"] * 40 + ["NotStarted"] * 2
    lab.client.cancel(runs[40])
    lab.client.release_jobs(runs[3])
    while runs[41] not in lab.client.held_jobs():
        time.sleep(0.02)
    lab.client.release_jobs()
    for run in runs:
        lab.client.wait(run)
