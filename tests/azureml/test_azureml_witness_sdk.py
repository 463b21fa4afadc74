"""Microsoft's Python client of today, azure-ai-ml, does with the local services what it does with the real ones.

What had to be done so that the client, unchanged, comes here:

* It is told of a cloud of its own (`cloud`, `cloud_metadata`), whose Resource Manager is the stand-in. So it asks for
  tokens for the stand-in's address, and the credential gives it the one for Resource Manager.
* Its own way to add tokens refuses plain HTTP wherever it does not say otherwise itself, as for workspaces; so it is
  given another one (`authentication_policy`).
* It takes storage to be at `https://{account}.blob.{suffix}` and nowhere else; those requests are led to Azurite
  below `requests`, with the host that they asked for.

Not shown: downloading an output that is a model. The client (1.35.2) fails by itself there, before it asks anything:
`BatchGetResolvedUrisDto.__init__() got an unexpected keyword argument 'values'`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy

from local.services.azureml.client import GROUP, SUBSCRIPTION
from local.services.azureml.control.client import ENVIRONMENT
from local.services.tokens.client import MANAGEMENT, managed_token

from .lab import IN, TRAIN, Lab, whole

SUFFIX = "core.test"  # a host is read as an account at `.blob.core.` only
ML = "https://ml.azure.com"
pytestmark = pytest.mark.filterwarnings("ignore")  # of the client's own


class Credential:
    """Tokens of the managed identity, for the audience that is meant."""

    def __init__(self, lab: Lab) -> None:
        self._url = lab.url

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The data plane's audience is its own; the stand-in's address means Resource Manager."""
        assert scopes[0] in (f"{ML}/.default", f"{self._url}/.default")
        audience = ML if scopes[0].startswith(ML) else MANAGEMENT
        return AccessToken(managed_token(self._url, audience), int(time.time()) + 3600)


class OverHttp(SansIOHTTPPolicy[Any, Any]):
    """Adds the token for Resource Manager, over plain HTTP too."""

    def __init__(self, lab: Lab) -> None:
        self._token = lab.client.token

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Adds it."""
        request.context.options.pop("enforce_https", None)
        request.http_request.headers["Authorization"] = f"Bearer {self._token}"


@pytest.fixture
def storage_is_azurite(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leads requests for `https://{account}.blob.core.test` to Azurite."""
    plain, azurite = requests.adapters.HTTPAdapter.send, urlsplit(lab.blobs.url)

    def send(self: Any, request: Any, *arguments: Any, **named: Any) -> Any:
        meant = urlsplit(request.url)
        if meant.netloc.endswith(f".blob.{SUFFIX}"):
            request.url = meant._replace(scheme="http", netloc=azurite.netloc).geturl()
            request.headers["Host"] = meant.netloc
        return plain(self, request, *arguments, **named)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)


