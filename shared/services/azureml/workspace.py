"""A workspace of today's Azure ML at Resource Manager: calls below its address, lists page by page, run history.

What is asked of it is in `jobs`, `registry` and `batch`.
Source: Azure REST API specifications, machinelearningservices, stable/2025-12-01.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from retrain.errors import BadConfiguration, NotFound
from shared.services import urls
from shared.services.answers import Answer
from shared.services.arm import Arm, resource_url
from shared.services.azureml.assets import WORKSPACES, Stores, asset_id, workspace_path
from shared.services.credentials import Token, identity_token
from shared.services.designer.discovery import VERSION, discovery
from shared.services.designer.pipelines import Pipelines
from shared.services.http import Http

ML = "https://ml.azure.com/.default"
"""The audience of batch endpoints, and of online endpoints that sign in by token."""
INFERENCE = ("https://inference.ml.azure.com", "https://inference.ml.azure.us", "https://inference.ml.azure.cn")
"""Hosts in whose domains endpoints answer; no others get our token."""
MOST_PAGES = 20


class Workspace:
    """See the module. `stores` names our blobs there, `history` tells what its runs said and logged."""

    def __init__(
        self, url: str, datastores: Mapping[str, str], *, http: Http | None = None, token: Token = identity_token
    ) -> None:
        self.url, self.path = resource_url(url, WORKSPACES), workspace_path(url)
        self.arm = Arm(http or Http(url), token)
        self.data_plane = Arm(self.arm.http, token, ML)
        self.stores = Stores(self.path, datastores)
        self.history = Pipelines(self.arm, discovery(self.arm, self.url))

    def call(self, method: str, tail: str, asked: str, body: object = None) -> Answer:
        """The answer to a question below the workspace, when it is 2xx. Raises as `Arm.call`."""
        return self.arm.call(method, self.address(tail), asked, body)

    def address(self, tail: str) -> str:
        """The address of what lies below the workspace."""
        return f"{self.url}/{tail}{'&' if '?' in tail else '?'}{VERSION}"

    def find(self, tail: str, asked: str) -> dict[str, Any] | None:
        """A resource below the workspace, or None."""
        try:
            return self.call("GET", tail, asked).json(dict[str, Any])
        except NotFound:
            return None

    def pages(self, tail: str, asked: str) -> Iterator[dict[str, Any]]:
        """All resources of a list, page by page; what the service lists beyond `MOST_PAGES` is not looked at."""
        url: str | None = self.address(tail)
        for _ in range(MOST_PAGES):
            if not url:
                return
            found = self.arm.call("GET", url, asked).json(dict[str, Any])
            yield from found.get("value") or []
            url = found.get("nextLink")

    def asset(self, kind: str, reference: str) -> str:
        """The id of an asset of this workspace."""
        return asset_id(self.path, kind, reference)

    def compute(self, name: str) -> str:
        """The id of a compute."""
        return name if name.startswith("/") else f"{self.path}/computes/{name}"

    def allow_endpoint(self, url: str) -> None:
        """Lets the address where an endpoint answers be called.

        Raises:
            BadConfiguration: it is no host of Azure ML, and must not get our token.
        """
        same_host = urls.host_of(url) == urls.host_of(self.url)
        if not same_host and not any(urls.host_of(url).endswith(f".{urls.host_of(one)}") for one in INFERENCE):
            raise BadConfiguration(f"{self.url} has an endpoint at {urls.plain(url)}, no host of Azure ML; refused")
        self.arm.http.allow(url)


def writable_identity(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The identity of a resource as it is put: what the service says about it (principals, clients) is left out."""
    users = shown.get("userAssignedIdentities")
    return {"type": shown.get("type"), **({"userAssignedIdentities": {one: {} for one in users}} if users else {})}
