"""Authoring: drafts, pipeline parameters attached and detached, submitting before publishing, publishing."""

from __future__ import annotations

from typing import Any

import pytest

from local.services.client import ServiceRefused
from tests.lines import rows_csv

from .lab import LINE_EDGES, LINE_NODES, Json, Lab


def test_a_parameter_is_created_attached_edited_detached_and_deleted(lab: Lab) -> None:
    client, draft = lab.client, lab.client.create_draft("Parameters", LINE_NODES, LINE_EDGES)["id"]
    assert client.set_parameter(draft, "where", "a.csv") == {"default": "a.csv", "links": []}
    client.attach(draft, "where", "import", "Path")
    client.attach(draft, "where", "import", "Path")
    assert client.attach(draft, "where", "import", "Data source URL")["links"] == [
        {"node": "import", "field": "Path"},
        {"node": "import", "field": "Data source URL"},
    ]
    assert client.set_parameter(draft, "where", "b.csv")["default"] == "b.csv"
    with pytest.raises(ServiceRefused, match=r"409.*detach it before deleting it"):
        client.delete_parameter(draft, "where")
    client.detach(draft, "where", "import", "Data source URL")
    client.detach(draft, "where", "import", "Path")
    assert client.get_draft(draft)["nodes"]["import"]["fields"]["Path"] == "b.csv"
    client.delete_parameter(draft, "where")
    assert client.parameters(draft) == {}


def test_a_field_has_one_parameter_and_its_module_stays_while_it_has(lab: Lab) -> None:
    client, draft = lab.client, lab.line_draft("One")
    client.set_parameter(draft, "other", "x")
    with pytest.raises(ServiceRefused, match=r"409.*filled by 'data_path'"):
        client.attach(draft, "other", "import", "Path")
    nodes = {key: node for key, node in LINE_NODES.items() if key != "import"}
    with pytest.raises(ServiceRefused, match=r"409.*detach it first"):
        client.edit_draft(draft, nodes=nodes)
    client.detach(draft, "data_path", "import", "Path")
    left = client.edit_draft(draft, nodes=nodes, name="Smaller")
    assert (left["name"], len(left["edges"])) == ("Smaller", 3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda client, draft: client.attach(draft, "none", "import", "Path"), "404.*no parameter 'none'"),
        (lambda client, draft: client.attach(draft, "l2", "none", "Path"), "404.*no node 'none'"),
        (lambda client, draft: client.attach(draft, "l2", "train", "Path"), "400.*no field 'Path'"),
        (lambda client, draft: client.detach(draft, "l2", "import", "Path"), "404.*not attached"),
        (lambda client, draft: client.set_fields(draft, "train", Colour="red"), "400.*no field 'Colour'"),
        (lambda client, draft: client.get_draft("none"), "404.*no draft none"),
        (lambda client, draft: client.register_datastore("x", "Not A Container"), "400.*cannot be the name"),
        (lambda client, draft: client.register_datastore("x", "good", "nonsense"), "400.*connectionString"),
        (lambda client, draft: client.register_dataset("x", "none", "a.csv"), "404.*no datastore"),
        (lambda client, draft: client.publish(draft, endpoint=" "), "400.*needs a name"),
        (lambda client, draft: client.publish(draft, colour="red"), "400.*colour"),
        (lambda client, draft: client.edit_draft(draft, nodes={"a:b": {"module": "Score Model"}}), "400.*id of a node"),
        (lambda client, draft: client.create_draft("", {}, []), "400.*needs a name"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(lab: Lab, call: Any, said: str) -> None:
    with pytest.raises(ServiceRefused, match=said):
        call(lab.client, lab.line_draft("Wrong"))


SCORE, IMPORT = {"module": "Score Model"}, {"module": "Import Data"}


@pytest.mark.parametrize(
    ("nodes", "edges", "said"),
    [
        ({"a": {"module": "Neural Network"}}, [], "no module 'Neural Network'"),
        ({"a": IMPORT}, [{"from": "a", "to": "b"}], "no node 'b'"),
        ({"a": IMPORT, "b": SCORE}, [{"from": "a", "to": "b"}], "names no input of 'b': Trained model, Dataset"),
        ({"a": IMPORT, "b": SCORE}, [{"from": "a", "to": "b:Trained model"}], "is a dataset, b needs a model"),
        ({"a": IMPORT, "b": SCORE}, [{"from": "a", "to": "b:Dataset"}] * 2, "connected twice"),
        (
            {"a": {"module": "Clean Missing Data"}, "b": {"module": "Clean Missing Data"}},
            [{"from": "a", "to": "b"}, {"from": "b", "to": "a"}],
            "in a circle",
        ),
    ],
)
def test_a_graph_that_cannot_be_is_not_drawn(lab: Lab, nodes: Json, edges: list[Json], said: str) -> None:
    with pytest.raises(ServiceRefused, match=said):
        lab.client.create_draft("Odd", nodes, edges)


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({}, "no modules"),
        ({"a": SCORE}, r"a \(Score Model\): input 'Trained model' is not connected"),
        ({"a": {"module": "Trained Model"}}, r"a \(Trained Model\): field 'Path' needs a value"),
    ],
)
def test_an_unfinished_draft_is_neither_published_nor_submitted(lab: Lab, nodes: Json, said: str) -> None:
    draft = lab.client.create_draft("Unfinished", nodes, [])["id"]
    for ask in (lab.client.publish, lab.client.submit_draft):
        with pytest.raises(ServiceRefused, match=said):
            ask(draft)


