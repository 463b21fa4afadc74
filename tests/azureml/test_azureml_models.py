"""The registry of models: versions with their tags, the next version to take, lists and what may change."""

from __future__ import annotations

import pytest

from local.services.client import Json, ServiceRefused

from .lab import IN, Lab, at, literal


def _register(lab: Lab, name: str, version: str, **more: object) -> Json:
    return lab.client.register_model(name, version, f"{IN}models/{name}.ilearner", **more)


def test_a_model_version_keeps_what_it_was_registered_with(lab: Lab) -> None:
    job = lab.trained()
    uri = f"azureml://jobs/{job}/outputs/model"
    lab.client.register_model("kept", "1", uri, jobName=job, tags={"decision": "approved"}, properties={"run": "r"})
    found = lab.client.arm("GET", "models/kept/versions/1")
    assert found["id"] == f"{lab.client.scope}/models/kept/versions/1"
    assert found["type"] == "Microsoft.MachineLearningServices/workspaces/models/versions"
    properties = found["properties"]
    assert (properties["modelUri"], properties["jobName"], properties["modelType"]) == (uri, job, "custom_model")
    assert (properties["tags"], properties["properties"]) == ({"decision": "approved"}, {"run": "r"})
    assert properties["provisioningState"] == "Succeeded"


def test_the_container_says_which_version_is_next(lab: Lab) -> None:
    for version in ("1", "2", "9", "blue"):
        _register(lab, "counted", version)
    properties = lab.client.arm("GET", "models/counted")["properties"]
    assert (properties["latestVersion"], properties["nextVersion"]) == ("blue", "10")


def test_a_put_of_a_version_that_is_there_changes_tags_and_stage_only(lab: Lab) -> None:
    _register(lab, "staged", "1", tags={"a": "1"})
    changed = _register(lab, "staged", "1", tags={"b": "2"}, stage="Production")
    assert (changed["properties"]["tags"], changed["properties"]["stage"]) == ({"b": "2"}, "Production")
    with pytest.raises(ServiceRefused) as refused:
        lab.client.register_model("staged", "1", IN + "another.ilearner")
    assert refused.value.status == 409


def test_versions_are_listed_newest_first_and_by_tags(lab: Lab) -> None:
    for version, tags in (("1", {"state": "old"}), ("2", {"state": "live", "by": "us"}), ("3", {})):
        _register(lab, "listed", version, tags=tags)

    def versions(query: str = "") -> list[str]:
        return [one["name"] for one in lab.client.arm("GET", f"models/listed/versions{query}")["value"]]

    assert versions() == ["3", "2", "1"]
    assert versions("?$orderBy=createdtime asc") == ["1", "2", "3"]
    assert versions("?$top=1") == ["3"]
    assert versions("?tags=state=live") == ["2"]
    assert versions("?tags=state") == ["2", "1"]
    lab.client.switches(assetTagFilter="ignored")
    assert versions("?tags=state=live") == ["3", "2", "1"]


def test_an_archived_version_is_listed_only_when_asked_for(lab: Lab) -> None:
    _register(lab, "archived", "1")
    _register(lab, "archived", "1", isArchived=True)
    assert lab.client.arm("GET", "models/archived/versions")["value"] == []
    assert len(lab.client.arm("GET", "models/archived/versions?listViewType=All")["value"]) == 1
    assert "archived" not in [one["name"] for one in lab.client.arm("GET", "models")["value"]]


@pytest.mark.parametrize(
    ("uri", "more"),
    [
        ("azureml://jobs/none/outputs/model", {}),
        ("azureml://datastores/none/paths/x", {}),
        (IN + "x", {"tags": {"rmse": [1.5]}}),
        ("", {}),
    ],
)
def test_a_model_is_refused_when_it_points_nowhere_or_a_tag_is_no_text(lab: Lab, uri: str, more: Json) -> None:
    with pytest.raises(ServiceRefused) as refused:
        lab.client.register_model("refused", "1", uri, **more)
    assert refused.value.status == 400


def test_a_deleted_version_is_gone(lab: Lab) -> None:
    _register(lab, "deleted", "1")
    lab.client.arm("DELETE", "models/deleted/versions/1")
    with pytest.raises(ServiceRefused) as refused:
        lab.client.arm("GET", "models/deleted/versions/1")
    assert refused.value.status == 404
    again = f"{lab.client.scope}/models/deleted/versions/1?api-version=2025-12-01"
    assert lab.client.call("DELETE", again, lab.client.token).status_code == 204


@pytest.mark.parametrize(
    "form", ["azureml:line-model:1", "azureml:line-model@latest", "{scope}/models/line-model/versions/1"]
)
def test_a_registered_model_scores_by_its_name(lab: Lab, form: str) -> None:
    job = lab.trained()
    versions = lab.client.arm("GET", "models")["value"]
    if "line-model" not in [one["name"] for one in versions]:
        lab.client.register_model("line-model", "1", f"azureml://jobs/{job}/outputs/model")
    name = lab.name()
    lab.client.command_job(
        name,
        "python score.py --data ${{inputs.data}} --model ${{inputs.model}} --scores ${{outputs.scores}}",
        {"data": at(IN + "line.csv"), "model": at(form.format(scope=lab.client.scope), "custom_model")},
        {"scores": {"jobOutputType": "uri_file", "uri": f"{IN}out/{name}.csv"}},
    )
    assert lab.client.wait_job(name)["status"] == "Completed"
    assert lab.download(f"out/{name}.csv").startswith(b"x,kind,y,Scored Labels")


def test_a_data_version_is_an_input_by_its_name(lab: Lab) -> None:
    lab.client.arm("PUT", "data/line/versions/7", {"dataType": "uri_file", "dataUri": IN + "line.csv"})
    name = lab.train(data="azureml:line:7", inputs={"l2": literal("2")})
    assert lab.client.wait_job(name)["status"] == "Completed"
