"""A client of Studio (classic) that was written by others for the real service: `azmlclient`, unchanged.

Its package cannot be imported as a whole on the Pythons of today (its dependency `autoclass` fails there), batch
execution wants `azure-storage` 0.33, which excludes today's, and pandas has renamed `iteritems` since. So its protocol
module is loaded by itself, is given that name again, and blobs are put where it would have put them: every request and
every answer is still made and read by its own code.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import time
import types
from collections.abc import Iterator
from typing import Any

import pandas as pd
import pytest
import requests
from studio_lab import Lab

from tests.lines import rows_csv


@pytest.fixture(scope="module")
def base() -> Iterator[Any]:
    """`azmlclient.base`, without what its package imports beside it, and with the pandas that it knew."""
    patch = pytest.MonkeyPatch()
    patch.setattr(pd.Series, "iteritems", pd.Series.items, raising=False)
    spec = importlib.util.find_spec("azmlclient")
    assert spec is not None and spec.submodule_search_locations
    package = types.ModuleType("azmlclient")
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules["azmlclient"] = package
    yield importlib.import_module("azmlclient.base")
    for name in [name for name in sys.modules if name.partition(".")[0] == "azmlclient"]:
        del sys.modules[name]
    patch.undo()


@pytest.fixture
def batch(base: Any) -> Any:
    """Its client of batch execution, past the check that the old storage library is there."""

    class Batch(base.BatchClient):  # type: ignore[misc]
        def __init__(self) -> None:
            base.BaseHttpClient.__init__(self, requests.Session())

    client = Batch()
    yield client
    client.session.close()


def rows(*values: tuple[float, str]) -> pd.DataFrame:
    return pd.DataFrame(list(values), columns=["x", "kind"])


@pytest.mark.parametrize("swagger", [False, True])
def test_it_scores_rows_in_both_forms(base: Any, lab: Lab, swagger: bool) -> None:
    endpoint = lab.endpoint()
    with requests.Session() as session:
        found = base.execute_rr(
            endpoint["PrimaryKey"],
            endpoint["ApiLocation"],
            {"input1": rows((3.0, "a"), (1.5, "b"))},
            output_names=["output1"],
            use_swagger_format=swagger,
            requests_session=session,
        )
    scored = [float(value) for value in found["output1"]["Scored Labels"]]
    assert scored == pytest.approx([lab.predict(endpoint, 3.0, "a"), lab.predict(endpoint, 1.5, "b")])


def test_it_understands_why_a_call_was_refused(base: Any, lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint = lab.endpoint()
    with requests.Session() as session, pytest.raises(Exception, match="output2"):
        base.execute_rr(
            endpoint["PrimaryKey"], endpoint["ApiLocation"], {"input1": rows((1.0, "a"))},
            output_names=["output2"], requests_session=session,
        )  # fmt: skip
    with requests.Session() as session, pytest.raises(Exception, match="ScoreRequestUnauthorized"):
        base.execute_rr("wrong", endpoint["ApiLocation"], {"input1": rows((1.0, "a"))}, requests_session=session)
    assert "status code: 401" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["string", "number"])
def test_it_runs_a_training_job_to_its_end(batch: Any, lab: Lab, encoding: str) -> None:
    place, key = lab.training["ApiLocation"], lab.training["PrimaryKey"]
    lab.client.switches(statusEncoding=encoding)
    name = lab.upload(rows_csv(3.0))
    body = batch.create_request_body(
        {"input1": lab.reference(name)},
        {"L2 Weight": "0.1"},
        {"output2": lab.reference("witness.ilearner")},
    )
    job = batch.execute_batch_createJob(place, key, body)
    batch.execute_batch_startJob(place, key, job)
    until = time.monotonic() + 30
    while True:
        text = batch.execute_batch_getJobStatusOrResult(place, key, job)
        if json.loads(text)["StatusCode"] in ("Finished", 4):
            break
        assert time.monotonic() < until, text
        time.sleep(0.05)
    assert lab.status(job)["Results"]["output2"]["RelativeLocation"].endswith("witness.ilearner")
    if encoding == "string":
        assert batch.read_status_or_result(text)["output2"]["RelativeLocation"].endswith("witness.ilearner")


def test_it_deletes_a_job_and_reads_that_as_cancelled(base: Any, batch: Any, lab: Lab) -> None:
    place, key = lab.training["ApiLocation"], lab.training["PrimaryKey"]
    body = batch.create_request_body({"input1": lab.reference(lab.upload(rows_csv()))}, {}, {})
    job = batch.execute_batch_createJob(place, key, body)
    assert not batch.read_status_or_result(batch.execute_batch_getJobStatusOrResult(place, key, job))
    batch.execute_batch_deleteJob(place, key, job)
    with pytest.raises(base.IllegalJobStateException, match="Cancelled"):
        batch.read_status_or_result(batch.execute_batch_getJobStatusOrResult(place, key, job))


def test_it_reads_why_a_job_failed(base: Any, batch: Any, lab: Lab) -> None:
    place, key = lab.training["ApiLocation"], lab.training["PrimaryKey"]
    lab.client.fault("runjob", message="Error 0018: the data is odd")
    body = batch.create_request_body({"input1": lab.reference(lab.upload(rows_csv()))}, {}, {})
    job = batch.execute_batch_createJob(place, key, body)
    batch.execute_batch_startJob(place, key, job)
    lab.ended(job)
    with pytest.raises(base.JobExecutionException, match="Error 0018: the data is odd"):
        batch.read_status_or_result(batch.execute_batch_getJobStatusOrResult(place, key, job))
