"""`retrain service` against a web service that is really deployed: each step by its own name."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from local.azurite import Azurite
from local.services.arm.client import PLAN, PREVIEW, PROVIDER, ArmClient
from local.services.studio.client import StudioClient
from local.services.tokens.client import identity as identity_of
from tests.cli.conftest import Command, Done, rows

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def identity(studio: StudioClient) -> dict[str, str]:
    """Settings by which azure-identity finds the managed identity."""
    return identity_of(studio.url)


@pytest.fixture(scope="module")
def definition(studio: StudioClient) -> Iterator[dict[str, Any]]:
    """An exported predictive experiment, as Studio gives it; and a commitment plan."""
    studio.switches(operationDelay=0)
    workspace = studio.create_workspace("cli")
    made = studio.create_training_experiment(workspace, "Heat", "regression", "heat", csv=rows(60, 1, noise=30.0))
    studio.run_experiment(workspace, made["id"])
    predictive = studio.derive_predictive(workspace, made["id"])
    body = {"location": "South Central US", "sku": {"name": "S1"}}
    assert ArmClient(studio.url).call("PUT", PLAN, body, PREVIEW).ok
    yield studio.export_definition(workspace, predictive["id"])
    studio.switches(operationDelay=10)


@pytest.fixture
def account(azurite: Azurite) -> BlobServiceClient:
    """The storage account of the local Studio."""
    return BlobServiceClient.from_connection_string(azurite.connection_string_for("account0"))


@pytest.fixture
def file(tmp_path: Path, definition: dict[str, Any], account: BlobServiceClient) -> Path:
    """The definition in a file, with the name of its storage account."""
    whole = json.loads(json.dumps(definition))
    whole["properties"]["storageAccount"] = {"name": account.account_name}
    path = tmp_path / "definition.json"
    path.write_text(json.dumps(whole))
    return path


@pytest.fixture
def service(bare: Command, identity: dict[str, str]) -> Callable[..., Done]:
    return lambda *arguments, **settings: bare("service", *arguments, **{**identity, **settings})


@pytest.fixture
def deployed(service: Command, file: Path, studio: StudioClient, account: BlobServiceClient) -> str:
    """The address of a service that `retrain service update --put` made."""
    url = f"{studio.url}{PROVIDER}/webServices/heat{next(_numbers)}"
    key = account.credential.account_key
    done = service("update", file, "--url", url, "--put", "--storage-key", "env:K", "--plan", PLAN, K=key)
    assert done.code == 0, done.err
    assert "was deployed: succeeded" in done.out
    assert "its exampleRequest is answered with" in done.out and "Scored Labels" in done.out
    return url


@pytest.fixture
def copied(definition: dict[str, Any], account: BlobServiceClient) -> str:
    """`container/name` of another blob with the same model."""
    uri = definition["properties"]["assets"]["asset2"]["locationInfo"]["uri"]
    content = account.get_blob_client("experimentoutput", uri.partition("experimentoutput/")[2]).download_blob()
    name = f"copy{next(_numbers)}.ilearner"
    account.get_blob_client("experimentoutput", name).upload_blob(content.readall())
    return f"experimentoutput/{name}"


def test_get_export_rewrite_import_update(service: Command, deployed: str, tmp_path: Path, copied: str) -> None:
    got = service("get", "--url", deployed)
    assert "Heat [trained model]" in got.out and "Succeeded" in got.out
    live = str(tmp_path / "live.json")
    assert service("export", live, "--url", deployed).code == 0
    assert service("export", live, "--url", deployed).code == 2, "the file is there"
    before = json.loads(Path(live).read_text())
    assert {"keys", "commitmentPlan"}.isdisjoint(before["properties"])

    rewritten = json.loads(service("rewrite", live, "--model", copied, "--json").out)
    (change,) = rewritten["changes"]
    assert change["path"] == "properties.assets.asset2.locationInfo.uri" and change["after"].endswith(copied)
    after = json.loads(Path(live).read_text())
    assert list(after["properties"]) == list(before["properties"])

    imported = service("import", live)
    assert imported.code == 0
    assert "it needs properties.storageAccount.key, properties.commitmentPlan.id as well" in imported.out

    dry = service("update", live, "--url", deployed, "--dry-run")
    assert "Nothing was changed. PATCH" in dry.out and f"+ {change['after']}" in dry.out
    assert change["before"] in service("get", "--url", deployed).out
    done = json.loads(service("update", live, "--url", deployed, "--json").out)
    assert done["state"] == "succeeded" and done["changes"] == [change]
    assert done["models"] == [{"asset": "asset2", "name": "Heat [trained model]", "uri": change["after"]}]
    assert done["example"]["output1"]["value"]["ColumnNames"] == ["Scored Labels"]
    again = service("update", live, "--url", deployed, "--dry-run")
    assert "would change nothing: it is so already." in again.out


def test_put_keeps_the_keys_that_callers_have(
    service: Command, deployed: str, file: Path, account: BlobServiceClient, studio: StudioClient
) -> None:
    arm = ArmClient(studio.url)
    keys = arm.call("GET", f"{deployed}/listKeys").json()
    given = ("--put", "--storage-key", "env:K", "--plan", PLAN)
    dry = service("update", file, "--url", deployed, "--dry-run", *given, K=account.credential.account_key)
    assert "it is so already" in dry.out
    done = service("update", file, "--url", deployed, *given, K=account.credential.account_key)
    assert "was updated: succeeded" in done.out
    assert arm.call("GET", f"{deployed}/listKeys").json() == keys


def test_a_service_that_is_not_there_can_only_be_deployed(
    service: Command, file: Path, studio: StudioClient, account: BlobServiceClient
) -> None:
    url = f"{studio.url}{PROVIDER}/webServices/nothing"
    assert "Check subscription, resource group and name" in service("update", file, "--url", url).err
    dry = service("update", file, "--url", url, "--put", "--dry-run")
    assert "would deploy a new web service." in dry.out
    lacking = service("update", file, "--url", url, "--put")
    assert lacking.code == 1
    assert "properties.storageAccount.key, properties.commitmentPlan.id; give --storage-key" in lacking.err


def test_services_are_listed_over_pages_show_their_keys_and_are_removed(
    service: Command, deployed: str, file: Path, account: BlobServiceClient, studio: StudioClient
) -> None:
    name, place = deployed.rpartition("/")[2], deployed.rpartition("/")[0]
    given = ("--put", "--storage-key", "env:K", "--plan", PLAN)
    done = service("update", file, "--url", f"{deployed}b", *given, K=account.credential.account_key)
    assert done.code == 0, done.err
    studio.switches(webServicePage=1)
    try:
        by_group = json.loads(service("list", "--url", place, "--json").out)["services"]
        by_subscription = service("list", "--url", re.sub("/resourceGroups/[^/]+", "", place), "--json")
    finally:
        studio.switches(webServicePage=20)
    assert {name, f"{name}b"} <= {one["name"] for one in by_group}
    assert json.loads(by_subscription.out)["services"] == by_group
    assert f"{PROVIDER}/webServices/{name}" in service("list", "--url", deployed).out

    shown = json.loads(service("keys", "--url", deployed, "--json").out)
    keys = ArmClient(studio.url).call("GET", f"{deployed}/listKeys").json()
    assert (shown["primaryKey"], shown["secondaryKey"]) == (keys["primary"], keys["secondary"])
    assert keys["primary"] in service("keys", "--url", deployed).out

    assert "was removed" in service("remove", "--url", deployed).out
    left = json.loads(service("list", "--url", place, "--json").out)["services"]
    assert [one["name"] for one in left] == [one["name"] for one in by_group if one["name"] != name]
    again = service("remove", "--url", deployed)
    assert again.code == 1 and "Check subscription, resource group and name" in again.err


def test_an_update_that_fails_says_why(service: Command, deployed: str, file: Path, account: BlobServiceClient) -> None:
    account.get_blob_client("experimentoutput", "bad.ilearner").upload_blob(b"no model", overwrite=True)
    assert service("rewrite", file, "--model", "experimentoutput/bad.ilearner").code == 0
    done = service("update", file, "--url", deployed)
    assert done.code == 1
    assert "the update failed, the old model goes on" in done.err and "ModelPackageFormatError" in done.err


def test_a_signature_is_left_off_and_a_foreign_account_refused(
    service: Command, file: Path, account: BlobServiceClient
) -> None:
    url = f"{account.url.rstrip('/')}/models/new.ilearner"
    done = service("rewrite", file, "--model", f"{url}?sv=1&sig=s3cret")
    assert url in done.out and "s3cret" not in done.out + file.read_text()
    foreign = service("rewrite", file, "--model", "https://elsewhere.blob.core.windows.net/c/m.ilearner")
    assert foreign.code == 1 and "storage account 'elsewhere', the service reads in 'account0'" in foreign.err
    assert "does not end in .ilearner" in service("rewrite", file, "--model", "models/new.zip").err
    assert "has no trained model 'asset7'" in service("rewrite", file, "--model", url, "--asset", "asset7").err


def test_import_names_everything_that_is_wrong(service: Command, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text('{"properties": {"packageType": "Code", "assets": {}}}')
    done = service("import", broken, "--json")
    assert done.code == 1
    assert json.loads(done.out)["problems"] == [line.removeprefix("  - ") for line in done.err.splitlines()[1:]]
    assert "packageType is 'Code'" in done.err and "properties.package is missing" in done.err
    broken.write_text("no json")
    assert "is no definition of a web service" in service("import", broken).err
    assert service("import", tmp_path / "none.json").code == 2


def test_missing_rights_and_a_missing_identity_are_explained(
    service: Command, bare: Command, deployed: str, file: Path, studio: StudioClient
) -> None:
    studio.role("Reader")
    try:
        done = service("update", file, "--url", deployed)
    finally:
        studio.role("Contributor")
    assert done.code == 1 and "role Contributor (or Owner) on the subscription or the resource group" in done.err
    key = service("update", file, "--url", deployed, "--put", "--storage-key", "s3cret", "--plan", PLAN)
    assert key.code == 2 and "s3cret" not in key.err
    wrong = bare("service", "get", "--url", "https://management.azureml.net/workspaces/w/webservices/s/endpoints/e")
    assert wrong.code == 1 and "write https://management.azure.com/subscriptions/" in wrong.err
