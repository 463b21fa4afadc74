"""Managing endpoints: creating, listing, PATCH with all its refusals, refresh, deleting, and who may."""

import time

import pytest
import requests
from studio_lab import Lab, classes_csv, detail

from local.services.studio.client import StudioClient, StudioRefused
from tests.lines import rows_csv

RESOURCE = "Line [trained model]"


def management(lab: Lab, method: str, path: str, token: str, body: object = None) -> requests.Response:
    url = f"{lab.client.url}/workspaces/{lab.workspace['id']}/webservices{path}"
    return requests.request(method, url, headers={"Authorization": f"Bearer {token}"}, json=body, timeout=30)


def refused(lab: Lab, method: str, path: str, body: object = None, token: str = "") -> tuple[int, str, str]:
    return detail(management(lab, method, path, token or lab.workspace["token"], body))


def test_an_endpoint_shows_everything_a_caller_needs(lab: Lab):
    endpoint = lab.endpoint(Description="second")
    assert list(endpoint)[:13] == [
        *("Name", "Description", "CreationTime", "WorkspaceId", "WebServiceId", "HelpLocation", "PrimaryKey"),
        *("SecondaryKey", "ApiLocation", "PreventUpdate", "MaxConcurrentCalls", "DiagnosticsTraceLevel"),
        "ThrottleLevel",
    ]
    assert endpoint["PrimaryKey"].endswith("==")
    assert endpoint["PrimaryKey"] != endpoint["SecondaryKey"]
    assert endpoint["ApiLocation"].startswith(f"{lab.client.url}/workspaces/{lab.workspace['id']}/services/")
    assert endpoint["Resources"][0]["Name"] == RESOURCE
    assert lab.read(endpoint["Resources"][0]["Location"])[:2] == b"PK"


def test_services_and_endpoints_are_listed(lab: Lab):
    endpoint = lab.endpoint()
    names = [one["Name"] for one in lab.client.endpoints(lab.workspace, lab.scoring_id)]
    assert names[0] == "default"
    assert endpoint["Name"] in names
    services = {one["Id"]: one for one in lab.client.services(lab.workspace)}
    assert services[lab.scoring_id]["Name"] == "Line [predictive exp.]"
    assert services[lab.scoring_id]["EndpointCount"] == len(names)
    assert services[lab.training_id]["DefaultEndpointName"] == "default"


def test_an_endpoint_is_found_by_its_id_too(lab: Lab):
    endpoint = lab.endpoint()
    key = endpoint["ApiLocation"].rsplit("/", 1)[1]
    assert lab.client.get_endpoint(lab.workspace, lab.scoring_id, key)["Name"] == endpoint["Name"]


def test_low_throttling_means_four_calls_whatever_is_asked(lab: Lab):
    assert lab.endpoint(MaxConcurrentCalls=77)["MaxConcurrentCalls"] == 4
    assert lab.endpoint(ThrottleLevel="High", MaxConcurrentCalls=77)["MaxConcurrentCalls"] == 77
    assert lab.endpoint(ThrottleLevel="High", MaxConcurrentCalls=None)["MaxConcurrentCalls"] == 20


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Upper", {}),
        ("with-dash", {}),
        ("a" * 25, {}),
        ("calls", {"ThrottleLevel": "High", "MaxConcurrentCalls": 201}),
        ("calls", {"ThrottleLevel": "High", "MaxConcurrentCalls": 0}),
        ("level", {"ThrottleLevel": "Medium"}),
    ],
)
def test_an_impossible_endpoint_is_refused(lab: Lab, name: str, body: dict):
    path = f"/{lab.scoring_id}/endpoints/{name}"
    assert refused(lab, "PUT", path, body) == (400, "BadArgument", "BadParameterValue")


def test_an_endpoint_is_not_created_twice(lab: Lab):
    endpoint = lab.endpoint()
    assert refused(lab, "PUT", f"/{lab.scoring_id}/endpoints/{endpoint['Name']}", {})[:2] == (409, "Conflict")


def test_a_training_service_has_its_default_endpoint_only(lab: Lab):
    assert refused(lab, "PUT", f"/{lab.training_id}/endpoints/more", {})[2] == "WebServiceTypeInvalid"


