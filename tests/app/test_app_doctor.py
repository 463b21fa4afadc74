"""`retrain doctor` over a whole app: what it says of a model that is right, and of each way in which it is not."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from local.services.tokens.client import identity
from retrain import acts, doctor
from retrain.errors import BadConfiguration
from retrain.ports import Diagnosis
from retrain.run import State
from shared.wiring import wire
from tests.app import bikes
from tests.app.world import TESTER, World


def found(world: World) -> list[Diagnosis]:
    """What is found about the world's model."""
    return list(doctor.examine(world.name, world.ports).models[0].findings)


def said(findings: Any, verdict: str) -> str:
    return "\n".join(f"{one.subject}: {one.message}" for one in findings if one.verdict == verdict)


def broken(world: World, old: str, new: str) -> str:
    """What fails after one change of the configuration."""
    world.configure((old, new))
    return said(found(world), "fail")


def test_a_model_that_was_adopted_is_healthy(world: World) -> None:
    world.adopt()
    report = doctor.examine(world.name, world.ports)
    assert {one.verdict for one in (*report.app, *report.models[0].findings)} == {"ok"}
    everything = said(report.models[0].findings, "ok")
    for words in ("version 0, as the ledger says", "1 of 1 staging slots are free", "'output2' is the trained model"):
        assert words in everything


def test_a_model_that_is_not_adopted_is_told_how(world: World) -> None:
    assert f"run `retrain adopt {world.name} --holdout FILE`" in said(found(world), "warn")


def test_production_that_was_changed_from_outside_fails(world: World) -> None:
    world.adopt()
    world.patch_live(f"champions/{world.name}/0/model.ilearner")
    advice = f"changed from outside. `retrain adopt {world.name} --holdout FILE --again` accepts it"
    assert advice in said(found(world), "fail")
    assert "sig=" not in said(found(world), "fail")


def test_each_missing_secret_is_named_and_its_service_is_not_asked(world: World) -> None:
    variable = world.name.upper().replace("-", "_")
    world.without(f"{variable}_TRAINING_KEY", f"{variable}_STAGING_KEY")
    failed = said(found(world), "fail")
    for name, key in (("TRAINING", "key"), ("STAGING", "staging_key")):
        reference = f"{variable}_{name}_KEY"
        assert f"{key} = 'env:{reference}': the environment has no value for {reference}; set it among" in failed
    assert not [one for one in found(world) if one.subject in ("production", "champion")]


def test_a_refusal_is_told_once(world: World) -> None:
    world.adopt()
    variable = world.name.upper().replace("-", "_")
    world.configure((f"{variable}_LIVE_KEY", f"{variable}_TRAINING_KEY"))
    failed = [one.message for one in found(world) if one.verdict == "fail"]
    assert failed and len(failed) == len(set(failed))


def test_a_wrong_name_and_a_training_key_for_scoring_are_found_in_one_look(world: World) -> None:
    variable = world.name.upper().replace("-", "_")
    world.configure((f"{variable}_LIVE_KEY", f"{variable}_TRAINING_KEY"))
    assert "need three different ones" in said(found(world), "fail")
    assert "did you mean 'output2'? Case matters" in broken(world, 'model = "output2"', 'model = "Output2"')
    assert ".ilearner file is what 'output2' gives" in broken(
        world, 'model = "output2"\nmetrics = "output1"', 'model = "output1"\nmetrics = ""'
    )


def test_a_training_service_as_production_is_found(world: World) -> None:
    scene = world.scenes[world.name]
    training = f"/webservices/{scene.training['WebServiceId']}/endpoints/{scene.training['ApiLocation'][-32:]}"
    service = f"/webservices/{scene.service}/endpoints/live"
    world.configure((service, training))
    assert "does not open this endpoint" in said(found(world), "fail")
    variable = world.name.upper().replace("-", "_")
    world.configure((service, training), (f"env:{variable}_LIVE_KEY", f"env:{variable}_TRAINING_KEY"))
    assert "This looks like a training web service" in said(found(world), "fail")


def test_mistakes_in_the_configuration_are_all_told_for_one_and_for_all(world: World) -> None:
    world.configure(("/endpoints/live", "/endpoints/default"))
    with pytest.raises(BadConfiguration) as caught:
        doctor.examine(world.name, world.ports)
    (problem,) = caught.value.problems
    assert "production is a default endpoint. The default endpoint refuses PATCH" in problem
    report = doctor.examine_all(world.ports)
    assert report.models == ()
    assert problem in said(report.app, "fail")


