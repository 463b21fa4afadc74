"""AzureMLExecutePipeline: a pipeline of the designer, published and run by a pipeline of Data Factory."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local import scenery_factory
from local.services.azureml.client import GROUP, SUBSCRIPTION, DesignerClient

from .plant import CONTAINER, Plant, activity

_names = itertools.count()


def people(rows: int = 200) -> str:
    chance = random.Random(3)
    lines = ["age,income"]
    for _ in range(rows):
        age = chance.randint(18, 70)
        lines.append(f"{age},{'>50K' if age + chance.gauss(0, 4) > 44 else '<=50K'}")
    return "\n".join(lines) + "\n"


@pytest.fixture
def designer(plant: Plant) -> Iterator[DesignerClient]:
    """A workspace with a datastore over the plant's container, linked to the factory by its own identity."""
    client = DesignerClient(plant.url, f"workspace{next(_names)}")
    client.create_workspace()
    client.register_datastore("plant", CONTAINER, plant.storage)
    plant.write("people.csv", people())
    given = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": GROUP, "authentication": "MSI"}
    given["mlWorkspaceName"] = client.scope.rpartition("/")[2]
    plant.factory.put("linkedservices", "workspace", {"type": "AzureMLService", "typeProperties": given})
    yield client
    client.close()


def published(designer: DesignerClient) -> tuple[str, str]:
    """Ids of a published pipeline and of its endpoint; the data's path is a parameter."""
    nodes = {
        "import": {"module": "Import Data", "fields": {"Datastore": "plant", "Path": "nobody.csv"}},
        "learner": {"module": "Two-Class Logistic Regression", "fields": {}},
        "train": {"module": "Train Model", "fields": {"Label column": "income"}},
        "score": {"module": "Score Model", "fields": {}},
        "evaluate": {"module": "Evaluate Model", "fields": {}},
    }
    edges = [
        {"from": "import", "to": "train:Dataset"},
        {"from": "learner", "to": "train:Untrained model"},
        {"from": "train", "to": "score:Trained model"},
        {"from": "import", "to": "score:Dataset"},
        {"from": "score", "to": "evaluate:Scored dataset"},
    ]
    draft = designer.create_draft("Income", nodes, edges)["id"]
    designer.set_parameter(draft, "data_path", "nobody.csv")
    designer.attach(draft, "data_path", "import", "Path")
    made = designer.publish(draft, endpoint=f"income{next(_names)}")
    return made["pipeline"]["Id"], made["endpoint"]["Id"]


def execute(**properties: Any) -> dict[str, Any]:
    given = {"experimentName": "from-a-factory", "mlPipelineParameters": {"data_path": "people.csv"}, **properties}
    link = scenery_factory.reference("workspace")
    return activity("AzureMLExecutePipeline", "train", **given) | {"linkedServiceName": link}


def test_a_published_pipeline_is_run_with_its_parameters(plant: Plant, designer: DesignerClient) -> None:
    pipeline, _ = published(designer)
    run, did = plant.outcome(execute(mlPipelineId=pipeline))
    assert run["status"] == "Succeeded", run["message"]
    made = did["train"]["output"]["mlPipelineRunId"]
    steps = designer.children("from-a-factory", made)
    assert "Train Model" in steps and designer.metrics(steps["Evaluate Model"]["runId"])["AUC"] > 0.8


def test_a_version_of_an_endpoint_is_run(plant: Plant, designer: DesignerClient) -> None:
    _, endpoint = published(designer)
    for more in ({}, {"version": "0"}):
        run, _ = plant.outcome(execute(mlPipelineEndpointId=endpoint, **more))
        assert run["status"] == "Succeeded", run["message"]


def test_a_service_principal_runs_it_too(plant: Plant, designer: DesignerClient) -> None:
    pipeline, _ = published(designer)
    plant.studio.call("POST", "/_local/principals", body={"id": "robot2", "secret": "hush", "tenant": "home"})
    given = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": GROUP, "tenant": "home"}
    given |= {"servicePrincipalId": "robot2", "mlWorkspaceName": designer.scope.rpartition("/")[2]}
    secret = {"servicePrincipalKey": scenery_factory.secured("hush")}
    plant.factory.put("linkedservices", "workspace", {"type": "AzureMLService", "typeProperties": given | secret})
    run, _ = plant.outcome(execute(mlPipelineId=pipeline))
    assert run["status"] == "Succeeded", run["message"]


def test_a_pipeline_that_fails_or_is_not_there_fails_with_its_code(plant: Plant, designer: DesignerClient) -> None:
    pipeline, _ = published(designer)
    _, did = plant.outcome(execute(mlPipelineId=pipeline, mlPipelineParameters={"data_path": "nobody.csv"}))
    assert did["train"]["error"]["errorCode"] == "4126"
    _, did = plant.outcome(execute(mlPipelineId="00000000-0000-0000-0000-000000000000"))
    assert did["train"]["error"]["errorCode"] == "4124"
    _, did = plant.outcome(execute())
    assert did["train"]["error"]["errorCode"] == "4101"


def test_cancelling_the_run_cancels_the_pipeline_behind_it(plant: Plant, designer: DesignerClient) -> None:
    pipeline, _ = published(designer)
    plant.studio.hold_jobs()
    ident = plant.factory.start(plant.pipeline(execute(mlPipelineId=pipeline)))
    stop = time.monotonic() + 20
    while not (found := behind(designer, pipeline)):
        assert time.monotonic() < stop
        time.sleep(0.05)
    while not any(found[0]["Id"] in seen["path"] for seen in plant.studio.log()):  # the factory looks at it
        assert time.monotonic() < stop
        time.sleep(0.05)
    plant.factory.cancel(ident)
    assert plant.factory.ended(ident)["status"] == "Cancelled"
    assert designer.wait(found[0]["Id"])["Status"]["StatusCode"] in ("Canceled", 4)


def behind(designer: DesignerClient, pipeline: str) -> Any:
    """The designer's own runs of a published pipeline."""
    path = f"/pipelines/v1.0{designer.scope}/PipelineRuns/Pipeline/{pipeline}"
    return designer.call("GET", path, designer.token).json()
