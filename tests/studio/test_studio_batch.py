"""Batch execution: submitting, starting, polling, cancelling, and everything that is refused."""

import csv
import io
import re
import time
from urllib.parse import parse_qs

import pytest
import requests
from studio_lab import Lab, detail

from local.services.studio.jobs import CONCURRENT_JOBS
from tests.lines import rows_csv

REGRESSION_METRICS = [
    "Mean Absolute Error",
    "Root Mean Squared Error",
    "Relative Absolute Error",
    "Relative Squared Error",
    "Coefficient of Determination",
]


def test_submitting_only_registers_a_job(lab: Lab):
    answer = lab.submit(lab.request(lab.upload(rows_csv())))
    assert answer.status_code == 200
    assert re.fullmatch(r'"[0-9a-f]{32}"', answer.text)
    assert lab.status(answer.json()) == {"StatusCode": "NotStarted", "Results": None, "Details": None}


def test_a_finished_training_gives_evaluation_and_model_with_readable_urls(lab: Lab):
    status = lab.train()
    assert list(status["Results"]) == ["output1", "output2"]
    header, values = csv.reader(io.StringIO(lab.read(status["Results"]["output1"]).decode()))
    assert header == REGRESSION_METRICS
    assert all(float(value) == float(value) for value in values)
    assert status["Results"]["output2"]["RelativeLocation"].endswith(".ilearner")
    assert lab.read(status["Results"]["output2"])[:2] == b"PK"


def test_outputs_that_are_not_asked_for_go_to_the_workspace_storage(lab: Lab):
    for place in lab.train()["Results"].values():
        assert re.fullmatch(r"experimentoutput/[0-9a-f]{32}/[0-9a-f]{32}\.(csv|ilearner)", place["RelativeLocation"])
        assert place["ConnectionString"] is None


def test_outputs_go_where_the_caller_says_by_connection_string(lab: Lab):
    body = lab.request(lab.upload(rows_csv()))
    body["Outputs"] = {"output2": {**lab.reference("mine.ilearner"), "RelativeLocation": "/lab/deep/mine.ilearner"}}
    place = lab.ended(lab.begin(body))["Results"]["output2"]
    assert place["RelativeLocation"] == "lab/deep/mine.ilearner"
    assert lab.blobs.get_blob_client("lab", "deep/mine.ilearner").exists()


def test_outputs_by_sas_in_the_own_account_come_back_with_a_fresh_read_only_sas(lab: Lab):
    body = {"Inputs": {"input1": lab.signed(lab.upload(rows_csv()))}}
    given = lab.signed("signed.ilearner", permission="cw")
    body["Outputs"] = {"output2": given}
    place = lab.ended(lab.begin(body))["Results"]["output2"]
    assert place["SasBlobToken"] != given["SasBlobToken"]
    assert parse_qs(place["SasBlobToken"][1:])["sp"] == ["r"]
    assert lab.read(place)


def test_outputs_by_sas_in_a_foreign_account_come_back_with_the_given_sas(lab: Lab):
    foreign = lab.signed("far.ilearner", permission="cw")
    foreign["BaseLocation"] = foreign["BaseLocation"].replace("127.0.0.1", "localhost")
    body = {**lab.request(lab.upload(rows_csv())), "Outputs": {"output2": foreign}}
    place = lab.ended(lab.begin(body))["Results"]["output2"]
    assert place["SasBlobToken"] == foreign["SasBlobToken"]


def test_every_status_issues_a_fresh_sas_of_the_switched_lifetime(lab: Lab):
    job = lab.begin(lab.request(lab.upload(rows_csv())))
    old = lab.ended(job)["Results"]["output2"]["SasBlobToken"]
    lab.client.switches(sasLifetime=2)
    short = lab.status(job)["Results"]["output2"]
    assert short["SasBlobToken"] != old
    assert short["SasBlobToken"].startswith("?")
    time.sleep(3.1)
    url = short["BaseLocation"] + short["RelativeLocation"] + short["SasBlobToken"]
    assert requests.get(url, timeout=10).status_code == 403
    lab.client.switches(sasLifetime=600)
    assert lab.read(lab.status(job)["Results"]["output2"])


def test_a_job_is_started_once(lab: Lab):
    job = lab.begin(lab.request(lab.upload(rows_csv())))
    again = lab.start(job)
    assert detail(again) == (400, "InvalidOperation", "CannotStartJob")
    lab.ended(job)
    message = lab.start(job).json()["error"]["details"][0]["message"]
    assert message == "The job cannot be started because it is in Finished state."