def test_a_slot_of_a_run_that_is_over_is_told_and_of_one_under_way_is_not(world: World) -> None:
    world.adopt()
    run = world.land("spring.csv", bikes.months("2011-04"))
    slot = world.ports.services.endpoint(world.ports.models.get(world.name)).staging()[0].url
    until = datetime.now(UTC) + timedelta(minutes=5)
    assert world.ports.ledger.take_slot(slot, run.id, until)
    assert said(found(world), "warn") == ""
    assert "0 of 1 staging slots are free" in said(found(world), "ok")
    gone = f"{world.name}~ffffffffffffffff"
    world.ports.ledger.free_slot(slot, run.id)
    assert world.ports.ledger.take_slot(slot, gone, until)
    assert f"held by run {gone}, which is over" in said(found(world), "warn")


def test_a_change_under_way_is_no_drift(world: World) -> None:
    world.adopt()
    run = world.finish(world.land("spring.csv", bikes.months("2011-04", "2011-05", "2011-06")))
    assert run.state is State.PROMOTED
    acts.rollback(world.name, world.ports, actor=TESTER, why="only to try it")
    assert "a rollback to version 2 is under way" in said(found(world), "ok")
    assert "changed from outside" not in said(found(world), "fail")
    world.pump()
    assert "production serves version 2, as the ledger says" in said(found(world), "ok")


def test_a_sick_service_does_not_hide_what_else_there_is(world: World) -> None:
    world.adopt()
    scene = world.scenes[world.name]
    for number in range(12):
        name = f"{world.name}-{number}"
        world.scenes[name] = replace(
            scene, name=name, toml=scene.toml.replace(f"models.{world.name}", f"models.{name}")
        )
    world.configure((scene.training["ApiLocation"], "http://127.0.0.1:9/workspaces/w/services/e"))
    report = doctor.examine_all(world.ports)
    assert [one.model for one in report.models] == sorted(world.scenes)
    assert all("no answer" in said(one.findings, "fail") for one in report.models)
    assert all("production: " in said(one.findings, "ok") for one in report.models)


def test_a_bug_in_a_check_is_a_finding_and_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.adopt()
    world.ports.blobs.write(f"champions/{world.name}/x", b"x")
    endpoint = world.ports.services.endpoint(world.ports.models.get(world.name))
    vars(endpoint)["_studios"] = {}
    with caplog.at_level(logging.ERROR):
        failed = said(found(world), "fail")
    assert "by a fault of Retrain (KeyError); see its log" in failed
    assert "as the ledger says" not in said(found(world), "ok")


def test_missing_queues_and_poison_are_told(world: World) -> None:
    world.queues.get_queue_client("training").delete_queue()
    poison = world.queues.get_queue_client("evaluations-poison")
    poison.create_queue()
    poison.send_message("{}")
    warned = said(doctor.examine_all(world.ports).app, "warn")
    assert "there is no queue 'training'; create it" in warned
    assert "1 messages of 'evaluations' failed for good" in warned


def test_storage_that_cannot_be_reached_is_a_finding_not_an_error(world: World) -> None:
    key = "a2V5"
    nowhere = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={key};" + "".join(
        f"{service}Endpoint=http://127.0.0.1:9/a;" for service in ("Blob", "Queue", "Table")
    )
    report = doctor.examine_all(wire({**world.settings, "AzureWebJobsStorage": nowhere}))
    failed = said(report.app, "fail")
    assert "storage: " in failed and key not in failed


def test_a_key_in_the_vault_is_read_as_the_app_reads_it(world: World) -> None:
    variable = world.name.upper().replace("-", "_")
    secret = f"{world.name}-live"
    world.configure((f"env:{variable}_LIVE_KEY", f"keyvault:{secret}"))
    assert "read secret" in said(found(world), "fail") and "check the secret's name" in said(found(world), "fail")
    world.keep_secret(secret, world.settings[f"{variable}_LIVE_KEY"])
    assert said(found(world), "fail") == ""
    assert f"production_key = 'keyvault:{secret}' is there" in said(found(world), "ok")


def test_the_route_answers_for_one_for_all_and_with_422(world: World) -> None:
    world.adopt()
    world.start()
    one, everything = world.call("GET", f"models/{world.name}/doctor"), world.call("GET", "doctor")
    assert one.status_code == everything.status_code == 200
    assert [model["model"] for model in everything.json()["models"]] == [world.name]
    assert {found["verdict"] for found in one.json()["models"][0]["findings"]} == {"ok"}
    assert set(one.json()["models"][0]["findings"][0]) == {"subject", "verdict", "message"}
    assert world.call("GET", "models/nobody/doctor").status_code == 404
    text = msgspec.json.encode(one.json()).decode()
    assert not [value for name, value in world.settings.items() if name.endswith("_KEY") and value in text]
    assert identity(world.stack.studio.url)["IDENTITY_HEADER"] not in text


def test_a_broken_configuration_is_answered_with_its_mistakes(world: World) -> None:
    world.configure(("/endpoints/live", "/endpoints/default"))
    world.start()
    answer = world.call("GET", f"models/{world.name}/doctor")
    assert answer.status_code == 422
    assert "production is a default endpoint" in answer.json()["error"]["details"][0]
