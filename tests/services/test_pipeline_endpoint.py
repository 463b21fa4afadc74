"""Training by published pipelines, against the stand-in of the designer."""

from __future__ import annotations

import re

import msgspec
import pytest

from retrain.errors import (
    AccessDenied,
    BadConfiguration,
    BadRequest,
    Conflict,
    NotFound,
    RetrainError,
    Throttled,
    Unavailable,
)
from retrain.ports import JobState
from retrain.run import Run
from shared.services.arm import MANAGEMENT
from shared.services.designer.pipeline_endpoint import PipelineEndpoint
from tests.waiting import ended

from .pipeline_lab import TRAINING, PipelineLab

UNUSED = ("candidates/income/1/model.ilearner", "runs/income/metrics.csv")


def submitted(trainer: PipelineEndpoint, run: Run) -> str:
    return trainer.submit(run, TRAINING, *UNUSED)


def test_a_run_trains_and_gives_model_and_metrics(lab: PipelineLab) -> None:
    trainer = lab.trainer()
    job = submitted(trainer, lab.run())
    trainer.start(job)
    assert ended(trainer, job).state is JobState.SUCCEEDED
    results = trainer.results(job)
    assert len(b"".join(trainer.download(results.artifact))) > 1000
    metrics = trainer.metrics(results.metrics)
    assert 0.5 < metrics["auc"] <= 1
    assert {"accuracy", "precision", "recall", "f1"} <= metrics.keys()


def test_the_pipeline_reads_the_very_data_it_was_given(lab: PipelineLab) -> None:
    trainer = lab.trainer()
    job = lab.trained(trainer)
    shown = lab.designer.run(job)
    assert shown["DataSetDefinitionValueAssignments"]["data"]["LiteralValue"] == {
        "DataStoreName": "retrain_runs",
        "RelativePath": TRAINING.partition("/")[2],
    }
    assert shown["RunHistoryExperimentName"] == "retrain"
    assert shown["RunSource"] == "Retrain"


@pytest.mark.parametrize(
    ("form", "wanted"),
    [("datapath", "DataPathAssignments"), ("dataset", "either"), ("parameter", "ParameterAssignments")],
)
def test_a_path_is_passed_in_the_assignments_that_the_service_wants(lab: PipelineLab, form: str, wanted: str) -> None:
    lab.designer.switches(pathAssignment=wanted)
    relative = TRAINING.partition("/")[2]
    lab.blobs.write(f"history/{relative}", lab.blobs.read(TRAINING))  # where the module's own datastore is
    trainer = lab.trainer(data_as=form)
    lab.trained(trainer)


@pytest.mark.parametrize("form", ["datapath", "parameter"])
def test_the_other_assignments_are_refused_with_the_parameters_there_are(lab: PipelineLab, form: str) -> None:
    wanted = {"datapath": "ParameterAssignments", "parameter": "DataPathAssignments"}[form]
    lab.designer.switches(pathAssignment=wanted)
    with pytest.raises(
        BadConfiguration, match=rf"give it in {wanted}.*parameters: data \(default 'income/first.csv'\)"
    ):
        submitted(lab.trainer(data_as=form), lab.run())


def test_parameters_of_a_run_win_over_configured_ones(lab: PipelineLab) -> None:
    trainer = lab.trainer(parameters={"seed": "5"})
    job = submitted(trainer, lab.run())
    other = submitted(trainer, lab.run(seed="7"))
    assert lab.designer.run(job)["ParameterAssignments"]["seed"] == "5"
    assert lab.designer.run(other)["ParameterAssignments"]["seed"] == "7"


def test_a_run_may_not_name_the_data_itself(lab: PipelineLab) -> None:
    run = lab.run(data="income/other.csv")
    with pytest.raises(BadRequest, match="parameter 'data' takes the data of the run"):
        submitted(lab.trainer(), run)
    assert lab.runs_of(run) == []


def test_an_unknown_parameter_is_answered_with_those_there_are(lab: PipelineLab) -> None:
    with pytest.raises(BadConfiguration, match=r"no parameter 'Nonsense'.*seed \(default '0'\)"):
        submitted(lab.trainer(parameters={"Nonsense": "1"}), lab.run())


