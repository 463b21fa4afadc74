"""Jobs behind Resource Manager: begun under the caller's own name, really run, followed, cancelled, taken up again."""

from __future__ import annotations

import csv
import io

import pytest

from local.services.azureml.control.client import ControlClient
from local.services.client import ServiceRefused
from local.services.engine.modelfile import header_of

from .lab import EVALUATE, IN, Lab, at, literal


def test_a_command_job_trains_a_model_of_its_data(lab: Lab) -> None:
    name = lab.trained()
    header = header_of(lab.download(f"out/{name}/model/model.ilearner"))
    assert (header.label, header.task) == ("y", "regression")
    evaluation = list(csv.DictReader(io.StringIO(lab.download(f"out/{name}/evaluation.csv").decode())))
    assert float(evaluation[0]["Mean Absolute Error"]) < 1


def test_the_parameters_of_a_command_steer_the_learner(lab: Lab) -> None:
    name = lab.trained(inputs={"l2": literal("7.5")})
    header = header_of(lab.download(f"out/{name}/model/model.ilearner"))
    assert header.parameters["L2 Weight"] == "7.5"


def test_a_put_of_a_name_that_is_there_begins_no_second_job(lab: Lab) -> None:
    name = lab.trained(tags={"a": "1"})
    again = lab.client.put_job(name, {"jobType": "Command", "tags": {"b": "2"}})
    assert again["properties"]["status"] == "Completed"
    assert again["properties"]["tags"] == {"b": "2"}


def test_put_answers_201_for_a_new_job_and_200_for_one_that_is_there(lab: Lab) -> None:
    name = lab.trained()
    path, body = f"{lab.client.scope}/jobs/{name}?api-version=2025-12-01", {"properties": {"jobType": "Command"}}
    assert lab.client.call("PUT", path, lab.client.token, body).status_code == 200


def test_a_job_walks_through_every_status_on_its_way(lab: Lab) -> None:
    lab.client.switches(jobStatusPause=0.3)
    seen, name = [], lab.train()
    while (status := lab.client.job(name)["status"]) not in ("Completed", "Failed"):
        seen.append(status)
    assert list(dict.fromkeys(seen))[:4] == ["NotStarted", "Queued", "Preparing", "Running"]


def test_a_job_fails_with_the_reason_in_its_log_when_its_label_is_not_there(lab: Lab) -> None:
    name = lab.train(inputs={"label": literal("nothing")})
    assert lab.client.wait_job(name)["status"] == "Failed"
    log = lab.download(f"ExperimentRun/dcid.{name}/user_logs/std_log.txt", "azureml").decode()
    assert "no column 'nothing'" in log


def test_a_job_fails_when_its_command_starts_a_program_that_is_not_of_this_machine(lab: Lab) -> None:
    name = lab.train(command="python mine.py --data ${{inputs.data}}")
    assert lab.client.wait_job(name)["status"] == "Failed"


def test_a_job_is_refused_when_its_command_names_an_input_that_it_has_not(lab: Lab) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.train(command="python train.py --data ${{inputs.other}}")
    assert refused.value.status == 400
    assert "inputs.other" in refused.value.body


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"jobType": "Sweep"}, "jobType"),
        ({"environmentId": None}, "environmentId"),
        ({"computeId": "gone"}, "compute"),
        ({"inputs": {"data": {"jobInputType": "uri_file", "uri": "azureml:none:1"}}}, "azureml:none:1"),
        ({"inputs": {"data": {"jobInputType": "table", "uri": IN}}}, "jobInputType"),
        ({"codeId": "azureml:none:1"}, "azureml:none:1"),
    ],
)
def test_a_job_is_refused_when_what_it_names_is_not_there(lab: Lab, change: dict[str, object], about: str) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.train(**change)  # type: ignore[arg-type]
    assert refused.value.status == 400
    assert about in refused.value.body


def test_a_cancelled_job_ends_as_canceled_and_writes_nothing(lab: Lab) -> None:
    lab.client.hold_jobs()
    name = lab.train()
    while name not in lab.client.held_jobs():
        assert lab.client.job(name)["status"] != "Failed"
    lab.client.arm("POST", f"jobs/{name}/cancel")
    assert lab.client.wait_job(name)["status"] == "Canceled"
    assert not lab.blobs.get_blob_client("azureml-lab", f"out/{name}/evaluation.csv").exists()


