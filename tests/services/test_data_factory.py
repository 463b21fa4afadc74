"""Training by a pipeline of Data Factory, against the local one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from local import scenery_factory
from retrain.errors import AccessDenied, BadConfiguration, Conflict, NotFound, Throttled, Unavailable
from retrain.ports import JobState
from shared.services.arm import Arm
from shared.services.data_factory.trainer import DataFactory, DataFactorySettings
from shared.services.http import Http
from tests.datafactory.plant import activity, failing, wait
from tests.waiting import ended

from .factory_world import DATA, METRICS, MODEL, FactoryWorld, submitted
from .wire import Order, Wire
from .world import World, a_run


@pytest.fixture(scope="module")
def made(world: World) -> Iterator[FactoryWorld]:
    made = FactoryWorld(world)
    yield made
    made.factory.close()


@pytest.fixture
def there(made: FactoryWorld) -> Iterator[FactoryWorld]:
    """The factory; what a test ordered is taken back."""
    yield made
    made.calm()


def fresh_run(**parameters: str) -> Any:
    """A run that no other test has."""
    return msgspec.structs.replace(a_run(**parameters), id=f"income~{time.time_ns():016x}"[:23])


def test_a_pipeline_trains_and_leaves_model_and_metrics_where_they_were_asked_for(there: FactoryWorld) -> None:
    trainer = there.trainer()
    job = submitted(trainer, run := fresh_run())
    trainer.start(job)
    assert ended(trainer, job).state is JobState.SUCCEEDED
    shown = there.factory.run(job)["parameters"]
    assert shown == {"dataPath": DATA, "modelPath": MODEL, "metricsPath": METRICS, "retrainRun": f"{run.id}/1"}
    results = trainer.results(job)
    assert results.artifact.partition("?")[0] == there.world.blobs.url(MODEL) and "sp=r&" in results.artifact + "&"
    assert b"".join(trainer.download(results.artifact)) == there.world.blobs.read(MODEL)
    assert 0.5 < trainer.metrics(results.metrics)["auc"] <= 1


def test_parameters_of_the_configuration_and_of_the_run_are_handed_on(there: FactoryWorld) -> None:
    pipeline = there.pipeline(Seed="0", Learner="logistic-regression")
    job = submitted(there.trainer(pipeline, parameters={"Seed": "5", "Learner": "x"}), fresh_run(Learner="y"))
    shown = there.factory.run(job)["parameters"]
    assert (shown["Seed"], shown["Learner"]) == ("5", "y")


def test_containers_can_go_into_parameters_of_their_own(there: FactoryWorld) -> None:
    properties = scenery_factory.training_pipeline()
    containers = ("dataContainer", "modelContainer", "metricsContainer")
    properties["parameters"] |= {name: {"type": "String"} for name in containers}
    files = properties["activities"][0]["typeProperties"]
    for what, file in (
        ("data", files["webServiceInputs"]["input1"]),
        ("metrics", files["webServiceOutputs"]["output1"]),
        ("model", files["webServiceOutputs"]["output2"]),
    ):
        file["filePath"] = f"@concat(pipeline().parameters.{what}Container, '/', pipeline().parameters.{what}Path)"
    settings = {f"{name.removesuffix('Container')}_container": name for name in containers}
    trainer = there.trainer(there.pipeline(properties), **settings)
    job = submitted(trainer, fresh_run())
    assert ended(trainer, job).state is JobState.SUCCEEDED
    assert there.factory.run(job)["parameters"]["modelPath"] == MODEL.partition("/")[2]
    assert trainer.results(job).artifact.partition("?")[0] == there.world.blobs.url(MODEL)
    assert not [one for one in trainer.examine() if one.verdict != "ok"]


def test_a_pipeline_without_an_evaluation_needs_no_metrics(there: FactoryWorld) -> None:
    properties = scenery_factory.training_pipeline()
    del properties["parameters"]["metricsPath"]
    del properties["activities"][0]["typeProperties"]["webServiceOutputs"]["output1"]
    trainer = there.trainer(there.pipeline(properties), metrics="")
    job = submitted(trainer, fresh_run())
    assert ended(trainer, job).state is JobState.SUCCEEDED
    assert trainer.results(job).metrics == ""


# Once, whatever gets lost


def test_a_run_whose_answer_was_lost_is_found_and_not_started_again(there: FactoryWorld) -> None:
    trainer, run = there.trainer(), fresh_run()
    there.studio.clear_log()
    there.studio.fault("createfactoryrun", cut="after")
    with pytest.raises(Unavailable) as caught:
        submitted(trainer, run)
    assert not isinstance(caught.value, Throttled)
    assert len(there.calls("createRun")) == 1
    found = trainer.find(run)
    assert found is not None and ended(trainer, found).state is JobState.SUCCEEDED
    assert trainer.find(msgspec.structs.replace(run, attempt=2)) is None
    assert trainer.find(fresh_run()) is None


@pytest.mark.parametrize("fault", [{"cut": "before"}, {"status": 500}, {"status": 503, "retry_after": 1}])
def test_what_never_began_is_not_found_and_not_repeated_blindly(there: FactoryWorld, fault: dict[str, Any]) -> None:
    trainer, run = there.trainer(), fresh_run()
    there.studio.clear_log()
    there.studio.fault("createfactoryrun", **fault)
    with pytest.raises(Unavailable):
        submitted(trainer, run)
    assert len(there.calls("createRun")) == 1
    assert trainer.find(run) is None


def test_a_run_that_the_service_does_not_show_yet_is_found_later(there: FactoryWorld) -> None:
    trainer, run = there.trainer(), fresh_run()
    there.studio.switches(queryLag=3600)
    job = submitted(trainer, run)
    assert trainer.find(run) is None
    there.studio.switches(queryLag=0)
    assert trainer.find(run) == job


def test_a_duplicate_that_shows_later_is_cancelled_and_the_first_goes_on(there: FactoryWorld) -> None:
    trainer, run = there.trainer(), fresh_run()
    there.studio.hold_jobs()
    first, second = submitted(trainer, run), submitted(trainer, run)
    assert trainer.find(run) == first
    assert ended(trainer, second).state is JobState.CANCELLED
    there.studio.release_jobs()
    assert ended(trainer, first).state is JobState.SUCCEEDED
    assert trainer.find(run) == first


def test_of_a_cancelled_and_a_living_run_the_living_one_is_found(there: FactoryWorld) -> None:
    trainer, run = there.trainer(), fresh_run()
    there.studio.hold_jobs()
    first, second = submitted(trainer, run), submitted(trainer, run)
    trainer.cancel(first)
    assert ended(trainer, first).state is JobState.CANCELLED
    assert trainer.find(run) == second


def test_a_run_is_found_among_pages_of_others(there: FactoryWorld) -> None:
    trainer, run = there.trainer(), fresh_run()
    for _ in range(3):
        submitted(trainer, fresh_run())
    job = submitted(trainer, run)
    there.studio.switches(queryPageSize=2)
    assert trainer.find(run) == job


# Ends


def test_a_run_is_cancelled_with_what_it_began(there: FactoryWorld) -> None:
    trainer = there.trainer()
    there.studio.hold_jobs()
    job = submitted(trainer, fresh_run())
    assert trainer.poll(job).state in (JobState.NOT_STARTED, JobState.RUNNING)
    trainer.cancel(job)
    assert ended(trainer, job).state is JobState.CANCELLED
    trainer.cancel(job)
    there.studio.switches(cancelEnded=400)
    trainer.cancel(job)
    with pytest.raises(Conflict, match="only one that succeeded has results"):
        trainer.results(job)


def test_a_run_that_waits_is_not_started_yet(there: FactoryWorld) -> None:
    trainer = there.trainer()
    there.studio.switches(runDelay=60)
    job = submitted(trainer, fresh_run())
    assert trainer.poll(job).state is JobState.NOT_STARTED
    trainer.cancel(job)


def test_a_failed_run_says_in_the_services_own_words_why(there: FactoryWorld) -> None:
    trainer = there.trainer()
    there.studio.fault("runjob", message="Error 0018: the data set is invalid")
    status = ended(trainer, submitted(trainer, fresh_run()))
    assert status.state is JobState.FAILED
    assert "Operation on target train failed" in status.details
    assert status.details.count("Error 0018: the data set is invalid") == 1


def test_activities_that_failed_beside_are_told_too(there: FactoryWorld) -> None:
    properties = scenery_factory.training_pipeline()
    properties["activities"] = [failing("first"), wait("mend", after={"first": ["Failed"]}), failing("last")]
    trainer = there.trainer(there.pipeline(properties))
    status = ended(trainer, submitted(trainer, fresh_run()))
    assert status.details == "Operation on target last failed: last fails. activity first: 77: first fails"


def test_a_failed_run_whose_activities_cannot_be_asked_is_failed_all_the_same(there: FactoryWorld) -> None:
    trainer = there.trainer()
    there.studio.fault("runjob", message="Error 0018")
    there.studio.fault("queryfactoryactivities", status=429, retry_after=60)
    status = ended(trainer, submitted(trainer, fresh_run()))
    assert "Error 0018" in status.details and "could not be asked" in status.details


def test_a_pipeline_that_leaves_no_model_is_told_so(there: FactoryWorld) -> None:
    properties = scenery_factory.training_pipeline()
    properties["activities"] = [wait("nothing")]
    trainer = there.trainer(there.pipeline(properties))
    model = "candidates/income/none/model.ilearner"
    job = trainer.submit(fresh_run(), DATA, model, METRICS)
    ended(trainer, job)
    with pytest.raises(BadConfiguration, match=f"there is no model at {model} in our storage"):
        trainer.results(job)
    warnings = [one.message for one in trainer.examine() if one.verdict == "warn"]
    assert warnings and "writes to the parameter 'modelPath'" in warnings[0]


# What is refused before anything runs


def refused(there: FactoryWorld, trainer: DataFactory) -> str:
    """The error of a submit that started nothing, which is what `examine` says as well."""
    there.studio.clear_log()
    with pytest.raises(BadConfiguration) as caught:
        submitted(trainer, fresh_run())
    assert there.calls("createRun") == []
    failures = [one.message for one in trainer.examine() if one.verdict == "fail"]
    assert failures == list(caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize("setting", ["data", "model", "metrics", "run_parameter", "data_container"])
def test_a_parameter_that_the_pipeline_lacks_is_named_with_those_it_has(there: FactoryWorld, setting: str) -> None:
    said = refused(there, there.trainer(**{setting: "Nobody"}))
    assert "has no parameter Nobody; it has dataPath, modelPath, metricsPath, retrainRun" in said


def test_a_parameter_of_the_run_that_the_pipeline_lacks_is_refused(there: FactoryWorld) -> None:
    with pytest.raises(BadConfiguration, match="has no parameter Depth; it has"):
        submitted(there.trainer(), fresh_run(Depth="3"))


def test_a_parameter_that_nobody_fills_is_refused(there: FactoryWorld) -> None:
    properties = scenery_factory.training_pipeline()
    properties["parameters"]["region"] = {"type": "String"}
    assert "needs a value for region" in refused(there, there.trainer(there.pipeline(properties)))


def test_a_pipeline_that_updates_the_service_by_itself_is_refused(there: FactoryWorld) -> None:
    update = activity(
        "AzureMLUpdateResource",
        "put live",
        after="train",
        trainedModelName="Income [trained model]",
        trainedModelLinkedServiceName=scenery_factory.reference("storage"),
        trainedModelFilePath="@pipeline().parameters.modelPath",
    ) | {"linkedServiceName": scenery_factory.reference("training")}
    pipeline = there.pipeline(scenery_factory.training_pipeline(update))
    said = refused(there, there.trainer(pipeline))
    assert "'put live'" in said and "without the gate" in said and "api/models/MODEL/promotions" in said


def test_a_models_path_with_another_end_is_refused(there: FactoryWorld) -> None:
    properties = scenery_factory.training_pipeline()
    outputs = properties["activities"][0]["typeProperties"]["webServiceOutputs"]
    outputs["output2"]["filePath"] = "@{pipeline().parameters.modelPath}.bin"
    assert "does not end in .ilearner" in refused(there, there.trainer(there.pipeline(properties)))
    trainer = there.trainer()
    with pytest.raises(BadConfiguration, match=r"must end in \.ilearner"):
        trainer.submit(fresh_run(), DATA, "candidates/model.bin", METRICS)


def test_a_pipeline_that_is_not_there_is_told(there: FactoryWorld) -> None:
    trainer = there.trainer("nobody")
    with pytest.raises(NotFound, match="Pipeline nobody not found"):
        submitted(trainer, fresh_run())
    assert [one.verdict for one in trainer.examine()] == ["fail", "ok"]


# Rights and passing faults


def test_examining_a_pipeline_that_is_right_finds_nothing_and_starts_nothing(there: FactoryWorld) -> None:
    trainer = there.trainer()
    there.studio.clear_log()
    assert {one.verdict for one in trainer.examine()} == {"ok"}
    assert there.calls("createRun") == []


def test_an_identity_that_may_only_read_is_told_what_it_needs(there: FactoryWorld) -> None:
    trainer = there.trainer()
    there.studio.role("Reader")
    try:
        with pytest.raises(AccessDenied, match="have the role Contributor"):
            submitted(trainer, fresh_run())
        assert [one.message for one in trainer.examine() if one.verdict == "fail" and "Contributor" in one.message]
    finally:
        there.studio.role("Contributor")


@pytest.mark.parametrize("operation", ["createfactoryrun", "queryfactoryruns", "getfactoryrun"])
def test_a_throttled_call_hands_on_the_time_to_wait(there: FactoryWorld, operation: str) -> None:
    trainer = there.trainer()
    job = submitted(trainer, run := fresh_run())
    there.studio.fault(operation, status=429, code="TooManyRequests", retry_after=40)
    ask = {"createfactoryrun": lambda: submitted(trainer, run), "queryfactoryruns": lambda: trainer.find(run)}
    with pytest.raises(Throttled) as caught:
        ask.get(operation, lambda: trainer.poll(job))()
    assert caught.value.retry_after == 40


def on_the_wire(server: Wire, name: str = "p") -> DataFactory:
    url = f"{server.url}/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f/pipelines/{name}"
    sign = lambda blob, permissions, lifetime: f"{server.url}/a/{blob}?sig=x"  # noqa: E731
    return DataFactory(DataFactorySettings(url=url), sign, Arm(Http(url), lambda _: "token"))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("Queued", JobState.NOT_STARTED), ("InProgress", JobState.RUNNING), ("Canceling", JobState.RUNNING),
        ("Cancelled", JobState.CANCELLED), ("Canceled", JobState.CANCELLED), ("Succeeded", JobState.SUCCEEDED),
    ],
)  # fmt: skip
def test_every_word_for_a_state_is_understood(server: Wire, said: str, state: JobState) -> None:
    server.answers(Order(body=msgspec.json.encode({"runId": "r", "status": said})))
    assert on_the_wire(server).poll("r").state is state


def test_a_word_that_is_none_of_the_services_is_asked_again(server: Wire) -> None:
    server.answers(Order(body=b'{"runId": "r", "status": "Dreaming"}'))
    with pytest.raises(Unavailable, match="Dreaming"):
        on_the_wire(server).poll("r")


def test_the_name_of_a_run_leads_nowhere_else(server: Wire) -> None:
    server.answers(Order(body=b'{"runId": "r", "status": "Queued"}'))
    on_the_wire(server).poll("../../../../secrets?x=")
    assert (
        server.seen[0].path.partition("?")[0].endswith("/factories/f/pipelineruns/..%2F..%2F..%2F..%2Fsecrets%3Fx%3D")
    )


def test_a_pipeline_whose_name_has_a_blank_is_asked_for_by_that_name(server: Wire) -> None:
    server.answers(Order(body=b'{"value": []}'))
    assert on_the_wire(server, "nightly%20training").find(fresh_run()) is None
    assert msgspec.json.decode(server.seen[0].body)["filters"][0]["values"] == ["nightly training"]


def test_a_start_that_is_answered_without_an_id_is_looked_for(server: Wire) -> None:
    names = ("dataPath", "modelPath", "metricsPath", "retrainRun")
    pipeline = {"properties": {"parameters": {name: {"type": "string"} for name in names}, "activities": []}}
    server.answers(Order(body=msgspec.json.encode(pipeline)), Order(body=b"{}"))
    with pytest.raises(Unavailable, match="no run id came back"):
        submitted(on_the_wire(server))


def test_an_update_in_a_pipeline_that_is_run_by_this_one_is_found(server: Wire) -> None:
    names = ("dataPath", "modelPath", "metricsPath", "retrainRun")
    child = {"pipeline": {"referenceName": "child", "type": "PipelineReference"}}
    inner = {"name": "if", "type": "IfCondition", "typeProperties": {"ifTrueActivities": [
        {"name": "run", "type": "ExecutePipeline", "typeProperties": child},
    ]}}  # fmt: skip
    update = {"name": "loop", "type": "ForEach", "typeProperties": {"activities": [
        {"name": "put live", "type": "AzureMLUpdateResource", "typeProperties": {}},
        {"name": "run", "type": "ExecutePipeline", "typeProperties": child},
    ]}}  # fmt: skip
    parameters = {name: {"type": "string"} for name in names}
    server.answers(
        Order(body=msgspec.json.encode({"properties": {"parameters": parameters, "activities": [inner]}})),
        Order(body=msgspec.json.encode({"properties": {"activities": [update]}})),
        Order(body=b'{"value": []}'),
    )
    failures = [one.message for one in on_the_wire(server).examine() if one.verdict == "fail"]
    assert len(failures) == 1 and "'put live' of pipeline child" in failures[0]


def test_runs_are_asked_for_from_before_the_run_began(server: Wire) -> None:
    server.answers(Order(body=b'{"value": []}'))
    run = msgspec.structs.replace(a_run(), created=datetime(2026, 3, 5, tzinfo=UTC))
    assert on_the_wire(server).find(run) is None
    asked = msgspec.json.decode(server.seen[0].body)
    assert asked["lastUpdatedAfter"] == "2026-03-04T00:00:00Z"
    assert asked["filters"] == [{"operand": "PipelineName", "operator": "Equals", "values": ["p"]}]
