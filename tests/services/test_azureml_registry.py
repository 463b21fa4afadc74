"""Candidates as versions of a registered model: registered once, tagged, and the champions found again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from retrain.errors import AccessDenied, BadConfiguration
from retrain.ports import Lineage
from retrain.run import Artifact
from shared.services.azureml.registry import MlRegistry

from .azureml_lab import AzureMlLab


@pytest.fixture
def registry(azureml: AzureMlLab) -> MlRegistry:
    return azureml.registry(f"model-{uuid4().hex[:8]}")


def lineage(artifact: Artifact, **told: object) -> Lineage:
    return Lineage(**{"artifact": artifact, "target": "income", "run": "income~1", **told})  # type: ignore[arg-type]


def shown(azureml: AzureMlLab, asset: str) -> dict[str, object]:
    found: dict[str, object] = azureml.control.arm("GET", asset.partition(f"{azureml.control.scope}/")[2])["properties"]
    return found


def test_a_candidate_becomes_the_next_version_with_its_lineage(azureml: AzureMlLab, registry: MlRegistry) -> None:
    artifact = azureml.artifact()
    told = lineage(
        artifact, job="job-1", data="print", manifest="runs/m.json", files="training-data/a.csv@0x1",
        metrics={"auc": 0.91234567}, state="trained",
    )  # fmt: skip
    asset = registry.keep(told)
    assert asset.endswith("/versions/1")
    found = shown(azureml, asset)
    scope = azureml.control.scope.replace("resourceGroups", "resourcegroups")
    workspace = scope.replace("/providers/Microsoft.MachineLearningServices", "")
    assert found["modelUri"] == f"azureml:/{workspace}/datastores/retrain_candidates/paths/{artifact.blob[11:]}"
    assert found["jobName"] == "job-1"
    assert found["tags"] == {
        "retrainTarget": "income",
        "retrainSha256": artifact.sha256,
        "retrainBlob": artifact.blob,
        "retrainRun": "income~1",
        "retrainJob": "job-1",
        "retrainData": "print",
        "retrainManifest": "runs/m.json",
        "retrainFiles": "training-data/a.csv@0x1",
        "retrainState": "trained",
        "retrainMetric.auc": "0.912346",
    }
    assert registry.keep(lineage(azureml.artifact())).endswith("/versions/2")


def test_what_is_told_later_is_added_and_what_others_tagged_stays(azureml: AzureMlLab, registry: MlRegistry) -> None:
    artifact = azureml.artifact()
    asset = registry.keep(lineage(artifact, state="trained"))
    own = shown(azureml, asset)
    tags = {**own["tags"], "team": "blue"}  # type: ignore[dict-item]
    path = asset.partition(f"{azureml.control.scope}/")[2]
    azureml.control.arm("PUT", path, {"modelUri": own["modelUri"], "tags": tags})
    assert registry.keep(lineage(artifact, state="refused", decision="no gain")) == asset
    tags = shown(azureml, asset)["tags"]
    assert isinstance(tags, dict)
    assert (tags["retrainState"], tags["retrainDecision"], tags["team"]) == ("refused", "no gain", "blue")


def test_a_late_delivery_does_not_take_back_what_was_told_of_the_end(azureml: AzureMlLab, registry: MlRegistry) -> None:
    artifact = azureml.artifact()
    asset = registry.keep(lineage(artifact, state="promoted", decision="better"))
    assert registry.keep(lineage(artifact, state="trained", metrics={"auc": 0.5})) == asset
    tags = shown(azureml, asset)["tags"]
    assert isinstance(tags, dict)
    assert (tags["retrainState"], tags["retrainMetric.auc"]) == ("promoted", "0.5")


def test_telling_the_same_again_writes_nothing(azureml: AzureMlLab, registry: MlRegistry) -> None:
    told = lineage(azureml.artifact(), state="trained")
    registry.keep(told)
    azureml.control.clear_log()
    registry.keep(told)
    assert {seen["method"] for seen in azureml.control.log()} == {"GET"}


@pytest.mark.parametrize("operation", ["getassetcontainer", "listassetversions", "putasset"])
def test_two_deliveries_that_register_at_once_make_one_version(azureml: AzureMlLab, operation: str) -> None:
    artifact, name = azureml.artifact(), f"model-{uuid4().hex[:8]}"
    registry = azureml.registry(name)
    registry.keep(lineage(azureml.artifact()))
    azureml.control.fault(operation, delay=0.5, endpoint=name)
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(registry.keep, lineage(artifact, state="trained"))
        time.sleep(0.2)
        quick = azureml.registry(name).keep(lineage(artifact, state="trained"))
        assert slow.result() == quick
    assert registry.keep(lineage(azureml.artifact())).endswith("/versions/3")


def test_a_registration_whose_answer_was_lost_is_one_version(azureml: AzureMlLab, registry: MlRegistry) -> None:
    artifact = azureml.artifact()
    azureml.control.fault("putasset", cut="after")
    assert registry.version_of(artifact) == registry.version_of(artifact)
    assert registry.keep(lineage(azureml.artifact())).endswith("/versions/2")


def test_a_number_that_somebody_else_took_meanwhile_is_not_written_over(
    azureml: AzureMlLab, registry: MlRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.version_of(azureml.artifact())
    real, given = registry._next, iter(["1"])
    monkeypatch.setattr(registry, "_next", lambda: next(given, None) or real())
    second = registry.version_of(azureml.artifact())
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == ("1", "2")


def test_the_same_bytes_are_the_same_version_wherever_they_lie(azureml: AzureMlLab, registry: MlRegistry) -> None:
    artifact = azureml.artifact(b"a model")
    copy = f"champions/income/1-{uuid4().hex}/model.ilearner"
    azureml.blobs.write(copy, b"a model")
    asset = registry.version_of(artifact)
    assert registry.version_of(Artifact(blob=copy, sha256=artifact.sha256)) == asset
    assert registry.blob_of(asset) == artifact.blob


def test_a_version_whose_file_was_cleaned_up_is_registered_anew(azureml: AzureMlLab, registry: MlRegistry) -> None:
    artifact = azureml.artifact(b"another model")
    copy = f"champions/income/1-{uuid4().hex}/model.ilearner"
    azureml.blobs.write(copy, b"another model")
    first = registry.keep(lineage(artifact))
    azureml.blobs.delete(artifact.blob)
    second = registry.version_of(Artifact(blob=copy, sha256=artifact.sha256))
    assert second != first
    assert registry.blob_of(second) == copy


def test_champions_are_found_again_the_present_one_first(azureml: AzureMlLab, registry: MlRegistry) -> None:
    first, second, refused = (azureml.artifact() for _ in range(3))
    registry.keep(lineage(first, champion=0, since="2026-01-01T00:00:00+00:00"))
    registry.keep(lineage(second, champion=1))
    registry.keep(lineage(refused, state="refused"))
    registry.keep(lineage(azureml.artifact(), target="other", champion=9))
    registry.keep(lineage(first, champion=2, since="2026-03-01T00:00:00+00:00"))  # it was gone back to
    found = azureml.registry(registry._name).champions("income")
    assert [(one.version, one.artifact.sha256) for one in found] == [(2, first.sha256), (1, second.sha256)]
    assert (found[0].artifact.blob, found[0].since) == (first.blob, "2026-03-01T00:00:00+00:00")


@pytest.mark.filterwarnings("ignore")  # of the client's own
def test_mlflows_client_finds_the_champion_and_where_it_came_from(
    azureml: AzureMlLab, registry: MlRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient

    job = azureml.trained(azureml.trainer())
    registry.keep(lineage(azureml.artifact(), champion=0))
    registry.keep(lineage(azureml.artifact(), job=job, champion=1, metrics={"auc": 0.9}))
    registry.keep(lineage(azureml.artifact(), state="refused"))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", azureml.control.token)
    address = f"{azureml.control.url}/mlflow/v2.0{azureml.control.scope}"
    client = MlflowClient(tracking_uri=address, registry_uri=address)
    found = client.search_model_versions(f"name='{registry._name}'")
    champions = [one for one in found if "retrainChampion" in one.tags]
    (live,) = [one for one in champions if one.tags["retrainChampion"] == "1"]
    assert (len(found), len(champions), live.version) == (3, 2, "2")
    assert (live.run_id, live.tags["retrainMetric.auc"]) == (job, "0.9")
    assert client.get_run(live.run_id).info.status == "FINISHED"


def test_a_model_that_nobody_registered_has_no_champions(azureml: AzureMlLab, registry: MlRegistry) -> None:
    assert registry.champions("income") == []


def test_versions_are_found_on_every_page(azureml: AzureMlLab, registry: MlRegistry) -> None:
    azureml.control.switches(resourcePage=1)
    artifacts = [azureml.artifact() for _ in range(3)]
    assets = [registry.keep(lineage(artifact, champion=number)) for number, artifact in enumerate(artifacts)]
    fresh = azureml.registry(registry._name)
    assert [fresh.version_of(artifact) for artifact in artifacts] == assets
    assert len(fresh.champions("income")) == 3


def test_a_long_word_is_cut_to_what_a_tag_may_hold(azureml: AzureMlLab, registry: MlRegistry) -> None:
    asset = registry.keep(lineage(azureml.artifact(), files="x" * 1000))
    tags = shown(azureml, asset)["tags"]
    assert isinstance(tags, dict) and len(tags["retrainFiles"]) == 256


def test_a_file_in_no_datastore_of_ours_cannot_be_registered(azureml: AzureMlLab, registry: MlRegistry) -> None:
    with pytest.raises(BadConfiguration, match='none over the container "elsewhere"'):
        registry.version_of(Artifact(blob="elsewhere/model.ilearner", sha256="0" * 64))


def test_an_identity_that_may_only_read_is_told_so(azureml: AzureMlLab, registry: MlRegistry) -> None:
    azureml.control.role("Reader")
    with pytest.raises(AccessDenied, match="Contributor"):
        registry.keep(lineage(azureml.artifact()))