def test_a_pipeline_is_reached_by_every_address_and_by_its_workspace(lab: PipelineLab) -> None:
    endpoint = lab.scene.training
    base = endpoint["Url"].partition("/PipelineRuns/")[0] + "/PipelineRuns"
    newest = endpoint["PipelineVersionList"][-1]
    reached = [
        lab.trainer(version=newest["Version"]),
        lab.trainer(url=f"{base}/PipelineEndpointSubmit/Id/{endpoint['Id']}/{newest['Version']}"),
        lab.trainer(url=f"{base}/PipelineEndpointSubmit/Name?name={endpoint['Name']}", version=newest["Version"]),
        lab.trainer(url=f"{base}/PipelineSubmit/{newest['PipelineId']}"),
        lab.trainer(url="", workspace=lab.workspace, endpoint=endpoint["Name"]),
        lab.trainer(url="", workspace=lab.workspace + "/", endpoint=endpoint["Id"], version=newest["Version"]),
    ]
    for trainer in reached:
        job = submitted(trainer, lab.run())
        assert lab.designer.run(job)["PipelineId"] == newest["PipelineId"]
        trainer.cancel(job)


def test_a_version_is_the_one_that_runs_whatever_the_default_is(lab: PipelineLab) -> None:
    draft = lab.designer.drafts()[0]["id"]
    endpoint = lab.designer.publish(draft, "versions")["endpoint"]
    endpoint = lab.designer.publish(draft, "versions", setDefault=False)["endpoint"]
    ids = {one["Version"]: one["PipelineId"] for one in endpoint["PipelineVersionList"]}
    for version, meant in (("", ids["0"]), ("0", ids["0"]), ("1", ids["1"])):
        trainer = lab.trainer(url=endpoint["Url"], version=version)
        job = submitted(trainer, lab.run())
        assert lab.designer.run(job)["PipelineId"] == meant
        trainer.cancel(job)
    with pytest.raises(NotFound, match="no version '2'"):
        submitted(lab.trainer(url=endpoint["Url"], version="2"), lab.run())


@pytest.mark.parametrize("encoding", ["string", "number"])
@pytest.mark.parametrize("before", ["present", "null"])
def test_both_encodings_of_states_are_understood(lab: PipelineLab, encoding: str, before: str) -> None:
    lab.designer.switches(enumEncoding=encoding, newRunStatus=before, dataSetMember="DataSetDefinitionValueAssignment")
    lab.designer.hold_jobs()
    trainer = lab.trainer()
    job = submitted(trainer, lab.run())
    lab.designer.fault("getrundetails", status=404, times=1)
    assert trainer.poll(job).state in (JobState.NOT_STARTED, JobState.RUNNING)
    trainer.cancel(job)
    assert ended(trainer, job).state is JobState.CANCELLED
    lab.designer.release_jobs()
    finished = lab.trained(trainer)
    lab.designer.fault("getrundetails", status=404, times=1)
    assert trainer.poll(finished).state is JobState.SUCCEEDED


def test_a_run_that_failed_says_which_step_and_why(lab: PipelineLab) -> None:
    trainer = lab.trainer()
    lab.designer.fault("runstep", endpoint="Train Model", message="Error 0018: the data set is invalid")
    job = submitted(trainer, lab.run())
    status = ended(trainer, job)
    assert status.state is JobState.FAILED
    assert "step Train Model: UserError: Error 0018: the data set is invalid" in status.details
    with pytest.raises(Conflict, match="only a run that succeeded"):
        trainer.results(job)


def test_cancelling_what_ended_is_no_error(lab: PipelineLab) -> None:
    trainer = lab.trainer()
    job = lab.trained(trainer)
    trainer.cancel(job)
    lab.designer.fault("cancelpipelinerun", status=400, message="The run has ended.")
    trainer.cancel(job)
    assert trainer.poll(job).state is JobState.SUCCEEDED


def test_a_refused_cancel_of_a_running_run_is_an_error(lab: PipelineLab) -> None:
    lab.designer.hold_jobs()
    trainer = lab.trainer()
    job = submitted(trainer, lab.run())
    lab.designer.fault("cancelpipelinerun", status=409, message="Not now.")
    with pytest.raises(Conflict, match="Not now"):
        trainer.cancel(job)
    trainer.cancel(job)


def test_a_run_is_found_by_its_tags(lab: PipelineLab) -> None:
    trainer, run = lab.trainer(), lab.run()
    assert trainer.find(run) is None
    job = submitted(trainer, run)
    assert trainer.find(run) == job
    assert trainer.find(lab.run()) is None
    assert trainer.find(msgspec.structs.replace(run, attempt=run.attempt + 1)) is None


def test_an_experiment_without_runs_has_none_to_find(lab: PipelineLab) -> None:
    for answer in ("refuse", "empty"):
        lab.designer.switches(unknownExperiment=answer)
        assert lab.trainer(experiment="nobody-ran-this").find(lab.run()) is None


