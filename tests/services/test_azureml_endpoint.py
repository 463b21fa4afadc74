"""Serving by the default deployment of a batch endpoint; candidates are scored by a job, or by another deployment."""

from __future__ import annotations

import re
from uuid import uuid4

import msgspec
import pytest

from local.docs import ROOT
from retrain.configuration import read
from retrain.errors import BadConfiguration, Conflict, NotFound, PermanentError, RetryableError
from retrain.ports import JobState, JobStatus, Slot
from retrain.run import Artifact
from retrain.scoring import same_scores
from shared.services.azureml.deployments import KEPT
from shared.services.azureml.endpoint import AzureMlEndpoint, AzureMlEndpointSettings
from shared.wiring import ENDPOINTS, TRAINERS
from tests.waiting import awaited

from .azureml_lab import AzureMlLab
from .world import people

CONFIGURATION = ROOT / "docs" / "configuration.md"
ROWS = "\n".join(line.rpartition(",")[0] for line in people(12, 7).splitlines()) + "\n"


@pytest.fixture(scope="module")
def other(shared_azureml: AzureMlLab) -> Artifact:
    """A model that answers otherwise than the first."""
    return shared_azureml.candidate(5)


def given(endpoint: AzureMlEndpoint, slot: Slot, artifact: Artifact) -> JobStatus:
    begun = endpoint.begin(slot, artifact)
    if not begun.operation:
        return JobStatus(state=JobState.SUCCEEDED)
    return awaited(lambda: endpoint.check(slot, begun.operation))


def scores(azureml: AzureMlLab, endpoint: AzureMlEndpoint, slot: Slot) -> list[float]:
    folder = f"runs/income/azureml/{uuid4().hex}"
    azureml.blobs.write(f"{folder}/rows.csv", ROWS.encode())
    job = endpoint.score_file(slot, f"{folder}/rows.csv", f"{folder}/scores.csv")
    status = awaited(lambda: endpoint.scored_file(slot, job))
    assert status.state is JobState.SUCCEEDED, status.details
    return endpoint.scores_in(azureml.blobs.open(f"{folder}/scores.csv"))


def deployments(azureml: AzureMlLab, endpoint: AzureMlEndpoint) -> list[str]:
    shown = azureml.control.arm("GET", f"batchEndpoints/{name_of(endpoint)}/deployments")["value"]
    return [one["name"] for one in shown]


def name_of(endpoint: AzureMlEndpoint) -> str:
    return endpoint.production().url.rpartition("/")[2]


def test_production_serves_the_model_of_its_default_deployment(azureml: AzureMlLab) -> None:
    endpoint = azureml.endpoint()
    now = endpoint.current(endpoint.production())
    assert now.resource.endswith("/deployments/first")
    assert now.location.endswith(f"/models/{name_of(endpoint)}/versions/1")
    assert b"".join(endpoint.artifact(endpoint.production())) == azureml.blobs.read(azureml.first.blob)
    assert all(slot.by_file for slot in (endpoint.production(), *endpoint.staging()))


