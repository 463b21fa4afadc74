"""Online endpoints and their deployments: what is asked for, followed, refused, and taken up again."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.services.azureml.online.client import LOCATION, NotDone, OnlineClient
from local.services.client import ServiceRefused
from local.services.launch import ServicesProcess

from .online_lab import ROW, SWITCHES, Online
from .online_lab import online as online
from .online_lab import shared_online as shared_online


def refused(online: Online, method: str, path: str, body: object = None) -> ServiceRefused:
    with pytest.raises(ServiceRefused) as caught:
        online.client.ask(method, f"onlineEndpoints/{path}", body)
    return caught.value


def test_an_endpoint_comes_into_being_by_an_operation(online: Online) -> None:
    name = online.name()
    online.client.switches(onlineEndpointDelay=0.3)
    answer = online.client.begin_endpoint(name)
    first = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Azure-AsyncOperation"] == first["properties"]["properties"]["AzureAsyncOperationUri"]
    assert "/mfeOperationsStatus/oe:" in answer.headers["Azure-AsyncOperation"]
    assert (first["properties"]["provisioningState"], first["properties"]["scoringUri"]) == ("Creating", None)
    ended = online.client.follow(answer)
    assert (ended["status"], ended["percentComplete"]) == ("Succeeded", 100.0)
    shown = online.client.shown(name)
    assert shown["properties"]["scoringUri"].endswith(f"/{LOCATION}/{name}/score")
    assert (shown["kind"], shown["properties"]["traffic"]) == ("Managed", {})


def test_a_deployment_without_traffic_is_reached_by_the_header_only(online: Online) -> None:
    name = online.served(green=True)
    assert [online.answer(name), online.answer(name, "green"), online.answer(name, "blue")] == [6, 27, 6]


def test_traffic_is_shared_out_as_it_was_put(online: Online) -> None:
    name = online.served(green=True)
    online.client.endpoint(name, {"blue": 90, "green": 10})
    key = online.client.key(name)
    served = [online.client.score(name, ROW, bearer=key).headers["azureml-model-deployment"] for _ in range(100)]
    assert served.count("green") == 10
    assert "green" in served[:30]
    online.client.endpoint(name, {"green": 100})
    assert online.answer(name) == 27


def test_a_put_without_traffic_takes_it_away(online: Online) -> None:
    name = online.served()
    online.client.endpoint(name)
    with pytest.raises(ServiceRefused) as none:
        online.client.score(name, ROW)
    assert none.value.status == 404 and "No valid deployments to route to" in none.value.body


@pytest.mark.parametrize(
    ("traffic", "why"),
    [
        ({"blue": 90}, "sum up to 90"),
        ({"blue": 50, "red": 50}, "There is no deployment red"),
        ({"blue": 101, "green": -1}, "whole numbers"),
    ],
)
def test_traffic_that_cannot_be_meant_is_refused(online: Online, traffic: dict[str, int], why: str) -> None:
    name = online.served(green=True)
    with pytest.raises(ServiceRefused) as wrong:
        online.client.begin_endpoint(name, traffic)
    assert (wrong.value.status, why in wrong.value.body) == (400, True)
    assert online.traffic(name) == {"blue": 100}
    online.client.switches(onlineTrafficError=422)
    with pytest.raises(ServiceRefused) as other:
        online.client.begin_endpoint(name, traffic)
    assert other.value.status == 422


def test_a_patch_takes_tags_and_never_traffic(online: Online) -> None:
    name = online.served()
    wrong = refused(online, "PATCH", name, {"properties": {"traffic": {"blue": 0}}})
    assert wrong.status == 400 and "PATCH takes tags and identity only" in wrong.body
    online.client.done(online.client.ask("PATCH", f"onlineEndpoints/{name}", {"tags": {"team": "bikes"}}))
    assert online.client.shown(name)["tags"] == {"team": "bikes"}
    assert online.traffic(name) == {"blue": 100}


def test_mirrored_traffic_is_refused(online: Online) -> None:
    name = online.served(green=True)
    for mirror, why in (
        ({"green": 60}, "1 to 50"),
        ({"blue": 5, "green": 5}, "one deployment"),
        ({"green": 10}, "not"),
    ):
        properties = {"authMode": "Key", "traffic": {"blue": 100}, "mirrorTraffic": mirror}
        wrong = refused(online, "PUT", name, {"location": LOCATION, "properties": properties})
        assert wrong.status == 400 and why in wrong.body


def test_a_name_must_be_one_that_a_host_can_have(online: Online) -> None:
    for name in ("ab", "1abc", "a--b", "a" * 33, "a_b"):
        assert refused(online, "PUT", name, {"location": LOCATION, "properties": {"authMode": "Key"}}).status == 400


def test_a_change_is_refused_while_another_is_under_way(online: Online) -> None:
    name = online.served()
    online.client.switches(onlineDeploymentDelay=0.5)
    deploying = online.client.begin_deployment(name, "green", online.models["nine"])
    for rule, status in (("endpoint", 409), ("resource", 200)):
        online.client.switches(onlineBusy=rule)
        if status == 409:
            with pytest.raises(ServiceRefused) as busy:
                online.client.begin_endpoint(name, {"blue": 100})
            assert busy.value.status == 409 and "already an operation in progress" in busy.value.body
        else:
            assert online.client.begin_endpoint(name, {"blue": 100}).status_code == status
    online.client.done(deploying)
    assert online.answer(name, "green") == 27


def test_a_deployment_that_failed_its_first_provisioning_must_be_deleted(online: Online) -> None:
    name = online.served()
    online.client.fault("runonlineoperation", endpoint="green", code="OutOfQuota", message="no machines are left")
    failed = online.client.follow(online.client.begin_deployment(name, "green", online.models["nine"]))
    assert (failed["status"], failed["error"]["code"]) == ("Failed", "OutOfQuota")
    assert online.client.shown(f"{name}/deployments/green")["properties"]["provisioningState"] == "Failed"
    with pytest.raises(ServiceRefused) as stuck:
        online.client.begin_deployment(name, "green", online.models["nine"])
    assert stuck.value.status == 400 and "delete it and create it again" in stuck.value.body
    with pytest.raises(ServiceRefused) as unfit:
        online.client.begin_endpoint(name, {"green": 100})
    assert "cannot take traffic" in unfit.value.body
    online.client.done(online.client.ask("DELETE", f"onlineEndpoints/{name}/deployments/green"))
    online.client.deployment(name, "green", online.models["nine"])
    assert online.answer(name, "green") == 27


def test_a_change_of_a_deployment_that_fails_leaves_the_old_model(online: Online) -> None:
    name = online.served()
    with pytest.raises(NotDone, match="ResourceNotFound"):
        online.client.deployment(name, "blue", f"{online.client.scope}/models/two/versions/none")
    assert online.answer(name) == 6
    online.client.deployment(name, "blue", online.models["nine"])
    assert online.answer(name) == 27


def test_what_is_no_model_is_never_deployed(online: Online) -> None:
    online.lab.upload("not a model", "text.ilearner")
    asset = online.client.register_model("text", "1", "azureml://datastores/lab/paths/text.ilearner")["id"]
    name = online.served()
    with pytest.raises(NotDone, match="ResourceNotReady"):
        online.client.deployment(name, "green", asset)


def test_a_model_that_is_none_of_mlflow_needs_environment_and_script(online: Online) -> None:
    name = online.served()
    with pytest.raises(NotDone, match="needs environmentId and codeConfiguration"):
        online.client.deployment(name, "green", online.models["nine"], environmentId=None, codeConfiguration=None)


def test_machines_end_at_the_quota(online: Online) -> None:
    name = online.served()
    online.client.switches(onlineQuota=1)
    with pytest.raises(NotDone, match="OutOfQuota"):
        online.client.deployment(name, "green", online.models["nine"])


def test_a_deployment_with_traffic_is_not_deleted(online: Online) -> None:
    name = online.served()
    wrong = refused(online, "DELETE", f"{name}/deployments/blue")
    assert wrong.status == 400 and "100 percent of the traffic" in wrong.body
    online.client.switches(onlineDeleteWithTraffic="delete")
    online.client.done(online.client.ask("DELETE", f"onlineEndpoints/{name}/deployments/blue"))
    assert online.traffic(name) == {}


def test_deleting_answers_null_and_what_is_gone_answers_204(online: Online) -> None:
    name = online.served()
    answer = online.client.ask("DELETE", f"onlineEndpoints/{name}")
    assert (answer.status_code, answer.json()) == (202, None)
    assert "/mfeOperationResults/" in answer.headers["Location"]
    online.client.done(answer)
    assert online.client.ask("DELETE", f"onlineEndpoints/{name}").status_code == 204
    assert refused(online, "GET", name).status == 404


def test_a_patch_of_a_deployment_changes_its_machines(online: Online) -> None:
    name = online.served()
    path = f"{name}/deployments/blue"
    online.client.done(online.client.ask("PATCH", f"onlineEndpoints/{path}", {"sku": {"capacity": 3}}))
    assert online.client.shown(path)["sku"]["capacity"] == 3
    assert refused(online, "PATCH", path, {"properties": {}}).status == 400


def test_a_change_that_a_dead_process_left_is_done_after_the_restart(
    online: Online, storage: str, tmp_path: Path
) -> None:
    with ServicesProcess(tmp_path / "state", storage, switches={"onlineEndpointDelay": 600}) as first:
        client = OnlineClient(first.url, "restarted")
        client.create_workspace()
        client.begin_endpoint("survivor")
        first.kill()
    with ServicesProcess(tmp_path / "state", storage, switches={"onlineEndpointDelay": 0}) as second:
        client = OnlineClient(second.url, "restarted")
        shown = client.shown("survivor")
        operation = shown["properties"]["properties"]["AzureAsyncOperationUri"]
        assert client.call("GET", operation, client.token).json()["status"] == "Succeeded"
        assert shown["properties"]["scoringUri"] or client.shown("survivor")["properties"]["scoringUri"]


def test_lists_name_what_there_is(online: Online) -> None:
    name = online.served(green=True)
    endpoints = online.client.ask("GET", "onlineEndpoints").json()["value"]
    assert name in [one["name"] for one in endpoints]
    deployments = online.client.ask("GET", f"onlineEndpoints/{name}/deployments").json()["value"]
    assert [one["name"] for one in deployments] == ["blue", "green"]
    logs = online.client.ask("POST", f"onlineEndpoints/{name}/deployments/blue/getLogs", {"tail": 5}).json()
    assert "Loaded model" in logs["content"]
    assert SWITCHES["onlineBusy"] == "endpoint"
