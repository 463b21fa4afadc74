"""azure-ai-ml makes an online endpoint with two deployments, scores both, moves the traffic and removes it.

How that client comes here is told in `test_azureml_witness_sdk`. It scores with a key, as it does the real ones. Once
it named a deployment it goes on naming it (1.35.2 keeps the header), so it is asked without one first.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from local.services.azureml.online.client import ENVIRONMENT

from .online_lab import ROW, Online
from .online_lab import online as online
from .online_lab import shared_online as shared_online
from .test_azureml_witness_sdk import client as client
from .test_azureml_witness_sdk import storage_is_azurite as storage_is_azurite

pytestmark = pytest.mark.filterwarnings("ignore")  # of the client's own


def deployment(online: Online, endpoint: str, name: str, model: str, folder: Path) -> Any:
    from azure.ai.ml.entities import CodeConfiguration, ManagedOnlineDeployment

    code = folder / "score"
    code.mkdir(exist_ok=True)
    (code / "score.py").write_text("def init(): ...\n\n\ndef run(data): ...\n")
    version = online.models[model].rpartition("/")[2]
    return ManagedOnlineDeployment(
        name=name,
        endpoint_name=endpoint,
        model=f"azureml:{model}:{version}",
        environment=ENVIRONMENT,
        code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
        instance_type="Standard_DS3_v2",
        instance_count=1,
    )


def test_blue_and_green_are_deployed_scored_and_given_the_traffic(client: Any, online: Online, tmp_path: Path) -> None:
    from azure.ai.ml.entities import ManagedOnlineEndpoint

    name = online.name()
    online.client.switches(onlineRetryAfter=1)  # it waits for five seconds otherwise
    wanted = ManagedOnlineEndpoint(name=name, auth_mode="key")
    endpoint = client.online_endpoints.begin_create_or_update(wanted).result()
    for colour, model in (("blue", "two"), ("green", "nine")):
        body = deployment(online, name, colour, model, tmp_path)
        assert client.online_deployments.begin_create_or_update(body).result().name == colour
    endpoint.traffic = {"blue": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    rows = tmp_path / "rows.json"
    rows.write_bytes(msgspec.json.encode(ROW))
    for colour, slope in ((None, 2), ("green", 9)):
        said = client.online_endpoints.invoke(name, request_file=str(rows), deployment_name=colour)
        (record,) = msgspec.json.decode(said)
        assert round(record["Scored Labels"], 6) == 3 * slope
    endpoint = client.online_endpoints.get(name)
    endpoint.traffic = {"blue": 90, "green": 10}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    assert client.online_endpoints.get(name).traffic == {"blue": 90, "green": 10}
    endpoint.traffic = {"green": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    assert online.answer(name) == 27
    client.online_deployments.begin_delete("blue", name).result()
    assert [one.name for one in client.online_deployments.list(name)] == ["green"]
    assert "Loaded model" in client.online_deployments.get_logs("green", name, lines=9)
    client.online_endpoints.begin_delete(name).result()
