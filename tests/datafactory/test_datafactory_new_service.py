"""AzureMLUpdateResource against the local Resource Manager: a "new" web service is given the model of a pipeline."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest
import requests

from local import scenery_factory

from .plant import CONTAINER, Plant, activity, line

PROVIDER = (
    "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/models/providers/Microsoft.MachineLearning"
)


class NewService:
    """A "new" web service, deployed from the plant's predictive experiment."""

    def __init__(self, plant: Plant, name: str) -> None:
        self.plant, self.path = plant, f"{PROVIDER}/webServices/{name}"
        plant.studio.switches(operationDelay=0.2)
        plan = {"location": "South Central US", "sku": {"name": "S1"}}
        self.call("PUT", f"{PROVIDER}/commitmentPlans/plan1", plan, "2016-05-01-preview")
        body = copy.deepcopy(self._definition())
        parts = dict(part.split("=", 1) for part in plant.storage.split(";") if part)
        own = {"name": parts["AccountName"], "key": parts["AccountKey"]}
        body["properties"] |= {"storageAccount": own, "commitmentPlan": {"id": f"{PROVIDER}/commitmentPlans/plan1"}}
        self.call("PUT", self.path, body)
        self.settled()

    def _definition(self) -> dict[str, Any]:
        workspace, studio = self.plant.scene.workspace, self.plant.studio
        made = studio.create_training_experiment(workspace, "New line", "regression", "y", csv=line(2))
        studio.run_experiment(workspace, made["id"])
        return studio.export_definition(workspace, studio.derive_predictive(workspace, made["id"])["id"])

    def call(self, method: str, path: str, body: Any = None, version: str = "2017-01-01") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.plant.factory.token}"}
        url = f"{self.plant.url}{path}?api-version={version}"
        answer = requests.request(method, url, headers=headers, json=body, timeout=60)
        assert answer.ok, answer.text
        return dict(answer.json()) if answer.content else {}

    def settled(self) -> dict[str, Any]:
        """Its properties once no change is under way."""
        until = time.monotonic() + 30
        while (found := self.call("GET", self.path)["properties"])["provisioningState"] == "Provisioning":
            assert time.monotonic() < until
            time.sleep(0.05)
        return dict(found)

    def resource(self) -> dict[str, Any]:
        """The asset of its trained model."""
        assets = self.settled()["assets"].values()
        return dict(next(one for one in assets if one["name"].endswith("[trained model]")))


@pytest.mark.parametrize("role", ["Contributor", "Reader"])
def test_a_new_web_service_is_given_the_model_by_a_principal_that_may(plant: Plant, role: str) -> None:
    service = NewService(plant, f"line-{role.lower()}")
    plant.studio.call(
        "POST", "/_local/principals", body={"id": f"id-{role}", "secret": "s", "tenant": "t", "role": role}
    )
    given = {
        "mlEndpoint": f"{plant.scene.live['ApiLocation']}/jobs",
        "apiKey": scenery_factory.secured("unused"),
        "updateResourceEndpoint": f"{plant.url}{service.path}?api-version=2016-05-01-preview",
        "servicePrincipalId": f"id-{role}",
        "servicePrincipalKey": scenery_factory.secured("s"),
        "tenant": "t",
    }
    plant.factory.put("linkedservices", "new-web-service", {"type": "AzureML", "typeProperties": given})
    before = service.resource()
    update = activity(
        "AzureMLUpdateResource",
        "update",
        after="train",
        trainedModelName=before["name"],
        trainedModelLinkedServiceName=scenery_factory.reference("storage"),
        trainedModelFilePath="@pipeline().parameters.modelPath",
    ) | {"linkedServiceName": scenery_factory.reference("new-web-service")}
    run = plant.factory.ended(plant.factory.start(plant.training(update), **plant.paths("new/")))
    if role == "Contributor":
        assert run["status"] == "Succeeded", run["message"]
        assert service.resource()["locationInfo"]["uri"].endswith(f"/{CONTAINER}/new/model.ilearner")
    else:
        assert run["status"] == "Failed" and "AuthorizationFailed" in run["message"]
        assert service.resource() == before
