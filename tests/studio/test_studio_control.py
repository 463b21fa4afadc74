"""Local control: switches, faults, holds, the request log; and the Studio API's experiments and deployments."""

import time
from pathlib import Path
from types import ModuleType

import pytest
import requests
from studio_lab import Lab, detail

from local.services import app
from local.services.engine import control, learners
from local.services.engine.faults import DIALECTS
from local.services.studio.client import StudioRefused
from local.services.studio.switches import TABLE
from tests.lines import rows_csv


def test_switches_are_read_and_set(lab: Lab):
    assert lab.client.switches()["patchStatus"] == 200
    assert lab.client.switches(patchStatus="204", propagationDelay="0.5")["patchStatus"] == 204
    shown = requests.get(lab.client.url + "/_local/switches", timeout=9).json()
    assert set(TABLE) < set(shown["meanings"])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"speed": 1}, "There is no switch 'speed'"),
        ({"patchStatus": 500}, "one of 200, 202, 204"),
        ({"sasLifetime": "long"}, "a number from 1"),
        ({"sasLifetime": True}, "a number from 1"),
        ({"refuseUnknownJob": "404"}, "status:OuterCode:DetailCode"),
        ({"refuseUnknownJob": "404:Nonsense:MissingJobId"}, "status:OuterCode:DetailCode"),
    ],
)
def test_a_wrong_switch_is_refused_and_nothing_changes(lab: Lab, values: dict, said: str):
    before = lab.client.switches()
    with pytest.raises(StudioRefused, match=said):
        lab.client.switches(startStatus=204, **values)
    assert lab.client.switches() == before


@pytest.mark.parametrize(
    "fault",
    [{"operation": "dance"}, {"operation": "patch", "times": 0}, {"operation": "patch", "cut": "inside"}, {}],
)
def test_a_wrong_fault_is_refused(lab: Lab, fault: dict):
    answer = requests.post(lab.client.url + "/_local/faults", json=fault, timeout=9)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadFault"


def test_a_fault_answers_as_often_as_ordered(lab: Lab):
    given = {"status": 503, "code": "ServiceUnavailable", "detail": "TooManyConcurrentRequests", "retry_after": 7}
    lab.client.fault("submitjob", times=2, **given)
    body = lab.request(lab.upload(rows_csv()))
    for _ in range(2):
        answer = lab.submit(body)
        assert detail(answer) == (503, "ServiceUnavailable", "TooManyConcurrentRequests")
        assert answer.headers["Retry-After"] == "7"
    assert lab.submit(body).ok


def test_a_fault_can_be_meant_for_one_endpoint(lab: Lab):
    mine, other = lab.endpoint(), lab.endpoint()
    lab.client.fault("execute", endpoint=mine["Name"], code="InternalErrorSystemLowOnMemory")
    assert lab.predict(other)
    assert lab.execute(mine, ["x", "kind"], [[1, "a"]]).status_code == 500
    assert lab.predict(mine)


def test_a_connection_cut_before_did_nothing_and_one_cut_after_did_it(lab: Lab):
    body = lab.request(lab.upload(rows_csv()))
    for cut, more in (("before", 0), ("after", 1)):
        before = len(lab.client.jobs())
        lab.client.fault("submitjob", cut=cut)
        with pytest.raises(requests.ConnectionError):
            lab.submit(body)
        assert len(lab.client.jobs()) == before + more
        assert lab.client.log()[-1]["status"] is None


def test_faults_can_be_forgotten(lab: Lab):
    lab.client.fault("execute", status=500)
    lab.client.clear_faults()
    assert lab.predict(lab.default)


def test_a_delay_delays(lab: Lab):
    lab.client.fault("getjobstatus", delay=0.6)
    job = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    begun = time.monotonic()
    lab.status(job)
    assert time.monotonic() - begun > 0.55


def test_a_job_can_be_made_to_fail(lab: Lab):
    lab.client.fault("runjob", message="Error 1000: the library threw an exception.")
    name = lab.upload(rows_csv())
    assert lab.ended(lab.begin(lab.request(name))) == {
        "StatusCode": "Failed",
        "Results": None,
        "Details": "Error 1000: the library threw an exception.",
    }
    assert lab.ended(lab.begin(lab.request(name)))["StatusCode"] == "Finished"


def test_training_can_be_slowed_down(lab: Lab):
    lab.client.switches(trainingDelay=0.8)
    begun = time.monotonic()
    lab.train()
    assert time.monotonic() - begun > 0.8


def test_a_test_decides_in_which_order_jobs_end(lab: Lab):
    lab.client.hold_jobs("default")
    name = lab.upload(rows_csv())
    first, second = (lab.begin(lab.request(name)) for _ in range(2))
    while set(lab.client.held_jobs()) != {first, second}:
        time.sleep(0.02)
    lab.client.release_jobs(second)
    assert lab.ended(second)["StatusCode"] == "Finished"
    assert lab.status(first)["StatusCode"] == "Running"
    assert lab.client.release_jobs() == [first]
    assert lab.ended(first)["StatusCode"] == "Finished"


