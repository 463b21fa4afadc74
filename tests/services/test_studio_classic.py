"""Serving by classic endpoints, against the stand-in of Studio: PATCH, scores in both forms, documented troubles."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from retrain.errors import AccessDenied, BadConfiguration, BadRequest, Conflict, NotFound, Throttled, Unavailable
from retrain.ports import JobState, Rows
from retrain.run import Artifact
from shared.services.studio.classic import StudioClassic, StudioClassicSettings
from shared.services.studio.management import Management
from tests.waiting import awaited

from .world import COLUMNS, World

ROWS = Rows(columns=COLUMNS, values=(("60", "55", "smith"), ("20", "15", "cook"), ("44", "35", "clerk")))


@pytest.fixture(scope="module")
def turned(world: World) -> Artifact:
    """A model of a world in which everything is the other way round."""
    return world.model(4, sign=-1)


@pytest.fixture
def endpoint(world: World) -> Iterator[StudioClassic]:
    yield world.endpoint_client()
    world.studio.refresh_endpoint(world.workspace, world.scoring, "trial", overwrite=True)
    world.studio.refresh_endpoint(world.workspace, world.scoring, "live", overwrite=True)


def test_a_patched_endpoint_answers_with_the_new_model_and_the_others_do_not(
    world: World, endpoint: StudioClassic, turned: Artifact
) -> None:
    (trial,) = endpoint.staging()
    old = endpoint.score(trial, ROWS)
    before = endpoint.current(trial)
    begun = endpoint.begin(trial, turned)
    assert begun.before == before and before.resource == world.resource
    assert endpoint.current(trial).location == world.blobs.url(turned.blob)
    new = endpoint.score(trial, ROWS)
    assert old[0] > 0.5 > new[0] and old[1] < 0.5 < new[1]
    assert endpoint.score(endpoint.production(), ROWS) == old


def test_the_patch_is_exactly_the_documented_one_and_its_record_holds_no_signature(
    world: World, endpoint: StudioClassic, turned: Artifact
) -> None:
    live = endpoint.production()
    begun = endpoint.begin(live, turned)
    preview: Any = endpoint.preview(live, turned)
    (resource,) = preview["Resources"]
    assert resource["Name"] == world.resource
    assert set(resource["Location"]) == {"BaseLocation", "RelativeLocation", "SasBlobToken"}
    assert resource["Location"]["RelativeLocation"] == turned.blob
    assert world.blobs.url(turned.blob) == resource["Location"]["BaseLocation"] + turned.blob
    assert resource["Location"]["SasBlobToken"].startswith("?")
    for record in (preview, begun):
        text = msgspec.json.encode(record).decode()
        assert "sig=***" in text and text.count("sig=") == 1


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_status_of_a_patch_is_success(
    world: World, endpoint: StudioClassic, turned: Artifact, status: int
) -> None:
    world.studio.switches(patchStatus=status)
    endpoint.begin(endpoint.production(), turned)
    assert endpoint.current(endpoint.production()).location.endswith(turned.blob)


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_patch_whose_answer_is_lost_is_sent_again(
    world: World, endpoint: StudioClassic, turned: Artifact, cut: str
) -> None:
    world.studio.fault("patch", cut=cut)
    endpoint.begin(endpoint.production(), turned)
    assert endpoint.score(endpoint.production(), ROWS)[0] < 0.5


def test_the_model_behind_a_slot_can_be_copied(world: World, endpoint: StudioClassic, turned: Artifact) -> None:
    assert len(b"".join(endpoint.artifact(endpoint.production()))) > 1000
    endpoint.begin(endpoint.production(), turned)
    assert b"".join(endpoint.artifact(endpoint.production())) == world.blobs.read(turned.blob)


def test_a_model_that_is_gone_cannot_be_copied_and_says_so(
    world: World, endpoint: StudioClassic, turned: Artifact
) -> None:
    world.blobs.copy(turned.blob, "candidates/income/brief.ilearner")
    endpoint.begin(endpoint.production(), Artifact(blob="candidates/income/brief.ilearner", sha256=turned.sha256))
    world.blobs.delete("candidates/income/brief.ilearner")
    with pytest.raises(NotFound, match="can no longer be copied"):
        endpoint.artifact(endpoint.production())


def test_table_and_swagger_form_give_the_same_scores_and_the_file_too(world: World) -> None:
    table = world.endpoint_client(rrs_form="table", rows_per_call=2)
    swagger = world.endpoint_client(rrs_form="swagger")
    slot = table.production()
    expected = table.score(slot, ROWS)
    assert swagger.score(slot, ROWS) == expected
    assert len(expected) == 3 and all(0 <= score <= 1 for score in expected)
    lines = [",".join(row) for row in (ROWS.columns, *ROWS.values)]
    world.blobs.write("runs/income/rows.csv", "\n".join(lines).encode())
    job = table.score_file(slot, "runs/income/rows.csv", "runs/income/scores.csv")
    assert awaited(lambda: table.scored_file(slot, job)).state is JobState.SUCCEEDED
    assert table.scores_in(world.blobs.open("runs/income/scores.csv")) == pytest.approx(expected)


def test_scores_come_in_calls_of_at_most_the_configured_rows(world: World) -> None:
    client = world.endpoint_client(rows_per_call=2)
    client.score(client.production(), ROWS)
    world.studio.clear_log()
    client.score(client.production(), ROWS)
    assert [entry["operation"] for entry in world.studio.log()] == ["execute", "execute"]


def test_another_column_can_hold_the_score_and_a_wrong_one_names_those_there_are(world: World) -> None:
    client = world.endpoint_client(score_column="Scored Labels")
    with pytest.raises(BadRequest, match=r"answered with '(>50K|<=50K)', not a number.*score_column"):
        client.score(client.production(), ROWS)
    client = world.endpoint_client(score_column="Price")
    with pytest.raises(BadConfiguration, match="there are Scored Labels, Scored Probabilities"):
        client.score(client.production(), ROWS)


@pytest.mark.parametrize(
    ("names", "advice"),
    [({"input": "data"}, "Correct `input`"), ({"output": "result"}, "has no output 'result'; it has output1")],
)
def test_a_wrong_name_of_input_or_output_is_explained(world: World, names: dict[str, Any], advice: str) -> None:
    client = world.endpoint_client(**names)
    with pytest.raises(BadConfiguration, match=advice):
        client.score(client.production(), ROWS)


def test_rows_that_do_not_fit_are_a_bad_request(world: World) -> None:
    client = world.endpoint_client()
    with pytest.raises(BadRequest, match="input schema"):
        client.score(client.production(), Rows(columns=("age",), values=(("3",),)))
    with pytest.raises(BadRequest, match="input schema"):
        client.score(client.production(), Rows(columns=COLUMNS, values=(("old", "3", "cook"),)))
    assert client.score(client.production(), Rows(columns=COLUMNS, values=())) == []


def test_more_calls_than_the_endpoint_takes_are_throttled(world: World) -> None:
    """A low endpoint takes four calls at a time; the fifth hears 503 RequestThrottled."""
    client = world.endpoint_client()
    slot = client.production()
    client.score(slot, ROWS)
    world.studio.fault("execute", delay=2.0, times=4)
    busy = [threading.Thread(target=client.score, args=(slot, ROWS)) for _ in range(4)]
    for thread in busy:
        thread.start()
    while world.studio.call("GET", "/_local/faults").json():
        time.sleep(0.02)
    time.sleep(0.1)
    with pytest.raises(Throttled, match="RequestThrottled"):
        client.score(slot, ROWS)
    for thread in busy:
        thread.join()


@pytest.mark.parametrize("fault", [{"cut": "before"}, {"cut": "after"}, {"status": 500, "code": "InternalError"}])
def test_a_passing_fault_while_scoring_is_not_noticed(world: World, fault: dict[str, Any]) -> None:
    client = world.endpoint_client()
    expected = client.score(client.production(), ROWS)
    world.studio.fault("execute", **fault)
    assert client.score(client.production(), ROWS) == expected


def test_an_outage_is_unavailable_with_the_time_the_service_names(world: World) -> None:
    client = world.endpoint_client()
    world.studio.fault("getendpoint", status=503, code="ServiceUnavailable", retry_after=120)
    with pytest.raises(Unavailable) as caught:
        client.current(client.production())
    assert caught.value.retry_after == 120


# The troubleshooting page's cases.


def test_the_default_endpoint_is_refused_before_and_by_the_service(world: World, turned: Artifact) -> None:
    by_id = world.url(str(world.endpoint("default")["ApiLocation"]).rpartition("/")[2])
    client = world.endpoint_client(production=by_id)
    with pytest.raises(BadConfiguration, match=r"default endpoint refuses PATCH.*retrain endpoints create"):
        client.begin(client.production(), turned)
    default = Management(client._studio(client.production()), world.url("default"))
    with pytest.raises(BadConfiguration, match=r"UpdateWebServiceResourceFailed.*Likely causes: the default endpoint"):
        default.patch({"Resources": [{"Name": world.resource, "Location": {}}]})


def test_a_training_service_is_recognised(world: World, turned: Artifact) -> None:
    service = str(world.training["WebServiceGroupId"])
    shown = world.studio.get_endpoint(world.workspace, service)
    url = world.url(str(world.training["EndpointId"]), service)
    client = world.endpoint_client((shown["PrimaryKey"], shown["PrimaryKey"]), production=url)
    with pytest.raises(BadConfiguration, match="looks like a training web service"):
        client.begin(client.production(), turned)
    management = Management(client._studio(client.production()), url)
    with pytest.raises(BadConfiguration, match="training web service"):
        management.patch({"Resources": []})
    with pytest.raises(BadConfiguration, match=r"looks like a training web service.*\[predictive exp\.\]"):
        management.create("another")


def test_a_wrong_key_is_explained_for_management_and_for_scoring(world: World, turned: Artifact) -> None:
    world.studio.switches(siblingKey="refuse")
    right = str(world.endpoint("trial")["PrimaryKey"])
    client = world.endpoint_client((right, right))
    with pytest.raises(AccessDenied, match=r"ManagementRequestUnauthorized.*keys of its own") as caught:
        client.begin(client.production(), turned)
    assert right not in str(caught.value)
    world.studio.switches(siblingKey="accept")
    with pytest.raises(AccessDenied, match=r"ScoreRequestUnauthorized.*three different ones") as caught:
        client.score(client.production(), ROWS)
    assert right not in str(caught.value) and right not in repr(client.__dict__)


def test_the_secondary_key_works_as_well(world: World) -> None:
    keys = (world.endpoint("live")["SecondaryKey"], world.endpoint("trial")["SecondaryKey"])
    client = world.endpoint_client(keys)
    assert len(client.score(client.production(), ROWS)) == 3


def test_a_wrong_workspace_service_or_endpoint_is_explained(world: World) -> None:
    right = world.url("live")
    for wrong, text in (
        (right.replace(str(world.workspace["id"]), "0" * 32), "That workspace is unknown at this host"),
        (right.replace(world.scoring, "1" * 32), "WebServiceIdNotFoundInWorkspace.*europewest.management"),
        (world.url("nowhere"), "WebServiceNotFound.*Check the address"),
    ):
        client = world.endpoint_client(production=wrong)
        with pytest.raises(NotFound, match=text):
            client.current(client.production())


def test_a_wrong_resource_name_lists_the_right_one(world: World, turned: Artifact) -> None:
    client = world.endpoint_client(resource="Income [Trained Model]")
    with pytest.raises(BadConfiguration, match=r"has no resource 'Income \[Trained Model\]'; it has 'Income"):
        client.begin(client.production(), turned)
    chosen = world.endpoint_client(resource=world.resource)
    assert chosen.current(chosen.production()).resource == world.resource


def test_a_signature_that_expired_before_the_patch_is_explained(world: World, turned: Artifact) -> None:
    client = world.endpoint_client()
    client._sign = lambda blob, permissions, lifetime: (
        f"{world.blobs.url(blob)}?sv=2024-08-04&se=2020-01-01T00%3A00%3A00Z&sr=b&sp=r&sig=U2VjcmV0"
    )
    with pytest.raises(AccessDenied, match="its SAS expired") as caught:
        client.begin(client.production(), turned)
    assert "U2VjcmV0" not in str(caught.value)


def test_a_blob_that_is_gone_or_no_model_is_explained(world: World) -> None:
    client = world.endpoint_client()
    with pytest.raises(AccessDenied, match="check that the blob exists"):
        client.begin(client.production(), Artifact(blob="candidates/income/gone.ilearner", sha256=""))
    world.blobs.write("candidates/income/text.ilearner", b"not a model")
    with pytest.raises(BadRequest, match="not a trained model of this service"):
        client.begin(client.production(), Artifact(blob="candidates/income/text.ilearner", sha256=""))


def test_a_slot_of_another_configuration_is_refused(world: World) -> None:
    client = world.endpoint_client()
    other = world.endpoint_client(production=world.url("other")).production()
    with pytest.raises(BadConfiguration, match=r"not \(any more\) an endpoint"):
        client.score(other, ROWS)


# Managing endpoints.


def test_an_endpoint_can_be_created_listed_refreshed_and_deleted(world: World, turned: Artifact) -> None:
    client = world.endpoint_client()
    management = client.management(client.production())
    made = management.create("rental001", description="location 1", calls=20)
    assert (made.name, made.throttle_level, made.max_concurrent_calls) == ("rental001", "High", 20)
    assert made.primary_key and made.primary_key not in repr(made)
    assert {"default", "live", "trial", "rental001"} <= {info.name for info in management.list()}
    with pytest.raises(Conflict, match="There is an endpoint of that name"):
        management.create("rental001")
    keys = (str(made.primary_key), str(made.primary_key))
    own = world.endpoint_client(keys, production=world.url("rental001"))
    own.begin(own.production(), turned)
    assert own.score(own.production(), ROWS)[0] < 0.5
    new = own.management(own.production())
    assert new.refresh(overwrite=False) is False
    assert new.refresh(overwrite=True) is True
    assert own.score(own.production(), ROWS)[0] > 0.5
    management.delete("rental001")
    with pytest.raises(NotFound):
        management.show("rental001")


@pytest.mark.parametrize("name", ["default", "Rental", "rental-1", "", "x" * 25])
def test_an_impossible_endpoint_name_is_refused_at_once(world: World, name: str) -> None:
    management = world.endpoint_client().management(world.endpoint_client().production())
    with pytest.raises(BadRequest, match="1 to 24 lowercase letters and digits"):
        management.create(name)


def test_a_created_endpoint_whose_answer_was_lost_is_not_created_twice(world: World) -> None:
    client = world.endpoint_client()
    management = client.management(client.production())
    world.studio.fault("createendpoint", cut="after")
    with pytest.raises(Unavailable):
        management.create("lost1")
    assert management.show("lost1").name == "lost1"
    management.delete("lost1")


def test_settle_and_slots_come_from_the_settings(world: World) -> None:
    client = world.endpoint_client(settle=5.0, staging=(world.url("trial"), world.url("second")))
    assert client.settle() == timedelta(seconds=5)
    assert [slot.url for slot in client.staging()] == [world.url("trial"), world.url("second")]
    assert client.production().name == "production" and client.production().url == world.url("live")
    assert isinstance(client._settings, StudioClassicSettings)
