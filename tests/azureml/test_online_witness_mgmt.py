"""Microsoft's management client makes an online endpoint with two deployments, moves its traffic and removes it."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.machinelearningservices import models as m

from local.services.azureml.online.client import CODE, ENVIRONMENT, LOCATION

from .online_lab import Online
from .online_lab import online as online
from .online_lab import shared_online as shared_online
from .test_azureml_witness_mgmt import Client
from .test_azureml_witness_mgmt import client as client


def endpoint(traffic: dict[str, int]) -> m.OnlineEndpoint:
    return m.OnlineEndpoint(
        location=LOCATION,
        identity=m.ManagedServiceIdentity(type="SystemAssigned"),
        properties=m.OnlineEndpointProperties(auth_mode="Key", traffic=traffic),
    )


def deployment(model: str) -> m.OnlineDeployment:
    return m.OnlineDeployment(
        location=LOCATION,
        sku=m.Sku(name="Default", capacity=1),
        properties=m.ManagedOnlineDeployment(
            model=model,
            instance_type="Standard_DS3_v2",
            environment_id=ENVIRONMENT,
            code_configuration=m.CodeConfiguration(code_id=CODE["codeId"], scoring_script=CODE["scoringScript"]),
            request_settings=m.OnlineRequestSettings(max_concurrent_requests_per_instance=2),
        ),
    )


def made(client: Client, online: Online) -> str:
    """An endpoint with `blue`, which has all traffic, and `green`."""
    name = online.name()
    client.call("online_endpoints", "begin_create_or_update", name, endpoint({}))
    for one, model in (("blue", "two"), ("green", "nine")):
        body = deployment(online.models[model])
        found = client.call("online_deployments", "begin_create_or_update", name, one, body)
        assert found.properties.provisioning_state == "Succeeded"
        assert isinstance(found.properties, m.ManagedOnlineDeployment)
    client.call("online_endpoints", "begin_create_or_update", name, endpoint({"blue": 100}))
    return name


def traffic(client: Client, name: str) -> dict[str, int]:
    found: dict[str, int] = client.call("online_endpoints", "get", name).properties.traffic
    return found


def test_traffic_moves_from_blue_to_green_and_back(client: Client, online: Online) -> None:
    name = made(client, online)
    for shares in ({"blue": 90, "green": 10}, {"green": 100}, {"blue": 100}):
        found = client.call("online_endpoints", "begin_create_or_update", name, endpoint(shares))
        assert (found.properties.provisioning_state, found.properties.traffic) == ("Succeeded", shares)
    assert [online.answer(name), online.answer(name, "green")] == [6, 27]
    keys = client.call("online_endpoints", "list_keys", name)
    assert keys.primary_key == online.client.key(name)


def test_deployments_are_scaled_read_and_removed(client: Client, online: Online) -> None:
    name = made(client, online)
    more = m.PartialMinimalTrackedResourceWithSku(sku=m.PartialSku(capacity=2))
    found = client.call("online_deployments", "begin_update", name, "green", more)
    assert found.sku.capacity == 2
    assert [one.name for one in client.call("online_deployments", "list", name)] == ["blue", "green"]
    logs = client.call("online_deployments", "get_logs", name, "blue", m.DeploymentLogsRequest(tail=9))
    assert "Loaded model" in logs.content
    client.call("online_deployments", "begin_delete", name, "green")
    with pytest.raises(ResourceNotFoundError):
        client.call("online_deployments", "get", name, "green")
    client.call("online_endpoints", "begin_delete", name)
    assert name not in [one.name for one in client.call("online_endpoints", "list")]


def test_a_failed_first_provisioning_and_refusals_are_understood(client: Client, online: Online) -> None:
    name = made(client, online)
    online.client.fault("runonlineoperation", endpoint="red", code="OutOfQuota", message="no cores left")
    with pytest.raises(HttpResponseError, match="no cores left"):
        client.call("online_deployments", "begin_create_or_update", name, "red", deployment(online.models["two"]))
    with pytest.raises(HttpResponseError, match="delete it and create it again"):
        client.call("online_deployments", "begin_create_or_update", name, "red", deployment(online.models["two"]))
    client.call("online_deployments", "begin_delete", name, "red")
    with pytest.raises(HttpResponseError, match="sum up to 90") as refused:
        client.call("online_endpoints", "begin_create_or_update", name, endpoint({"blue": 90}))
    assert refused.value.error.code == "UserError"
    assert traffic(client, name) == {"blue": 100}


def test_tags_are_patched_and_keys_made_anew(client: Client, online: Online) -> None:
    name = made(client, online)
    before = client.call("online_endpoints", "list_keys", name).primary_key
    patch = m.PartialMinimalTrackedResourceWithIdentity(tags={"team": "bikes"})
    assert client.call("online_endpoints", "begin_update", name, patch).tags == {"team": "bikes"}
    again: Any = m.RegenerateEndpointKeysRequest(key_type="Primary")
    client.call("online_endpoints", "begin_regenerate_keys", name, again)
    assert client.call("online_endpoints", "list_keys", name).primary_key != before
    assert traffic(client, name) == {"blue": 100}
