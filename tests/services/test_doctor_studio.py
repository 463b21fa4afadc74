"""What a doctor says of the usual mistakes with Studio (classic), and that it changes nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from retrain.ports import Diagnosis

from .world import COLUMNS, World


def failures(found: Iterator[Diagnosis]) -> str:
    """What fails, as one text."""
    return "\n".join(f"{one.subject}: {one.message}" for one in found if one.verdict == "fail")


def warnings(found: Iterator[Diagnosis]) -> str:
    return "\n".join(f"{one.subject}: {one.message}" for one in found if one.verdict == "warn")


def key(world: World, name: str) -> str:
    return str(world.endpoint(name)["PrimaryKey"])


def test_what_fits_is_said_and_nothing_is_wrong(world: World) -> None:
    training, serving = list(world.trainer().examine()), list(world.endpoint_client().examine())
    assert {one.verdict for one in training} == {"ok"}
    assert "'output2' is the trained model" in training[-1].message
    assert failures(iter(serving)) == ""
    said = "\n".join(one.message for one in serving)
    assert world.resource in said and "'Scored Probabilities'" in said
    assert all(column in said for column in COLUMNS)


def test_examining_starts_nothing_and_sends_only_gets(world: World) -> None:
    jobs, before = world.studio.jobs(), [world.endpoint(name) for name in ("live", "trial")]
    trainer, endpoint = world.trainer(), world.endpoint_client()
    world.studio.clear_log()
    assert list(trainer.examine()) and list(endpoint.examine())
    seen = [entry for entry in world.studio.log() if not entry["path"].startswith("/_local/")]
    assert {entry["method"] for entry in seen} == {"GET"}
    assert {entry["operation"] for entry in seen} == {"getjobstatus", "getswagger", "getendpoint"}
    assert len(seen) == 2 + 2 * 3
    assert world.studio.jobs() == jobs

    def lasting(endpoint: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in endpoint.items() if name != "Resources"}  # their SAS is always fresh

    assert [lasting(world.endpoint(name)) for name in ("live", "trial")] == [lasting(one) for one in before]


TRAINER = [
    ({"key": "wrong"}, "This key does not open this endpoint. Each endpoint has keys of its own"),
    ({"model": "Output2"}, "model = 'Output2': the service has no such name; did you mean 'output2'? Case matters"),
    ({"input": "INPUT1"}, "input = 'INPUT1': the service has no such name; did you mean 'input1'? Case matters"),
    ({"model": "model"}, "model = 'model': the service has no such name; it has output1, output2"),
    ({"metrics": "outputs1"}, "metrics = 'outputs1': the service has no such name; did you mean 'output1'"),
    (
        {"model": "output1", "metrics": "output2"},
        "gives: evaluation (.csv) Evaluation of the trained model. The .ilearner file is what 'output2' gives",
    ),
    (
        {"model": "output1", "metrics": "output2"},
        "metrics = 'output2' is a trained model; the evaluation is in 'output1'",
    ),
    (
        {"parameters": {"l2 weight": "1"}},
        "parameters = 'l2 weight': the service has no such name; did you mean 'L2 Weight'",
    ),
    ({"data_parameter": "URI", "input": ""}, "data_parameter = 'URI': the service has no such name; it has"),
]


@pytest.mark.parametrize(("settings", "advice"), TRAINER)
def test_a_mistake_in_the_trainer_is_found_and_advised(world: World, settings: dict[str, Any], advice: str) -> None:
    assert advice in failures(world.trainer(**settings).examine())


def test_a_scoring_service_as_trainer_is_recognised(world: World) -> None:
    found = failures(world.trainer_at(world.scoring).examine())
    assert "no output of the service is a trained model (.ilearner); is this the predictive service?" in found


def test_an_address_that_is_unknown_fails_for_its_address_not_for_its_key(world: World) -> None:
    shown = world.studio.get_endpoint(world.workspace, world.scoring)["ApiLocation"]
    found = failures(world.trainer(url=shown[:-32] + "f" * 32).examine())
    assert "Check the address" in found and "does not open" not in found


def test_a_service_that_is_down_or_busy_is_a_finding(world: World) -> None:
    world.studio.fault("getjobstatus", status=503, detail="RequestThrottled")
    assert "RequestThrottled" in warnings(world.trainer().examine())
    world.studio.fault("getswagger", status=502, times=3)
    found = list(world.trainer().examine())
    assert "HTTP 502" in failures(iter(found)) and "key opens" in found[0].message


def test_an_unknown_job_may_be_answered_with_404(world: World) -> None:
    world.studio.switches(refuseUnknownJob="404:NotFound:MissingJobId")
    try:
        assert failures(world.trainer().examine()) == ""
        assert failures(world.endpoint_client().examine()) == ""
    finally:
        world.studio.switches(refuseUnknownJob="400:BadArgument:MissingJobId")


def test_required_parameters_that_nobody_gives_are_named(world: World) -> None:
    trainer = world.trainer_at(needing(world))
    assert "the service requires the parameters 'Positive Class'" in warnings(trainer.examine())
    assert failures(trainer.examine()) == ""


def needing(world: World) -> str:
    """A training service one of whose parameters has no default."""
    made = world.studio.create_training_experiment(
        world.workspace, "Needing", "classification", "income", csv=world.blobs.read("runs/income/train.csv").decode(),
        parameters={"Positive Class": None},
    )  # fmt: skip
    world.studio.add_outputs(world.workspace, made["id"])
    return str(world.studio.deploy(world.workspace, made["id"])["WebServiceGroupId"])


def test_the_default_endpoint_is_found_even_by_its_id(world: World) -> None:
    default = world.endpoint("default")
    place = default["HelpLocation"].rpartition("/")[2]
    client = world.endpoint_client((default["PrimaryKey"], key(world, "trial")), production=world.url(place))
    assert "production: production is the default endpoint. The default endpoint refuses PATCH" in failures(
        client.examine()
    )


def test_a_training_service_as_production_is_recognised(world: World) -> None:
    service = str(world.training["WebServiceGroupId"])
    shown = world.studio.get_endpoint(world.workspace, service)
    place = shown["HelpLocation"].rpartition("/")[2]
    client = world.endpoint_client(
        (shown["PrimaryKey"], key(world, "trial")), production=world.url(place, service=service)
    )
    assert "This looks like a training web service: it has no updatable resource" in failures(client.examine())


ENDPOINT = [
    ({"resource": "income [trained model]"}, "Copy the name exactly, case matters"),
    ({"input": "Input1"}, "input = 'Input1': the service has no such name; did you mean 'input1'? Case matters"),
    ({"output": "Output1"}, "output = 'Output1': the service has no such name; did you mean 'output1'? Case matters"),
    ({"score_column": "Probability"}, "Set `score_column` to the one that holds the prediction"),
    ({"parameters": {"L2": "1"}}, "parameters = 'L2': the service has no such name"),
]


@pytest.mark.parametrize(("settings", "advice"), ENDPOINT)
def test_a_mistake_in_the_endpoint_is_found_at_production_and_staging(
    world: World, settings: dict[str, Any], advice: str
) -> None:
    found = failures(world.endpoint_client(**settings).examine()).splitlines()
    for slot in ("production: ", "staging: "):
        assert any(line.startswith(slot) and advice in line for line in found), found


def test_the_training_key_opens_neither_management_nor_scoring(world: World) -> None:
    training = world.studio.get_endpoint(world.workspace, str(world.training["WebServiceGroupId"]))["PrimaryKey"]
    found = failures(world.endpoint_client((training, key(world, "trial"))).examine())
    assert "training service, production and staging need three different ones" in found
    assert training not in found


def test_a_siblings_key_may_manage_but_does_not_score(world: World) -> None:
    trial = key(world, "trial")
    found = failures(world.endpoint_client((trial, trial)).examine())
    assert "try the key of production at" in found and "does not open this endpoint" in found
    world.studio.switches(siblingKey="refuse")
    assert "look at endpoint" in failures(world.endpoint_client((trial, trial)).examine())


def test_an_endpoint_that_refuses_updates_is_found(world: World) -> None:
    made = world.studio.create_endpoint(world.workspace, world.scoring, "shut", PreventUpdate=True)
    try:
        client = world.endpoint_client((made["PrimaryKey"], key(world, "trial")), production=world.url("shut"))
        assert "PreventUpdate" in failures(client.examine())
    finally:
        world.studio.delete_endpoint(world.workspace, world.scoring, "shut")


def test_few_calls_at_a_time_are_a_warning_for_production_only(world: World) -> None:
    assert "production: ThrottleLevel Low, 4 calls at a time" in warnings(world.endpoint_client().examine())
    assert "staging" not in warnings(world.endpoint_client().examine())
    made = world.studio.create_endpoint(
        world.workspace, world.scoring, "wide", ThrottleLevel="High", MaxConcurrentCalls=20
    )
    try:
        wide = world.endpoint_client((made["PrimaryKey"], key(world, "trial")), production=world.url("wide"))
        assert warnings(wide.examine()) == ""
    finally:
        world.studio.delete_endpoint(world.workspace, world.scoring, "wide")


def test_staging_with_other_columns_or_the_same_endpoint_is_found(world: World) -> None:
    by_id = world.url(world.endpoint("live")["HelpLocation"].rpartition("/")[2])
    same = world.endpoint_client((key(world, "live"), key(world, "live")), staging=by_id)
    assert "staging and production are one endpoint" in failures(same.examine())
    shop = another_service(world)
    shown = world.studio.get_endpoint(world.workspace, shop, "trial")
    other = world.endpoint_client((key(world, "live"), shown["PrimaryKey"]), staging=world.url("trial", service=shop))
    found = failures(other.examine())
    assert "do not take the same columns; only one of them takes" in found and "price" in found and "hours" in found


def another_service(world: World) -> str:
    """A scoring service of other columns, with an endpoint `trial`."""
    rows = "\n".join(f"{n % 7},{'yes' if n % 2 else 'no'}" for n in range(60))
    made = world.studio.create_training_experiment(
        world.workspace, "Shop", "classification", "income", csv=f"price,income\n{rows}\n"
    )
    world.studio.run_experiment(world.workspace, made["id"])
    predictive = world.studio.derive_predictive(world.workspace, made["id"])
    service = str(world.studio.deploy(world.workspace, predictive["id"])["WebServiceGroupId"])
    world.studio.create_endpoint(world.workspace, service, "trial")
    return service