def test_a_free_workspace_takes_three_endpoints_and_low_throttling(lab: Lab):
    free = Lab.__new__(Lab)
    free.__dict__.update(lab.__dict__)
    free.workspace = lab.client.create_workspace("Free", free=True)
    _, free.scoring_id, _, default = free.services("Small", "regression", "y")
    assert default["MaxConcurrentCalls"] == 4
    assert refused(free, "PUT", f"/{free.scoring_id}/endpoints/big", {"ThrottleLevel": "High"})[0] == 400
    free.endpoint()
    free.endpoint()
    with pytest.raises(StudioRefused, match="allows 3 endpoints"):
        free.endpoint()


def test_ids_and_keys_can_be_given_so_that_configuration_stays(lab: Lab):
    endpoint = lab.endpoint(Id="e" * 32, PrimaryKey="key==", SecondaryKey="other==")
    assert endpoint["ApiLocation"].endswith("e" * 32)
    assert lab.predict({**endpoint, "PrimaryKey": "other=="}) == lab.predict(endpoint)


def test_a_new_endpoint_answers_like_the_default_and_a_patched_one_does_not(lab: Lab):
    endpoint = lab.endpoint()
    before = lab.predict(lab.default)
    assert lab.predict(endpoint) == before
    answer = lab.patch(endpoint, lab.train(rows_csv(slope=-4.0))["Results"]["output2"])
    assert (answer.status_code, answer.content) == (200, b"")
    assert lab.predict(endpoint) == pytest.approx(-12.0, abs=0.5)
    assert lab.predict(lab.default) == before
    assert lab.predict(lab.endpoint()) == before


def test_a_patched_endpoint_shows_where_its_model_came_from(lab: Lab):
    endpoint = lab.endpoint()
    model = lab.train(rows_csv(slope=7.0))["Results"]["output2"]
    assert lab.patch(endpoint, model).ok
    shown = lab.client.get_endpoint(lab.workspace, lab.scoring_id, endpoint["Name"])["Resources"][0]["Location"]
    assert shown["RelativeLocation"] == model["RelativeLocation"]
    assert lab.read(shown) == lab.read(model)


def test_a_patched_model_answers_after_the_propagation_delay(lab: Lab):
    endpoint = lab.endpoint()
    before = lab.predict(endpoint)
    lab.client.switches(propagationDelay=1.5)
    begun = time.monotonic()
    assert lab.patch(endpoint, lab.train(rows_csv(slope=9.0))["Results"]["output2"]).ok
    assert lab.predict(endpoint) == before
    while lab.predict(endpoint) == before:
        assert time.monotonic() - begun < 10
        time.sleep(0.05)
    assert time.monotonic() - begun > 1.4


def test_a_location_may_lack_its_slash_and_carry_a_null_connection_string(lab: Lab):
    endpoint = lab.endpoint()
    model = lab.train()["Results"]["output2"]
    model["BaseLocation"] = model["BaseLocation"].rstrip("/")
    model["ConnectionString"] = None
    assert lab.patch(endpoint, model).ok


def test_the_workspace_token_and_the_second_key_may_patch(lab: Lab):
    endpoint = lab.endpoint()
    model = lab.train()["Results"]["output2"]
    for key in (lab.workspace["token"], endpoint["SecondaryKey"]):
        assert lab.patch(endpoint, model, key=key).ok


def test_the_default_endpoint_is_not_patched_refreshed_or_deleted(lab: Lab):
    answer = lab.patch(lab.default, lab.train()["Results"]["output2"])
    assert detail(answer) == (400, "InvalidOperation", "UpdateWebServiceResourceFailed")
    assert "add an endpoint" in answer.text
    path = f"/{lab.scoring_id}/endpoints/default"
    assert refused(lab, "POST", path + "/refresh", {"OverwriteResources": "True"})[0] == 400
    assert refused(lab, "DELETE", path)[0] == 400


def test_a_training_service_has_no_updatable_resources(lab: Lab):
    model = lab.train()["Results"]["output2"]
    answer = lab.patch(lab.training, model, name=RESOURCE, service=lab.training_id)
    assert answer.status_code == 400
    assert "no updatable resources" in answer.text
    assert lab.training["Resources"] == []


@pytest.mark.parametrize("name", ["Line [Trained Model]", "Line", "Other [trained model]", ""])
def test_a_wrong_resource_name_is_refused(lab: Lab, name: str):
    answer = lab.patch(lab.endpoint(), lab.train()["Results"]["output2"], name=name)
    assert detail(answer) == (400, "BadArgument", "InvalidWebServiceResources")
    said = "Resource name is empty string" if not name else RESOURCE
    assert said in answer.json()["error"]["details"][0]["message"]


