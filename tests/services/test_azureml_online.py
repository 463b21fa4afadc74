"""Serving by a managed online endpoint: candidates in deployments of their own, traffic in steps, and back at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest

from local.scenery_azureml import DATASTORES
from retrain.errors import AccessDenied, BadConfiguration, BadRequest, Conflict, NotFound, Throttled, Unavailable
from retrain.ports import Housed, JobState
from retrain.run import Artifact
from retrain.scoring import same_scores
from shared.services.azureml.files import WorkspaceFiles
from shared.services.azureml.online import AzureMlOnline
from shared.services.azureml.online_traffic import Aim
from shared.services.azureml.workspace import Workspace
from tests.waiting import awaited

from .azureml_lab import COMPUTE, NAME, TRAINING, AzureMlLab
from .online_lab import ROWS, Change, OnlineLab, given, short

COMMAND = (
    "python train.py --data ${{inputs.data}} --label ${{inputs.label}} --task classification "
    "--learner logistic-regression --model ${{outputs.model}}"
)
LABEL = {"label": {"jobInputType": "literal", "value": "income"}}


def at(uri: str) -> dict[str, str]:
    return {"jobInputType": "uri_file", "uri": uri}


@pytest.fixture(scope="module")
def other(shared_azureml: AzureMlLab) -> Artifact:
    """A model that answers otherwise than the first."""
    return shared_azureml.candidate(5)


@pytest.fixture
def new(azureml: AzureMlLab) -> Iterator[Callable[..., OnlineLab]]:
    """Makes endpoints."""
    made: list[OnlineLab] = []

    def make(**options: object) -> OnlineLab:
        made.append(OnlineLab(azureml, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for lab in made:
        lab.close()


@pytest.fixture
def lab(new: Callable[..., OnlineLab]) -> OnlineLab:
    """An endpoint that serves the first model."""
    return new()


def as_champion(lab: OnlineLab, artifact: Artifact, version: int) -> Artifact:
    """The same model as a champion of that version."""
    blob = f"champions/income/{version}-0123456789abcdef/model.ilearner"
    lab.blobs.copy(artifact.blob, blob)
    return msgspec.structs.replace(artifact, blob=blob)


def promoted(lab: OnlineLab, client: AzureMlOnline, artifact: Artifact, version: int = 1) -> Change:
    return given(client, client.production(), as_champion(lab, artifact, version))


def test_production_is_the_deployment_with_the_traffic(lab: OnlineLab) -> None:
    client = lab.client()
    now = client.current(client.production())
    assert (now.resource, now.location) == ("blue", lab.first)
    assert b"".join(client.artifact(client.production())) == lab.blobs.read(lab.azureml.first.blob)


def test_a_candidate_gets_a_deployment_without_traffic_and_is_scored_there(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    (slot,) = client.staging()
    with pytest.raises(BadRequest, match="no candidate was tried"):
        client.score(slot, ROWS)
    given(client, slot, other)
    assert lab.traffic() == {"blue": 100}
    assert client.current(slot).resource == short(other)
    live, tried = client.score(client.production(), ROWS), client.score(slot, ROWS)
    assert len(tried) == 12 and not same_scores(live, tried)
    assert sha256(b"".join(client.artifact(slot))).hexdigest() == other.sha256
    assert lab.control.shown(f"{lab.name}/deployments/{short(other)}")["properties"]["instanceType"]


def test_a_deployment_is_made_as_the_live_one_is_but_for_what_is_configured(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(deployment={"instanceType": "Standard_F4s_v2"}, instances=2)
    given(client, client.staging()[0], other)
    made, blue = (lab.control.shown(f"{lab.name}/deployments/{name}") for name in (short(other), "blue"))
    assert (made["properties"]["instanceType"], made["sku"]["capacity"]) == ("Standard_F4s_v2", 2)
    for kept in ("codeConfiguration", "environmentId"):
        assert made["properties"][kept] == blue["properties"][kept]
    assert made["properties"]["model"] != blue["properties"]["model"]


def test_traffic_moves_in_steps_each_of_which_is_told_of(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(traffic=(10, 50, 100))
    given(client, client.staging()[0], other)
    lab.control.clear_log()
    change = promoted(lab, client, other)
    assert change.partly == ["10 % of the traffic", "50 % of the traffic", "100 % of the traffic"]
    assert lab.traffic() == {short(other): 100}
    assert lab.asked("putonlineendpoint") == ["putonlineendpoint"] * 3
    assert lab.deployments()["blue"] == "Succeeded"
    live = client.current(client.production())
    assert (live.resource, live.location == lab.first) == (short(other), False)


def test_a_step_lasts_as_long_as_it_bakes(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(traffic=(20, 100), bake=600)
    given(client, client.staging()[0], other)
    change = Change(client, client.production(), client.begin(client.production(), as_champion(lab, other, 1)))
    change.until(lambda status: status.partly == "20 % of the traffic")
    for _ in range(3):
        assert change.look().state is JobState.RUNNING
    assert lab.traffic() == {"blue": 80, short(other): 20}
    lab.moved += timedelta(seconds=601)
    change.until(lambda status: status.partly == "100 % of the traffic")
    assert change.look().state is JobState.RUNNING
    lab.moved += timedelta(seconds=601)
    assert change.ended().state is JobState.SUCCEEDED


def test_no_step_is_taken_before_the_one_before_was_kept(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(traffic=(10, 100))
    given(client, client.staging()[0], other)
    change = Change(client, client.production(), client.begin(client.production(), as_champion(lab, other, 1)))
    change.until(lambda status: bool(status.partly))
    first = Change(client, client.production(), client.begin(client.production(), as_champion(lab, other, 1)))
    for _ in range(4):  # whoever asks with what the first look gave, because nothing was saved, stays where it is
        assert client.check(client.production(), first.operation).partly == "10 % of the traffic"
    assert lab.traffic() == {"blue": 90, short(other): 10}


def test_a_change_that_was_cut_anywhere_goes_on_where_it_stands(lab: OnlineLab, other: Artifact) -> None:
    client, slot = lab.client(traffic=(10, 50, 100)), None
    given(client, client.staging()[0], other)
    slot, champion = client.production(), as_champion(lab, other, 1)
    lab.control.fault("putonlineendpoint", endpoint=lab.name, cut="after", times=3)
    with pytest.raises(Unavailable):
        client.begin(slot, champion)
    lab.control.clear_faults()
    change = Change(client, slot, client.begin(slot, champion))
    change.until(lambda status: status.partly == "10 % of the traffic")
    assert lab.traffic() == {"blue": 90, short(other): 10}
    again = Change(lab.client(traffic=(10, 50, 100)), slot, lab.client().begin(slot, champion))
    assert again.ended().state is JobState.SUCCEEDED
    assert again.partly == ["10 % of the traffic", "50 % of the traffic", "100 % of the traffic"]


def test_going_back_takes_one_step(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(bake=600)
    given(client, client.staging()[0], other)
    slot = client.production()
    change = Change(client, slot, client.begin(slot, as_champion(lab, other, 1)))
    change.until(lambda status: bool(status.partly))
    back = given(client, slot, as_champion(lab, lab.azureml.first, 0))
    assert (back.partly, lab.traffic()) == ([], {"blue": 100})


def test_going_back_after_the_old_deployment_is_gone_makes_it_again_and_still_takes_one_step(
    lab: OnlineLab, other: Artifact
) -> None:
    client = lab.client()
    given(client, client.staging()[0], other)
    promoted(lab, client, other)
    assert client.tidy({other.sha256}, confirmed=True) == ["blue"]
    awaited_gone(lab, "blue")
    slow = lab.client(bake=600)
    back = given(slow, slow.production(), as_champion(lab, lab.azureml.first, 0))
    assert (back.partly, lab.traffic()) == ([], {short(lab.azureml.first): 100})


def awaited_gone(lab: OnlineLab, name: str) -> None:
    for _ in range(200):
        if name not in lab.deployments():
            return
    raise AssertionError(f"{name} stays")


def test_the_old_deployment_stays_until_the_new_one_is_confirmed(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    assert isinstance(client, Housed)
    given(client, client.staging()[0], other)
    assert client.tidy({other.sha256}, confirmed=True) == []
    promoted(lab, client, other)
    assert client.tidy({other.sha256}, confirmed=False) == []
    assert client.tidy({other.sha256, lab.azureml.first.sha256}, confirmed=True) in ([], ["blue"])


def test_a_candidate_that_nobody_needs_is_removed_and_others_are_not(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    lab.control.deployment(lab.name, "theirs", lab.first)
    given(client, client.staging()[0], other)
    assert client.tidy({other.sha256}, confirmed=False) == []
    assert client.tidy((), confirmed=False) == [short(other)]
    awaited_gone(lab, short(other))
    assert set(lab.deployments()) == {"blue", "theirs"}


def test_a_deployment_that_fails_its_first_provisioning_is_deleted_and_made_again(
    lab: OnlineLab, other: Artifact
) -> None:
    client = lab.client()
    lab.control.fault("runonlineoperation", endpoint=short(other), code="InternalServerError", message="try again")
    lab.control.clear_log()
    given(client, client.staging()[0], other)
    wanted = ["putonlinedeployment", "deleteonlinedeployment", "putonlinedeployment"]
    assert lab.asked("putonlinedeployment", "deleteonlinedeployment") == wanted


def test_a_deployment_that_always_fails_ends_with_the_services_own_words(lab: OnlineLab, other: Artifact) -> None:
    client, (slot,) = lab.client(), lab.client().staging()
    lab.control.fault("runonlineoperation", endpoint=short(other), code="OutOfQuota", message="no cores", times=1)
    change = Change(client, slot, client.begin(slot, other))
    change.until(lambda status: '"tries":2' in status.operation)
    lab.control.fault("runonlineoperation", endpoint=short(other), code="OutOfQuota", message="no cores left", times=1)
    status = change.ended()
    assert status.state is JobState.FAILED
    assert "OutOfQuota: no cores left" in status.details
    assert lab.deployments()[short(other)] == "Failed"
    given(client, slot, other)
    assert lab.deployments()[short(other)] == "Succeeded"


def test_what_is_no_model_is_told_in_the_services_own_words(lab: OnlineLab) -> None:
    client = lab.client()
    text = lab.azureml.artifact(b"no model at all")
    change = Change(client, client.staging()[0], client.begin(client.staging()[0], text))
    status = change.ended()
    assert status.state is JobState.FAILED and "ResourceNotReady" in status.details
    assert lab.traffic() == {"blue": 100}


def test_traffic_that_the_service_refuses_to_move_ends_the_change(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    given(client, client.staging()[0], other)
    lab.control.fault("runonlineoperation", endpoint=lab.name, code="BadArgument", message="not today")
    change = Change(client, client.production(), client.begin(client.production(), as_champion(lab, other, 1)))
    status = change.ended()
    assert status.state is JobState.FAILED and "not today" in status.details
    lab.control.fault("putonlineendpoint", endpoint=lab.name, status=400, message="never", times=2)
    change = Change(client, client.production(), client.begin(client.production(), as_champion(lab, other, 1)))
    status = change.ended()
    assert status.state is JobState.FAILED and "never" in status.details
    assert lab.traffic() == {"blue": 100}


def test_an_operation_that_never_ends_is_running_for_ever(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    given(client, client.staging()[0], other)
    lab.control.fault("runonlineoperation", endpoint=lab.name, delay=3)
    change = Change(client, client.production(), client.begin(client.production(), as_champion(lab, other, 1)))
    asked = len(lab.asked("putonlineendpoint"))
    assert {change.look().state for _ in range(5)} == {JobState.RUNNING}
    assert len(lab.asked("putonlineendpoint")) == asked
    assert change.ended().state is JobState.SUCCEEDED


def test_a_conflict_is_asked_again_later(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    for status in (409, 424):
        lab.control.fault("putonlinedeployment", endpoint=lab.name, status=status, times=1)
        with pytest.raises(Unavailable, match=f"HTTP {status}.*asked again later"):
            client.begin(client.staging()[0], other)
    lab.control.fault("putonlinedeployment", endpoint=lab.name, status=429, retry_after=30, times=1)
    with pytest.raises(Throttled) as late:
        client.begin(client.staging()[0], other)
    assert late.value.retry_after == 30
    lab.control.fault("putonlinedeployment", endpoint=lab.name, status=429, times=1)
    with pytest.raises(Throttled) as none:
        client.begin(client.staging()[0], other)
    assert none.value.retry_after is None


def test_whoever_finds_another_change_under_way_waits_and_goes_on_then(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client()
    lab.control.switches(onlineDeploymentDelay=0.5)
    lab.control.begin_deployment(lab.name, "theirs", lab.first)
    given(client, client.staging()[0], other)
    assert set(lab.deployments()) == {"blue", "theirs", short(other)}


def test_an_endpoint_without_traffic_has_nothing_live(new: Callable[..., OnlineLab], other: Artifact) -> None:
    lab = new(live=False)
    client = lab.client()
    with pytest.raises(NotFound, match="nothing is live"):
        client.current(client.production())
    with pytest.raises(BadConfiguration, match="instanceType"):
        client.begin(client.staging()[0], other)
    code = {"codeId": "azureml:score:1", "scoringScript": "score.py"}
    needed = {"instanceType": "Standard_DS3_v2", "environmentId": "azureml:sk:1", "codeConfiguration": code}
    client = lab.client(deployment=needed, bake=600)
    given(client, client.staging()[0], other)
    first = promoted(lab, client, other)
    assert (first.partly, lab.traffic()) == ([], {short(other): 100})


def test_traffic_that_somebody_shared_out_is_told_as_it_is(lab: OnlineLab) -> None:
    lab.control.deployment(lab.name, "green", lab.first)
    lab.control.endpoint(lab.name, {"blue": 70, "green": 30})
    client = lab.client()
    now = client.current(client.production())
    assert now.resource == "blue, green"
    assert now.location == f"{lab.first} (70 %), {lab.first} (30 %)"
    with pytest.raises(Conflict, match="give all of it to one first"):
        client.artifact(client.production())


def test_the_same_model_again_changes_nothing(lab: OnlineLab, other: Artifact) -> None:
    client, (slot,) = lab.client(), lab.client().staging()
    given(client, slot, other)
    lab.control.clear_log()
    given(client, slot, other)
    assert lab.asked("putonlinedeployment", "patchonlinedeployment", "deleteonlinedeployment") == []


def test_a_preview_changes_nothing_and_shows_the_steps(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(traffic=(25, 100))
    lab.control.clear_log()
    shown = client.preview(client.production(), other)
    assert shown["steps"] == [{"blue": 75, short(other): 25}, {short(other): 100}]
    assert other.blob in msgspec.json.encode(shown).decode()
    assert {seen["method"] for seen in lab.control.log() if lab.name in seen["path"]} == {"GET"}


def test_the_record_tells_traffic_and_deployments_and_no_key(lab: OnlineLab) -> None:
    kept = lab.client().record(lab.client().production()).decode()
    assert '"blue"' in kept and lab.first in kept
    assert lab.control.key(lab.name) not in kept


def test_rows_score_alike_one_by_one_and_by_file(lab: OnlineLab) -> None:
    client = lab.client(rows_per_call=3)
    slot = client.production()
    once = client.score(slot, ROWS)
    lines = [ROWS.columns, *ROWS.values]
    lab.blobs.write("runs/income/online/rows.csv", "".join(",".join(row) + "\n" for row in lines).encode())
    job = client.score_file(slot, "runs/income/online/rows.csv", "runs/income/online/scores.csv")
    assert awaited(lambda: client.scored_file(slot, job)).state is JobState.SUCCEEDED
    assert same_scores(client.scores_in(lab.blobs.open("runs/income/online/scores.csv")), once)


@pytest.mark.parametrize("form", ["records", "numbers", "probabilities", "wrapped"])
def test_answers_are_read_in_every_form(lab: OnlineLab, form: str) -> None:
    client = lab.client()
    before = client.score(client.production(), ROWS)
    lab.control.switches(onlineAnswer=form)
    for body in ("split", "records"):
        assert same_scores(lab.client(form=body).score(client.production(), ROWS), before)


@pytest.mark.parametrize("mode", ["AADToken", "AMLToken"])
def test_endpoints_that_sign_in_by_token_are_scored(new: Callable[..., OnlineLab], mode: str) -> None:
    lab = new(mode=mode)
    asked: list[str] = []

    def token(scope: str) -> str:
        asked.append(scope)
        return lab.azureml.token(scope)

    client = lab.client(token=token)
    assert len(client.score(client.production(), ROWS)) == 12
    assert ("https://ml.azure.com/.default" in asked) is (mode == "AADToken")


def test_a_token_for_the_wrong_audience_is_refused(new: Callable[..., OnlineLab]) -> None:
    lab = new(mode="AADToken")
    management = lab.azureml.token("https://management.azure.com/.default")
    client = lab.client(token=lambda scope: management)
    with pytest.raises(AccessDenied, match="wrong audience") as wrong:
        client.score(client.production(), ROWS)
    assert management not in str(wrong.value)


def test_a_token_that_expired_on_the_way_is_asked_for_again(new: Callable[..., OnlineLab]) -> None:
    lab = new(mode="AADToken")
    lab.control.switches(tokenLifetime=1)
    old = lab.azureml.token("https://ml.azure.com/.default")
    lab.control.switches(tokenLifetime=3600)
    given_out = [old]

    def token(scope: str) -> str:
        return given_out.pop() if given_out and "ml.azure.com" in scope else lab.azureml.token(scope)

    time.sleep(1.1)
    client = lab.client(token=token)
    assert len(client.score(client.production(), ROWS)) == 12
    assert given_out == []


def test_keys_that_were_made_anew_are_asked_for_again(lab: OnlineLab) -> None:
    client = lab.client()
    client.score(client.production(), ROWS)
    for kind in ("Primary", "Secondary"):
        lab.control.ask("POST", f"onlineEndpoints/{lab.name}/regenerateKeys", {"keyType": kind})
    assert len(client.score(client.production(), ROWS)) == 12


@pytest.mark.parametrize(("status", "error"), [(429, Throttled), (408, Unavailable), (503, Unavailable)])
def test_what_passes_is_told_from_what_does_not(lab: OnlineLab, status: int, error: type[Exception]) -> None:
    client = lab.client()
    lab.control.fault("scoreonline", endpoint=lab.name, status=status, retry_after=20, times=9)
    with pytest.raises(error):
        client.score(client.production(), ROWS)


def test_an_error_of_the_model_itself_says_so(lab: OnlineLab) -> None:
    client = lab.client()
    wrong = msgspec.structs.replace(ROWS, columns=tuple(f"{name}x" for name in ROWS.columns))
    with pytest.raises(BadRequest, match="the model answered 400"):
        client.score(client.production(), wrong)


def test_examining_finds_nothing_wrong_and_changes_nothing(lab: OnlineLab) -> None:
    lab.control.clear_log()
    found = list(lab.client().examine())
    assert [one.message for one in found if one.verdict != "ok"] == []
    assert len(found) == 4 + len(DATASTORES)
    asked = {seen["operation"] for seen in lab.control.log() if lab.name in seen["path"]}
    reading = {"getonlineendpoint", "listonlinedeployments", "listonlinekeys", "getonlineswagger", "getasset"}
    assert asked <= reading


def test_examining_tells_what_costs_machines_and_what_failed(lab: OnlineLab) -> None:
    lab.control.deployment(lab.name, "theirs", lab.first)
    lab.control.fault("runonlineoperation", endpoint="broken", code="OutOfQuota", message="no cores")
    lab.control.follow(lab.control.begin_deployment(lab.name, "broken", lab.first))
    said = "\n".join(one.message for one in lab.client().examine() if one.verdict == "warn")
    assert "deployment theirs has no traffic and takes 1 Standard_DS3_v2" in said
    assert "OutOfQuota: no cores" in said


def test_examining_tells_of_a_key_that_does_not_open(lab: OnlineLab, azureml: AzureMlLab) -> None:
    from shared.services.credentials import Secret

    client = AzureMlOnline(lab.settings(), lab.blobs, key=Secret("env:KEY", lambda: "wrong"), token=azureml.token)
    (wrong,) = [one for one in client.examine() if one.verdict == "fail"]
    assert "does not open it: HTTP 401" in wrong.message


def test_a_candidate_that_jobs_score_is_deployed_only_once_it_is_to_serve(lab: OnlineLab, other: Artifact) -> None:
    client = lab.client(scores="job", component=f"{NAME}-score:1", compute=COMPUTE, traffic=(100,))
    (slot,) = client.staging()
    assert slot.by_file and not client.production().by_file
    client.begin(slot, other)
    assert client.current(slot).location == lab.blobs.url(other.blob)
    lines = [ROWS.columns, *ROWS.values]
    lab.blobs.write("runs/income/online/tried.csv", "".join(",".join(row) + "\n" for row in lines).encode())
    job = client.score_file(slot, "runs/income/online/tried.csv", "runs/income/online/tried-scores.csv")
    assert awaited(lambda: client.scored_file(slot, job)).state is JobState.SUCCEEDED
    tried = client.scores_in(lab.blobs.open("runs/income/online/tried-scores.csv"))
    assert set(lab.deployments()) == {"blue"}
    promoted(lab, client, other)
    assert lab.traffic() == {short(other): 100}
    assert same_scores(client.score(client.production(), ROWS), tried)


def deployed(lab: OnlineLab, uri: str) -> AzureMlOnline:
    """A client of an endpoint whose live model was registered from a URI of the workspace's own."""
    name = f"theirs-{lab.name}"
    model = lab.control.register_model(name, "1", uri)["id"]
    lab.control.deployment(lab.name, "blue", model)
    return lab.client()


