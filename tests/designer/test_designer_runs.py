"""Runs of published pipelines over plain HTTP: submitting in every form, watching, cancelling, and what they leave."""

from __future__ import annotations

from .lab import Lab, rows_csv


def test_a_published_pipeline_runs_and_leaves_status_metrics_and_a_model(lab: Lab) -> None:
    path = lab.upload(rows_csv(slope=3))
    body = {"ExperimentName": "first", "ParameterAssignments": {"data_path": path}, "tags": {"OperationId": "42"}}
    submitted = lab.call("POST", f"/pipelines/v1.0{{WS}}/PipelineRuns/PipelineSubmit/{lab.pipeline['Id']}", json=body)
    assert submitted.status_code == 200
    run = submitted.json()
    assert (run["RunHistoryExperimentName"], run["tags"], run["TotalRunSteps"]) == ("first", {"OperationId": "42"}, 5)
    steps = lab.ran(run)
    assert lab.client.details(run["Id"])["status"] == "Completed"
    metrics = lab.client.metrics(steps["Evaluate Model"]["runId"])
    assert metrics["Root_Mean_Squared_Error"] < 0.1
    assert lab.client.metrics(run["Id"]) == {}
    left = lab.client.artifacts(steps["Train Model"]["runId"])
    assert "trained_model_outputs/model.ilearner" in left
    content = lab.client.artifact(steps["Train Model"]["runId"], "trained_model_outputs/model.ilearner")
    assert content[:2] == b"PK"