@pytest.mark.parametrize("body", [{}, {"Resources": []}, {"Resources": None}])
def test_a_patch_of_nothing_is_refused(lab: Lab, body: dict):
    path = f"/{lab.scoring_id}/endpoints/{lab.endpoint()['Name']}"
    assert refused(lab, "PATCH", path, body)[2] == "InvalidWebServiceResources"


def test_an_expired_sas_is_refused_and_explained(lab: Lab):
    lab.upload(lab.read(lab.train()["Results"]["output2"]), "old.ilearner")
    answer = lab.patch(lab.endpoint(), lab.signed("old.ilearner", lifetime=-60))
    assert detail(answer) == (400, "BadArgument", "BlobNotFound")
    assert "The SAS token has expired" in answer.text


def test_a_sas_of_the_wrong_blob_is_refused(lab: Lab):
    model = lab.train()["Results"]["output2"]
    other = lab.train()["Results"]["output2"]
    answer = lab.patch(lab.endpoint(), {**model, "SasBlobToken": other["SasBlobToken"]})
    assert detail(answer)[2] == "BlobNotFound"
    assert "403" in answer.text


def test_a_blob_that_is_no_ilearner_is_refused(lab: Lab):
    lab.upload(b"not a model", "fake.ilearner")
    answer = lab.patch(lab.endpoint(), lab.signed("fake.ilearner"))
    assert detail(answer) == (500, "ModelPackageFormatError", "ModelPackageFormatError")
    csv_answer = lab.patch(lab.endpoint(), lab.signed(lab.upload("a\n")))
    assert detail(csv_answer) == (400, "BadArgument", "InvalidBlobExtension")


def test_codes_of_refused_patches_can_be_switched(lab: Lab):
    lab.client.switches(refuseDefaultPatch="403:Unauthorized:ManagementRequestUnauthorized", patchStatus=204)
    model = lab.train()["Results"]["output2"]
    assert detail(lab.patch(lab.default, model)) == (403, "Unauthorized", "ManagementRequestUnauthorized")
    assert lab.patch(lab.endpoint(), model).status_code == 204


def test_an_endpoint_that_prevents_updates_is_not_patched(lab: Lab):
    answer = lab.patch(lab.endpoint(PreventUpdate=True), lab.train()["Results"]["output2"])
    assert detail(answer)[2] == "UpdateWebServiceResourceFailed"


def test_a_model_of_another_task_is_refused(lab: Lab):
    _, _, training, _ = lab.services("Answers", "classification", "answer", classes_csv())
    model = lab.train(classes_csv(), training)["Results"]["output2"]
    assert detail(lab.patch(lab.endpoint(), model)) == (409, "Conflict", "ModelOutputMetadataMismatch")


def test_a_model_that_needs_columns_the_service_does_not_take_is_refused(lab: Lab):
    text = "\n".join(
        f"{line},{number}" if number else f"{line},extra" for number, line in enumerate(rows_csv().split())
    )
    answer = lab.patch(lab.endpoint(), lab.train(text)["Results"]["output2"])
    assert detail(answer) == (400, "InvalidOperation", "IncompatibleModel")
    assert "extra" in answer.text


def test_wrong_keys_are_unauthorized_everywhere(lab: Lab):
    path = f"/{lab.scoring_id}/endpoints/{lab.endpoint()['Name']}"
    expected = (401, "Unauthorized", "ManagementRequestUnauthorized")
    for token in ("wrong==", lab.training["PrimaryKey"]):
        for method, where in (("GET", path), ("PATCH", path), ("DELETE", path), ("GET", ""), ("PUT", path + "x")):
            assert refused(lab, method, where, {}, token) == expected
    without = requests.get(lab.client.patch_url(lab.workspace, lab.scoring_id, "default"), timeout=9)
    assert detail(without) == expected


def test_a_sibling_endpoints_key_is_accepted_unless_switched_off(lab: Lab):
    mine, sibling = lab.endpoint(), lab.endpoint()
    path = f"/{lab.scoring_id}/endpoints/{sibling['Name']}"
    assert management(lab, "GET", path, mine["PrimaryKey"]).ok
    lab.client.switches(siblingKey="refuse")
    assert refused(lab, "GET", path, None, mine["PrimaryKey"])[0] == 401
    assert management(lab, "GET", path, sibling["PrimaryKey"]).ok