def test_deleting_cancels_a_job_and_it_stays_cancelled(lab: Lab):
    lab.client.hold_jobs()
    job = lab.begin(lab.request(lab.upload(rows_csv())))
    answer = lab.call(lab.training, "DELETE", f"/jobs/{job}?api-version=2.0")
    assert (answer.status_code, answer.content) == (200, b"")
    lab.client.release_jobs()
    assert lab.status(job)["StatusCode"] == "Cancelled"
    assert detail(lab.start(job))[2] == "CannotStartJob"


def test_a_finished_job_cannot_be_cancelled_any_more(lab: Lab):
    job = lab.begin(lab.request(lab.upload(rows_csv())))
    lab.ended(job)
    assert lab.call(lab.training, "DELETE", f"/jobs/{job}?api-version=2.0").ok
    assert lab.status(job)["StatusCode"] == "Finished"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Outputs": {"output2": {"RelativeLocation": "lab/m.csv"}}}, "InvalidBlobExtension"),
        ({"Outputs": {"output1": {"RelativeLocation": "lab/e.ilearner"}}}, "InvalidBlobExtension"),
        ({"Outputs": {"output2": {"RelativeLocation": "lab/model"}}}, "InvalidBlobExtension"),
        ({"Outputs": {"Output2": {"RelativeLocation": "lab/m.ilearner"}}}, "InvalidOutputOverrideName"),
        ({"Outputs": {"output2": {"RelativeLocation": "m.ilearner"}}}, "InputBlobRelativeLocationInvalid"),
        ({"Outputs": {"output2": {"ConnectionString": "x=y"}}}, "InvalidBlobConnectionString"),
        ({"Outputs": {"output2": {"ConnectionString": None}}}, "InvalidBlob"),
        ({"Inputs": {}}, "BatchJobInputsNotSpecified"),
        ({"Inputs": None}, "BatchJobInputsNotSpecified"),
        ({"Inputs": {"input1": {"RelativeLocation": "lab/x.parquet"}}}, "InvalidBlobExtension"),
        ({"Inputs": {"input1": {"RelativeLocation": "lab/missing.csv"}}}, "BlobNotFound"),
        ({"Inputs": {"input2": {"RelativeLocation": "lab/x.csv"}}}, "InvalidInputNames"),
        ({"Input": {"RelativeLocation": "lab/x.csv"}}, "DuplicateInputInBatchCall"),
        ({"GlobalParameters": {"label": "y"}}, "UnexpectedParameter"),
    ],
)
def test_a_bad_argument_is_refused_by_its_own_code(lab: Lab, change: dict, expected: str):
    def complete(reference: dict | None) -> dict:
        return {"ConnectionString": lab.storage, "RelativeLocation": "lab/x", **(reference or {})}

    for ports in ("Inputs", "Outputs"):
        if change.get(ports):
            change = {**change, ports: {name: complete(value) for name, value in change[ports].items()}}
    answer = lab.submit({**lab.request(lab.upload(rows_csv())), **change})
    assert detail(answer) == (400, "BadArgument", expected)


def test_an_empty_blob_reference_is_refused(lab: Lab):
    body = lab.request(lab.upload(rows_csv()))
    assert detail(lab.submit({**body, "Outputs": {"output2": {}}}))[2] == "MissingOutputOverrideSpecification"
    assert detail(lab.submit({**body, "Inputs": {"input1": {}}}))[2] == "MissingInputBlobInformation"


def test_an_extension_error_reads_as_documented(lab: Lab):
    body = {**lab.request(lab.upload(rows_csv())), "Outputs": {"output2": lab.reference("m.txt")}}
    assert lab.submit(body).json() == {
        "error": {
            "code": "BadArgument",
            "message": "Invalid argument provided.",
            "details": [
                {
                    "code": "InvalidBlobExtension",
                    "message": "The blob reference: lab/m.txt has an invalid or missing file extension."
                    ' Supported file extensions for this output type are: ".ilearner".',
                }
            ],
        }
    }


def test_a_connection_string_error_repeats_no_key(lab: Lab):
    body = lab.request(lab.upload(rows_csv()))
    body["Outputs"] = {"output2": {"ConnectionString": "AccountKey=c2VjcmV0", "RelativeLocation": "lab/m.ilearner"}}
    assert "c2VjcmV0" not in lab.submit(body).text