@pytest.mark.parametrize("form", ["{output}", "{output}/", "azureml://jobs/{job}/outputs/model"])
def test_a_model_that_users_made_in_the_workspaces_own_store_can_be_copied(lab: OnlineLab, form: str) -> None:
    job = f"made-{lab.name}-{len(form)}"
    inputs = {"data": at(f"azureml://datastores/{DATASTORES['runs']}/paths/{TRAINING.partition('/')[2]}"), **LABEL}
    lab.control.command_job(job, COMMAND, inputs, {"model": {"jobOutputType": "custom_model"}}, computeId=COMPUTE)
    ended = lab.control.wait_job(job)
    assert ended["status"] == "Completed", ended
    output = ended["outputs"]["model"]["uri"]
    client = deployed(lab, form.format(output=output.rstrip("/"), job=job))
    content = b"".join(client.artifact(client.production()))
    assert client.current(client.production()).location.endswith("/versions/1")
    slot, kept = client.production(), lab.azureml.artifact(content)
    assert given(client, slot, kept).partly == [] and lab.traffic() == {"blue": 100}  # it is known by its bytes


def test_a_model_of_several_files_or_of_none_cannot_be_copied(lab: OnlineLab) -> None:
    for number in (1, 2):
        lab.blobs.write(f"history/income/several/{number}.txt", b"part")
    client, path = lab.client(), f"azureml://datastores/{DATASTORES['history']}/paths/income"
    files = WorkspaceFiles(Workspace(lab.azureml.workspace, DATASTORES, token=lab.azureml.token))
    with pytest.raises(AccessDenied, match="a folder of 2 files"):
        b"".join(files.open(f"{path}/several"))
    with pytest.raises(NotFound):
        b"".join(files.open(f"{path}/nothing"))
    with pytest.raises(AccessDenied, match="no path in a datastore"):
        b"".join(files.open("https://account.blob.core.windows.net/models/one"))
    assert client.current(client.production()).resource == "blue"


def test_an_aim_is_read_as_it_was_written() -> None:
    aim = Aim("retrain-1", "champions/income/1/model.ilearner", "ab", live=True, asked=10, share=10, since=1.5)
    assert Aim.read(aim.text()) == aim
