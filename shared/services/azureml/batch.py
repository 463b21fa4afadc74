"""Batch endpoints of Azure ML: what they are, their deployments, and invoking them.

An invocation makes a job (`jobs`), under a name that the service chooses.
Sources: how-to-use-batch-pipeline-deployments.md; azure-ai-ml, `_batch_endpoint_operations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from retrain.errors import NotFound
from shared.services import urls
from shared.services.arm import explained
from shared.services.azureml.work import for_endpoint
from shared.services.azureml.workspace import Workspace, writable_identity

DEPLOYMENT, REQUEST = "azureml-model-deployment", "repeatability_request-id"
ADVICE_HOST = "it has no address to be invoked at yet; wait until it is made"
Json = dict[str, Any]


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint is asked to do; inputs and outputs as `work` spells them. Without `deployment` its default one
    does it. `request` makes the same question one job, however often it is asked; `name` is shown, no more."""

    inputs: Mapping[str, Json]
    outputs: Mapping[str, Json]
    request: str
    deployment: str = ""
    experiment: str = ""
    name: str = ""
    tags: Mapping[str, str] = {}


class Invoked(msgspec.Struct, frozen=True):
    """The job that an invocation made, and the deployment that does it."""

    job: str
    deployment: str


class _Made(msgspec.Struct):
    name: str


class BatchEndpoint:
    """One batch endpoint. Raises NotFound from every call when there is none of this name."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self._workspace, self.name = workspace, name
        self.tail = f"batchEndpoints/{quote(name, safe='')}"

    @property
    def url(self) -> str:
        """Its address at Resource Manager, without api-version."""
        return f"{self._workspace.url}/{self.tail}"

    def show(self) -> Json:
        """The endpoint as Resource Manager shows it."""
        return self._workspace.call("GET", self.tail, f"look at batch endpoint {self.name}").json(Json)

    def default(self) -> str:
        """The name of its default deployment; empty when it has none."""
        defaults = self.show()["properties"].get("defaults") or {}
        return str(defaults.get("deploymentName") or "")

    def make_default(self, deployment: str) -> None:
        """Sends the endpoint as it is, with another default deployment: a PATCH cannot change it."""
        shown = self.show()
        kept = ("location", "tags", "kind", "sku")
        own = ("authMode", "description", "properties")
        properties = {name: shown["properties"][name] for name in own if shown["properties"].get(name) is not None}
        body = {name: shown[name] for name in kept if shown.get(name) is not None}
        body["properties"] = {**properties, "defaults": {"deploymentName": deployment}}
        if shown.get("identity"):
            body["identity"] = writable_identity(shown["identity"])
        self._workspace.call("PUT", self.tail, f"make {deployment} the default of batch endpoint {self.name}", body)

    def deployment(self, name: str) -> Json:
        """A deployment. Raises NotFound."""
        return self._workspace.call("GET", self._deployment(name), f"look at deployment {name} of {self.name}").json(
            Json
        )

    def find_deployment(self, name: str) -> Json | None:
        """A deployment, or None."""
        try:
            return self.deployment(name)
        except NotFound:
            return None

    def deployments(self) -> Iterator[Json]:
        """All of them."""
        return self._workspace.pages(f"{self.tail}/deployments", f"list deployments of {self.name}")

    def deploy(self, name: str, body: Json) -> None:
        """Asks for a deployment, or for a change of one; `deployment` tells how far that is."""
        self._workspace.call("PUT", self._deployment(name), f"deploy {name} to batch endpoint {self.name}", body)

    def remove(self, name: str) -> None:
        """Deletes a deployment."""
        self._workspace.call("DELETE", self._deployment(name), f"delete deployment {name} of {self.name}")

    def invoke(self, asked: Invocation) -> Invoked:
        """Makes a job. The question is repeated under one id when its answer is lost.

        Raises:
            BadRequest: the service does not take it, with its words.
        """
        url = self.show()["properties"].get("scoringUri") or ""
        if not url:
            raise NotFound(f"invoke batch endpoint {self.name}: {ADVICE_HOST}")
        self._workspace.allow_endpoint(url)
        headers = {REQUEST: asked.request} | ({DEPLOYMENT: asked.deployment} if asked.deployment else {})
        told = f"invoke batch endpoint {self.name} at {urls.plain(url)}"
        answer = self._workspace.data_plane.send("POST", url, told, {"properties": _body(asked)}, headers=headers)
        if not answer.ok:
            raise explained(answer)
        return Invoked(answer.json(_Made).name, str(answer.headers.get(DEPLOYMENT) or asked.deployment))

    def _deployment(self, name: str) -> str:
        return f"{self.tail}/deployments/{quote(name, safe='')}"


def _body(asked: Invocation) -> Json:
    """Names as the documentation writes them; the service reads them in any case."""
    experiment = {"properties": {"experimentName": asked.experiment}} if asked.experiment else {}
    return {
        "InputData": for_endpoint(asked.inputs),
        "OutputData": for_endpoint(asked.outputs),
        "name": asked.name,
        "tags": dict(asked.tags),
        **experiment,
    }