def test_a_candidate_is_scored_by_a_job_and_nothing_is_deployed(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    (slot,) = endpoint.staging()
    with pytest.raises(NotFound):
        endpoint.current(slot)
    assert given(endpoint, slot, other).state is JobState.SUCCEEDED
    assert endpoint.current(slot).location == azureml.blobs.url(other.blob)
    live, tried = (scores(azureml, endpoint, place) for place in (endpoint.production(), slot))
    assert len(live) == len(tried) == 12 and not same_scores(live, tried)
    assert deployments(azureml, endpoint) == ["first"]


def test_a_candidate_of_a_deployment_scores_as_it_does_by_a_job(azureml: AzureMlLab, other: Artifact) -> None:
    by_job = azureml.endpoint()
    by_deployment = azureml.endpoint(name_of(by_job), scores="deployment", staging="trial")
    (slot,), (place,) = by_job.staging(), by_deployment.staging()
    given(by_job, slot, other)
    assert given(by_deployment, place, other).state is JobState.SUCCEEDED
    assert sorted(deployments(azureml, by_job)) == ["first", "trial"]
    assert by_deployment.current(place).location.endswith("/versions/2")
    assert same_scores(scores(azureml, by_job, slot), scores(azureml, by_deployment, place))
    assert by_job.current(by_job.production()).resource.endswith("/deployments/first")


def test_a_model_goes_live_by_a_deployment_of_its_own_and_the_one_before_it_stays(
    azureml: AzureMlLab, other: Artifact
) -> None:
    endpoint = azureml.endpoint()
    slot, before = endpoint.production(), scores(azureml, endpoint, endpoint.production())
    begun = endpoint.begin(slot, other)
    assert begun.before.resource.endswith("/deployments/first")
    assert awaited(lambda: endpoint.check(slot, begun.operation)).state is JobState.SUCCEEDED
    name = f"retrain-{other.sha256[:16]}"
    assert endpoint.current(slot).resource.endswith(f"/deployments/{name}")
    assert sorted(deployments(azureml, endpoint)) == ["first", name]
    assert not same_scores(scores(azureml, endpoint, slot), before)
    assert given(endpoint, slot, azureml.first).state is JobState.SUCCEEDED
    assert same_scores(scores(azureml, endpoint, slot), before)


def test_what_was_said_of_the_endpoint_stays_when_its_default_moves(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    path = f"batchEndpoints/{name_of(endpoint)}"
    own = {"authMode": "AADToken", "description": "Incomes", "defaults": {"deploymentName": "first"}}
    identity = {"type": "SystemAssigned"}
    azureml.control.arm("PUT", path, own, location="eastus2", tags={"team": "blue"}, identity=identity)
    given(endpoint, endpoint.production(), other)
    shown = azureml.control.arm("GET", path)
    assert (shown["tags"], shown["properties"]["description"]) == ({"team": "blue"}, "Incomes")
    assert shown["identity"]["type"] == "SystemAssigned"


def test_a_change_that_was_cut_off_after_the_deployment_is_finished(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    slot = endpoint.production()
    begun = endpoint.begin(slot, other)
    again = azureml.endpoint(name_of(endpoint))  # another process
    assert again.begin(slot, other).operation == begun.operation
    assert awaited(lambda: again.check(slot, begun.operation)).state is JobState.SUCCEEDED


def test_the_first_model_ever_makes_the_default_deployment(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint(live=False)
    with pytest.raises(NotFound, match="no default deployment"):
        endpoint.current(endpoint.production())
    assert given(endpoint, endpoint.production(), other).state is JobState.SUCCEEDED
    assert len(scores(azureml, endpoint, endpoint.production())) == 12


def test_deployments_of_long_ago_make_room(azureml: AzureMlLab) -> None:
    endpoint, slot = azureml.endpoint(), None
    slot = endpoint.production()
    content = azureml.blobs.read(azureml.first.blob)
    for number in range(KEPT + 2):
        blob = f"candidates/income/{uuid4().hex[:16]}/1/model.ilearner"
        azureml.blobs.write(blob, content)  # the same bytes under hashes of their own: nothing is scored with them
        given(endpoint, slot, Artifact(blob=blob, sha256=f"{number:x}" * 64))
    left = deployments(azureml, endpoint)
    assert "first" in left and len(left) == KEPT + 2
    assert f"retrain-{'0' * 16}" not in left


def test_scores_of_a_default_that_moved_meanwhile_count_for_nothing(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    slot = endpoint.production()
    azureml.blobs.write("runs/income/azureml/moved.csv", ROWS.encode())
    job = endpoint.score_file(slot, "runs/income/azureml/moved.csv", "runs/income/azureml/moved-scores.csv")
    given(endpoint, slot, other)
    status = awaited(lambda: endpoint.scored_file(slot, job))
    assert status.state is JobState.FAILED and "score again" in status.details


def test_scores_are_written_in_place_of_older_ones(azureml: AzureMlLab) -> None:
    endpoint = azureml.endpoint()
    azureml.blobs.write("runs/income/azureml/again.csv", ROWS.encode())
    for _ in range(2):
        job = endpoint.score_file(endpoint.production(), "runs/income/azureml/again.csv", "runs/income/azureml/s.csv")
        status = awaited(lambda job=job: endpoint.scored_file(endpoint.production(), job))  # type: ignore[misc]
        assert status.state is JobState.SUCCEEDED, status.details


def test_scoring_a_candidate_again_looks_at_the_same_job(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    (slot,) = endpoint.staging()
    given(endpoint, slot, other)
    azureml.blobs.write("runs/income/azureml/same.csv", ROWS.encode())
    asked = ("runs/income/azureml/same.csv", "runs/income/azureml/same-scores.csv")
    assert endpoint.score_file(slot, *asked) == endpoint.score_file(slot, *asked)


def test_a_job_that_failed_to_score_is_made_anew_when_it_is_asked_again(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    (slot,) = endpoint.staging()
    given(endpoint, slot, other)
    azureml.blobs.write("runs/income/azureml/bad.csv", b"age\n30\n")
    asked = ("runs/income/azureml/bad.csv", "runs/income/azureml/bad-scores.csv")
    first = endpoint.score_file(slot, *asked)
    status = awaited(lambda: endpoint.scored_file(slot, first))
    assert status.state is JobState.FAILED
    assert endpoint.score_file(slot, *asked) != first


def test_a_model_file_that_was_replaced_is_not_scored_with(azureml: AzureMlLab) -> None:
    endpoint, artifact = azureml.endpoint(), azureml.artifact()
    (slot,) = endpoint.staging()
    given(endpoint, slot, artifact)
    azureml.blobs.write(artifact.blob, b"something else")
    with pytest.raises(Conflict, match="the file was replaced"):
        endpoint.score_file(slot, "runs/income/azureml/rows.csv", "runs/income/azureml/scores.csv")


def test_a_preview_changes_nothing(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    azureml.control.clear_log()
    shown = endpoint.preview(endpoint.production(), other)
    assert str(shown["before"]).endswith("/versions/1")
    assert shown["after"]["model"] == other.blob  # type: ignore[index]
    assert {seen["method"] for seen in azureml.control.log()} == {"GET"}


def test_what_is_replaced_is_kept_as_the_service_shows_it(azureml: AzureMlLab) -> None:
    endpoint = azureml.endpoint()
    kept = msgspec.json.decode(endpoint.record(endpoint.production()))
    assert kept["properties"]["defaults"]["deploymentName"] == "first"


def test_a_deployment_without_a_fixed_model_is_not_understood(azureml: AzureMlLab) -> None:
    from local.scenery_azureml import create_endpoint, deploy

    name = f"income-{uuid4().hex[:8]}"
    create_endpoint(azureml.control, name)
    deploy(azureml.control, name, "open", azureml.scoring)
    endpoint = azureml.endpoint(name)
    with pytest.raises(BadConfiguration, match="cannot tell which model is live"):
        endpoint.current(endpoint.production())


def test_a_service_that_cannot_now_is_told_from_one_that_will_not(azureml: AzureMlLab, other: Artifact) -> None:
    endpoint = azureml.endpoint()
    azureml.control.fault("putbatchdeployment", status=503, retry_after=30, times=9)
    with pytest.raises(RetryableError) as caught:
        endpoint.begin(endpoint.production(), other)
    assert caught.value.retry_after == 30


def test_a_candidate_that_is_gone_cannot_be_tried(azureml: AzureMlLab) -> None:
    endpoint = azureml.endpoint()
    gone = Artifact(blob="candidates/income/gone/1/model.ilearner", sha256="0" * 64)
    for slot in (endpoint.production(), *endpoint.staging()):
        with pytest.raises(PermanentError):
            endpoint.begin(slot, gone)


def test_examining_tells_of_what_is_there_and_names_what_is_not(azureml: AzureMlLab) -> None:
    endpoint = azureml.endpoint()
    found = list(endpoint.examine())
    assert {one.verdict for one in found} == {"ok"}, found
    assert f"scores with {name_of(endpoint)}:1, by deployment first" in " ".join(one.message for one in found)
    wrong = azureml.endpoint(name_of(endpoint), scores_output="score", data_input="rows", model_input="modell")
    told = " ".join(one.message for one in wrong.examine() if one.verdict == "fail")
    for words in ("did you mean 'scores'", "rows", "did you mean 'model'"):
        assert words in told


def test_keys_share_a_configuration_and_each_has_an_endpoint_of_its_own() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")
    example = next(one for one in re.findall(r"```toml\n(.*?)```", text, re.DOTALL) if '"azureml-batch"' in one)
    keyed = example.replace('label = "income"', 'label = "income"\nkeys = "01..03"')
    with pytest.raises(BadConfiguration, match="endpoint is the same for every key"):
        read(keyed, trainers=TRAINERS, endpoints=ENDPOINTS)
    own = keyed.replace('endpoint = "income-scores"', 'endpoint = "income-{key}"').replace(
        'registry = "income"', 'registry = "income-{key}"'
    )
    model = read(own, trainers=TRAINERS, endpoints=ENDPOINTS)["income"].at("02")
    assert (model.endpoint.endpoint, model.endpoint.registry, model.trainer.registry) == (
        "income-02", "income-02", "income-02",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"registry": ""}, "registry"),
        ({"endpoint": ""}, "endpoint"),
        ({"component": "score"}, "NAME:VERSION"),
        ({"staging": ()}, "staging"),
        ({"staging": ("a", "A")}, "staging"),
        ({"datastores": {"runs": "x"}}, "history lacks one"),
        ({"workspace": "x"}, "workspace"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_called(
    changed: dict[str, object], words: str
) -> None:
    base = "https://management.azure.com/subscriptions/S/resourceGroups/G/providers/Microsoft.MachineLearningServices"
    stores = dict.fromkeys(("runs", "history", "candidates", "champions"), "x")
    whole = {"workspace": f"{base}/workspaces/W", "endpoint": "e", "component": "s:1", "registry": "m"}
    problems = AzureMlEndpointSettings(**{**whole, "datastores": stores, **changed}).problems()  # type: ignore[arg-type]
    assert len(problems) == 1 and words in problems[0], problems
