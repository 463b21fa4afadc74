"""The stand-in as Azure's own REST clients (SDK version 1) see it: their routes, their models, their enums."""

from __future__ import annotations

import pytest
import requests

from tests.lines import rows_csv

from .lab import Lab
from .sdk import History, Pipelines, Workspace

RUNS = "/PipelineRuns/{pipelineRunId}"


def client_of(lab: Lab) -> Pipelines:
    return Pipelines(lab.url, lab.client.scope, lab.client.token)


@pytest.mark.parametrize(("encoding", "finished"), [("string", "Finished"), ("number", "3")])
def test_the_sdks_client_submits_a_pipeline_endpoint_and_watches_its_run(
    lab: Lab, encoding: str, finished: str
) -> None:
    lab.client.switches(enumEncoding=encoding)
    client = client_of(lab)
    info = client.models.PipelineSubmissionInfo(
        experiment_name="sdk",
        run_source="SDK",
        run_type="SDK",
        parameter_assignments={"data_path": lab.upload(rows_csv(5))},
        tags={"who": "sdk"},
    )
    submit = "/PipelineRuns/PipelineEndpointSubmit/Id/{id}"
    run = client.call("POST", submit, lab.endpoint["Id"], pipeline_submission_info=info, pipeline_version="0")
    assert isinstance(run, client.models.PipelineRunEntity)
    assert (run.tags, run.run_history_experiment_name, run.total_run_steps) == ({"who": "sdk"}, "sdk", 5)
    lab.client.wait(run.id)
    ended = client.call("GET", RUNS, run.id)
    assert ended.status.status_code == finished
    assert ended.status.end_time >= ended.status.creation_time >= ended.created_date
    status = client.call("POST", RUNS + "/Graph/AllNodes/Status", run.id)
    assert set(status) == {"import", "learner", "train", "score", "evaluate"}
    assert {step.status_code for step in status.values()} == {"Finished" if encoding == "string" else "4"}
    assert client.call("POST", RUNS + "/Graph/Node/StatusCode", run.id, ["train"])
    assert client.call("POST", RUNS + "/Graph/Node/Status", run.id, ["train"]).run_id == status["train"].run_id


def test_the_sdks_client_reads_and_changes_pipelines_and_endpoints(lab: Lab) -> None:
    client = client_of(lab)
    (pipeline,) = [one for one in client.call("GET", "/Pipelines", active_only=True) if one.id == lab.pipeline["Id"]]
    assert pipeline.parameter_assignments == {"data_path": "line.csv", "l2": "0.001"}
    assert client.call("GET", "/Pipelines/{pipelineId}", pipeline.id).graph_id == pipeline.graph_id
    creation = client.models.PipelineEndpointCreationInfo(name="made by sdk", description="d", pipeline_id=pipeline.id)
    made = client.call("POST", "/PipelineEndpoints/Create", creation)
    assert (made.default_version, [one.version for one in made.pipeline_version_list]) == ("0", ["0"])
    made.pipeline_version_list.append(client.models.PipelineVersion(version="1", pipeline_id=pipeline.id))
    made.default_version = "1"
    changed = client.call("PUT", "/PipelineEndpoints/{endpoint_id}", made.id, made)
    assert (changed.default_version, len(changed.pipeline_version_list)) == ("1", 2)
    assert client.call("GET", "/PipelineEndpoints/Name", "made by sdk").id == made.id
    assert len(client.call("GET", "/PipelineEndpoints/{id}/pipelines", made.id)) == 2
    run = client.call("POST", "/PipelineRuns/PipelineSubmit/{pipelineId}", pipeline.id)
    client.call("DELETE", RUNS + "/Execution", run.id)
    assert client.call("GET", RUNS, run.id).status.status_code == "Canceled"
    assert run.id in [one.id for one in client.call("GET", "/PipelineRuns/Pipeline/{pipelineId}", pipeline.id)]


def test_the_sdks_clients_read_history_metrics_and_artifacts(lab: Lab) -> None:
    history, workspace = History(lab.url), Workspace(lab.client.scope, lab.client.token)
    place, more = workspace.place, {"custom_headers": workspace.headers}
    run = lab.client.submit(lab.pipeline["Id"], ExperimentName="read", tags={"OperationId": "7 of 9"})
    steps = lab.ran(run)
    query = history.models.QueryParamsDto(filter="(Tags/OperationId eq 7 of 9)", top=5)
    found = history.runs.get_by_query(*place, "read", query_params=query, **more)
    assert [one.run_id for one in found.value] == [run["Id"]]
    assert found.value[0].status == "Completed"
    children = history.runs.get_child(*place, "read", run["Id"], **more).value
    assert {one.name for one in children} == set(steps)
    assert {one.parent_run_id for one in children} == {run["Id"]}
    step = steps["Evaluate Model"]["runId"]
    details = history.runs.get_details(*place, "read", step, **more)
    assert set(details.log_files) == {"logs/azureml/stdoutlogs.txt", "logs/azureml/stderrlogs.txt"}
    listing = history.metrics.list_metrics(*place, step, history.models.ListMetricsDto(), **more)
    assert len(listing.value) == 5
    wanted = history.models.RetrieveFullFidelityMetricRequestDto(metric_name="Mean_Absolute_Error")
    metric = history.metrics.get_full_fidelity(*place, step, wanted, **more)
    assert metric.value[0].data["Mean_Absolute_Error"] >= 0
    train, container = steps["Train Model"]["runId"], "dcid." + steps["Train Model"]["runId"]
    left = [one.path for one in history.artifacts.list_in_container(*place, "ExperimentRun", container, **more).value]
    assert "trained_model_outputs/model.ilearner" in left
    path = "trained_model_outputs/model.ilearner"
    info = history.artifacts.get_content_information(*place, "ExperimentRun", container, path, **more)
    assert requests.get(info.content_uri, timeout=30).content == lab.client.artifact(train, path)
