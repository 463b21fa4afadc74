"""Submit addresses and settings of pipelines: what is taken, and what is said of everything else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.errors import BadConfiguration
from shared.services.designer.addresses import Pipeline, named, places, read, workspace_in
from shared.services.designer.data import Passed, assignments
from shared.services.designer.model_pointer import ModelPointerSettings
from shared.services.designer.pipeline_endpoint import PipelineEndpointSettings

SCOPE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
REGION = "https://eastus2.api.azureml.ms"
RUNS = f"{REGION}/pipelines/v1.0{SCOPE}/PipelineRuns"
GUID = "66666666-7777-8888-9999-000000000000"
STORES = {"runs": "r", "history": "h", "candidates": "c", "champions": "m"}


@pytest.mark.parametrize(
    ("tail", "pipeline"),
    [
        (f"PipelineSubmit/{GUID}", Pipeline("pipeline", GUID)),
        (f"PipelineEndpointSubmit/Id/{GUID}", Pipeline("endpoint", GUID)),
        (f"PipelineEndpointSubmit/Id/{GUID}/", Pipeline("endpoint", GUID)),
        (f"PipelineEndpointSubmit/Id/{GUID}/2", Pipeline("endpoint", GUID, "2")),
        (f"PipelineEndpointSubmit/Id/{GUID}?pipelineVersion=2", Pipeline("endpoint", GUID, "2")),
        ("PipelineEndpointSubmit/Name?name=income%20train", Pipeline("name", "income train")),
        ("PipelineEndpointSubmit/Name?name=income&pipelineVersion=0", Pipeline("name", "income", "0")),
    ],
)
def test_every_form_of_a_submit_address_is_read(tail: str, pipeline: Pipeline) -> None:
    where, found = read(f" {RUNS}/{tail} ")
    assert found == pipeline
    assert where == places(REGION, SCOPE)


def test_the_services_of_a_workspace_lie_beside_each_other() -> None:
    where = places(REGION + "/", SCOPE)
    assert where.history == f"{REGION}/history/v1.0{SCOPE}"
    assert where.metrics == f"{REGION}/metric/v2.0{SCOPE}"
    assert where.artifacts == f"{REGION}/artifact/v2.0{SCOPE}"


def test_the_old_host_of_pipelines_belongs_to_its_region() -> None:
    where, _ = read(f"https://eastus2.aether.ms/api/v1.0{SCOPE}/PipelineRuns/PipelineSubmit/{GUID}")
    assert where == places(REGION, SCOPE)


@given(st.text(st.characters(exclude_categories=("C",)), min_size=1).filter(lambda text: text == text.strip()))
def test_a_name_goes_into_an_address_and_comes_out_of_it_whatever_it_holds(name: str) -> None:
    pipeline = Pipeline("name", name, "3")
    assert read(f"{REGION}/pipelines/v1.0{SCOPE}/{pipeline.submit}")[1] == pipeline


def test_an_endpoint_is_named_by_id_or_by_name() -> None:
    assert named(GUID, "1") == Pipeline("endpoint", GUID, "1")
    assert named("income") == Pipeline("name", "income")
    assert named("income").shown == "PipelineEndpoints/Name?name=income"
    assert named(GUID).shown == f"PipelineEndpoints/Id/{GUID}"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"{RUNS}/PipelineEndpointSubmit/Name", "names no pipeline endpoint"),
        (f"{REGION}/pipelines/v1.0{SCOPE}/PipelineEndpoints/Id/{GUID}", "is where a pipeline is described"),
        (f"{REGION}/pipelines/swagger/pipelineendpointsubmit/swagger.json", "is a description of a service"),
        ("https://income.eastus2.inference.ml.azure.com/jobs", "is the address of a batch endpoint"),
        (f"{RUNS}/{GUID}", "is not where a pipeline is run"),
        ("http://eastus2.api.azureml.ms/pipelines", "is not encrypted"),
    ],
)
def test_another_address_is_refused_with_what_it_is(url: str, said: str) -> None:
    with pytest.raises(BadConfiguration, match=said):
        read(url)


def trainer(**changes: Any) -> list[str]:
    given: dict[str, Any] = {"url": f"{RUNS}/PipelineEndpointSubmit/Id/{GUID}", "datastores": STORES, **changes}
    return PipelineEndpointSettings(**given).problems()


def endpoint(**changes: Any) -> list[str]:
    given: dict[str, Any] = {
        "production": "serving/live.json",
        "staging": "serving/staging.json",
        "inference": f"{RUNS}/PipelineEndpointSubmit/Id/{GUID}",
        "datastores": STORES,
    }
    return ModelPointerSettings(**{**given, **changes}).problems()


def test_settings_that_can_work_have_no_problems() -> None:
    assert trainer() == endpoint() == []
    assert trainer(url="", workspace=f"https://management.azure.com{SCOPE}", endpoint="income") == []
    assert endpoint(staging=("serving/a.json", "serving/b.json"), version="1") == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": ""}, "url or workspace: give one of them"),
        ({"workspace": f"https://management.azure.com{SCOPE}"}, "url or workspace: give one of them"),
        ({"url": "", "workspace": f"https://management.azure.com{SCOPE}"}, "endpoint must be the name or id"),
        ({"url": "", "workspace": "https://management.azure.com/x", "endpoint": "e"}, "workspace: "),
        ({"url": f"{RUNS}/{GUID}"}, "url: .*is not where a pipeline is run"),
        ({"url": f"{RUNS}/PipelineSubmit/{GUID}", "version": "1"}, "which has no versions"),
        ({"url": f"{RUNS}/PipelineEndpointSubmit/Id/{GUID}/2", "version": "1"}, "names version '2'; give one"),
        ({"datastores": {"training-data": "x"}}, 'datastores must name the datastore over the container "runs"'),
        ({"data_parameter": ""}, "data_parameter must name"),
        ({"parameters": {"data": "x"}}, "parameters sets 'data', which data_parameter fills"),
        ({"experiment": ""}, "experiment must name"),
        ({"model_step": ""}, "model_step and model_file"),
    ],
)
def test_settings_of_a_trainer_that_cannot_work_are_named(changes: dict[str, Any], said: str) -> None:
    (problem,) = trainer(**changes)
    assert re.search(said, problem), problem


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"production": "live.json"}, "production = 'live.json' must be container/path.json"),
        ({"production": "serving/live.txt"}, "must be container/path.json"),
        ({"staging": ()}, "staging is missing"),
        ({"staging": "serving/live.json"}, "staging repeats a pointer or is production"),
        ({"inference": "https://x.example/y"}, "inference: .*is not where a pipeline is run"),
        ({"datastores": {"runs": "r", "history": "h", "champions": "m"}}, "candidates lacks one"),
        ({"model_parameter": "data"}, "model_parameter and data_parameter are both 'data'"),
    ],
)
def test_settings_of_a_pointer_that_cannot_work_are_named(changes: dict[str, Any], said: str) -> None:
    (problem,) = endpoint(**changes)
    assert re.search(said, problem), problem


def test_each_way_of_passing_a_path_has_its_own_assignments() -> None:
    passed = [
        Passed("a", "parameter", "runs/x/train.csv"),
        Passed("b", "datapath", "runs/x/train.csv"),
        Passed("c", "dataset", "candidates/m.ilearner"),
    ]
    where = {"DataStoreName": "r", "RelativePath": "x/train.csv"}
    assert assignments({"rate": "0.1"}, passed, STORES) == {
        "ParameterAssignments": {"rate": "0.1", "a": "x/train.csv"},
        "DataPathAssignments": {"b": where},
        "DataSetDefinitionValueAssignments": {
            "c": {"LiteralValue": {"DataStoreName": "c", "RelativePath": "m.ilearner"}}
        },
    }
    assert assignments({}, [], {}) == {}


def test_a_container_without_a_datastore_is_named_with_what_to_do() -> None:
    with pytest.raises(BadConfiguration, match=r"parameter 'm' would be serving/a.json, .*datastores = \{ serving = "):
        assignments({}, [Passed("m", "datapath", "serving/a.json")], STORES)


@pytest.mark.parametrize(
    "address",
    [
        SCOPE,
        f"{RUNS}/PipelineSubmit/{GUID}",
        f"https://management.azure.com{SCOPE}",
        f"https://management.azure.com{SCOPE}/?api-version=1",
        f"//management.azure.com{SCOPE}#x",
    ],
)
def test_an_address_of_anything_below_a_workspace_names_it(address: str) -> None:
    assert workspace_in(address) == SCOPE
    assert workspace_in(address.upper()) == SCOPE.upper()


def test_an_address_of_something_else_names_no_workspace() -> None:
    assert workspace_in("/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a") == ""
