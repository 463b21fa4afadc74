"""What "new" web services do: deploy, show, update, fail, go. Facts are those of the published contract."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import requests
from arm_lab import GROUP, PREVIEW, PROVIDERS, SUBSCRIPTION, Lab, code

from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from tests.lines import rows_csv

SKELETON = {"payloadsInBlobStorage": False, "provisioningState": "Provisioning"}


@pytest.fixture(scope="module")
def trained(shared_lab: Lab) -> str:
    """The address of a model of a steeper line, trained by a deployed training definition."""
    return shared_lab.train(shared_lab.deployed(shared_lab.training), rows_csv(slope=4.0))


def test_an_exported_definition_deploys_and_really_scores(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    assert lab.score(path, 3.0) == pytest.approx(6.0, abs=0.3)
    base, _ = lab.runtime(path)
    assert re.fullmatch(
        rf"{lab.client.url}/subscriptions/{SUBSCRIPTION.replace('-', '')}/services/[0-9a-f]{{32}}", base
    )
    swagger = requests.get(f"{base}/swagger.json", timeout=30).json()
    assert swagger["basePath"] == base.removeprefix(lab.client.url)
    assert set(swagger["definitions"]["input1Item"]["properties"]) == {"x", "kind"}
    assert lab.run("POST", f"{base}/execute?api-version=2.0", "wrong", {}).status_code == 401


def test_an_exported_training_definition_really_trains_and_its_model_updates_a_service(lab: Lab, trained: str) -> None:
    path = lab.deployed(lab.scoring)
    ended = lab.update(path, trained)
    assert ended["status"] == "Succeeded"
    assert lab.score(path, 3.0) == pytest.approx(12.0, abs=0.6)


def test_a_put_answers_a_skeleton_and_is_followed_as_it_was_recorded(lab: Lab) -> None:
    lab.client.switches(operationDelay=0.2)
    path = lab.path()
    put = lab.call("PUT", path, lab.complete(lab.scoring))
    assert put.status_code == 201
    assert put.headers["Azure-AsyncOperationPercentComplete"] == "0"
    assert "Retry-After" not in put.headers and put.headers["x-ms-request-id"]
    url = put.headers["Azure-AsyncOperation"]
    at = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearning/locations/southcentralus/operationsStatus/"
    assert re.fullmatch(rf"{re.escape(lab.client.url + at)}[0-9a-f]{{32}}\?api-version=2017-01-01", url)
    assert put.json() == {
        "id": path,
        "name": path.rpartition("/")[2],
        "type": "Microsoft.MachineLearning/webServices",
        "location": "South Central US",
        "tags": {},
        "properties": SKELETON,
    }
    early = lab.call("GET", url).json()
    assert early["status"] == "Provisioning" and early["percentComplete"] == 0.5 and "endTime" not in early
    ended = lab.follow(put)
    assert set(ended) == {"id", "name", "status", "startTime", "endTime", "percentComplete"}
    assert ended["percentComplete"] == 1.0
    assert lab.get(path)["properties"]["provisioningState"] == "Succeeded"
    assert lab.call("PUT", path, lab.complete(lab.scoring)).status_code == 200


def test_get_returns_the_definition_without_any_secret(lab: Lab) -> None:
    properties = lab.get(lab.deployed(lab.scoring))["properties"]
    assert {"keys", "commitmentPlan"}.isdisjoint(properties)
    assert properties["storageAccount"] == {"name": "own"}
    for name in ("createdOn", "modifiedOn", "title", "swaggerLocation", "readOnly", "exposeSampleData", "package"):
        assert name in properties, name
    assert properties["assets"] == lab.scoring["properties"]["assets"]


def test_a_patch_merges_and_leaves_the_rest_and_the_secondary_key(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    before, keys = lab.get(path)["properties"], lab.call("GET", f"{path}/listKeys").json()
    body = {
        "properties": {
            "packageType": "Graph",
            "keys": {"primary": "mine"},
            "readOnly": False,
            "realtimeConfiguration": {"maxConcurrentCalls": 30},
        }
    }
    patched = lab.call("PATCH", path, body)
    assert patched.status_code == 200 and patched.json()["properties"] == SKELETON
    lab.follow(patched)
    after = lab.get(path)["properties"]
    assert after["realtimeConfiguration"] == {"maxConcurrentCalls": 30}
    assert after["modifiedOn"] > before["modifiedOn"] and after["createdOn"] == before["createdOn"]
    assert after["assets"] == before["assets"] and after["package"] == before["package"]
    assert lab.call("GET", f"{path}/listKeys").json() == {"primary": "mine", "secondary": keys["secondary"]}


@pytest.mark.parametrize(("mode", "status"), [("merge", 200), ("replace", 400)])
def test_a_patch_of_one_asset_alone_is_merged_or_misses_the_others(
    lab: Lab, trained: str, mode: str, status: int
) -> None:
    path = lab.deployed(lab.scoring)
    lab.client.switches(patchPayload=mode)
    one = {"asset2": lab.assets_with(path, trained)["asset2"]}
    answer = lab.call("PATCH", path, {"properties": {"packageType": "Graph", "assets": one}})
    assert answer.status_code == status
    if status == 200:
        assert lab.follow(answer)["status"] == "Succeeded"
        assert set(lab.get(path)["properties"]["assets"]) == {"asset1", "asset2"}


def test_names_of_members_are_read_in_any_case_and_unknown_ones_are_kept(lab: Lab) -> None:
    whole = lab.complete(lab.scoring)
    properties = {name.capitalize() if name == "title" else name: one for name, one in whole["properties"].items()}
    properties["futureMember"] = {"Kept": [1, {"As": "it is"}]}
    properties["ASSETS"] = {
        key: {**{name.upper(): one for name, one in asset.items()}, "mine": 1}
        for key, asset in properties.pop("assets").items()
    }
    path = lab.path()
    ended = lab.follow(lab.call("PUT", path, {"LOCATION": whole["location"], "Properties": properties}))
    assert ended["status"] == "Succeeded"
    shown = lab.get(path)["properties"]
    assert shown["title"] == whole["properties"]["title"]
    assert shown["futureMember"] == {"Kept": [1, {"As": "it is"}]}
    assert shown["assets"]["asset2"]["type"] == "Resource" and shown["assets"]["asset2"]["mine"] == 1
    assert lab.call("GET", path.replace("resourceGroups", "RESOURCEGROUPS").replace("webServices", "webservices")).ok
    lab.call("DELETE", path)  # lists are held to the published schema elsewhere


def test_the_preview_writes_parameters_as_plain_strings(lab: Lab) -> None:
    path = lab.deployed(lab.training)
    stable, preview = lab.get(path)["properties"], lab.get(path, version=PREVIEW)["properties"]
    assert stable["parameters"]["Label"] == {"value": "y"} and preview["parameters"]["Label"] == "y"
    assert preview["package"]["nodes"]["module"]["parameters"]["Task"] == "regression"
    assert "payloadsInBlobStorage" not in preview
    other = lab.path()
    account = {"name": "own", "key": lab.blobs.credential.account_key}
    body = {"location": "South Central US", "properties": preview | {"storageAccount": account}}
    body["properties"]["commitmentPlan"] = {"id": lab.plan}
    assert code(lab.call("PUT", other, body)) == (400, "BadRequest", "InvalidParameterShape")
    assert lab.follow(lab.call("PUT", other, body, version=PREVIEW))["status"] == "Succeeded"
    assert lab.get(other)["properties"]["parameters"]["Label"] == {"value": "y"}


def test_a_version_is_needed_and_must_be_one_of_the_published(lab: Lab) -> None:
    path = lab.path()
    assert code(lab.call("GET", path, version=""))[:2] == (400, "MissingApiVersionParameter")
    wrong = lab.call("GET", path, version="2020-01-01")
    assert code(wrong)[:2] == (400, "NoRegisteredProviderFound")
    assert "2016-05-01-preview, 2017-01-01" in wrong.json()["error"]["message"]
    assert lab.call("POST", f"{path}/CreateRegionalBlob?region=westeurope", version=PREVIEW).status_code == 400


def test_a_service_that_is_not_there_is_answered_as_recorded(lab: Lab) -> None:
    answer = lab.call("GET", lab.path("nowhere"))
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "code": "NotFound",
            "message": "The specified resource was not found.",
            "details": [
                {
                    "code": "WebServiceNotFound",
                    "message": "No Web Service could be found with the provided name: nowhere.",
                }
            ],
        }
    }


def test_the_storage_account_cannot_be_changed(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    for method, body in (
        ("PATCH", {"properties": {"packageType": "Graph", "storageAccount": {"name": "other"}}}),
        ("PUT", lab.complete(lab.scoring, storageAccount={"name": "other", "key": "a2V5"})),
    ):
        answer = lab.call(method, path, body)
        assert code(answer) == (400, "BadRequest", "CannotChangeStorageAccount")
        assert answer.json()["error"]["details"][0]["message"] == (
            "The StorageAccount cannot be changed. Currently configured storage account name = 'own'."
        )


def test_a_new_key_of_the_same_account_is_taken_and_a_wrong_one_is_found_out(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    wrong = {"name": "own", "key": "bm90IHRoZSBrZXk="}
    ended = lab.follow(lab.call("PATCH", path, {"properties": {"storageAccount": wrong}}))
    assert ended["status"] == "Failed" and ended["errorInfo"]["details"][0]["code"] == "ResourceDownload"
    right = {"name": "own", "key": lab.blobs.credential.account_key}
    assert lab.follow(lab.call("PATCH", path, {"properties": {"storageAccount": right}}))["status"] == "Succeeded"


@pytest.mark.parametrize(
    ("removed", "detail"),
    [
        ("storageAccount", "MissingStorageAccount"),
        ("commitmentPlan", "MissingCommitmentPlan"),
        ("package", "InvalidPackage"),
        ("assets", "MissingAssets"),
        ("input", "MissingSchema"),
        ("packageType", "InvalidPackageType"),
    ],
)
def test_a_put_without_a_required_member_is_refused_at_once(lab: Lab, removed: str, detail: str) -> None:
    whole = lab.complete(lab.scoring)
    del whole["properties"][removed]
    assert code(lab.call("PUT", lab.path(), whole)) == (400, "BadRequest", detail)


@pytest.mark.parametrize(
    ("properties", "detail"),
    [
        ({"packageType": "Code"}, "InvalidPackageType"),
        ({"realtimeConfiguration": {"maxConcurrentCalls": 3}}, "InvalidMaxConcurrentCalls"),
        ({"diagnostics": {"level": "Much"}}, "InvalidDiagnosticsLevel"),
        ({"readOnly": "yes"}, "InvalidValue"),
        ({"storageAccount": {"name": "own"}}, "MissingStorageAccount"),
        ({"commitmentPlan": {"id": f"{PROVIDERS}/commitmentPlans/nowhere"}}, "CommitmentPlanNotFound"),
        ({"package": {"nodes": {"n": {}}, "edges": []}}, "InvalidPackage"),
        ({"package": {"nodes": {}, "edges": [{"sourceNodeId": "a", "targetNodeId": "b"}]}}, "InvalidPackage"),
        ({"description": "x", "exampleRequest": {"inputs": {"i": "y" * (3 << 20)}}}, "PayloadTooLarge"),
    ],
)
def test_a_put_with_an_impossible_value_is_refused_at_once(lab: Lab, properties: dict, detail: str) -> None:
    assert code(lab.call("PUT", lab.path(), lab.complete(lab.scoring, **properties))) == (400, "BadRequest", detail)


def test_column_and_asset_types_are_those_of_the_schema(lab: Lab) -> None:
    whole = lab.complete(lab.scoring)
    columns = whole["properties"]["input"]["properties"]["input1"]["properties"]
    columns["x"] = {"type": "Float"}
    columns["kind"]["format"] = "Text"
    whole["properties"]["assets"]["asset2"]["type"] = "Data"
    answer = lab.call("PUT", lab.path(), whole)
    codes = [detail["code"] for detail in answer.json()["error"]["details"]]
    assert codes == ["InvalidColumnType", "InvalidColumnFormat", "InvalidAsset"]


def test_a_plan_in_another_region_does_not_serve_and_a_plan_is_never_changed(lab: Lab) -> None:
    elsewhere = lab.complete(lab.scoring) | {"location": "West Europe"}
    assert code(lab.call("PUT", lab.path(), elsewhere)) == (400, "BadRequest", "CommitmentPlanLocation")
    path = lab.deployed(lab.scoring)
    other = {"properties": {"commitmentPlan": {"id": f"{PROVIDERS}/commitmentPlans/plan2"}}}
    assert code(lab.call("PATCH", path, other)) == (400, "BadRequest", "CannotChangeCommitmentPlan")


def test_put_without_keys_makes_new_ones_or_keeps_them(lab: Lab) -> None:
    path = lab.deployed(lab.scoring, keys={"primary": "p", "secondary": "s"})
    assert lab.call("GET", f"{path}/listKeys").json() == {"primary": "p", "secondary": "s"}
    lab.client.switches(putKeys="keep")
    lab.follow(lab.call("PUT", path, lab.complete(lab.scoring)))
    assert lab.call("GET", f"{path}/listKeys").json()["primary"] == "p"
    lab.client.switches(putKeys="generate")
    lab.follow(lab.call("PUT", path, lab.complete(lab.scoring)))
    assert len(lab.call("GET", f"{path}/listKeys").json()["primary"]) == 88


@pytest.mark.parametrize("kind", ["no model", "gone", "other account"])
def test_a_failed_update_says_why_and_the_old_model_goes_on(lab: Lab, kind: str) -> None:
    path = lab.deployed(lab.scoring)
    before, asset = lab.score(path), lab.get(path)["properties"]["assets"]["asset2"]
    lab.blobs.get_blob_client("lab", "bad.ilearner").upload_blob(b"no model", overwrite=True)
    lab.other.get_blob_client("lab", "there.ilearner").upload_blob(b"whatever", overwrite=True)
    uri, detail = {
        "no model": (f"{lab.blobs.url.rstrip('/')}/lab/bad.ilearner", "ModelPackageFormatError"),
        "gone": (f"{lab.blobs.url.rstrip('/')}/lab/gone.ilearner", "ResourceDownload"),
        "other account": (
            f"{lab.other.url.rstrip('/')}/lab/there.ilearner?{lab.signed(lab.other)}",
            "ResourceDownload",
        ),
    }[kind]
    ended = lab.update(path, uri)
    assert ended["status"] == "Failed"
    assert ended["errorInfo"]["details"][0]["code"] == detail
    assert "sig=" not in str(ended)
    shown = lab.get(path)["properties"]
    assert shown["provisioningState"] == "Failed" and shown["assets"]["asset2"] == asset
    assert lab.score(path) == before
    lab.client.switches(failedDefinition="new")
    assert lab.get(path)["properties"]["assets"]["asset2"]["locationInfo"]["uri"] == uri


def test_a_model_for_other_columns_is_no_model_for_the_service(lab: Lab, trained: str) -> None:
    narrow = copy.deepcopy(lab.scoring)
    del narrow["properties"]["input"]["properties"]["input1"]["properties"]["x"]
    path = lab.path()
    ended = lab.follow(lab.call("PUT", path, lab.complete(narrow)))
    assert ended["errorInfo"]["details"][0]["code"] == "IncompatibleModel"
    assert lab.get(path)["properties"] == SKELETON | {"provisioningState": "Failed"}


def test_a_read_only_service_can_only_be_removed(lab: Lab, trained: str) -> None:
    path = lab.deployed(lab.scoring, readOnly=True)
    body = {"properties": {"packageType": "Graph", "assets": lab.assets_with(path, trained)}}
    for answer in (lab.call("PATCH", path, body), lab.call("PUT", path, lab.complete(lab.scoring))):
        assert code(answer) == (400, "BadRequest", "WebServiceReadOnly")
    assert lab.call("DELETE", path).status_code == 202


def test_a_removed_service_is_gone_everywhere(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    base, key = lab.runtime(path)
    deleted = lab.call("DELETE", path)
    assert deleted.status_code == 202 and deleted.content == b""
    assert "/operationresults/" in deleted.headers["Location"]
    assert lab.follow(deleted)["status"] == "Succeeded"
    assert lab.call("GET", deleted.headers["Location"]).status_code == 204
    assert lab.call("GET", path).status_code == 404
    assert lab.run("POST", f"{base}/execute?api-version=2.0", key, {}).status_code == 404
    assert lab.call("DELETE", path).status_code == 204


def test_lists_are_sparse_and_come_in_pages(lab: Lab) -> None:
    paths = {lab.deployed(lab.scoring).rpartition("/")[2] for _ in range(3)}
    lab.client.switches(webServicePage=2)
    for url in (
        f"{PROVIDERS}/webServices",
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.MachineLearning/webServices",
    ):
        names, link = [], url
        while link:
            page = lab.call("GET", link).json()
            assert len(page["value"]) <= 2
            assert all("assets" not in one["properties"] for one in page["value"])
            names += [one["name"] for one in page["value"]]
            link = page.get("nextLink", "")
        assert paths <= set(names) and len(names) == len(set(names))
    assert lab.call("GET", f"{PROVIDERS.replace(GROUP, 'empty')}/webServices").json() == {"value": []}


def test_a_regional_copy_is_asked_for_and_then_found_there(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    assert lab.call("GET", f"{path}?region=westeurope").status_code == 404
    assert lab.call("GET", f"{path}?region=South Central US").ok
    begun = lab.call("POST", f"{path}/CreateRegionalBlob?region=westeurope")
    assert begun.status_code == 202 and lab.follow(begun)["status"] == "Succeeded"
    assert lab.call("GET", f"{path}?region=westeurope").ok


def test_the_provider_tells_its_operations(lab: Lab) -> None:
    found = lab.call("GET", "/providers/Microsoft.MachineLearning/operations").json()["value"]
    assert "Microsoft.MachineLearning/webServices/write" in [one["name"] for one in found]


def test_only_tokens_for_resource_manager_open_it_and_only_contributors_may_change(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    foreign = lab.call("GET", path, token=lab.token("https://ml.azure.com"))
    assert code(foreign)[:2] == (401, "InvalidAuthenticationToken")
    assert lab.call("GET", f"{path}/providers/Microsoft.Authorization/permissions", version="2022-04-01").json()[
        "value"
    ][0]["actions"] == ["*"]
    lab.client.role("Reader")
    assert lab.call("GET", path).ok
    for method in ("PUT", "PATCH", "DELETE"):
        assert code(lab.call(method, path, {}))[:2] == (403, "AuthorizationFailed")


def test_a_second_change_waits_or_is_refused(lab: Lab, trained: str) -> None:
    path = lab.deployed(lab.scoring)
    lab.client.switches(operationDelay=0.3)
    first = {"properties": {"packageType": "Graph", "description": "first"}}
    second = {"properties": {"packageType": "Graph", "title": "second"}}
    lab.call("PATCH", path, first)
    lab.client.switches(whileProvisioning="refuse")
    assert lab.call("PATCH", path, second).status_code == 409
    lab.client.switches(whileProvisioning="queue")
    assert lab.follow(lab.call("PATCH", path, second))["status"] == "Succeeded"
    shown = lab.get(path)["properties"]
    assert (shown["description"], shown["title"]) == ("first", "second")


def test_other_ways_to_tell_how_far_an_operation_is_can_be_switched_on(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    lab.client.switches(operationField="provisioningState", operationRetryAfter=7, operationDelay=0.2)
    begun = lab.call("PATCH", path, {"properties": {"title": "x"}})
    assert begun.headers["Retry-After"] == "7"
    status = lab.call("GET", begun.headers["Azure-AsyncOperation"])
    assert status.json()["provisioningState"] == "Provisioning" and "status" not in status.json()
    assert status.headers["Retry-After"] == "7"
    lab.client.switches(operationHeaders="absent", showCommitmentPlan="yes")
    assert "Azure-AsyncOperation" not in lab.call("PATCH", path, {"properties": {"title": "y"}}).headers
    assert lab.get(path)["properties"]["commitmentPlan"] == {"id": lab.plan}


def test_faults_of_calls_and_of_operations_can_be_ordered(lab: Lab) -> None:
    path = lab.deployed(lab.scoring)
    name = path.rpartition("/")[2]
    lab.client.fault("patchwebservice", endpoint=name, status=429, retry_after=3)
    refused = lab.call("PATCH", path, {"properties": {"title": "x"}})
    assert refused.status_code == 429 and refused.headers["Retry-After"] == "3"
    lab.client.fault("runoperation", endpoint=name, message="out of machines")
    ended = lab.follow(lab.call("PATCH", path, {"properties": {"title": "x"}}))
    assert ended["status"] == "Failed" and ended["errorInfo"]["message"] == "out of machines"


def test_batch_scoring_writes_into_the_services_own_account(lab: Lab) -> None:
    base, key = lab.runtime(lab.deployed(lab.scoring))
    lab.blobs.get_blob_client("lab", "rows.csv").upload_blob("x,kind\n3,a\n", overwrite=True)
    body = {"Inputs": {"input1": {"ConnectionString": lab.storage, "RelativeLocation": "lab/rows.csv"}}}
    job = lab.run("POST", f"{base}/jobs", key, body).json()
    while (status := lab.run("GET", f"{base}/jobs/{job}?api-version=2.0", key).json())["StatusCode"] == "Running":
        pass
    result = status["Results"]["output1"]
    written = requests.get(result["BaseLocation"] + result["RelativeLocation"] + result["SasBlobToken"], timeout=30)
    assert written.text.splitlines()[0] == "x,kind,Scored Labels"


def test_what_is_deployed_and_what_is_under_way_survives_a_death(lab: Lab, tmp_path: Path, trained: str) -> None:
    state, storage = tmp_path / "state", lab.storage
    first = ServicesProcess(state, storage, workers=1, switches={"operationDelay": 0}, log=tmp_path / "log").start()
    here = Lab(StudioClient(first.url), storage, storage)
    path = here.deployed(here.scoring)
    keys = here.call("GET", f"{path}/listKeys").json()
    here.client.switches(operationDelay=30)
    body = {"properties": {"packageType": "Graph", "assets": here.assets_with(path, trained)}}
    url = here.call("PATCH", path, body).headers["Azure-AsyncOperation"].removeprefix(first.url)
    here.client.close()
    first.kill()
    with ServicesProcess(state, storage, workers=1, switches={"operationDelay": 0}, log=tmp_path / "log") as second:
        here.client = StudioClient(second.url)
        while here.call("GET", url).json()["status"] == "Provisioning":
            pass
        assert here.call("GET", url).json()["status"] == "Succeeded"
        assert here.call("GET", f"{path}/listKeys").json() == keys
        assert here.score(path, 3.0) == pytest.approx(12.0, abs=0.6)
        here.client.close()


def test_a_commitment_plan_is_put_shown_and_removed(lab: Lab) -> None:
    path = f"{PROVIDERS}/commitmentPlans/plan9"
    body = {"location": "West Europe", "sku": {"name": "S1", "tier": "Standard", "capacity": 1}, "properties": {}}
    put = lab.call("PUT", path, body, version=PREVIEW)
    assert put.status_code == 200
    shown = put.json()
    assert shown["id"] == path and shown["etag"]
    assert shown["properties"]["maxAssociationLimit"] == 10000 and shown["properties"]["refillFrequencyInDays"] == 30
    assert lab.call("GET", path, version=PREVIEW).json() == shown
    listed = lab.call("GET", f"{PROVIDERS}/commitmentPlans", version=PREVIEW).json()["value"]
    assert "plan9" in [one["name"] for one in listed]
    assert lab.call("DELETE", path, version=PREVIEW).status_code == 200
    assert lab.call("GET", path, version=PREVIEW).status_code == 404
    assert code(lab.call("PUT", path, {"location": "Mars", "sku": {"name": "S1"}}, version=PREVIEW))[0] == 400