def test_a_submit_whose_answer_was_lost_is_found_and_ran_once(lab: PipelineLab) -> None:
    trainer, run = lab.trainer(), lab.run()
    lab.designer.fault("submitpipelineendpoint", cut="after")
    with pytest.raises(Unavailable, match=r"submit pipeline .*no answer"):
        submitted(trainer, run)
    (only,) = lab.runs_of(run)
    assert trainer.find(run) == only["runId"]


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500}, {"cut": "before"}])
def test_a_submit_is_never_repeated_by_itself(lab: PipelineLab, fault: dict[str, object]) -> None:
    trainer, run = lab.trainer(), lab.run()
    lab.designer.fault("submitpipelineendpoint", **fault)
    with pytest.raises(Unavailable):
        submitted(trainer, run)
    assert lab.runs_of(run) == []
    assert trainer.find(run) is None


def test_of_two_runs_the_older_is_kept_and_the_other_cancelled(lab: PipelineLab) -> None:
    lab.designer.hold_jobs()
    trainer, run = lab.trainer(), lab.run()
    first, second, third = (submitted(trainer, run) for _ in range(3))
    stranger = submitted(trainer, lab.run())
    assert trainer.find(run) == first
    for job in (second, third):
        assert ended(trainer, job).state is JobState.CANCELLED
    assert trainer.poll(first).state is JobState.RUNNING
    assert trainer.poll(stranger).state is JobState.RUNNING
    assert trainer.find(run) == first


def test_a_listing_of_many_pages_is_read_to_its_end(lab: PipelineLab) -> None:
    lab.designer.hold_jobs()
    trainer, run = lab.trainer(), lab.run()
    jobs = [submitted(trainer, run) for _ in range(3)]
    lab.designer.switches(historyPage=1)
    assert trainer.find(run) == jobs[0]
    lab.designer.release_jobs()
    assert ended(trainer, jobs[0]).state is JobState.SUCCEEDED
    results = trainer.results(jobs[0])
    assert {"auc", "f1"} <= trainer.metrics(results.metrics).keys()


def test_a_filter_that_the_service_does_not_read_is_done_without(lab: PipelineLab) -> None:
    trainer, run = lab.trainer(), lab.run()
    job = submitted(trainer, run)
    lab.designer.fault("queryruns", status=400, message="The filter cannot be read.")
    assert trainer.find(run) == job


def test_a_throttled_call_hands_on_the_time_to_wait(lab: PipelineLab) -> None:
    trainer, run = lab.trainer(), lab.run()
    lab.designer.fault("submitpipelineendpoint", status=429, retry_after=30)
    with pytest.raises(Throttled) as caught:
        submitted(trainer, run)
    assert caught.value.retry_after == 30
    assert lab.runs_of(run) == []


@pytest.mark.parametrize(
    "operation", ["getrundetails", "getchildren", "listartifacts", "getartifactinfo", "listmetrics"]
)
def test_a_passing_fault_is_asked_again(lab: PipelineLab, operation: str) -> None:
    trainer = lab.trainer()
    job = lab.trained(trainer)
    lab.designer.fault(operation, status=503, times=2)
    assert trainer.poll(job).state is JobState.SUCCEEDED
    assert trainer.metrics(trainer.results(job).metrics)["auc"] > 0.5


def test_a_token_for_another_audience_is_refused_and_not_shown(lab: PipelineLab) -> None:
    token = lab.token("https://ml.azure.com/.default")
    for act in (lambda trainer: submitted(trainer, lab.run()), lambda trainer: trainer.poll("x")):
        with pytest.raises(AccessDenied, match=r"Unauthorized.*wrong audience.*ml.azure.com") as caught:
            act(lab.trainer(token=lambda scope: token))
        assert token not in str(caught.value)


def test_the_token_is_for_resource_manager(lab: PipelineLab) -> None:
    asked: list[str] = []

    def token(scope: str) -> str:
        asked.append(scope)
        return lab.token(scope)

    submitted(lab.trainer(token=token), lab.run())
    assert set(asked) == {MANAGEMENT}


def test_an_identity_that_may_only_read_is_told_which_role_it_needs(lab: PipelineLab) -> None:
    lab.designer.role("Reader")
    trainer = lab.trainer()
    with pytest.raises(AccessDenied, match=r"HTTP 403.*must be there and have the role Contributor"):
        submitted(trainer, lab.run())
    assert trainer.find(lab.run()) is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model_step": "Tune Model"}, "no step 'Tune Model'; its steps are Evaluate Model, Import Data, Score Model"),
        ({"model_file": "*.onnx"}, "none fit '\\*.onnx'; it has logs/.*, trained_model_outputs/model.ilearner"),
        ({"model_file": "*"}, "[3-9] fit '\\*'"),
    ],
)
def test_a_model_that_is_not_there_is_answered_with_what_is(
    lab: PipelineLab, settings: dict[str, str], said: str
) -> None:
    job = lab.trained(lab.trainer())
    with pytest.raises(BadConfiguration, match=said):
        lab.trainer(**settings).results(job)


