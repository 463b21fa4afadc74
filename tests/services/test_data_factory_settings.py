"""What is wrong with a configuration of `data-factory`, and what a path of an output ends in: no service is called."""

from __future__ import annotations

import re
from typing import Any

import pytest

from shared.services.data_factory.pipeline import Pipeline, keeps_suffix
from shared.services.data_factory.trainer import DataFactorySettings

URL = "https://management.azure.com/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f"


def test_a_pipelines_address_is_all_that_is_needed() -> None:
    assert DataFactorySettings(url=f"{URL}/pipelines/p").problems() == []
    assert DataFactorySettings(url=f"{URL}/pipelines/p?api-version=2018-06-01").problems() == []


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": URL}, "url: .* is not the address of a pipeline; write https://management.azure.com/"),
        ({"url": "https://adf.azure.com/en/authoring/pipeline/p"}, "url: .* is not the address of such a resource"),
        ({"url": "http://10.1.1.1/x"}, "url: .*not encrypted"),
        ({"data": ""}, "data must name a parameter"),
        ({"run_parameter": ""}, "run_parameter must name a parameter"),
        ({"data": "path", "model": "path"}, "'path' is given to two things"),
        ({"parameters": {"modelPath": "x"}}, "parameters sets 'modelPath', which Retrain fills"),
        ({"metrics": "", "metrics_container": "c"}, "metrics_container is set, but metrics is empty"),
    ],
)
def test_a_mistake_is_named_before_anything_is_called(settings: dict[str, Any], complaint: str) -> None:
    (problem,) = DataFactorySettings(**{"url": f"{URL}/pipelines/p", **settings}).problems()
    assert re.search(complaint, problem)


@pytest.mark.parametrize(
    ("path", "keeps"),
    [
        ("@pipeline().parameters.model", True),
        ("@{pipeline().parameters.model}", True),
        ("x/@{pipeline().parameters.model}", True),
        ("@concat('models/', pipeline().parameters.model)", True),
        ("@concat(pipeline().parameters.model, '/m.ilearner')", True),
        ("@pipeline().parameters['model']", True),
        ("@{pipeline().parameters.model}/m.ilearner", True),
        ("@concat(pipeline().parameters.model, '.csv')", False),
        ("@{pipeline().parameters.model}.bin", False),
        ("@{pipeline().parameters['model']}.bin", False),
    ],
)
def test_a_path_made_of_the_models_parameter_ends_as_a_model_or_is_seen(path: str, keeps: bool) -> None:
    assert keeps_suffix(path, "model") is keeps


@pytest.mark.parametrize("spelled", ["filePath", "FilePath"])
def test_outputs_are_read_in_both_spellings_and_as_objects(spelled: str) -> None:
    def output(path: Any) -> dict[str, Any]:
        outputs = {"output1": {spelled: path}, "output2": {spelled: "other"}}
        return {"name": "train", "type": "AzureMLBatchExecution", "typeProperties": {"webServiceOutputs": outputs}}

    written = "@pipeline().parameters.model"
    for path in (written, {"value": written, "type": "Expression"}):
        assert Pipeline({"properties": {"activities": [output(path)]}}).outputs("model") == [written]
    assert Pipeline({"properties": {"activities": [output(f"{written}2")]}}).outputs("model") == []


@pytest.mark.parametrize(
    "found", [{}, {"properties": None}, {"properties": {"activities": {"a": 1}, "parameters": []}}]
)
def test_a_definition_of_another_shape_is_an_empty_one(found: dict[str, Any]) -> None:
    pipeline = Pipeline(found)
    assert (pipeline.parameters, list(pipeline.activities()), pipeline.updates(), pipeline.children()) == (
        {},
        [],
        [],
        [],
    )
