"""A restart: jobs, models and endpoints are still there, and unfinished jobs are taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.services.azureml.control.client import ControlClient
from local.services.launch import ServicesProcess

from .lab import IN, Lab, at, whole


@pytest.mark.parametrize("crash", [True, False])
def test_unfinished_jobs_go_on_after_a_restart(tmp_path: Path, storage: str, crash: bool) -> None:
    state = tmp_path / "state"
    first = ServicesProcess(state, storage, workers=1, switches={"jobDelay": 30}, log=tmp_path / "log").start()
    lab = Lab(first.url, storage)
    running = lab.train(name=f"restarted-{crash}", tags={"a": "1"})
    pipeline = {"jobType": "Pipeline", "componentId": whole(lab), "inputs": {"data": at(IN + "line.csv")}}
    lab.client.put_job("steps", pipeline)
    lab.client.arm("POST", f"jobs/{lab.train(name='cancelled')}/cancel")
    lab.client.register_model("kept", "1", f"azureml://jobs/{running}/outputs/model")
    first.kill() if crash else first.stop()
    with ServicesProcess(state, storage, workers=1, log=tmp_path / "log") as second:
        client = ControlClient(second.url, "lab")
        ended = client.wait_job(running)
        assert (ended["status"], ended["tags"]) == ("Completed", {"a": "1"})
        assert client.wait_job("steps")["status"] == "Completed"
        children = f"/history/v1.0{client.scope}/runs/steps/children"
        names = [one["displayName"] for one in client.call("GET", children, client.token).json()["value"]]
        assert sorted(names) == ["score", "train"]
        assert client.wait_job("cancelled")["status"] == "Canceled"
        assert client.arm("GET", "models/kept")["properties"]["nextVersion"] == "2"


def test_many_jobs_share_the_workers(lab: Lab) -> None:
    jobs = [lab.train() for _ in range(12)]
    workers = lab.client.health()["workers"]
    assert {lab.client.wait_job(job)["status"] for job in jobs} == {"Completed"}
    assert lab.client.health()["workers"] == workers


def test_a_job_is_read_as_a_run_of_run_history_too(lab: Lab) -> None:
    job = lab.trained(experimentName="both", tags={"OperationId": "9"})
    base = f"/history/v1.0{lab.client.scope}/experiments/both"
    details = lab.client.details(job)
    assert (details["status"], details["tags"]) == ("Completed", {"OperationId": "9"})
    assert set(details["outputs"]) == {"model", "evaluation"}
    assert list(details["logFiles"]) == ["user_logs/std_log.txt"]
    query = {"filter": "Tags/OperationId eq 9"}
    found = lab.client.call("POST", f"{base}/runs:query", lab.client.token, query).json()["value"]
    assert [one["runId"] for one in found] == [job]
    assert lab.client.metrics(job)["mean_absolute_error"] < 1
    assert b"Trained ridge" in lab.client.artifact(job, "user_logs/std_log.txt")
    lab.client.call("PATCH", f"{base}/runs/{job}", lab.client.token, {"tags": {"late": "yes"}})
    assert lab.client.job(job)["tags"] == {"OperationId": "9", "late": "yes"}


def test_a_failed_job_tells_run_history_why(lab: Lab) -> None:
    job = lab.train(command="python mine.py")
    lab.client.wait_job(job)
    assert "mine.py" in lab.client.details(job)["error"]["error"]["message"]
