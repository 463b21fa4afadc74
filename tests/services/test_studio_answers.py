"""Answers that the stand-in never gives but the service or something in between may: clients explain or endure them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain.errors import AccessDenied, BadConfiguration, BadRequest, NotFound, RetrainError, Unavailable
from retrain.ports import JobState, Rows
from retrain.run import Artifact
from shared.services import credentials
from shared.services.http import Http
from shared.services.studio.batch import StudioBatch, StudioBatchSettings
from shared.services.studio.classic import StudioClassic, StudioClassicSettings
from shared.services.studio.management import EndpointInfo, runtime_of
from shared.services.studio.names import names_in

from .wire import Order, Wire
from .world import a_run

KEY = "c2VjcmV0IGtleQ=="
RUNTIME, MANAGED = "/workspaces/w/services/e", "/workspaces/w/webservices/s/endpoints"
ROWS = Rows(columns=("a",), values=(("1",), ("2",)))


def sign(blob: str, permissions: str, lifetime: timedelta) -> str:
    return f"https://ours.blob.core.windows.net/{blob}?sp={permissions}&sig=Signature"


def json(value: Any, status: int = 200) -> Order:
    return Order(status, msgspec.json.encode(value))


def trainer(server: Wire, **settings: Any) -> StudioBatch:
    whole = StudioBatchSettings(url=server.url + RUNTIME, key="env:K", **settings)
    return StudioBatch(whole, credentials.secret("env:K", {"K": KEY}), sign, Http(server.url, sleep=lambda _: None))


def endpoint(server: Wire, **settings: Any) -> StudioClassic:
    whole = StudioClassicSettings(production=f"{server.url}{MANAGED}/live", production_key="env:K", **settings)
    keys = {url: credentials.secret(key, {"K": KEY}) for url, key in whole.keys.items()}
    return StudioClassic(whole, keys, sign, Http(server.url, sleep=lambda _: None))


def shown(server: Wire, *resources: Any, **members: Any) -> Order:
    return json({"Name": "live", "ApiLocation": server.url + RUNTIME, "Resources": list(resources)} | members)


@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"Status Code": "Running"}, JobState.RUNNING),
        ({"StatusCode": 0, "CreatedAt": "2016-01-29T13:34:50Z"}, JobState.NOT_STARTED),
        ({"StatusCode": "finished", "Results": None}, JobState.SUCCEEDED),
        ({"StatusCode": "Canceled", "Details": None}, JobState.CANCELLED),
    ],
)
def test_odd_spellings_of_a_status_are_understood(server: Wire, body: dict[str, Any], state: JobState) -> None:
    server.answers(json(body))
    assert trainer(server).poll("j").state is state


@pytest.mark.parametrize("body", [{"StatusCode": "Paused"}, {}, {"StatusCode": None}, {"StatusCode": 9}])
def test_an_unknown_status_is_asked_again_later(server: Wire, body: dict[str, Any]) -> None:
    server.answers(json(body))
    with pytest.raises(Unavailable, match="is not one of the service's"):
        trainer(server).poll("j")


@pytest.mark.parametrize("body", [b'"539d0bc2"', b"539d0bc2", b' "539d0bc2"\r\n'])
def test_a_job_id_loses_its_quotes(server: Wire, body: bytes) -> None:
    server.answers(Order(body=body))
    assert trainer(server).submit(a_run(), "c/t.csv", "c/m.ilearner", "c/e.csv") == "539d0bc2"


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"null", b"{}"])
def test_an_answer_without_a_job_id_is_submitted_again_later(server: Wire, body: bytes) -> None:
    server.answers(Order(body=body))
    with pytest.raises(Unavailable, match="no job id came back"):
        trainer(server).submit(a_run(), "c/t.csv", "c/m.ilearner", "c/e.csv")


def test_the_submitted_body_is_the_documented_one(server: Wire) -> None:
    server.answers(Order(body=b'"j"'))
    chosen: dict[str, Any] = {"parameters": {"Depth": "3", "Rate": "0.1"}, "input": "data"}
    trainer(server, **chosen).submit(a_run(Depth="5"), "runs/a b/t.csv", "c/m.ilearner", "c/e.csv")
    (seen,) = server.seen
    assert seen.path == f"{RUNTIME}/jobs?api-version=2.0"
    base = "https://ours.blob.core.windows.net/"

    def blob(path: str, permissions: str) -> dict[str, str]:
        return {
            "BaseLocation": base,
            "RelativeLocation": path,
            "SasBlobToken": f"?sp={permissions}&sig=Signature",
        }

    assert msgspec.json.decode(seen.body) == {
        "Inputs": {"data": blob("runs/a b/t.csv", "r")},
        "Outputs": {"output2": blob("c/m.ilearner", "cw"), "output1": blob("c/e.csv", "cw")},
        "GlobalParameters": {"Depth": "5", "Rate": "0.1"},
    }


def test_names_are_asked_for_and_their_absence_endured(server: Wire) -> None:
    refused = {"error": {"code": "BadArgument", "details": [{"code": "InvalidOutputOverrideName", "message": "x"}]}}
    server.answers(json(refused, 400), json({"error": {"code": "NotFound", "message": ""}}, 404))
    with pytest.raises(BadConfiguration, match="BATCH EXECUTION help page"):
        trainer(server).submit(a_run(), "c/t.csv", "c/m.ilearner", "c/e.csv")


@pytest.mark.parametrize("swagger", [{}, [], {"definitions": {"BatchExecutionRequest": {"$ref": "#/definitions/a"}}}])
def test_a_strange_swagger_document_does_not_hide_the_error(server: Wire, swagger: Any) -> None:
    refused = {"error": {"code": "BadArgument", "details": [{"code": "UnexpectedParameter", "message": "Depth"}]}}
    server.answers(json(refused, 400), json(swagger))
    with pytest.raises(BadConfiguration, match="UnexpectedParameter"):
        trainer(server).submit(a_run(), "c/t.csv", "c/m.ilearner", "c/e.csv")


def results(**model: Any) -> Order:
    metrics = {"BaseLocation": "https://ours.blob.core.windows.net", "RelativeLocation": "/c/e.csv"}
    return json({"StatusCode": 4, "Results": {"output1": metrics, "output2": model}})


def test_a_result_of_another_account_keeps_the_services_signature(server: Wire) -> None:
    server.answers(
        results(BaseLocation="https://theirs/", RelativeLocation="x/m.ilearner", SasBlobToken="?sp=r&sig=Theirs")
    )
    found = trainer(server).results("j")
    assert found.artifact == "https://theirs/x/m.ilearner?sp=r&sig=Theirs"
    assert found.metrics == "https://ours.blob.core.windows.net/c/e.csv?sp=r&sig=Signature"


def test_a_result_of_another_account_without_a_signature_cannot_be_read(server: Wire) -> None:
    server.answers(results(BaseLocation="https://theirs/", RelativeLocation="x/m.ilearner", SasBlobToken=None))
    with pytest.raises(AccessDenied, match="came without a SAS"):
        trainer(server).results("j")


def test_a_result_without_a_place_is_a_missing_output(server: Wire) -> None:
    server.answers(results(ConnectionString=None, RelativeLocation=None))
    with pytest.raises(BadConfiguration, match="no output 'output2'"):
        trainer(server).results("j")


def test_the_words_of_a_failed_job_hide_signatures(server: Wire) -> None:
    server.answers(json({"StatusCode": "Failed", "Details": "cannot read https://a/b?sp=r&sig=Secret"}))
    assert trainer(server).poll("j").details == "cannot read https://a/b?sp=r&sig=***"


def test_several_resources_need_a_choice(server: Wire) -> None:
    two = ({"Name": "A [trained model]"}, {"Name": "B [trained model]"})
    server.answers(shown(server, *two))
    with pytest.raises(BadConfiguration, match=r"several resources: 'A \[trained model\]', 'B \[trained model\]'"):
        endpoint(server).current(endpoint(server).production())
    chosen = endpoint(server, resource="B [trained model]")
    assert chosen.current(chosen.production()).resource == "B [trained model]"


@pytest.mark.parametrize("resources", [[], None])
def test_no_resource_means_a_training_service(server: Wire, resources: Any) -> None:
    server.answers(shown(server, Resources=resources))
    with pytest.raises(BadConfiguration, match=r"looks like a training web service.*\[predictive exp\.\]"):
        endpoint(server).preview(endpoint(server).production(), Artifact(blob="c/m.ilearner", sha256=""))


@pytest.mark.parametrize(
    ("location", "kind"),
    [
        (None, NotFound),
        ({"RelativeLocation": None}, NotFound),
        ({"BaseLocation": "https://a/", "RelativeLocation": "c/m.ilearner", "SasBlobToken": None}, AccessDenied),
    ],
)
def test_a_model_that_cannot_be_copied_says_why(server: Wire, location: Any, kind: type[RetrainError]) -> None:
    server.answers(shown(server, {"Name": "M", "Location": location}))
    client = endpoint(server)
    with pytest.raises(kind, match=r"Keep a copy of the \.ilearner yourself"):
        client.artifact(client.production())


@pytest.mark.parametrize("token", [None, "?se=2020-01-01&sig=Expired"])
def test_a_model_in_our_own_storage_is_signed_afresh(server: Wire, token: str | None) -> None:
    def local(blob: str, permissions: str, lifetime: timedelta) -> str:
        return f"{server.url}/account/{blob}?sp={permissions}&sig=Fresh"

    location = {"BaseLocation": f"{server.url}/account", "RelativeLocation": "c/m.ilearner", "SasBlobToken": token}
    server.answers(shown(server, {"Name": "M", "Location": location}), Order(body=b"model"))
    client = endpoint(server)
    client._sign = local
    assert b"".join(client.artifact(client.production())) == b"model"
    assert server.seen[-1].path == "/account/c/m.ilearner?sp=r&sig=Fresh"


@pytest.mark.parametrize("form", ["table", "swagger"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_scores_than_rows_is_refused(server: Wire, form: Any, count: int) -> None:
    table = {"type": "DataTable", "value": {"ColumnNames": ["Scored Labels"], "Values": [["1"]] * count}}
    answer = table if form == "table" else [{"Scored Labels": "1"}] * count
    server.answers(shown(server), json({"Results": {"output1": answer}}))
    client = endpoint(server, rrs_form=form)
    with pytest.raises(BadRequest, match=f"{count} scores came back.*drops or adds rows"):
        client.score(client.production(), ROWS)


@pytest.mark.parametrize("value", ["", "NaN", "inf", None, "yes", [1]])
def test_a_score_that_is_no_number_is_refused(server: Wire, value: Any) -> None:
    answer = [{"Scored Probabilities": "0.5"}, {"Scored Probabilities": value}]
    server.answers(shown(server), json({"Results": {"output1": answer}}))
    client = endpoint(server, rrs_form="swagger")
    with pytest.raises(BadRequest, match="row 2 was answered with"):
        client.score(client.production(), ROWS)


def test_a_table_without_column_names_gives_its_last_column(server: Wire) -> None:
    answer = {"type": "table", "value": {"Values": [["no", 0.25], ["yes", "0.75"]]}}
    server.answers(shown(server), json({"Results": {"output1": answer}}))
    client = endpoint(server)
    assert client.score(client.production(), ROWS) == [0.25, 0.75]


@pytest.mark.parametrize("results", [{"output1": []}, {"output1": "x"}, {"output1": {"value": None}}, None])
def test_results_of_another_form_are_explained(server: Wire, results: Any) -> None:
    server.answers(shown(server), json({"Results": results}))
    client = endpoint(server)
    with pytest.raises(Unavailable, match="score:"):
        client.score(client.production(), ROWS)


def test_an_endpoint_that_answers_in_another_domain_never_gets_the_key() -> None:
    management = "https://europewest.management.azureml.net/workspaces/w/webservices/s/endpoints/e"
    http = Http(management)
    ours = EndpointInfo("e", api_location="https://europewest.services.azureml.net/workspaces/w/services/x")
    assert runtime_of(ours, http, management) == ours.api_location
    for place in ("https://evil.example/workspaces/w/services/x", "http://127.0.0.1/x", "https://azureml.net.evil/x"):
        with pytest.raises(BadConfiguration):
            runtime_of(EndpointInfo("e", api_location=place), http, management)
    with pytest.raises(BadConfiguration, match="does not say where it answers"):
        runtime_of(EndpointInfo("e"), http, management)


def test_no_repr_shows_a_key_or_a_signature(server: Wire) -> None:
    location = {"BaseLocation": "https://a/", "RelativeLocation": "c/m.ilearner", "SasBlobToken": "?sig=Signature"}
    server.answers(shown(server, {"Name": "M", "Location": location}, PrimaryKey=KEY, SecondaryKey=KEY))
    client = endpoint(server)
    info = client.management(client.production()).show()
    things = (client, info, info.resources, trainer(server), trainer(server).__dict__, client.__dict__)
    for text in map(repr, (*things, client.current(client.production()))):
        assert KEY not in text and "Signature" not in text


def test_a_document_that_tells_no_names_is_no_proof_that_they_are_wrong(server: Wire) -> None:
    known = json({"error": {"code": "BadArgument", "details": [{"code": "MissingJobId"}]}}, 400)
    server.answers(known, json({"swagger": "2.0"}))
    assert [one.verdict for one in trainer(server).examine()] == ["ok", "warn"]
    server.answers(shown(server, {"Name": "Model"}), known, json({"swagger": "2.0"}))
    found = list(endpoint(server, staging=()).examine())
    assert [one.verdict for one in found] == ["ok", "ok", "warn", "ok"]
    assert "compare the configured names with its help page" in found[2].message


SAID = st.sampled_from(
    [
        "BatchExecutionRequest",
        "ExecutionRequest",
        "GlobalParameters",
        "Inputs",
        "Outputs",
        "properties",
        "output1Item",
        "output1",
        "description",
        "required",
        "$ref",
        "definitions",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SAID, inner, max_size=4),
    max_leaves=25,
)


@settings(deadline=None)
@given(JSON)
def test_any_document_is_read_for_what_it_tells(document: Any) -> None:
    found = names_in({"definitions": document})
    assert set(found.about) == set(found.outputs)
    assert set(found.models).isdisjoint(found.tables)
    assert names_in(document) is not None


def test_an_endpoint_in_a_foreign_domain_is_never_sent_its_key(server: Wire) -> None:
    server.answers(json({"Name": "live", "ApiLocation": "https://elsewhere.example/x", "Resources": [{"Name": "M"}]}))
    found = list(endpoint(server, staging=()).examine())
    assert "not in the domain of" in found[-1].message and found[-1].verdict == "fail"
    assert len(server.seen) == 1


def test_a_patch_needs_no_following(server: Wire) -> None:
    client = endpoint(server, staging=())
    assert client.check(client.production(), "").state is JobState.SUCCEEDED
    assert not client.production().by_file
