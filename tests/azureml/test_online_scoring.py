"""Scoring at online endpoints: who may, in which forms, and how it goes wrong."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.services.client import ServiceRefused
from local.services.tokens.client import MANAGEMENT, managed_token
from local.services.tokens.tokens import ML

from .online_lab import ROW, Online
from .online_lab import online as online
from .online_lab import shared_online as shared_online


def refused(online: Online, endpoint: str, body: Any = ROW, **how: str) -> ServiceRefused:
    with pytest.raises(ServiceRefused) as caught:
        online.client.score(endpoint, body, **how)
    return caught.value


def test_either_key_opens_an_endpoint_until_it_is_made_anew(online: Online) -> None:
    name = online.served()
    keys = online.client.ask("POST", f"onlineEndpoints/{name}/listKeys").json()
    for key in keys.values():
        assert online.client.score(name, ROW, bearer=key).ok
    online.client.ask("POST", f"onlineEndpoints/{name}/regenerateKeys", {"keyType": "Primary"})
    assert refused(online, name, bearer=keys["primaryKey"]).status == 401
    assert online.client.score(name, ROW, bearer=keys["secondaryKey"]).ok


def test_an_endpoint_of_identities_wants_a_token_for_machine_learning(online: Online) -> None:
    name = online.name()
    online.client.endpoint(name, mode="AADToken")
    online.client.deployment(name, "blue", online.models["two"])
    online.client.endpoint(name, {"blue": 100}, mode="AADToken")
    assert online.client.score(name, ROW, bearer=managed_token(online.client.url, ML)).ok
    wrong = refused(online, name, bearer=managed_token(online.client.url, MANAGEMENT))
    assert wrong.status == 401 and "wrong audience" in wrong.body


def test_a_token_of_the_endpoint_opens_it_until_it_ends(online: Online) -> None:
    name = online.name()
    online.client.endpoint(name, mode="AMLToken")
    online.client.deployment(name, "blue", online.models["two"])
    online.client.endpoint(name, {"blue": 100}, mode="AMLToken")
    token = online.client.ask("POST", f"onlineEndpoints/{name}/token").json()["accessToken"]
    assert online.client.score(name, ROW, bearer=token).ok
    assert refused(online, name, bearer=token[:-1] + "x").status == 401
    assert refused(online, name, bearer="1" + token[token.index(".") :]).status == 401


@pytest.mark.parametrize(
    "body",
    [
        ROW,
        {"input_data": [{"x": 3, "kind": "a"}]},
        {"data": [{"x": "3.0", "kind": "a"}]},
    ],
)
def test_rows_come_in_the_forms_of_mlflow(online: Online, body: Any) -> None:
    name = online.served()
    (record,) = online.client.score(name, body).json()
    assert record["Scored Labels"] == pytest.approx(6)


def test_answers_come_in_the_form_that_a_scoring_script_gives_them(online: Online) -> None:
    name = online.served()
    for form, wanted in (("numbers", [6.0]), ("wrapped", {"predictions": [{"Scored Labels": 6.0}]})):
        online.client.switches(onlineAnswer=form)
        found = online.client.score(name, ROW).json()
        first = found[0] if form == "numbers" else found["predictions"][0]["Scored Labels"]
        assert first == pytest.approx(6) and type(found) is type(wanted)


@pytest.mark.parametrize("body", [{"rows": []}, {"input_data": {"columns": ["x"], "data": [[1]]}}, [1]])
def test_rows_that_the_model_cannot_score_are_its_own_error(online: Online, body: Any) -> None:
    name = online.served()
    key, url = online.client.key(name), online.client.shown(name)["properties"]["scoringUri"]
    answer = online.client.session.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "400")


def test_a_header_that_names_no_deployment_finds_none(online: Online) -> None:
    assert refused(online, online.served(), deployment="red").status == 404


def test_more_requests_than_may_wait_are_refused(online: Online) -> None:
    name = online.served()
    key = online.client.key(name)
    online.client.fault("scoreonline", endpoint=name, delay=1.0, times=6)

    def ask(_: int) -> int:
        try:
            return online.client.score(name, ROW, bearer=key).status_code
        except ServiceRefused as wrong:
            return wrong.status

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(ask, range(6)))
    assert found.count(200) == 2 and found.count(429) == 4


def test_a_model_that_takes_too_long_is_timed_out(online: Online) -> None:
    name = online.name()
    online.client.endpoint(name)
    online.client.deployment(name, "blue", online.models["two"], requestSettings={"requestTimeout": "PT0.2S"})
    online.client.endpoint(name, {"blue": 100})
    online.client.fault("scoreonline", endpoint=name, delay=2)
    assert refused(online, name).status == 408
    assert online.answer(name) == 6