def test_an_expired_sas_is_refused_at_submit(lab: Lab):
    body = {"Inputs": {"input1": lab.signed(lab.upload(rows_csv()), lifetime=-60)}}
    assert detail(lab.submit(body)) == (400, "BadArgument", "ExpiryTimeInThePast")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Inputs": 3}', b"\xff"])
def test_a_body_that_is_no_request_is_refused(lab: Lab, body: bytes):
    url = lab.training["ApiLocation"] + "/jobs?api-version=2.0"
    answer = requests.post(url, data=body, headers={"Authorization": f"Bearer {lab.training['PrimaryKey']}"}, timeout=9)
    assert detail(answer) == (400, "BadArgument", "RequestBodyInvalid")


@pytest.mark.parametrize(
    ("name", "value"),
    [("Learner", "magic"), ("Split Fraction", "2"), ("Iterations", "many"), ("Split Mode", "odd"), ("L2 Weight", "-1")],
)
def test_an_unusable_parameter_is_refused_at_submit(lab: Lab, name: str, value: str):
    answer = lab.submit(lab.request(lab.upload(rows_csv()), **{name: value}))
    assert detail(answer) == (400, "BadUserArgument", "UserParameterInvalid")
    assert name in answer.json()["error"]["details"][0]["message"]


def test_parameters_may_be_sent_as_numbers_and_null_means_the_default(lab: Lab):
    assert lab.train(Seed=3, Label=None, **{"Split Fraction": 0.5})["StatusCode"] == "Finished"


def test_a_failure_inside_a_job_is_no_http_error(lab: Lab):
    job = lab.begin(lab.request(lab.upload(rows_csv()), Label="profit"))
    status = lab.ended(job)
    assert status["StatusCode"] == "Failed"
    assert status["Results"] is None
    assert status["Details"] == "The data has no column 'profit'; it has x, kind, y."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("x,kind,y\n1,a\n", "data row 1 has 2 values, there are 3 columns"),
        ("x,x,y\n1,2,3\n", "names columns twice: x"),
        ("x,y\n1,2\n", "Only 1 rows have a value in 'y'"),
        (rows_csv().replace("0.1,", "0.1,", 1).replace(",5.2\n", ",lots\n", 1), "'lots' in row 2 of column 'y'"),
    ],
)
def test_data_that_cannot_be_used_says_where(lab: Lab, text: str, said: str):
    assert said in lab.ended(lab.begin(lab.request(lab.upload(text))))["Details"]


def test_binary_data_fails_the_job_with_a_sentence(lab: Lab):
    job = lab.begin(lab.request(lab.upload(b"\xff\xfe\x00\x01" * 50)))
    assert "is not a text table in UTF-8" in lab.ended(job)["Details"]


def test_an_input_that_vanishes_after_submit_fails_the_job(lab: Lab):
    name = lab.upload(rows_csv())
    job = lab.submit(lab.request(name)).json()
    lab.blobs.get_blob_client("lab", name).delete_blob()
    lab.start(job)
    assert "Unable to access the provided Azure blob - lab/" in lab.ended(job)["Details"]


def test_inputs_are_checked_only_when_run_if_switched_so(lab: Lab):
    lab.client.switches(checkInputs="run")
    assert lab.ended(lab.begin(lab.request("nowhere.csv")))["StatusCode"] == "Failed"


def test_an_output_that_cannot_be_written_fails_the_job(lab: Lab):
    body = lab.request(lab.upload(rows_csv()))
    body["Outputs"] = {"output2": {**lab.reference(""), "RelativeLocation": "nosuchcontainer/m.ilearner"}}
    assert "Unable to write output output2" in lab.ended(lab.begin(body))["Details"]


def test_the_old_single_input_form_works(lab: Lab):
    status = lab.ended(lab.begin({"Input": lab.reference(lab.upload(rows_csv()))}))
    assert status["StatusCode"] == "Finished"


def test_before_version_two_a_submit_starts_the_job_and_there_is_one_result(lab: Lab):
    job = lab.call(lab.training, "POST", "/jobs", {"Input": lab.reference(lab.upload(rows_csv()))}).json()
    lab.ended(job)
    old = lab.call(lab.training, "GET", f"/jobs/{job}").json()
    assert set(old) == {"StatusCode", "Result", "Details"}
    assert lab.read(old["Result"])


@pytest.mark.parametrize(
    "call", [("POST", "/jobs"), ("POST", "/execute"), ("POST", "/jobs/0/start"), ("GET", "/jobs/0")]
)
def test_a_wrong_api_version_is_refused(lab: Lab, call: tuple[str, str]):
    answer = lab.call(lab.training, call[0], f"{call[1]}?api-version=3.0", {})
    assert detail(answer) == (400, "BadArgument", "BadVersionCall")


