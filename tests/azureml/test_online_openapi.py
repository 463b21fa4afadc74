"""Answers about online endpoints hold against the public OpenAPI document, as `test_azureml_openapi` tells."""

from __future__ import annotations

import pytest
from azure.mgmt.machinelearningservices import models as m

from local.services.client import ServiceRefused

from .online_lab import Online
from .online_lab import online as online
from .online_lab import shared_online as shared_online
from .test_azureml_openapi import check

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client, whose models are the newest document


def test_endpoints_are_as_the_document_says(online: Online) -> None:
    begun = online.client.begin_endpoint(name := online.name())
    check(m.OnlineEndpoint, begun.json())
    online.client.done(begun)
    online.client.deployment(name, "blue", online.models["two"])
    check(m.OnlineEndpoint, online.client.endpoint(name, {"blue": 100}))
    for one in online.client.ask("GET", "onlineEndpoints").json()["value"]:
        check(m.OnlineEndpoint, one)
    check(m.EndpointAuthKeys, online.client.ask("POST", f"onlineEndpoints/{name}/listKeys").json())


def test_a_token_is_as_the_document_says(online: Online) -> None:
    online.client.endpoint(name := online.name(), mode="AMLToken")
    check(m.EndpointAuthToken, online.client.ask("POST", f"onlineEndpoints/{name}/token").json())


def test_deployments_are_as_the_document_says(online: Online) -> None:
    name = online.served(green=True)
    settings = {"maxConcurrentRequestsPerInstance": 2, "requestTimeout": "PT9S"}
    begun = online.client.begin_deployment(
        name, "red", online.models["two"], requestSettings=settings, sku={"name": "Default", "capacity": 2}
    )
    check(m.OnlineDeployment, begun.json())
    online.client.done(begun)
    check(m.OnlineDeployment, online.client.shown(f"{name}/deployments/red"))
    for one in online.client.ask("GET", f"onlineEndpoints/{name}/deployments").json()["value"]:
        check(m.OnlineDeployment, one)
    check(m.DeploymentLogs, online.client.ask("POST", f"onlineEndpoints/{name}/deployments/red/getLogs", {}).json())
    (sku,) = online.client.ask("GET", f"onlineEndpoints/{name}/deployments/red/skus").json()["value"]
    check(m.SkuResource, sku)


def test_refusals_are_as_the_document_says(online: Online) -> None:
    import msgspec

    name = online.served()
    with pytest.raises(ServiceRefused) as refused:
        online.client.begin_endpoint(name, {"blue": 90})
    check(m.ErrorResponse, msgspec.json.decode(refused.value.body))
