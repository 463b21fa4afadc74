"""The services of one process, without any storage behind them: tokens, the vault, and who they let in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from tests.identity import identified

NOWHERE = (
    "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/a;"
    "QueueEndpoint=http://127.0.0.1:9/a;TableEndpoint=http://127.0.0.1:9/a;"
)


class Tokens:
    """The token service and the vault, as their users call them. `control` steers the process."""

    def __init__(self, url: str) -> None:
        self.url, self.control = url, StudioClient(url)

    def vault(self, method: str, token: str, name: str = "greeting", **body: Any) -> requests.Response:
        """A call of the vault."""
        url, headers = f"{self.url}/secrets/{name}?api-version=7.4", {"Authorization": f"Bearer {token}"}
        return requests.request(method, url, headers=headers, json=body or None, timeout=30)

    def asked(self) -> int:
        """How often the managed identity was asked for a token since the log was cleared."""
        return sum(entry["operation"] == "managedidentity" for entry in self.control.log())


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tokens]:
    folder: Path = tmp_path_factory.mktemp("tokens")
    with ServicesProcess(folder, NOWHERE, workers=1, log=folder / "log") as running:
        made = Tokens(running.url)
        yield made
        made.control.close()


@pytest.fixture
def tokens(process: Tokens) -> Iterator[Tokens]:
    """This process has the identity that the service plays; role, lifetime and faults are as at the start."""
    process.control.clear_log()
    with identified(process.url):
        yield process
    process.control.role("Contributor")
    process.control.switches(tokenLifetime=3600)
    process.control.clear_faults()