def test_wrong_workspaces_services_and_endpoints_are_not_found(lab: Lab):
    nobody = "0" * 32
    elsewhere = f"{lab.client.url}/workspaces/{nobody}/webservices/{lab.scoring_id}/endpoints/default"
    headers = {"Authorization": f"Bearer {lab.workspace['token']}"}
    answer = requests.get(elsewhere, headers=headers, timeout=9)
    assert detail(answer) == (404, "NotFound", "WorkspaceNotFound")
    assert refused(lab, "GET", f"/{nobody}/endpoints/default")[2] == "WebServiceIdNotFoundInWorkspace"
    assert refused(lab, "GET", f"/{lab.scoring_id}/endpoints/nobody") == (404, "NotFound", "WebServiceNotFound")
    assert refused(lab, "GET", "/not-an-id/endpoints/default")[2] == "WebServiceIdInvalid"


def test_refresh_without_overwriting_keeps_the_patched_model(lab: Lab):
    endpoint = lab.endpoint()
    lab.patch(endpoint, lab.train(rows_csv(slope=-4.0))["Results"]["output2"])
    assert lab.client.refresh_endpoint(lab.workspace, lab.scoring_id, endpoint["Name"], overwrite=False) is False
    assert lab.predict(endpoint) == pytest.approx(-12.0, abs=0.5)


def test_refresh_with_overwriting_undoes_a_patch(lab: Lab):
    endpoint = lab.endpoint()
    lab.patch(endpoint, lab.train(rows_csv(slope=-4.0))["Results"]["output2"])
    assert lab.client.refresh_endpoint(lab.workspace, lab.scoring_id, endpoint["Name"], overwrite=True) is True
    assert lab.predict(endpoint) == lab.predict(lab.default)
    assert lab.client.refresh_endpoint(lab.workspace, lab.scoring_id, endpoint["Name"], overwrite=True) is False


def test_refresh_wants_a_boolean_word(lab: Lab):
    path = f"/{lab.scoring_id}/endpoints/{lab.endpoint()['Name']}/refresh"
    assert refused(lab, "POST", path, {"OverwriteResources": "maybe"})[2] == "BadParameterValue"


def test_a_deleted_endpoint_is_gone(lab: Lab):
    endpoint = lab.endpoint()
    lab.client.delete_endpoint(lab.workspace, lab.scoring_id, endpoint["Name"])
    answer = lab.execute(endpoint, ["x", "kind"], [[1, "a"]])
    assert detail(answer) == (404, "NotFound", "WebServiceNotFound")


def test_a_deleted_service_takes_its_endpoints_along(lab: Lab):
    _, scoring, _, default = lab.services("Passing", "regression", "y")
    assert management(lab, "DELETE", f"/{scoring}", lab.workspace["token"]).ok
    assert lab.execute(default, ["x", "kind"], [[1, "a"]]).status_code == 404


def test_publishing_code_is_not_offered(lab: Lab):
    assert refused(lab, "PUT", f"/{'1' * 32}", {"Type": "Code"})[2] == "WebServiceTypeInvalid"


def test_help_pages_name_the_resources_and_the_patch_url(lab: Lab):
    endpoint = lab.endpoint()
    page = requests.get(endpoint["HelpLocation"] + "/update", timeout=9)
    assert page.headers["Content-Type"].startswith("text/html")
    assert lab.client.patch_url(lab.workspace, lab.scoring_id, endpoint["Name"]) in page.text
    assert "Updatable Resources" in page.text
    assert RESOURCE in page.text
    assert endpoint["PrimaryKey"] not in page.text
    training = requests.get(lab.training["HelpLocation"] + "/update", timeout=9).text
    assert "Sorry, but this feature is not supported or available in this context." in training
    for kind in ("score", "jobs"):
        assert requests.get(endpoint["HelpLocation"] + f"/{kind}", timeout=9).ok


def test_the_help_text_is_escaped(lab: Lab):
    made = lab.client.create_training_experiment(
        lab.workspace, "<script>alert(1)</script>", "regression", "y", csv=rows_csv()
    )
    lab.client.add_outputs(lab.workspace, made["id"])
    service = lab.client.deploy(lab.workspace, made["id"])["WebServiceGroupId"]
    endpoint = lab.client.get_endpoint(lab.workspace, service)
    assert "<script>" not in requests.get(endpoint["HelpLocation"] + "/jobs", timeout=9).text


def test_a_client_gets_what_the_stand_in_said(lab: Lab):
    with pytest.raises(StudioRefused) as refusal:
        StudioClient(lab.client.url).get_workspace(lab.workspace["id"], "wrong")
    assert refusal.value.status == 401
    assert "AdminRequestUnauthorized" in refusal.value.body