def test_a_draft_is_submitted_before_it_is_published(lab: Lab) -> None:
    draft = lab.line_draft("Early")
    path = lab.upload(rows_csv(9))
    run = lab.client.submit_draft(draft, ParameterAssignments={"data_path": path})
    assert (run["PipelineId"], run["RunHistoryExperimentName"]) == (None, "Early")
    assert lab.client.metrics(lab.ran(run)["Evaluate Model"]["runId"])["Coefficient_of_Determination"] > 0.99
    assert "Early" not in [one["Name"] for one in lab.client.pipelines()]
    assert draft in [one["id"] for one in lab.client.drafts()]


def test_what_was_published_does_not_change_with_its_draft(lab: Lab) -> None:
    draft = lab.line_draft("Lasting")
    first = lab.client.publish(draft, endpoint="lasting", version="a", description="the first")
    assert (first["pipeline"]["Version"], first["endpoint"]["DefaultVersion"]) == ("a", "0")
    lab.client.set_fields(draft, "train", **{"Label column": "none"})
    second = lab.client.publish(draft, endpoint="lasting", setDefault=False)
    assert second["endpoint"]["Id"] == first["endpoint"]["Id"]
    assert second["endpoint"]["DefaultVersion"] == "0"
    lab.ran(lab.client.submit_endpoint(first["endpoint"]["Id"]))
    lab.ran(lab.client.submit_endpoint(first["endpoint"]["Id"], version="1"), "Failed")
    assert lab.call("DELETE", f"/designer/v1{{WS}}/drafts/{draft}").status_code == 204
    assert lab.client.endpoint("lasting")["PipelineVersionList"][1]["PipelineId"] == second["pipeline"]["Id"]
    with pytest.raises(ServiceRefused, match="has no version '2'"):
        lab.client.set_default_version(first["endpoint"]["Id"], "2")
    create = {"Name": "lasting", "PipelineId": first["pipeline"]["Id"]}
    assert lab.call("POST", "/pipelines/v1.0{WS}/PipelineEndpoints/Create", json=create).status_code == 409
    other = [{"Version": "0", "PipelineId": second["pipeline"]["Id"]}]
    put = f"/pipelines/v1.0{{WS}}/PipelineEndpoints/{first['endpoint']['Id']}"
    assert lab.call("PUT", put, json={"PipelineVersionList": other}).status_code == 400


def test_no_answer_shows_a_datastores_connection(lab: Lab) -> None:
    answer = lab.call("GET", "/designer/v1{WS}/datastores")
    assert {store["name"] for store in answer.json()} >= {"lab", "workspaceblobstore"}
    assert "AccountKey" not in answer.text
