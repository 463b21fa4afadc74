"""Request-response scoring: its forms, its refusals, throttling, and the Swagger document."""

import threading
import time

import pytest
import requests
from studio_lab import Lab, classes_csv, detail

from local.services.studio.client import Json

COLUMNS = ["x", "kind"]


@pytest.fixture(scope="session")
def answers(shared_lab: Lab) -> Json:
    """The default endpoint of a classification service."""
    return shared_lab.services("Two classes", "classification", "answer", classes_csv())[3]


def test_the_table_form_names_columns_and_types_only_with_details(lab: Lab):
    plain = lab.execute(lab.default, COLUMNS, [["1", "a"]]).json()["Results"]["output1"]
    detailed = lab.execute(lab.default, COLUMNS, [["1", "a"]], "&details=true").json()["Results"]["output1"]
    assert set(plain["value"]) == {"Values"}
    assert detailed["type"] == "table"
    assert detailed["value"]["ColumnNames"] == ["Scored Labels"]
    assert detailed["value"]["ColumnTypes"] == ["Double"]
    assert detailed["value"]["Values"] == plain["value"]["Values"]


def test_a_table_may_be_called_as_in_the_published_samples(lab: Lab):
    lab.client.switches(tableType="DataTable")
    documented = lab.execute(lab.default, COLUMNS, [["1", "a"]], "&details=true").json()["Results"]["output1"]
    assert (documented["type"], documented["value"]["ColumnTypes"]) == ("DataTable", ["Numeric"])


def test_the_swagger_form_takes_and_gives_objects(lab: Lab):
    body = {"Inputs": {"input1": [{"x": "1", "kind": "a"}, {"x": 2, "kind": "b"}]}, "GlobalParameters": {}}
    answer = lab.call(lab.default, "POST", "/execute?api-version=2.0&details=true&format=swagger", body)
    rows = answer.json()["Results"]["output1"]
    assert [set(row) for row in rows] == [{"Scored Labels"}] * 2
    assert float(rows[1]["Scored Labels"]) == lab.predict(lab.default, 2, "b")


def test_classes_are_scored_with_the_probability_of_the_positive_one(lab: Lab, answers: Json):
    value = lab.execute(answers, ["u", "v"], [[3, -3], [-3, 3]], "&details=true").json()["Results"]["output1"]["value"]
    assert value["ColumnNames"] == ["Scored Labels", "Scored Probabilities"]
    assert value["ColumnTypes"] == ["String", "Double"]
    (yes, likely), (no, unlikely) = value["Values"]
    assert (yes, no) == ("Yes", "No")
    assert float(likely) > 0.99
    assert float(unlikely) < 0.01
    assert all(isinstance(cell, str) and repr(float(cell)) == cell for cell in (likely, unlikely))


def test_values_may_be_numbers_strings_or_null(lab: Lab):
    given = [[1.5, "a"], ["1.5", "a"], [None, "a"], ["", None], [1, "never seen"]]
    answer = lab.execute(lab.default, COLUMNS, given).json()["Results"]["output1"]["value"]["Values"]
    assert answer[0] == answer[1]
    assert len(answer) == 5


def test_a_row_scores_the_same_in_whatever_company(lab: Lab, answers: Json):
    for endpoint, names, row in ((lab.default, COLUMNS, [1.37, "b"]), (answers, ["u", "v"], [0.123, 0.456])):
        seen = {
            tuple(lab.execute(endpoint, names, [row] * count).json()["Results"]["output1"]["value"]["Values"][-1])
            for count in (1, 2, 3, 17, 300)
        }
        assert len(seen) == 1


def test_the_label_and_other_columns_may_be_sent_along(lab: Lab):
    assert lab.execute(lab.default, [*COLUMNS, "y", "note"], [[1, "a", 7, "x"]]).ok


def test_no_rows_give_no_scores(lab: Lab):
    assert lab.execute(lab.default, COLUMNS, []).json()["Results"]["output1"]["value"]["Values"] == []


@pytest.mark.parametrize(
    ("names", "rows", "code"),
    [
        (["x"], [["1"]], "InputMismatchError"),
        (["x", "kind"], [["1"]], "InputMismatchError"),
        (["x", "x"], [["1", "2"]], "InputMismatchError"),
        (["x", "kind"], [["one", "a"]], "InputParseError"),
        (["x", "kind"], [["inf", "a"]], "InputParseError"),
        (["x", "kind"], ["1"], "InputParseError"),
    ],
)
def test_rows_that_do_not_fit_are_refused(lab: Lab, names: list, rows: list, code: str):
    assert detail(lab.execute(lab.default, names, rows)) == (400, "BadUserArgument", code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MissingRequestInput"),
        ({"Inputs": {}}, "MissingRequestInput"),
        ({"Inputs": {"input2": {}}}, "MissingRequestInput"),
        ({"Inputs": {"input1": {"ColumnNames": COLUMNS, "Values": []}, "input2": {}}}, "InvalidInputNames"),
        ({"Inputs": {"input1": [{"x": 1, "kind": "a"}]}}, "InputParseError"),
        ({"Inputs": {"input1": {}}, "GlobalParameters": {"a": "b"}}, "UnexpectedParameter"),
        ([], "RequestBodyInvalid"),
    ],
)
def test_a_body_that_does_not_fit_is_refused(lab: Lab, body: object, code: str):
    answer = lab.call(lab.default, "POST", "/execute?api-version=2.0", body)
    assert answer.status_code == 400
    assert detail(answer)[2] == code


