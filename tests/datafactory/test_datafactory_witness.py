"""Microsoft's own client for Data Factory does with the local one what it does with the real one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.datafactory import DataFactoryManagementClient
from azure.mgmt.datafactory import models as m

from local.services.datafactory.client import GROUP, SUBSCRIPTION

from .plant import CONTAINER, Plant

FACTORY = "witnessed"


class Identity:
    """The managed identity's tokens, as the services of this machine give them."""

    def __init__(self, plant: Plant) -> None:
        self._token = plant.factory.token

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """One token serves for all: there is one audience here."""
        assert all(scope.startswith("https://management.azure.com/") for scope in scopes)
        return AccessToken(self._token, int(time.time()) + 3600)


class Client:
    """The client with group and factory filled in. It sends tokens over TLS only, unless each call says otherwise."""

    def __init__(self, plant: Plant) -> None:
        self.whole = DataFactoryManagementClient(Identity(plant), SUBSCRIPTION, base_url=plant.url)

    def call(self, group: str, method: str, *arguments: Any, **named: Any) -> Any:
        """An operation of this factory."""
        operation = getattr(getattr(self.whole, group), method)
        return operation(GROUP, FACTORY, *arguments, enforce_https=False, **named)


@pytest.fixture
def client(plant: Plant) -> Iterator[Client]:
    client = Client(plant)
    yield client
    client.whole.close()


def link(name: str) -> m.LinkedServiceReference:
    return m.LinkedServiceReference(type="LinkedServiceReference", reference_name=name)


def furnish(client: Client, plant: Plant) -> None:
    """Factory, linked services, and a pipeline with both machine learning activities."""
    client.call("factories", "create_or_update", m.Factory(location="local"))
    scene, (live_key,) = plant.scene, [k for n, k in plant.scene.keys.items() if n.endswith("LIVE_KEY")]
    services = {
        "store": m.AzureBlobStorageLinkedService(connection_string=m.SecureString(value=plant.storage)),
        "training": m.AzureMLLinkedService(
            ml_endpoint=f"{scene.training['ApiLocation']}/jobs",
            api_key=m.SecureString(value=scene.training["PrimaryKey"]),
        ),
        "scoring": m.AzureMLLinkedService(
            ml_endpoint=f"{scene.live['ApiLocation']}/jobs",
            api_key=m.SecureString(value=live_key),
            update_resource_endpoint=scene.patch_url,
        ),
    }
    for name, properties in services.items():
        client.call("linked_services", "create_or_update", name, m.LinkedServiceResource(properties=properties))
    pipeline = m.PipelineResource(
        activities=[_training(), _updating(scene.live["Resources"][0]["Name"])],
        parameters={"data": m.ParameterSpecification(type="String")},
    )
    client.call("pipelines", "create_or_update", "both", pipeline)


def _training() -> m.AzureMLBatchExecutionActivity:
    def file(path: str) -> m.AzureMLWebServiceFile:
        return m.AzureMLWebServiceFile(file_path=path, linked_service_name=link("store"))

    return m.AzureMLBatchExecutionActivity(
        name="train",
        linked_service_name=link("training"),
        web_service_inputs={"input1": file("@pipeline().parameters.data")},
        web_service_outputs={
            "output1": file(f"{CONTAINER}/witness.csv"),
            "output2": file(f"{CONTAINER}/witness.ilearner"),
        },
        global_parameters={"Seed": "1"},
    )


def _updating(resource: str) -> m.AzureMLUpdateResourceActivity:
    return m.AzureMLUpdateResourceActivity(
        name="update",
        depends_on=[m.ActivityDependency(activity="train", dependency_conditions=["Succeeded"])],
        linked_service_name=link("scoring"),
        trained_model_name=resource,
        trained_model_linked_service_name=link("store"),
        trained_model_file_path=f"{CONTAINER}/witness.ilearner",
    )


def span(**more: Any) -> m.RunFilterParameters:
    now = datetime.now(UTC)
    day = timedelta(days=1)
    return m.RunFilterParameters(last_updated_after=now - day, last_updated_before=now + day, **more)


def followed(client: Client, run: str) -> Any:
    stop = time.monotonic() + 30
    while (found := client.call("pipeline_runs", "get", run)).status in ("Queued", "InProgress", "Canceling"):
        assert time.monotonic() < stop
        time.sleep(0.05)
    return found


def test_a_pipeline_with_both_activities_is_made_run_followed_and_looked_into(client: Client, plant: Plant) -> None:
    furnish(client, plant)
    run = client.call("pipelines", "create_run", "both", parameters={"data": f"{CONTAINER}/train.csv"}).run_id
    found = followed(client, run)
    assert found.status == "Succeeded", found.message
    assert found.pipeline_name == "both" and found.parameters == {"data": f"{CONTAINER}/train.csv"}
    assert found.run_start <= found.run_end and found.duration_in_ms >= 0
    activities = client.call("activity_runs", "query_by_pipeline_run", run, span()).value
    assert [(one.activity_name, one.activity_type, one.status) for one in activities] == [
        ("train", "AzureMLBatchExecution", "Succeeded"),
        ("update", "AzureMLUpdateResource", "Succeeded"),
    ]
    only = m.RunQueryFilter(operand="PipelineName", operator="Equals", values=["both"])
    known = client.call("pipeline_runs", "query_by_factory", span(filters=[only])).value
    assert run in {one.run_id for one in known}


def test_a_run_is_cancelled(client: Client, plant: Plant) -> None:
    furnish(client, plant)
    plant.studio.hold_jobs()
    run = client.call("pipelines", "create_run", "both", parameters={"data": f"{CONTAINER}/train.csv"}).run_id
    while not plant.studio.held_jobs():
        time.sleep(0.02)
    client.call("pipeline_runs", "cancel", run, is_recursive=True)
    assert followed(client, run).status == "Cancelled"


def test_a_run_that_fails_shows_the_error_of_its_activity(client: Client, plant: Plant) -> None:
    furnish(client, plant)
    run = client.call("pipelines", "create_run", "both", parameters={"data": f"{CONTAINER}/nobody.csv"}).run_id
    assert "Operation on target train failed" in followed(client, run).message
    (train,) = client.call("activity_runs", "query_by_pipeline_run", run, span()).value
    assert train.error["errorCode"] == "2600" and train.error["failureType"] == "UserError"


def test_resources_are_read_listed_and_deleted(client: Client, plant: Plant) -> None:
    furnish(client, plant)
    assert client.call("factories", "get").provisioning_state == "Succeeded"
    listed = client.call("linked_services", "list_by_factory")
    assert {one.name for one in listed} == {"store", "training", "scoring"}
    read = client.call("linked_services", "get", "training")
    assert read.properties.api_key.value == "**********"
    assert {one.name for one in client.call("pipelines", "list_by_factory")} == {"both"}
    read = client.call("pipelines", "get", "both")
    with pytest.raises(HttpResponseError, match="If-Match"):
        client.call("pipelines", "create_or_update", "both", read, if_match="another")
    client.call("pipelines", "create_or_update", "both", read, if_match=read.etag)
    client.call("pipelines", "delete", "both")
    with pytest.raises(ResourceNotFoundError, match="Pipeline both not found"):
        client.call("pipelines", "get", "both")
    with pytest.raises(HttpResponseError) as caught:
        client.call("pipelines", "create_run", "both", parameters={})
    assert caught.value.error.code == "NotFound"  # type: ignore[union-attr]
