"""Pipeline jobs: steps bound to each other, components, failures and what is left of a pipeline that was cancelled."""

from __future__ import annotations

import pytest

from local.services.client import Json, ServiceRefused

from .lab import IN, Lab, at, bound, literal, steps, whole


def pipeline(lab: Lab, **more: object) -> Json:
    """A pipeline job of these steps."""
    return {
        "jobType": "Pipeline",
        "experimentName": "pipelines",
        "jobs": steps(lab),
        "inputs": {"data": at(IN + "line.csv")},
        "outputs": {"scores": {"jobOutputType": "uri_file"}},
        **more,
    }


def test_a_pipelines_steps_run_one_after_what_they_need(lab: Lab) -> None:
    name = lab.name()
    target = {"scores": {"jobOutputType": "uri_file", "uri": f"{IN}out/{name}.csv"}}
    lab.client.put_job(name, pipeline(lab, outputs=target))
    assert lab.client.wait_job(name)["status"] == "Completed"
    assert lab.download(f"out/{name}.csv").startswith(b"x,kind,y,Scored Labels")


def test_a_pipeline_component_is_run_with_the_inputs_of_the_job(lab: Lab) -> None:
    component, name = whole(lab), lab.name()
    lab.client.put_job(name, {"jobType": "Pipeline", "componentId": component, "inputs": {"data": at(IN + "line.csv")}})
    found = lab.client.wait_job(name)
    assert found["status"] == "Completed"
    assert found["outputs"]["scores"]["uri"].endswith(f"/azureml/{name}/scores/")
    assert lab.default_blobs(f"azureml/{name}/scores/") == [f"azureml/{name}/scores/scores.csv"]


def test_a_pipeline_fails_with_the_step_that_failed_and_begins_no_other(lab: Lab) -> None:
    lab.client.fault("runmljob", endpoint="train", message="No memory.")
    name = lab.name()
    lab.client.put_job(name, pipeline(lab))
    assert lab.client.wait_job(name)["status"] == "Failed"
    target = lab.client.job(name)["outputs"]["scores"]["uri"].partition("/paths/")[2]
    assert not lab.default_blobs(target)


def test_a_cancelled_pipeline_ends_the_step_at_work(lab: Lab) -> None:
    lab.client.hold_jobs("train")
    name = lab.name()
    lab.client.put_job(name, pipeline(lab))
    while not (held := lab.client.held_jobs()):
        assert lab.client.job(name)["status"] != "Failed"
    lab.client.arm("POST", f"jobs/{name}/cancel")
    assert lab.client.wait_job(name)["status"] == "Canceled"
    assert lab.client.job(held[0])["status"] == "Canceled"


@pytest.mark.parametrize(
    ("expression", "about"),
    [
        ("parent.jobs.none.outputs.model", "no step 'none'"),
        ("parent.jobs.train.outputs.none", "binds to nothing"),
        ("parent.inputs.none", "binds to nothing"),
        ("parent.jobs.score.outputs.scores", "circle"),
    ],
)
def test_a_pipeline_is_refused_when_a_step_is_bound_to_nothing(lab: Lab, expression: str, about: str) -> None:
    jobs = steps(lab)
    jobs["score"]["inputs"]["model"] = bound(expression)
    with pytest.raises(ServiceRefused) as refused:
        lab.client.put_job(lab.name(), pipeline(lab, jobs=jobs))
    assert refused.value.status == 400
    assert about in refused.value.body


def test_a_pipeline_component_is_refused_when_an_input_lacks(lab: Lab) -> None:
    spec = {"type": "pipeline", "inputs": {"data": {"type": "uri_file"}}, "outputs": {}, "jobs": steps(lab)}
    spec["jobs"]["score"].pop("outputs")
    component = lab.client.create_component("lacking", spec)
    with pytest.raises(ServiceRefused) as refused:
        lab.client.put_job(lab.name(), {"jobType": "Pipeline", "componentId": component})
    assert "'data' is needed" in refused.value.body


def test_literals_of_the_pipeline_reach_its_steps(lab: Lab) -> None:
    jobs = steps(lab)
    jobs["train"]["inputs"]["label"] = bound("parent.inputs.label")
    name = lab.name()
    lab.client.put_job(
        name, pipeline(lab, jobs=jobs, inputs={"data": at(IN + "line.csv"), "label": literal("nothing")})
    )
    assert lab.client.wait_job(name)["status"] == "Failed"
