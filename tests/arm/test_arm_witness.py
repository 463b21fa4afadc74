"""Microsoft's own client, `@azure/arm-webservices`, takes the stand-in for the service; answers fit its schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from arm_lab import GROUP, SUBSCRIPTION, Lab

from tests.lines import rows_csv

WITNESS = Path(__file__).parent / "witness" / "witness.mjs"
NODE = Path(sys.executable).with_name("node")


def witnessed(lab: Lab, version: str, **settings: str) -> dict[str, Any]:
    """What the client saw."""
    whole = lab.complete(lab.scoring)
    del whole["properties"]["exampleRequest"]  # the client writes only objects as values of cells and parameters
    for node in whole["properties"]["package"]["nodes"].values():
        node.pop("parameters", None)
    settings |= {"DEFINITION": json.dumps(whole), "VERSION": version, "TOKEN": lab.token(), "URL": lab.client.url}
    done = subprocess.run(
        [NODE, "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON", WITNESS],
        env={**os.environ, **settings, "SUBSCRIPTION": SUBSCRIPTION, "GROUP": GROUP},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("version", ["2017-01-01", "2016-05-01-preview"])
def test_microsofts_own_client_gets_patches_follows_lists_and_removes(lab: Lab, version: str) -> None:
    trained = lab.train(lab.deployed(lab.training), rows_csv(slope=4.0))
    path, other = lab.deployed(lab.scoring), lab.path()
    lab.blobs.get_blob_client("lab", "bad.ilearner").upload_blob(b"no model", overwrite=True)
    bad = f"{lab.blobs.url.rstrip('/')}/lab/bad.ilearner"
    lab.client.switches(operationDelay=0.1, webServicePage=2)
    name, created = path.rpartition("/")[2], other.rpartition("/")[2]
    said = witnessed(lab, version, NAME=name, OTHER=created, MODEL=trained, BAD=bad)
    seen = said["seen"]
    assert seen["created"]["name"] == created
    assert seen["hidden"] == {"keys": None, "plan": None}
    assert seen["before"] != seen["after"] == seen["afterFailure"] == trained
    assert seen["patched"]["properties"]["provisioningState"] == "Succeeded"
    assert "operation has failed" in seen["failed"]["message"]
    assert seen["keys"] == lab.call("GET", f"{path}/listKeys").json()
    for listed in (seen["inGroup"], seen["inSubscription"]):
        assert {name, created} <= set(listed) and len(listed) == len(set(listed)) > 2
    assert seen["gone"]["status"] == 404
    assert said["checked"] > 10
    # On the wire it is `status`, which recordings show and the specification does not have.
    assert set(said["problems"]) - PREVIEW <= {
        "GET AsyncOperationStatus.status is not in AsyncOperationStatus",
        "POST AsyncOperationStatus.status is not in AsyncOperationStatus",
    }
    assert lab.score(path, 3.0) == pytest.approx(12.0, abs=0.6)


PREVIEW = {"GET WebService.properties.package.nodes.module.parameters.Task is no object"}
"""The client is of 2017-01-01; in the preview, parameters are plain strings."""