def test_calls_without_a_version_are_refused(lab: Lab):
    assert detail(lab.call(lab.default, "POST", "/execute", {}))[2] == "BadVersionCall"


def test_the_first_protocol_scores_one_row(lab: Lab):
    body = {"Id": "score00001", "Instance": {"FeatureVector": {"x": "2", "kind": "a"}, "GlobalParameters": {}}}
    assert lab.call(lab.default, "POST", "/score", body).json() == [repr(lab.predict(lab.default, 2, "a"))]


def test_a_training_service_does_not_score(lab: Lab):
    answer = lab.call(
        lab.training,
        "POST",
        "/execute?api-version=2.0",
        {"Inputs": {"input1": {"ColumnNames": COLUMNS, "Values": [[1, "a"]]}}},
    )
    assert detail(answer) == (400, "BadArgument", "WebServiceTypeInvalid")


def test_either_key_opens_an_endpoint_and_no_other_does(lab: Lab):
    endpoint = lab.endpoint()
    for key, status in ((endpoint["PrimaryKey"], 200), (endpoint["SecondaryKey"], 200)):
        assert lab.call(endpoint, "GET", "/jobs/0?api-version=2.0", key=key).status_code == 400, status
    for key in (lab.default["PrimaryKey"], lab.workspace["token"], "x"):
        answer = lab.call(endpoint, "POST", "/execute?api-version=2.0", {}, key=key)
        assert detail(answer) == (401, "Unauthorized", "ScoreRequestUnauthorized")
        assert answer.json()["error"]["details"][0]["message"] == "Invalid credentials provided."


def test_the_scheme_is_accepted_in_lower_case(lab: Lab):
    headers = {"Authorization": f"bearer {lab.default['PrimaryKey']}"}
    body = {"Inputs": {"input1": {"ColumnNames": COLUMNS, "Values": []}}, "GlobalParameters": {}}
    url = lab.default["ApiLocation"] + "/execute?api-version=2.0"
    assert requests.post(url, json=body, headers=headers, timeout=9).ok


def test_the_service_id_in_place_of_the_endpoint_id_is_not_found(lab: Lab):
    url = lab.default["ApiLocation"].rsplit("/", 1)[0]
    for key, expected in (
        (lab.scoring_id, (404, "NotFound", "WebServiceNotFound")),
        ("x", (400, "BadArgument", "WebServiceIdInvalid")),
    ):
        assert detail(requests.post(f"{url}/{key}/execute?api-version=2.0", json={}, timeout=9)) == expected


def test_more_calls_than_allowed_are_throttled(lab: Lab):
    endpoint = lab.endpoint(ThrottleLevel="High", MaxConcurrentCalls=2)
    lab.client.fault("execute", endpoint=endpoint["Name"], times=2, delay=1.5)
    slow = [threading.Thread(target=lab.predict, args=(endpoint,)) for _ in range(2)]
    for thread in slow:
        thread.start()
    time.sleep(0.5)
    answer = lab.execute(endpoint, COLUMNS, [[1, "a"]])
    assert detail(answer) == (503, "ServiceUnavailable", "RequestThrottled")
    assert answer.json()["error"]["details"][0]["message"] == (
        f"Request was throttled for {endpoint['Name']} endpoint. The maximum concurrency for the endpoint is 2."
    )
    assert lab.execute(lab.default, COLUMNS, [[1, "a"]]).ok
    for thread in slow:
        thread.join()
    assert lab.execute(endpoint, COLUMNS, [[1, "a"]]).ok


def test_swagger_tells_anyone_what_goes_in_and_comes_out(lab: Lab):
    scoring = requests.get(lab.default["ApiLocation"] + "/swagger.json", timeout=9).json()
    assert scoring["swagger"] == "2.0"
    assert set(scoring["definitions"]["input1Item"]["properties"]) == {"x", "kind"}
    assert scoring["definitions"]["input1Item"]["properties"]["x"]["type"] == "number"
    assert set(scoring["definitions"]["output1Item"]["properties"]) == {"Scored Labels"}
    assert set(scoring["paths"]) == {
        "/swagger.json",
        "/execute?api-version=2.0&format=swagger",
        "/jobs?api-version=2.0",
        "/jobs/{jobId}/start?api-version=2.0",
        "/jobs/{jobId}?api-version=2.0",
    }
    training = requests.get(lab.training["ApiLocation"] + "/swagger.json", timeout=9).json()
    batch = training["definitions"]["BatchExecutionRequest"]["properties"]
    assert set(batch["Inputs"]["properties"]) == {"input1"}
    assert set(batch["Outputs"]["properties"]) == {"output1", "output2"}
    assert ".ilearner" in batch["Outputs"]["properties"]["output2"]["description"]
    assert training["definitions"]["GlobalParameters"]["properties"]["Learner"]["default"] == "ridge"


def test_every_reference_of_the_swagger_document_has_its_definition(lab: Lab):
    for endpoint in (lab.default, lab.training):
        response = requests.get(endpoint["ApiLocation"] + "/swagger.json", timeout=9)
        names = {part.split('"')[0] for part in response.text.split("#/definitions/")[1:]}
        assert names <= set(response.json()["definitions"])


def test_the_management_copy_of_swagger_needs_a_key(lab: Lab):
    url = lab.client.patch_url(lab.workspace, lab.scoring_id, "default") + "/apidocument"
    assert requests.get(url, timeout=9).status_code == 401
    headers = {"Authorization": f"Bearer {lab.default['PrimaryKey']}"}
    published = requests.get(lab.default["ApiLocation"] + "/swagger.json", timeout=9).json()
    assert requests.get(url, headers=headers, timeout=9).json() == published
