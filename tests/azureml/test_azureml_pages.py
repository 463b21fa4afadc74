"""Pages for people: jobs with what they left, and registered models."""

from __future__ import annotations

import requests

from .lab import IN, Lab, at, whole


def read(lab: Lab, path: str) -> str:
    """A page, without any token."""
    answer = requests.get(path if path.startswith("http") else lab.url + path, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_address_that_a_job_names_shows_what_it_did(lab: Lab) -> None:
    name = lab.trained(displayName="Line <b>")
    text = read(lab, lab.client.job(name)["services"]["Studio"]["endpoint"])
    assert "Completed" in text
    assert "mean_absolute_error" in text
    assert "Line &lt;b&gt;" in text
    assert "user_logs/std_log.txt" in text


def test_a_pipelines_page_leads_to_its_steps(lab: Lab) -> None:
    name = lab.name()
    inputs = {"data": at(IN + "line.csv")}
    lab.client.put_job(name, {"jobType": "Pipeline", "componentId": whole(lab), "inputs": inputs})
    lab.client.wait_job(name)
    text = read(lab, f"/azureml{lab.client.scope}/jobs/{name}")
    assert ">train</a>" in text
    assert ">score</a>" in text


def test_the_first_page_leads_to_jobs_and_models(lab: Lab) -> None:
    lab.client.register_model("paged", "1", IN + "x.ilearner", tags={"decision": "approved & kept"})
    first = read(lab, "/")
    assert f"/azureml{lab.client.scope}/jobs" in first
    assert "approved &amp; kept" in read(lab, f"/azureml{lab.client.scope}/models")


def test_the_page_of_a_job_that_is_not_there_is_not_found(lab: Lab) -> None:
    assert requests.get(f"{lab.url}/azureml{lab.client.scope}/jobs/none", timeout=30).status_code == 404
