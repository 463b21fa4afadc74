"""The designer's pages in a real browser: a person submits an older version with other data and sees it complete."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.designer.conftest import lab, services, shared_lab, storage  # noqa: F401 (fixtures)
from tests.designer.lab import Lab
from tests.lines import rows_csv


def test_a_person_submits_version_0_with_other_data_and_sees_it_complete(lab: Lab, page: Page) -> None:  # noqa: F811
    lab.client.set_fields(lab.draft, "train", **{"Excluded Columns": "kind"})
    lab.client.publish(lab.draft, endpoint="line", description="Without the kind")
    lab.client.set_fields(lab.draft, "train", **{"Excluded Columns": ""})
    path = lab.upload(rows_csv(slope=4))
    page.goto(lab.url + "/designer")
    page.get_by_role("link", name="lab", exact=True).click()
    page.get_by_role("link", name="line", exact=True).click()
    expect(page.get_by_role("heading", name="Version 1 (default)")).to_be_visible()
    older = page.locator("section", has=page.get_by_role("heading", name="Version 0", exact=True))
    expect(older.get_by_label("data_path")).to_have_value("line.csv")
    older.get_by_label("Experiment").fill("by hand")
    older.get_by_label("data_path").fill(path)
    older.get_by_role("button", name="Submit version 0").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("of by hand"))
    expect(page.locator("main > p > .state")).to_have_text("Completed", timeout=30_000)
    expect(page.get_by_role("cell", name=path, exact=True)).to_be_visible()
    expect(page.locator("table .state")).to_have_text(["Completed"] * 5)
    error = page.get_by_role("row", name=re.compile("^Root_Mean_Squared_Error")).get_by_role("cell").nth(1)
    assert float(error.inner_text()) < 0.1  # version 1 leaves out the kind and cannot be that good
    with page.expect_download() as download:
        page.get_by_role("link", name="trained_model_outputs/model.ilearner").click()
    assert download.value.path().read_bytes()[:2] == b"PK"
    page.get_by_role("link", name="Runs").click()
    expect(page.get_by_role("cell", name="by hand").first).to_be_visible()
    page.get_by_role("link", name="Drafts").click()
    expect(page.get_by_role("cell", name="data_path, l2").first).to_be_visible()


def test_pages_say_what_is_wrong_and_take_no_forms_from_elsewhere(lab: Lab, page: Page) -> None:  # noqa: F811
    lab.client.set_status(lab.pipeline["Id"], "Disabled")
    guid = lab.client.create_workspace()["properties"]["workspaceId"]
    address = f"/designer/{guid}/endpoints/{lab.endpoint['Id']}"
    page.goto(lab.url + address)
    expect(page.get_by_text("Disabled.")).to_be_visible()
    lab.client.set_status(lab.pipeline["Id"], "Active")
    for origin in ({}, {"Origin": "https://elsewhere.example"}):
        refused = lab.call("POST", f"{address}/0", token="", headers=origin)
        assert refused.status_code == 403
        assert "own pages" in refused.text
    page.goto(f"{lab.url}/designer/{guid}/runs/none")
    expect(page.get_by_role("alert")).to_contain_text("no pipeline run none")