def test_a_job_that_was_asked_to_end_is_cancel_requested_until_it_has(lab: Lab) -> None:
    lab.client.switches(jobCancelDelay=0.5)
    lab.client.hold_jobs()
    name = lab.train()
    lab.client.arm("POST", f"jobs/{name}/cancel")
    assert lab.client.job(name)["status"] == "CancelRequested"
    assert lab.client.wait_job(name)["status"] == "Canceled"


def test_a_running_job_reads_as_not_responding_when_the_switch_says_so(lab: Lab) -> None:
    lab.client.switches(runningStatus="NotResponding")
    lab.client.hold_jobs()
    name = lab.train()
    while name not in lab.client.held_jobs():
        pass
    assert lab.client.job(name)["status"] == "NotResponding"
    lab.client.release_jobs()
    assert lab.client.wait_job(name)["status"] == "Completed"


def test_a_job_fails_as_a_fault_orders(lab: Lab) -> None:
    lab.client.fault("runmljob", message="The node was lost.")
    name = lab.train()
    assert lab.client.wait_job(name)["status"] == "Failed"


def test_an_output_that_nobody_placed_goes_below_the_jobs_name(lab: Lab) -> None:
    name = lab.trained(outputs={"model": {"jobOutputType": "uri_folder"}})
    outputs = lab.client.job(name)["outputs"]
    assert outputs["model"]["uri"] == f"azureml://datastores/workspaceblobstore/paths/azureml/{name}/model/"
    lab.client.switches(jobOutputUri="null")
    assert lab.client.job(name)["outputs"]["model"]["uri"] is None


def test_a_folder_of_files_is_read_as_one_table(lab: Lab) -> None:
    lab.upload("x,y\n" + "".join(f"{n},{2 * n}\n" for n in range(20)), "folder/a.csv")
    lab.upload("x,y\n" + "".join(f"{n},{2 * n}\n" for n in range(20, 30)), "folder/b.csv")
    name = lab.trained(inputs={"data": at(IN + "folder/", "uri_folder")})
    assert header_of(lab.download(f"out/{name}/model/model.ilearner")).rows == 30


def test_an_evaluation_job_writes_the_scores_of_both_models_row_by_row(lab: Lab) -> None:
    first, second = lab.trained(), lab.trained(inputs={"l2": literal("1000")})
    name = lab.name()
    models = {
        "candidate": at(f"azureml://jobs/{first}/outputs/model", "custom_model"),
        "production": at(f"azureml://jobs/{second}/outputs/model/paths/model.ilearner", "custom_model"),
    }
    out = {"scores": {"jobOutputType": "uri_file", "uri": f"{IN}out/{name}.csv"}}
    lab.client.command_job(name, EVALUATE, {"data": at(IN + "line.csv"), **models}, out)
    assert lab.client.wait_job(name)["status"] == "Completed"
    rows = list(csv.DictReader(io.StringIO(lab.download(f"out/{name}.csv").decode())))
    misses = {
        model: sum(abs(float(row[f"{model} Scored Labels"]) - float(row["y"])) for row in rows) for model in models
    }
    assert misses["candidate"] < misses["production"]


def test_jobs_are_listed_page_by_page_and_archived_ones_apart(lab: Lab) -> None:
    client = ControlClient(lab.url, "pages")
    client.create_workspace()
    client.register_datastore("lab", "azureml-lab", lab.storage)
    command, out = "python score.py --data ${{inputs.data}} --model ${{inputs.data}}", {}
    for number in range(3):
        client.command_job(f"j{number}", command, {"data": at(IN + "line.csv")}, out)
        client.wait_job(f"j{number}")
    client.put_job("j1", {"isArchived": True})
    client.switches(resourcePage=1)
    first = client.arm("GET", "jobs")
    second = client.call("GET", first["nextLink"], client.token).json()
    assert [one["name"] for one in (*first["value"], *second["value"])] == ["j2", "j0"]
    assert second["nextLink"] is None
    assert [one["name"] for one in client.arm("GET", "jobs?listViewType=ArchivedOnly")["value"]] == ["j1"]


def test_a_token_for_another_audience_is_refused(lab: Lab) -> None:
    from local.services.tokens.client import managed_token

    client = ControlClient(lab.url, "lab", token=managed_token(lab.url, "https://ml.azure.com"))
    with pytest.raises(ServiceRefused) as refused:
        client.job("any")
    assert refused.value.status == 401


def test_a_call_without_an_api_version_is_refused(lab: Lab) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.client.call("GET", f"{lab.client.scope}/jobs", lab.client.token)
    assert "MissingApiVersionParameter" in refused.value.body