@pytest.fixture
def client(lab: Lab, storage_is_azurite: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The client."""
    from azure.ai.ml import MLClient

    monkeypatch.setenv("AZUREML_CURRENT_CLOUD", "Local")  # the client sets it; it is undone afterwards
    monkeypatch.setattr("azure.ai.ml._azure_environments._environments", {})
    yield MLClient(
        Credential(lab),
        SUBSCRIPTION,
        GROUP,
        "lab",
        cloud="Local",
        cloud_metadata={
            "azure_portal": lab.url,
            "resource_manager": lab.url,
            "active_directory": lab.url,
            "aml_resource_id": ML,
            "storage_endpoint": SUFFIX,
            "registry_discovery_endpoint": lab.url,
        },
        authentication_policy=OverHttp(lab),
        enable_telemetry=False,
        show_progress=False,
    )


def training(folder: Path) -> Any:
    """A job that brings its code along."""
    from azure.ai.ml import Input, Output, command

    code = folder / "code"
    code.mkdir()
    (code / "train.py").write_text("print('this machine has a train.py of its own')\n")
    return command(
        code=str(code),
        command=TRAIN.replace("$[[--l2-weight ${{inputs.l2}}]]", ""),
        environment=ENVIRONMENT,
        compute="cpu",
        experiment_name="witnessed-sdk",
        inputs={"data": Input(type="uri_file", path="azureml:line:1"), "label": "y"},
        outputs={"model": Output(type="custom_model"), "evaluation": Output(type="uri_file")},
    )


def test_a_job_is_submitted_streamed_downloaded_and_its_model_registered(
    client: Any, lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from azure.ai.ml.entities import Data, Model

    client.data.create_or_update(Data(name="line", version="1", type="uri_file", path=IN + "line.csv"))
    job = client.jobs.create_or_update(training(tmp_path))
    client.jobs.stream(job.name)
    assert "Execution Summary" in capsys.readouterr().out
    assert client.jobs.get(job.name).status == "Completed"
    assert job.name in [one.name for one in client.jobs.list()]
    client.jobs.download(job.name, download_path=tmp_path, output_name="evaluation")
    table = (tmp_path / "named-outputs" / "evaluation" / "evaluation.csv").read_text()
    assert table.startswith("Mean Absolute Error")
    client.jobs.download(job.name, download_path=tmp_path)
    assert "Trained ridge" in (tmp_path / "artifacts" / "user_logs" / "std_log.txt").read_text()

    uri = f"azureml://jobs/{job.name}/outputs/model"
    for version in ("1", "2"):
        made = client.models.create_or_update(Model(name="line", path=uri, type="custom_model", tags={"state": "new"}))
        assert made.version == version
    champion = client.models.get("line", label="latest")
    champion.tags["state"] = "live"
    client.models.create_or_update(champion)
    assert {one.version: one.tags["state"] for one in client.models.list("line")} == {"1": "new", "2": "live"}


def test_a_pipeline_of_components_is_written_submitted_and_registered(client: Any, lab: Lab, tmp_path: Path) -> None:
    from azure.ai.ml import Input, dsl

    train = training(tmp_path).component

    def body(data, label="y"):  # type: ignore[no-untyped-def]
        step = train(data=data, label=label)
        return {"model": step.outputs.model}

    body.__annotations__ = {"data": Input(type="uri_file"), "label": str}  # as values: the client reads no texts
    line = dsl.pipeline(name="line_pipeline", experiment_name="witnessed-sdk", default_compute="cpu")(body)
    job = client.jobs.create_or_update(line(data=Input(type="uri_file", path=IN + "line.csv")))
    client.jobs.stream(job.name)
    found = client.jobs.get(job.name)
    assert (found.status, list(found.jobs)) == ("Completed", ["step"])
    assert lab.default_blobs(f"azureml/{job.name}/model/") == [f"azureml/{job.name}/model/model.ilearner"]

    component = client.components.create_or_update(line)
    name = lab.name()
    given = {"jobType": "Pipeline", "componentId": component.id}
    lab.client.put_job(name, {**given, "inputs": {"data": {"jobInputType": "uri_file", "uri": IN + "line.csv"}}})
    assert lab.client.wait_job(name)["status"] == "Completed"


def test_a_local_file_becomes_data_that_a_job_reads(client: Any, lab: Lab, tmp_path: Path) -> None:
    from azure.ai.ml.entities import Data

    (tmp_path / "own.csv").write_text(lab.download("line.csv").decode())
    made = client.data.create_or_update(Data(name="own", type="uri_file", path=str(tmp_path / "own.csv")))
    assert lab.client.wait_job(lab.train(data=f"azureml:own:{made.version}"))["status"] == "Completed"


def test_a_job_is_cancelled(client: Any, lab: Lab) -> None:
    lab.client.hold_jobs()
    name = lab.train()
    client.jobs.begin_cancel(name).result(60)
    assert client.jobs.get(name).status == "Canceled"


def test_a_batch_endpoint_is_made_deployed_and_invoked(client: Any, lab: Lab) -> None:
    from azure.ai.ml import Input
    from azure.ai.ml.entities import BatchEndpoint, PipelineComponentBatchDeployment

    client.batch_endpoints.begin_create_or_update(BatchEndpoint(name="line-sdk")).result(60)
    deployment = PipelineComponentBatchDeployment(
        name="blue", endpoint_name="line-sdk", component=whole(lab), settings={"default_compute": "cpu"}
    )
    client.batch_deployments.begin_create_or_update(deployment).result(60)
    endpoint = client.batch_endpoints.get("line-sdk")
    endpoint.defaults.deployment_name = "blue"
    client.batch_endpoints.begin_create_or_update(endpoint).result(60)

    job = client.batch_endpoints.invoke(
        endpoint_name="line-sdk",
        inputs={
            "data": Input(type="uri_file", path=IN + "line.csv"),
            "label": Input(type="string", default="y"),
        },
    )
    client.jobs.stream(job.name)
    assert client.jobs.get(job.name).status == "Completed"
    assert [one.name for one in client.batch_endpoints.list_jobs("line-sdk")] == [job.name]
    assert {one.display_name for one in client.jobs.list(parent_job_name=job.name)} == {"train", "score"}
    client.batch_endpoints.begin_delete("line-sdk").result(60)