def test_the_log_tells_what_was_asked_and_hides_secrets(lab: Lab):
    lab.client.clear_log()
    requests.get(lab.default["ApiLocation"] + "/swagger.json?sig=c2VjcmV0", timeout=9)
    (entry,) = lab.client.log()
    assert (entry["method"], entry["operation"], entry["status"]) == ("GET", "getswagger", 200)
    assert entry["path"].endswith("sig=REDACTED")
    assert entry["endpoint"] == "default"
    assert abs(entry["time"] - time.time()) < 60


def test_the_readmes_name_every_switch_parameter_operation_and_route():
    folder = Path(app.__file__).parent
    common = (folder / "README.md").read_text(encoding="utf-8")
    names = [*learners.PARAMETERS, *(learner for task in learners.LEARNERS.values() for learner in task)]
    assert [name for name in names if name not in common] == []
    assert [route.path for route in control.ROUTES if route.path.removeprefix("/_local") not in common] == []
    pages = {service: pages_beside(folder, service) for service in app.SERVICES}
    for service, own in pages.items():
        assert [name for name in service.TABLE if name not in own] == []
    told = "".join(pages.values())  # a service may speak the dialect of another, as all of Resource Manager do
    assert [name for name in DIALECTS if name not in told] == []


def pages_beside(folder: Path, service: ModuleType) -> str:
    """The READMEs of a service and, of one that has several parts, of those."""
    family = folder / service.__name__.split(".")[2]
    return "".join(page.read_text(encoding="utf-8") for page in sorted(family.rglob("README.md")))


def test_unknown_paths_and_methods_get_the_wires_error_body(lab: Lab):
    missing = requests.get(lab.client.url + "/nothing", timeout=9)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NotFound")
    wrong = requests.delete(lab.default["ApiLocation"] + "/execute", timeout=9)
    assert wrong.status_code == 405
    assert wrong.headers["Allow"] == "POST"


def test_an_experiment_can_be_made_from_a_blob(lab: Lab):
    data = lab.signed(lab.upload(rows_csv()))
    made = lab.client.create_training_experiment(lab.workspace, "From blob", "regression", "y", data=data)
    ran = lab.client.run_experiment(lab.workspace, made["id"])
    assert ran["state"] == "finished"
    assert ran["metrics"]["Coefficient of Determination"] > 0.9
    assert lab.client.get_experiment(lab.workspace, made["id"]) == ran


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": "clustering"}, "regression and classification"),
        ({"label": "profit"}, "no column 'profit'; there are x, kind, y"),
        ({"csv": None}, "either as text"),
        ({"parameters": {"Colour": "red"}}, "Colour"),
        ({"csv": "x,y\n1\n"}, "data row 1 has 1 values"),
    ],
)
def test_an_impossible_experiment_is_refused_with_the_reason(lab: Lab, change: dict, said: str):
    body = {"task": "regression", "label": "y", "csv": rows_csv(), **change}
    with pytest.raises(StudioRefused, match=said):
        lab.client.create_training_experiment(lab.workspace, "Bad", **body)


def test_a_run_that_fails_says_why(lab: Lab):
    made = lab.client.create_training_experiment(lab.workspace, "Odd", "classification", "y", csv=rows_csv())
    with pytest.raises(StudioRefused, match="Two-class learners need two classes"):
        lab.client.run_experiment(lab.workspace, made["id"])
    assert lab.client.get_experiment(lab.workspace, made["id"])["state"] == "failed"
    with pytest.raises(StudioRefused, match="has not been run"):
        lab.client.derive_predictive(lab.workspace, made["id"])


def test_an_experiment_without_outputs_cannot_be_deployed(lab: Lab):
    made = lab.client.create_training_experiment(lab.workspace, "Bare", "regression", "y", csv=rows_csv())
    with pytest.raises(StudioRefused, match="no web service output"):
        lab.client.deploy(lab.workspace, made["id"])


def test_the_order_of_outputs_is_the_experiments_choice(lab: Lab):
    made = lab.client.create_training_experiment(lab.workspace, "Turned", "regression", "y", csv=rows_csv())
    lab.client.add_outputs(lab.workspace, made["id"], ["model", "evaluation"])
    service = lab.client.deploy(lab.workspace, made["id"])["WebServiceGroupId"]
    endpoint = lab.client.get_endpoint(lab.workspace, service)
    results = lab.train(endpoint=endpoint)["Results"]
    assert results["output1"]["RelativeLocation"].endswith(".ilearner")
    assert results["output2"]["RelativeLocation"].endswith(".csv")


