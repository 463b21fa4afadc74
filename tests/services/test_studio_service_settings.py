"""Settings of the client for "new" web services: what is refused before anything is called."""

from __future__ import annotations

from typing import Any

import pytest

from retrain.configuration import read
from retrain.errors import BadConfiguration
from shared.services.answers import Answer
from shared.services.arm import operation_of
from shared.services.http import Http
from shared.services.studio_service.definition import Definition
from shared.services.studio_service.endpoint import StudioServiceSettings
from shared.services.studio_service.management import runtime_of
from shared.wiring import ENDPOINTS, TRAINERS

GROUP = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearning"
LIVE, TRIAL = f"{GROUP}/webServices/live", f"{GROUP}/webServices/trial"


def problems(**values: Any) -> str:
    return "\n".join(StudioServiceSettings(**{"production": LIVE, "staging": TRIAL} | values).problems())


def test_two_addresses_are_enough() -> None:
    assert problems() == ""
    assert problems(staging=(TRIAL, f"{TRIAL}2"), staging_key=("env:A", "env:B"), production_key="keyvault:k") == ""
    assert problems(update="put", storage_key="env:S", plan="/subscriptions/s/x", models="env:M") == ""


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"production": "https://management.azureml.net/workspaces/w/webservices/s/endpoints/e"}, "is not the address"),
        ({"production": f"{GROUP}/webServices"}, "is not the address"),
        ({"production": LIVE.replace("https", "http")}, "not encrypted"),
        ({"staging": ()}, "staging is missing"),
        ({"staging": LIVE.upper().replace("HTTPS", "https")}, "is production"),
        ({"staging_key": ("env:A", "env:B")}, "staging_key: give none, one, or one for each of the 1"),
        ({"production_key": "s3cret=="}, "production_key must be env:NAME"),
        ({"models": "DefaultEndpointsProtocol=https;AccountKey=k"}, "models must be env:NAME"),
        ({"update": "put"}, "needs storage_key and plan"),
        ({"rows_per_call": 0}, "rows_per_call"),
        ({"settle": -1}, "settle"),
    ],
)
def test_what_cannot_work_is_named_and_secrets_are_not_repeated(values: dict[str, Any], said: str) -> None:
    found = problems(**values)
    assert said in found
    assert "s3cret" not in found and "AccountKey" not in found


def test_an_unknown_way_to_update_is_named_with_its_line() -> None:
    text = f"""
[models.m]
label = "y"
[models.m.trainer]
kind = "studio-batch"
url = "https://ussouthcentral.services.azureml.net/workspaces/w/services/e"
key = "env:K"
[models.m.endpoint]
kind = "studio-service"
production = "{LIVE}"
staging = "{TRIAL}"
update = "post"
[models.m.gate]
metric = "rmse"
"""
    with pytest.raises(BadConfiguration, match=r"line 12.*post"):
        read(text, trainers=TRAINERS, endpoints=ENDPOINTS)


@pytest.mark.parametrize(
    ("answers", "fits"),
    [
        ("https://ussouthcentral.services.azureml.net/subscriptions/s/services/e/swagger.json", True),
        ("https://somebody.cloudapp.azure.com/subscriptions/s/services/e/swagger.json", False),
        ("https://evil.example/subscriptions/s/services/e/swagger.json", False),
        ("https://azureml.net.evil.example/services/e/swagger.json", False),
        ("http://127.0.0.1:7072/subscriptions/s/services/e/swagger.json", False),
    ],
)
def test_keys_are_sent_to_studios_own_hosts_only(answers: str, fits: bool) -> None:
    definition = Definition(f'{{"properties": {{"swaggerLocation": "{answers}"}}}}')
    if fits:
        assert runtime_of(definition, Http(LIVE), LIVE) == answers.removesuffix("/swagger.json")
    else:
        with pytest.raises(BadConfiguration, match="refused"):
            runtime_of(definition, Http(LIVE), LIVE)


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("https://management.azure.com", True),
        ("https://southcentralus.management.azure.com", True),
        ("https://somebody.cloudapp.azure.com", False),
        ("https://management.azure.com.evil.example", False),
        ("http://127.0.0.1:7072", False),
    ],
)
def test_the_token_is_sent_to_resource_managers_own_hosts_only_when_a_change_is_followed(host: str, fits: bool) -> None:
    answer = Answer("update", 202, {"Azure-AsyncOperation": f"{host}/operations/1?api-version=2017-01-01"}, b"")
    if fits:
        assert operation_of(answer, Http(LIVE), LIVE).startswith(host)
    else:
        with pytest.raises(BadConfiguration, match="refused"):
            operation_of(answer, Http(LIVE), LIVE)
