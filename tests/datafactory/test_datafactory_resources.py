"""Factories, linked services, data sets and pipelines as resources."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from local import scenery_factory
from local.services.client import ServiceRefused
from local.services.datafactory.client import VERSION, FactoryClient

from .plant import Plant, activity, wait


def refused(plant: Plant, method: str, path: str, body: Any = None) -> tuple[int, str, str]:
    with pytest.raises(ServiceRefused) as caught:
        plant.factory.ask(method, path, body)
    error = requests.models.complexjson.loads(caught.value.body)["error"]
    return caught.value.status, error["code"], error["message"]


def test_secrets_of_a_linked_service_are_never_given_out(plant: Plant) -> None:
    shown = str([plant.factory.ask("GET", "/linkedservices"), plant.factory.ask("GET", "/linkedservices/training")])
    key = plant.scene.training["PrimaryKey"]
    assert key not in shown and "AccountKey" not in shown and "**********" in shown
    assert plant.scene.training["ApiLocation"] in shown


def test_a_secret_that_was_sent_as_plain_text_is_hidden_too(plant: Plant) -> None:
    text = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=c2VjcmV0"
    answer = plant.factory.put(
        "linkedservices", "plain", {"type": "AzureStorage", "typeProperties": {"connectionString": text}}
    )
    assert "c2VjcmV0" not in str(answer)
    assert "c2VjcmV0" not in str(plant.factory.ask("GET", "/linkedservices/plain"))


def test_a_keys_header_in_a_pipeline_is_hidden(plant: Plant) -> None:
    headers = {"x-functions-key": "hush", "Accept": "text/plain"}
    name = plant.pipeline(activity("WebActivity", "call", method="GET", url=plant.url, headers=headers))
    shown = plant.factory.ask("GET", f"/pipelines/{name}")["properties"]["activities"][0]["typeProperties"]
    assert shown["headers"] == {"x-functions-key": "**********", "Accept": "text/plain"}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ([wait("a"), wait("a")], "two activities 'a'"),
        ([wait("a", after="b")], "depends on 'b'"),
        ([wait("a", after="b"), wait("b", after="a")], "wait for each other"),
        ([activity("Copy", "a")], "type 'Copy' is not played here"),
        ([wait("a", after={"b": ["Perhaps"]}), wait("b")], "unknown condition 'Perhaps'"),
        ([{**wait("a"), "policy": {"retryIntervalInSeconds": 5}}], "from 30 to 86400"),
        ([{**wait("a"), "policy": {"timeout": "an hour"}}], "is not a time span"),
        (
            [activity("AzureMLUpdateResource", "a") | {"linkedServiceName": scenery_factory.reference("nobody")}],
            "invalid reference 'nobody'",
        ),
    ],
)
def test_a_pipeline_that_cannot_run_is_not_taken(plant: Plant, changes: list[Any], complaint: str) -> None:
    status, code, message = refused(plant, "PUT", "/pipelines/bad", {"properties": {"activities": changes}})
    assert (status, code) == (400, "BadRequest")
    assert complaint in message


def test_a_linked_service_in_use_is_not_deleted(plant: Plant) -> None:
    plant.training()
    assert "referenced by" in refused(plant, "DELETE", "/linkedservices/storage")[2]


def test_a_change_is_made_only_to_the_version_that_was_seen(plant: Plant) -> None:
    name = plant.pipeline(wait("a"))
    url = f"{plant.factory.resource}/pipelines/{name}?{VERSION}"
    seen = plant.factory.ask("GET", f"/pipelines/{name}")["etag"]
    headers = {"Authorization": f"Bearer {plant.factory.token}", "If-Match": seen}
    body = {"properties": {"activities": [wait("b")]}}
    assert requests.put(url, json=body, headers=headers, timeout=30).status_code == 200
    assert requests.put(url, json=body, headers=headers, timeout=30).status_code == 412
    fresh = plant.factory.ask("GET", f"/pipelines/{name}")["etag"]
    unchanged = requests.get(url, headers={**headers, "If-None-Match": fresh}, timeout=30)
    assert unchanged.status_code == 304


def test_names_in_an_address_may_have_any_capitals(plant: Plant) -> None:
    name = plant.pipeline(wait("a"))
    url = f"{plant.factory.resource}/pipelines/{name}?{VERSION}".replace("resourceGroups", "RESOURCEGROUPS")
    headers = {"Authorization": f"Bearer {plant.factory.token}"}
    found = requests.get(url.replace("/plant/", "/PLANT/"), headers=headers, timeout=30)
    assert found.json()["name"] == name


def test_what_is_not_there_is_said_in_the_words_of_resource_manager(plant: Plant) -> None:
    assert refused(plant, "GET", "/pipelines/nobody")[:2] == (404, "NotFound")
    assert refused(plant, "GET", "/pipelineruns/nobody")[:2] == (404, "PipelineRunNotFound")
    assert refused(plant, "POST", "/pipelines/nobody/createRun", {})[:2] == (404, "NotFound")
    assert plant.factory.ask("DELETE", "/pipelines/nobody") is None


def test_a_call_needs_a_token_for_resource_manager_and_the_right_version(plant: Plant) -> None:
    assert requests.get(f"{plant.factory.resource}?{VERSION}", timeout=30).status_code == 401
    headers = {"Authorization": f"Bearer {plant.factory.token}"}
    wrong = requests.get(f"{plant.factory.resource}?api-version=2017-09-01", headers=headers, timeout=30)
    assert wrong.json()["error"]["code"] == "InvalidApiVersionParameter"


def test_a_reader_may_look_and_not_run(plant: Plant) -> None:
    name = plant.pipeline(wait("a"))
    plant.studio.role("Reader")
    try:
        assert plant.factory.ask("GET", f"/pipelines/{name}")["name"] == name
        assert refused(plant, "POST", f"/pipelines/{name}/createRun", {})[:2] == (403, "AuthorizationFailed")
    finally:
        plant.studio.role("Contributor")


def test_a_factory_is_deleted_with_what_is_in_it(plant: Plant) -> None:
    other = FactoryClient(plant.url, "short-lived")
    other.put("datasets", "table", {"type": "AzureBlob", "linkedServiceName": None})
    other.ask("DELETE", "")
    again = FactoryClient(plant.url, "short-lived")
    assert again.ask("GET", "/datasets")["value"] == []
    for client in (other, again):
        client.close()