def test_a_training_service_can_take_its_data_from_an_address(lab: Lab):
    made = lab.client.create_training_experiment(lab.workspace, "Imported", "regression", "y", csv=rows_csv())
    lab.client.add_outputs(lab.workspace, made["id"], ["model"], data="uri")
    service = lab.client.deploy(lab.workspace, made["id"])["WebServiceGroupId"]
    endpoint = lab.client.get_endpoint(lab.workspace, service)
    assert detail(lab.submit({}, endpoint))[2] == "MissingRequiredGlobalParameters"
    assert (
        detail(lab.submit({"GlobalParameters": {"URI": "file:///etc/passwd"}}, endpoint))[2] == "UserParameterInvalid"
    )
    named = lab.request(lab.upload(rows_csv()))
    assert detail(lab.submit(named, endpoint))[2] == "InvalidInputNames"
    location = lab.signed(lab.upload(rows_csv(slope=3)))
    url = location["BaseLocation"] + location["RelativeLocation"] + location["SasBlobToken"]
    job = lab.begin({"GlobalParameters": {"URI": url}}, endpoint)
    model = lab.ended(job, endpoint)["Results"]["output1"]
    patched = lab.endpoint()
    assert lab.patch(patched, model).ok
    assert lab.predict(patched) == pytest.approx(9.0, abs=0.5)
    lost = lab.ended(lab.begin({"GlobalParameters": {"URI": url.replace("lab/in", "lab/out")}}, endpoint), endpoint)
    assert lost["StatusCode"] == "Failed"
    assert "sig=" not in lost["Details"]


def test_deploying_again_changes_the_default_endpoint_only(lab: Lab):
    made = lab.client.create_training_experiment(lab.workspace, "Twice", "regression", "y", csv=rows_csv())
    lab.client.run_experiment(lab.workspace, made["id"])
    predictive = lab.client.derive_predictive(lab.workspace, made["id"], modelName="Twice model")
    assert predictive["resource"] == "Twice model [trained model]"
    service = lab.client.deploy(lab.workspace, predictive["id"])["WebServiceGroupId"]
    added = lab.client.create_endpoint(lab.workspace, service, "added")
    old = added["Resources"][0]["Location"]["RelativeLocation"]
    lab.client.run_experiment(lab.workspace, made["id"])
    lab.client.run_experiment(lab.workspace, predictive["id"])
    again = lab.client.deploy(lab.workspace, predictive["id"], update=True)
    assert again["WebServiceGroupId"] == service
    assert again["Status"] == "Completed"
    shown = {one["Name"]: one["Resources"][0]["Location"] for one in lab.client.endpoints(lab.workspace, service)}
    assert shown["default"]["RelativeLocation"] != old
    assert shown["added"]["RelativeLocation"] == old
    assert lab.client.refresh_endpoint(lab.workspace, service, "added", overwrite=False) is True


def test_ids_tokens_and_keys_can_be_given(lab: Lab):
    key, token = "abcd" * 8, "token=="
    workspace = lab.client.create_workspace("Given", id=key, token=token)
    assert (workspace["id"], workspace["token"]) == (key, token)
    assert lab.client.create_workspace("Given", id=key, token=token, exist_ok=True) == workspace
    with pytest.raises(StudioRefused, match="exists"):
        lab.client.create_workspace("Given", id=key, token=token)
    made = lab.client.create_training_experiment(workspace, "E", "regression", "y", csv=rows_csv(), id="1" * 32)
    lab.client.add_outputs(workspace, made["id"])
    given = {"webServiceId": "2" * 32, "endpointId": "3" * 32, "primaryKey": "first==", "secondaryKey": "second=="}
    lab.client.deploy(workspace, made["id"], **given)
    endpoint = lab.client.get_endpoint(workspace, "2" * 32)
    assert endpoint["ApiLocation"].endswith("/services/" + "3" * 32)
    assert endpoint["PrimaryKey"] == "first=="
    with pytest.raises(StudioRefused, match="exists"):
        lab.client.deploy(workspace, made["id"], **given)


def test_a_definition_for_the_new_services_names_the_trained_model(lab: Lab):
    made = lab.client.create_training_experiment(lab.workspace, "Exported", "regression", "y", csv=rows_csv())
    lab.client.run_experiment(lab.workspace, made["id"])
    predictive = lab.client.derive_predictive(lab.workspace, made["id"])
    properties = lab.client.export_definition(lab.workspace, predictive["id"])["properties"]
    resources = [asset for asset in properties["assets"].values() if asset["type"] == "Resource"]
    assert [asset["name"] for asset in resources] == ["Exported [trained model]"]
    assert resources[0]["locationInfo"]["uri"].endswith(".ilearner")
    assert "storageAccount" not in properties
    lab.client.add_outputs(lab.workspace, made["id"])
    training = lab.client.export_definition(lab.workspace, made["id"])["properties"]
    assert training["parameters"]["Learner"] == {"value": "ridge"}
    assert set(training["output"]["properties"]) == {"output1", "output2"}