@pytest.mark.parametrize("step", ["", "Nothing Like It"])
def test_a_pipeline_that_does_not_evaluate_has_no_metrics(lab: PipelineLab, step: str) -> None:
    job = lab.trained(lab.trainer())
    assert lab.trainer(metrics_step=step).results(job).metrics == ""


def test_a_step_without_metrics_gives_none(lab: PipelineLab) -> None:
    job = lab.trained(lab.trainer())
    results = lab.trainer(metrics_step="Train Model").results(job)
    assert lab.trainer().metrics(results.metrics) == {}


def test_an_expired_download_says_to_ask_again(lab: PipelineLab) -> None:
    trainer = lab.trainer()
    job = lab.trained(trainer)
    url = trainer.results(job).artifact
    stale = url.partition("?")[0] + "?sv=2024-08-04&se=2020-01-01T00%3A00%3A00Z&sr=b&sp=r&sig=U2VjcmV0"
    with pytest.raises(AccessDenied, match="ask for the run's results again") as caught:
        trainer.download(stale)
    assert "U2VjcmV0" not in str(caught.value)


def test_what_the_service_does_not_know_is_not_found(lab: PipelineLab) -> None:
    trainer = lab.trainer()
    for act in (trainer.poll, trainer.cancel, trainer.results):
        with pytest.raises(NotFound):
            act("66666666-7777-8888-9999-000000000000")


def test_a_disabled_pipeline_is_refused_before_anything_runs(lab: PipelineLab) -> None:
    draft = lab.designer.drafts()[0]["id"]
    endpoint = lab.designer.publish(draft, "disabled")["endpoint"]
    lab.designer.set_status(endpoint["PipelineVersionList"][0]["PipelineId"], "Disabled")
    trainer = lab.trainer(url=endpoint["Url"])
    with pytest.raises(BadConfiguration, match="is disabled"):
        submitted(trainer, lab.run())
    assert "is disabled; enable it" in " ".join(one.message for one in trainer.examine() if one.verdict == "fail")


def said(trainer: PipelineEndpoint, verdict: str) -> str:
    return "\n".join(one.message for one in trainer.examine() if one.verdict == verdict)


@pytest.mark.parametrize("encoding", ["string", "number"])
def test_a_doctor_is_told_what_is_there(lab: PipelineLab, encoding: str) -> None:
    lab.designer.switches(enumEncoding=encoding)
    trainer = lab.trainer(parameters={"seed": "1"})
    found = said(trainer, "ok")
    assert "pipeline endpoint income-training is there, version 0 (its default" in found
    assert "parameter 'data' is there; its default is 'income/first.csv'" in found
    assert "parameter 'seed' is there; its default is '0'" in found
    assert {one.subject for one in trainer.examine()} == {"trainer"}
    assert said(trainer, "fail") == ""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"version": "9"}, "it has no version '9'; it has 0"),
        ({"data_parameter": "Data"}, "data_parameter: it has no parameter 'Data' \\(case counts\\).*data \\(default"),
        ({"parameters": {"rate": "1"}}, "parameters: it has no parameter 'rate'"),
        ({"token": lambda scope: "no token"}, "HTTP 401"),
    ],
)
def test_a_doctor_is_told_what_is_wrong(lab: PipelineLab, settings: dict[str, object], words: str) -> None:
    found = said(lab.trainer(**settings), "fail")
    assert re.search(words, found), found


def test_a_doctor_never_meets_an_error(lab: PipelineLab) -> None:
    nowhere = lab.scene.training["Url"].replace(lab.designer.url, "http://127.0.0.1:9")
    assert "no answer" in said(lab.trainer(url=nowhere), "fail")
    assert "HTTP 404" in said(lab.trainer(url="", workspace=lab.workspace + "x", endpoint="e"), "fail")


def test_no_error_shows_a_token(lab: PipelineLab) -> None:
    trainer = lab.trainer(token=lambda scope: "c2VjcmV0IHRva2Vu")
    for act in (trainer.poll, trainer.metrics, trainer.cancel):
        with pytest.raises(RetrainError) as caught:
            act("x")
        assert "c2VjcmV0" not in str(caught.value)
