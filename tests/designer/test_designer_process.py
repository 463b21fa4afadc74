"""A restart: pipelines, drafts and results are still there, and unfinished runs are taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.services.azureml.client import DesignerClient
from local.services.launch import ServicesProcess
from tests.lines import rows_csv

from .lab import LINE_EDGES, LINE_NODES, Lab


@pytest.mark.parametrize("crash", [True, False])
def test_unfinished_runs_go_on_after_a_restart(tmp_path: Path, storage: str, crash: bool) -> None:
    state = tmp_path / "state"
    first = ServicesProcess(state, storage, workers=1, switches={"stepDelay": 30}, log=tmp_path / "log").start()
    lab = Lab(first.url, storage)
    path = lab.upload(rows_csv(8))
    running = lab.client.submit(lab.pipeline["Id"], ParameterAssignments={"data_path": path}, tags={"a": "1"})
    cancelled = lab.client.submit(lab.pipeline["Id"])
    lab.client.cancel(cancelled["Id"])
    draft = lab.line_draft("Kept")
    first.kill() if crash else first.stop()
    with ServicesProcess(state, storage, workers=1, log=tmp_path / "log") as second:
        client = DesignerClient(second.url, "lab")
        ended = client.wait(running["Id"])
        assert (ended["Status"]["StatusCode"], ended["tags"]) == ("Finished", {"a": "1"})
        steps = client.children("Line", running["Id"])
        assert client.metrics(steps["Evaluate Model"]["runId"])["Mean_Absolute_Error"] < 0.1
        log = client.artifact(steps["Train Model"]["runId"], "logs/azureml/stdoutlogs.txt").decode()
        assert log.count("Trained ridge") == 1
        assert client.run(cancelled["Id"])["Status"]["StatusCode"] == "Canceled"
        assert client.get_draft(draft)["parameters"]["data_path"]["default"] == "line.csv"
        client.wait(client.submit(lab.pipeline["Id"])["Id"])


def test_many_runs_share_the_workers(lab: Lab) -> None:
    pipeline = lab.publish(LINE_NODES, LINE_EDGES)
    runs = [lab.client.submit(pipeline["Id"], ExperimentName="many") for _ in range(12)]
    workers = lab.client.health()["workers"]
    for run in runs:
        lab.ran(run)
    assert lab.client.health()["workers"] == workers
    numbers = [lab.client.call("GET", path(lab, run["Id"]), lab.client.token).json()["runNumber"] for run in runs]
    assert len(set(numbers)) == 12


def path(lab: Lab, run: str) -> str:
    return f"/history/v1.0{lab.client.scope}/runs/{run}"