def test_starting_without_a_version_is_refused(lab: Lab):
    job = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    assert detail(lab.call(lab.training, "POST", f"/jobs/{job}/start"))[2] == "BadVersionCall"


def test_an_unknown_job_and_a_job_of_another_endpoint_are_refused(lab: Lab):
    job = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    other = lab.endpoint()
    for path in ("/jobs/" + "0" * 32, f"/jobs/{job}"):
        answer = lab.call(other, "GET", f"{path}?api-version=2.0")
        assert detail(answer) == (400, "BadArgument", "MissingJobId")


def test_status_can_be_a_number_or_a_string(lab: Lab):
    lab.client.hold_jobs()
    waiting = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    running = lab.begin(lab.request(lab.upload(rows_csv())))
    cancelled = lab.begin(lab.request(lab.upload(rows_csv())))
    lab.call(lab.training, "DELETE", f"/jobs/{cancelled}?api-version=2.0")
    failed = lab.begin(lab.request(lab.upload("x\n")))
    lab.ended(failed)
    jobs = (waiting, running, failed, cancelled)
    assert [lab.status(job)["StatusCode"] for job in jobs] == ["NotStarted", "Running", "Failed", "Cancelled"]
    lab.client.switches(statusEncoding="number", cancelledSpelling="Canceled")
    assert [lab.status(job)["StatusCode"] for job in jobs] == [0, 1, 2, 3]
    lab.client.release_jobs()
    assert lab.ended(running)["StatusCode"] == 4
    lab.client.switches(statusEncoding="string")
    assert lab.status(cancelled)["StatusCode"] == "Canceled"


def test_details_can_be_absent_instead_of_null(lab: Lab):
    lab.client.switches(detailsWhenNull="absent")
    job = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    assert lab.status(job) == {"StatusCode": "NotStarted", "Results": None}


def test_success_codes_can_be_switched(lab: Lab):
    lab.client.switches(startStatus=204, cancelStatus=204)
    job = lab.submit(lab.request(lab.upload(rows_csv()))).json()
    assert lab.start(job).status_code == 204
    assert lab.call(lab.training, "DELETE", f"/jobs/{job}?api-version=2.0").status_code == 204


def test_forty_jobs_of_an_endpoint_run_and_the_rest_wait_in_order(lab: Lab):
    lab.client.hold_jobs()
    name = lab.upload(rows_csv())
    jobs = [lab.begin(lab.request(name)) for _ in range(CONCURRENT_JOBS + 3)]
    states = [lab.status(job)["StatusCode"] for job in jobs]
    assert states == ["Running"] * CONCURRENT_JOBS + ["NotStarted"] * 3
    assert detail(lab.start(jobs[-1]))[2] == "CannotStartJob"
    while jobs[7] not in lab.client.held_jobs():
        time.sleep(0.05)
    assert lab.client.release_jobs(jobs[7]) == [jobs[7]]
    lab.ended(jobs[7])
    assert [lab.status(job)["StatusCode"] for job in jobs[-3:]] == ["Running", "NotStarted", "NotStarted"]
    lab.client.release_jobs()
    assert {lab.ended(job)["StatusCode"] for job in jobs} == {"Finished"}


def test_a_batch_of_rows_is_scored_with_the_rows_kept(lab: Lab):
    endpoint = lab.endpoint()
    name = lab.upload('x,kind,note\n1.50,a,"one, two"\n2,b,\n')
    body = {"Inputs": {"input1": lab.reference(name)}, "Outputs": {"output1": lab.reference("scored.tsv")}}
    status = lab.ended(lab.begin(body, endpoint), endpoint)
    header, first, second = csv.reader(io.StringIO(lab.read(status["Results"]["output1"]).decode()), delimiter="\t")
    assert header == ["x", "kind", "note", "Scored Labels"]
    assert first[:3] == ["1.50", "a", "one, two"]
    assert second[:3] == ["2", "b", ""]
    assert float(first[3]) == lab.predict(endpoint, 1.5, "a")


def test_a_file_without_header_names_its_columns_by_number(lab: Lab):
    text = rows_csv().split("\n", 1)[1]
    job = lab.begin(lab.request(lab.upload(text, "bare.nh.csv"), Label="Col3"))
    assert lab.ended(job)["StatusCode"] == "Finished"
