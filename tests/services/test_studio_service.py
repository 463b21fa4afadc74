"""Serving by "new" web services, against the stand-in of Resource Manager: definitions, both updates, troubles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from local.services.arm.client import PLAN
from local.services.arm.switches import TABLE
from local.services.engine.blobs import account_of
from retrain.errors import AccessDenied, BadConfiguration, NotFound, Throttled, Unavailable
from retrain.ports import Endpoint, JobState, Rows
from retrain.run import Artifact
from shared.services.studio_service.endpoint import StudioService, StudioServiceSettings
from shared.services.studio_service.models import ServiceModels

from .new_services import NewServices, ended
from .wire import Order, Wire
from .world import COLUMNS, World, people

ROWS = Rows(columns=COLUMNS, values=(("60", "55", "smith"), ("20", "15", "cook"), ("44", "35", "clerk")))


@pytest.fixture(scope="module")
def deployed(world: World) -> NewServices:
    return NewServices(world)


@pytest.fixture(scope="module")
def turned(deployed: NewServices) -> Artifact:
    return deployed.world.model(seed=11, sign=-1)


@pytest.fixture(autouse=True)
def _as_at_the_start(deployed: NewServices) -> Iterator[None]:
    yield
    starting = {name: switch.default for name, switch in TABLE.items()} | {"operationDelay": 0}
    deployed.studio.switches(**starting)
    deployed.studio.role("Contributor")


@pytest.fixture
def places(deployed: NewServices) -> tuple[str, str]:
    return deployed.deploy(), deployed.deploy()


@pytest.fixture
def endpoint(deployed: NewServices, places: tuple[str, str]) -> StudioService:
    return deployed.client(*places)


def test_an_updated_service_answers_with_the_new_model_and_the_others_do_not(
    world: World, endpoint: StudioService, turned: Artifact
) -> None:
    port: Endpoint = endpoint
    (trial,) = port.staging()
    old, before = port.score(trial, ROWS), port.current(trial)
    begun = port.begin(trial, turned)
    assert begun.before == before and before.resource == world.resource
    assert ended(endpoint, trial, begun.operation).state is JobState.SUCCEEDED
    assert port.current(trial).location == world.blobs.url(turned.blob)
    new = port.score(trial, ROWS)
    assert old[0] > 0.5 > new[0] and old[1] < 0.5 < new[1]
    assert port.score(port.production(), ROWS) == old
    assert b"".join(port.artifact(trial)) == world.blobs.read(turned.blob)


@pytest.mark.parametrize("version", ["2017-01-01", "2016-05-01-preview"])
@pytest.mark.parametrize("update", ["patch", "put"])
def test_both_ways_to_update_change_nothing_but_the_models_address(
    deployed: NewServices, places: tuple[str, str], turned: Artifact, update: str, version: str
) -> None:
    given: dict[str, Any] = {"update": update, "storage_key": "env:STORAGE_KEY", "plan": PLAN, "api_version": version}
    client = deployed.client(*places, env={"STORAGE_KEY": account_of(deployed.world.storage).key or ""}, **given)
    deployed.patch(places[0], futureMember={"kept": [1, 2.50, None]}, description="ünïcode")
    slot = client.production()
    before, score = deployed.get(places[0]), client.score(slot, ROWS)
    keys = deployed.keys(places[0])
    begun = client.begin(slot, turned)
    assert ended(client, slot, begun.operation).state is JobState.SUCCEEDED
    after = deployed.get(places[0])
    assert after["properties"].pop("modifiedOn") > before["properties"].pop("modifiedOn")
    uri = before["properties"]["assets"]["asset2"]["locationInfo"].pop("uri")
    assert (
        after["properties"]["assets"]["asset2"]["locationInfo"].pop("uri")
        == deployed.world.blobs.url(turned.blob)
        != uri
    )
    assert json.dumps(after) == json.dumps(before), "the order of members too"
    assert deployed.keys(places[0]) == keys
    assert client.score(slot, ROWS) != score


def test_the_preview_is_the_difference_and_where_it_would_be_sent(
    world: World, endpoint: StudioService, places: tuple[str, str], turned: Artifact
) -> None:
    before = endpoint.current(endpoint.production())
    shown: Any = endpoint.preview(endpoint.production(), turned)
    assert shown["method"] == "PATCH" and shown["url"] == f"{places[0]}?api-version=2017-01-01"
    (change,) = shown["changes"]
    assert change == {
        "path": "properties.assets.asset2.locationInfo.uri",
        "before": before.location,
        "after": world.blobs.url(turned.blob),
    }
    assert endpoint.current(endpoint.production()) == before
    begun = endpoint.begin(endpoint.production(), turned)
    assert begun.after == shown
    assert "sig=" not in msgspec.json.encode(begun).decode()


def test_the_definition_is_kept_word_for_word_and_without_secrets(
    world: World, endpoint: StudioService, deployed: NewServices, places: tuple[str, str]
) -> None:
    text = str(endpoint.definition(endpoint.production()))
    assert json.loads(text) == deployed.get(places[0])
    assert str(account_of(world.storage).key) not in text


def test_a_change_is_running_until_its_operation_and_the_definition_say_so(
    deployed: NewServices, endpoint: StudioService, turned: Artifact
) -> None:
    deployed.studio.switches(operationDelay=0.3)
    slot = endpoint.production()
    begun = endpoint.begin(slot, turned)
    assert endpoint.check(slot, begun.operation).state is JobState.RUNNING
    assert ended(endpoint, slot, begun.operation).state is JobState.SUCCEEDED


@pytest.mark.parametrize("switches", [{"operationHeaders": "absent"}, {"operationField": "provisioningState"}])
def test_a_change_is_followed_however_the_service_tells_of_it(
    deployed: NewServices, endpoint: StudioService, turned: Artifact, switches: dict[str, Any]
) -> None:
    deployed.studio.switches(operationDelay=0.2, **switches)
    slot = endpoint.production()
    begun = endpoint.begin(slot, turned)
    assert endpoint.check(slot, begun.operation).state is JobState.RUNNING
    assert ended(endpoint, slot, begun.operation).state is JobState.SUCCEEDED


def test_a_forgotten_operation_is_judged_by_the_definition(
    deployed: NewServices, endpoint: StudioService, turned: Artifact
) -> None:
    slot = endpoint.production()
    begun = endpoint.begin(slot, turned)
    ended(endpoint, slot, begun.operation)
    deployed.studio.fault("operationstatus", status=404)
    assert endpoint.check(slot, begun.operation).state is JobState.SUCCEEDED


def test_a_model_that_cannot_be_loaded_fails_the_change_and_the_old_one_answers(
    world: World, endpoint: StudioService
) -> None:
    slot = endpoint.production()
    before = endpoint.score(slot, ROWS)
    world.blobs.write("candidates/income/bad.ilearner", b"no model")
    begun = endpoint.begin(slot, Artifact(blob="candidates/income/bad.ilearner", sha256="0" * 64))
    failed = ended(endpoint, slot, begun.operation)
    assert failed.state is JobState.FAILED and "ModelPackageFormatError" in failed.details
    assert endpoint.score(slot, ROWS) == before
    assert endpoint.current(slot) == begun.before


def test_a_service_that_shows_another_model_than_was_asked_for_is_not_believed(
    deployed: NewServices, endpoint: StudioService, places: tuple[str, str], turned: Artifact
) -> None:
    slot = endpoint.production()
    assets = deployed.get(places[0])["properties"]["assets"]
    begun = endpoint.begin(slot, turned)
    ended(endpoint, slot, begun.operation)
    deployed.patch(places[0], assets=assets)
    lied = endpoint.check(slot, begun.operation)
    assert lied.state is JobState.FAILED and "instead of" in lied.details


def test_a_lost_answer_and_a_second_begin_do_no_harm(
    deployed: NewServices, endpoint: StudioService, places: tuple[str, str], turned: Artifact
) -> None:
    slot = endpoint.production()
    deployed.studio.fault("patchwebservice", cut="after")
    first = endpoint.begin(slot, turned)
    second = endpoint.begin(slot, turned)
    for begun in (first, second):
        assert ended(endpoint, slot, begun.operation).state is JobState.SUCCEEDED
    deployed.studio.switches(operationDelay=0.3, whileProvisioning="refuse")
    endpoint.begin(slot, turned)
    with pytest.raises(Unavailable, match="Another change goes on"):
        endpoint.begin(slot, turned)


def test_throttling_is_told_with_its_time(deployed: NewServices, endpoint: StudioService, turned: Artifact) -> None:
    deployed.studio.fault("patchwebservice", status=429, retry_after=17)
    with pytest.raises(Throttled) as caught:
        endpoint.begin(endpoint.production(), turned)
    assert caught.value.retry_after == 17


def test_missing_rights_are_said_with_what_to_give(
    deployed: NewServices, endpoint: StudioService, turned: Artifact
) -> None:
    deployed.studio.role("Reader")
    assert endpoint.current(endpoint.production()).resource
    with pytest.raises(AccessDenied, match=r"Contributor .or Owner. on the subscription or the resource group"):
        endpoint.begin(endpoint.production(), turned)


def test_a_token_for_something_else_is_explained(deployed: NewServices, places: tuple[str, str]) -> None:
    settings = StudioServiceSettings(production=places[0], staging=places[1])
    foreign = StudioService.of(
        settings, deployed.world.blobs, {}, token=lambda _: deployed.token("https://ml.azure.com")
    )
    with pytest.raises(AccessDenied, match="takes a token of the app's identity"):
        foreign.current(foreign.production())


def test_a_read_only_service_is_not_even_asked(
    deployed: NewServices, places: tuple[str, str], turned: Artifact
) -> None:
    deployed.patch(places[0], readOnly=True)
    client = deployed.client(*places)
    deployed.studio.clear_log()
    with pytest.raises(BadConfiguration, match="readOnly"):
        client.begin(client.production(), turned)
    assert "PATCH" not in [seen["method"] for seen in deployed.studio.log()]


def test_a_wrong_asset_and_a_training_service_name_what_there_is(
    deployed: NewServices, places: tuple[str, str], turned: Artifact
) -> None:
    client = deployed.client(*places, asset="income [trained model]")
    with pytest.raises(BadConfiguration, match=r"it has 'Income \[trained model\]' \(asset2\). Case matters"):
        client.begin(client.production(), turned)
    experiments = deployed.studio.call(
        "GET", f"/api/workspaces/{deployed.world.workspace['id']}/experiments", deployed.world.workspace["token"]
    ).json()
    training = next(one for one in experiments if one["kind"] == "training" and one["outputs"])
    whole = deployed.studio.export_definition(deployed.world.workspace, training["id"])
    trainer = deployed.client(deployed.deploy(deployed.arm.complete(whole, deployed.world.storage)), places[1])
    with pytest.raises(BadConfiguration, match="looks like a training web service"):
        trainer.current(trainer.production())


def test_several_trained_models_are_told_apart_by_name_or_key(
    deployed: NewServices, places: tuple[str, str], turned: Artifact
) -> None:
    assets = deployed.complete()["properties"]["assets"]
    assets["asset9"] = assets["asset2"] | {"name": "Second [trained model]"}
    two = deployed.deploy(deployed.complete(assets=assets))
    undecided = deployed.client(two, places[1])
    with pytest.raises(BadConfiguration, match=r"several trained models: 'Income .*asset2.*'Second .*set `asset`"):
        undecided.current(undecided.production())
    for wanted in ("Second [trained model]", "asset9"):
        chosen = deployed.client(two, places[1], asset=wanted)
        begun = chosen.begin(chosen.production(), turned)
        assert ended(chosen, chosen.production(), begun.operation).state is JobState.SUCCEEDED
    after = deployed.get(two)["properties"]["assets"]
    assert after["asset2"] == assets["asset2"]
    assert after["asset9"]["locationInfo"]["uri"] == deployed.world.blobs.url(turned.blob)


def test_a_service_with_an_account_of_its_own_gets_models_copied_there(
    deployed: NewServices, places: tuple[str, str], turned: Artifact
) -> None:
    from azure.storage.blob import BlobServiceClient

    world, other = deployed.world, BlobServiceClient.from_connection_string(deployed.world.other)
    model = deployed.complete()["properties"]["assets"]["asset2"]["locationInfo"]["uri"]
    other.create_container("first").upload_blob("m.ilearner", world.blobs.read(model.partition("devstoreaccount1/")[2]))
    assets = deployed.complete()["properties"]["assets"]
    assets["asset2"]["locationInfo"]["uri"] = f"{other.url.rstrip('/')}/first/m.ilearner"
    account = {"name": "other", "key": other.credential.account_key}
    place = deployed.deploy(deployed.complete(storageAccount=account, assets=assets))

    bare = deployed.client(place, places[1])
    with pytest.raises(BadConfiguration, match=r"account 'other'; we reach devstoreaccount1\. Set `models`"):
        bare.begin(bare.production(), turned)
    with pytest.raises(AccessDenied, match="no access"):
        bare.artifact(bare.production())

    client = deployed.client(place, places[1], env={"OTHER": world.other}, models="env:OTHER", container="taken-in")
    begun = client.begin(client.production(), turned)
    assert ended(client, client.production(), begun.operation).state is JobState.SUCCEEDED
    assert client.current(client.production()).location == f"{other.url.rstrip('/')}/taken-in/{turned.blob}"
    assert b"".join(client.artifact(client.production())) == world.blobs.read(turned.blob)
    assert [found.verdict for found in client.examine()].count("fail") == 0


def test_an_artifact_whose_blob_is_gone_is_not_found(
    deployed: NewServices, endpoint: StudioService, places: tuple[str, str]
) -> None:
    artifact = deployed.world.model(seed=12)
    slot = endpoint.production()
    ended(endpoint, slot, endpoint.begin(slot, artifact).operation)
    deployed.world.blobs.delete(artifact.blob)
    with pytest.raises(NotFound, match="gone"):
        endpoint.artifact(slot)


def test_keys_are_asked_for_again_when_they_were_changed(
    deployed: NewServices, endpoint: StudioService, places: tuple[str, str]
) -> None:
    slot = endpoint.production()
    before = endpoint.score(slot, ROWS)
    deployed.patch(places[0], keys={"primary": "another", "secondary": "too"})
    assert endpoint.score(slot, ROWS) == before


def test_a_key_by_reference_is_used_and_not_asked_for(deployed: NewServices, places: tuple[str, str]) -> None:
    deployed.patch(places[0], keys={"primary": "mine"})
    client = deployed.client(*places, env={"KEY": "mine", "WRONG": "other"}, production_key="env:KEY")
    deployed.studio.clear_log()
    assert client.score(client.production(), ROWS)
    assert "listkeys" not in [seen["operation"] for seen in deployed.studio.log()]
    wrong = deployed.client(*places, env={"WRONG": "other"}, production_key="env:WRONG")
    with pytest.raises(AccessDenied, match="does not open"):
        wrong.score(wrong.production(), ROWS)


@pytest.mark.parametrize("form", ["table", "swagger"])
def test_rows_score_alike_in_both_forms_in_parts_and_by_file(
    deployed: NewServices, places: tuple[str, str], form: Any
) -> None:
    client = deployed.client(*places, rrs_form=form, rows_per_call=2)
    slot = client.production()
    scores = client.score(slot, ROWS)
    assert len(scores) == 3 and scores[0] > 0.5 > scores[1]
    deployed.world.blobs.write("runs/income/rows.csv", people(20, 3).encode())
    job = client.score_file(slot, "runs/income/rows.csv", f"runs/income/scored-{form}.csv")
    while client.scored_file(slot, job).state in (JobState.NOT_STARTED, JobState.RUNNING):
        pass
    assert len(client.scores_in(deployed.world.blobs.open(f"runs/income/scored-{form}.csv"))) == 20


def test_a_service_that_was_never_deployed_is_explained(deployed: NewServices, places: tuple[str, str]) -> None:
    client = deployed.client(deployed.never(), places[1])
    with pytest.raises(BadConfiguration, match="it has no assets"):
        client.current(client.production())
    with pytest.raises(BadConfiguration, match="was it ever deployed"):
        client.score(client.production(), ROWS)


def test_an_address_of_nothing_is_not_found(deployed: NewServices, places: tuple[str, str]) -> None:
    client = deployed.client(f"{places[0]}x", places[1])
    with pytest.raises(NotFound, match="Check subscription, resource group and name"):
        client.current(client.production())


def test_the_doctor_finds_nothing_wrong_where_nothing_is(endpoint: StudioService) -> None:
    found = list(endpoint.examine())
    assert {one.verdict for one in found} == {"ok"}
    said = "\n".join(one.message for one in found)
    for words in (
        "trained model is",
        "may update it",
        "key of staging opens",
        "takes the same input",
        "which we reach",
    ):
        assert words in said


def test_the_doctor_finds_what_is_wrong(deployed: NewServices, places: tuple[str, str]) -> None:
    deployed.patch(places[0], readOnly=True, keys={"primary": "mine"})
    deployed.studio.fault("runoperation", message="no machines")
    deployed.patch(places[1], description="x")
    deployed.studio.role("Reader")
    client = deployed.client(*places, env={"KEY": "wrong"}, production_key="env:KEY")
    wrong = "\n".join(f"{one.verdict}: {one.message}" for one in client.examine() if one.verdict != "ok")
    for words in (
        "fail: The web service is readOnly",
        "fail: the app's identity may read it but not update it",
        "does not open",
    ):
        assert words in wrong
    assert "warn: provisioningState is Failed" in wrong


def test_the_doctor_tells_a_staging_service_with_other_input(deployed: NewServices, places: tuple[str, str]) -> None:
    wide = deployed.complete()
    wide["properties"]["input"]["properties"]["input1"]["properties"]["shoe"] = {"type": "Number"}
    client = deployed.client(places[0], deployed.deploy(wide))
    (found,) = (one for one in client.examine() if one.verdict == "fail")
    assert "input1.shoe" in found.message
    gone = deployed.client(places[0], f"{places[0]}x")
    assert [one.verdict for one in gone.examine()].count("fail") == 1


def test_a_signature_that_somebody_left_in_a_definition_is_neither_kept_nor_shown(server: Wire) -> None:
    group = f"{server.url}/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearning/webServices"
    asset = {
        "name": "M [trained model]",
        "type": "Resource",
        "locationInfo": {"uri": f"{server.url}/a/models/m.ilearner?sv=1&sig=s3cret"},
    }
    properties = {"packageType": "Graph", "storageAccount": {"name": "a"}, "assets": {"asset1": asset}}
    server.answers(Order(body=msgspec.json.encode({"properties": properties})))
    sign = lambda blob, permissions, lifetime: f"{server.url}/a/{blob}?sig=x"  # noqa: E731
    settings = StudioServiceSettings(production=f"{group}/live", staging=f"{group}/trial")
    client = StudioService(settings, sign, keys={}, models=ServiceModels(sign), token=lambda _: "token")
    slot = client.production()
    shown = msgspec.json.encode(client.preview(slot, Artifact(blob="champions/m/1/model.ilearner", sha256="0")))
    assert b"sig=***" in client.record(slot) and b"sig=***" in shown
    assert b"s3cret" not in client.record(slot) + shown
