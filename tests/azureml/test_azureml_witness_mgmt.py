"""Microsoft's management client does with the local control plane what it does with the real one.

`azure-mgmt-machinelearningservices` is used as it comes. It sends tokens over TLS only unless a call says otherwise,
so each call does (`enforce_https`); everything that it deserialises follows the public OpenAPI document of its version.
The stable version, 1.0.1, knows neither jobs nor registry: the one that does is a beta.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
from azure.mgmt.machinelearningservices import models as m

from local.services.azureml.client import GROUP, SUBSCRIPTION
from local.services.azureml.control.client import ENVIRONMENT

from .lab import IN, TRAIN, Lab, whole


class Identity:
    """The managed identity's tokens for Resource Manager."""

    def __init__(self, lab: Lab) -> None:
        self._token = lab.client.token

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """There is one audience behind Resource Manager."""
        assert all(scope.startswith("https://management.azure.com/") for scope in scopes)
        return AccessToken(self._token, int(time.time()) + 3600)


class Client:
    """The client with group and workspace filled in."""

    def __init__(self, lab: Lab) -> None:
        self.whole = MachineLearningServicesMgmtClient(
            Identity(lab), SUBSCRIPTION, base_url=lab.url, polling_interval=0.05
        )

    def call(self, group: str, method: str, *arguments: Any, **named: Any) -> Any:
        """An operation of the workspace; operations that last are awaited."""
        operation = getattr(getattr(self.whole, group), method)
        answer = operation(GROUP, "lab", *arguments, enforce_https=False, **named)
        return answer.result(60) if method.startswith("begin_") else answer


@pytest.fixture
def client(lab: Lab) -> Iterator[Client]:
    client = Client(lab)
    yield client
    client.whole.close()


def job(lab: Lab, name: str, label: str = "y") -> m.JobBase:
    """A training of the line."""
    return m.JobBase(
        properties=m.CommandJob(
            command=TRAIN,
            environment_id=ENVIRONMENT,
            compute_id=lab.compute,
            experiment_name="witnessed",
            inputs={"data": m.UriFileJobInput(uri=IN + "line.csv"), "label": m.LiteralJobInput(value=label)},
            outputs={
                "model": m.CustomModelJobOutput(),
                "evaluation": m.UriFileJobOutput(uri=f"{IN}out/{name}.csv"),
            },
            tags={"OperationId": "42"},
        )
    )


def finished(client: Client, name: str) -> Any:
    """The job once it has ended."""
    while (found := client.call("jobs", "get", name).properties).status not in ("Completed", "Failed", "Canceled"):
        time.sleep(0.05)
    return found


def test_a_job_is_begun_followed_and_its_model_registered(client: Client, lab: Lab) -> None:
    name = lab.name()
    begun = client.call("jobs", "create_or_update", name, job(lab, name))
    assert (begun.name, begun.properties.job_type) == (name, "Command")
    found = finished(client, name)
    assert (found.status, found.experiment_name, found.tags) == ("Completed", "witnessed", {"OperationId": "42"})
    assert isinstance(found.outputs["model"], m.CustomModelJobOutput)
    assert isinstance(found.inputs["label"], m.LiteralJobInput)
    model = m.ModelVersion(
        properties=m.ModelVersionProperties(
            model_uri=f"azureml://jobs/{name}/outputs/model", model_type="custom_model", tags={"rmse": "0.1"}
        )
    )
    made = client.call("model_versions", "create_or_update", "witnessed", "1", model)
    assert made.properties.provisioning_state == "Succeeded"
    container = client.call("model_containers", "get", "witnessed").properties
    assert (container.latest_version, container.next_version) == ("1", "2")
    listed = list(client.call("model_versions", "list", "witnessed", tags="rmse=0.1"))
    assert [one.name for one in listed] == ["1"]


def test_jobs_are_listed_over_pages(client: Client, lab: Lab) -> None:
    names = [lab.trained() for _ in range(2)]
    lab.client.switches(resourcePage=1)
    assert {one.name for one in client.call("jobs", "list")} >= set(names)


def test_a_job_is_cancelled_and_awaited(client: Client, lab: Lab) -> None:
    lab.client.hold_jobs()
    name = lab.name()
    client.call("jobs", "create_or_update", name, job(lab, name))
    client.call("jobs", "begin_cancel", name)
    assert client.call("jobs", "get", name).properties.status == "Canceled"


def test_what_is_not_there_is_not_found_and_what_is_wrong_is_told(client: Client, lab: Lab) -> None:
    with pytest.raises(ResourceNotFoundError):
        client.call("jobs", "get", "nothing")
    wrong = job(lab, "wrong")
    wrong.properties.compute_id = "gone"
    with pytest.raises(HttpResponseError, match="no compute 'gone'") as refused:
        client.call("jobs", "create_or_update", "wrong", wrong)
    assert refused.value.error.code == "UserError"


def test_other_assets_are_registered_and_read(client: Client, lab: Lab) -> None:
    data = m.DataVersionBase(properties=m.UriFileDataVersion(data_uri=IN + "line.csv"))
    assert client.call("data_versions", "create_or_update", "seen", "1", data).properties.data_uri == IN + "line.csv"
    environment = m.EnvironmentVersion(properties=m.EnvironmentVersionProperties(image="python:3.12"))
    made = client.call("environment_versions", "create_or_update", "own", "1", environment)
    assert made.properties.environment_type == "UserCreated"
    code = m.CodeVersion(properties=m.CodeVersionProperties(code_uri="https://account.blob.core.windows.net/code/own"))
    assert client.call("code_versions", "create_or_update", "own", "1", code).name == "1"
    whole(lab)
    component = client.call("component_versions", "get", "whole", "1")
    assert component.properties.component_spec["type"] == "pipeline"
    stores = {one.name: one.properties for one in client.call("datastores", "list")}
    assert stores["workspaceblobstore"].is_default
    secrets = client.call("datastores", "list_secrets", "workspaceblobstore")
    assert isinstance(secrets, m.AccountKeyDatastoreSecrets)
    assert [one.name for one in client.call("compute", "list")] == ["cpu"]


def test_a_batch_endpoint_is_made_given_a_default_and_removed(client: Client, lab: Lab) -> None:
    lab.client.switches(batchDelay=0.2)
    name = f"seen-{lab.name()}"
    endpoint = m.BatchEndpoint(location="eastus2", properties=m.BatchEndpointProperties(auth_mode="AADToken"))
    made = client.call("batch_endpoints", "begin_create_or_update", name, endpoint)
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.scoring_uri.endswith(f"/{name}/jobs")
    lab.client.create_batch_deployment(name, "blue", whole(lab))
    endpoint.properties.defaults = m.BatchEndpointDefaults(deployment_name="blue")
    client.call("batch_endpoints", "begin_create_or_update", name, endpoint)
    assert client.call("batch_endpoints", "get", name).properties.defaults.deployment_name == "blue"
    assert [one.name for one in client.call("batch_deployments", "list", name)] == ["blue"]
    client.call("batch_endpoints", "begin_delete", name)
    with pytest.raises(ResourceNotFoundError):
        client.call("batch_endpoints", "get", name)
