"""One managed online endpoint at Resource Manager: itself, its deployments, its keys, and why a change failed.

What is asked of it, and in which order, is known to `online_rollout`.
Sources: machinelearningservices stable/2025-12-01, OnlineEndpoints and OnlineDeployments; recordings of azure-ai-ml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from retrain.errors import AccessDenied, NotFound, Unavailable
from shared.services.answers import Answer
from shared.services.arm import Arm, allow_operation, explained
from shared.services.azureml.workspace import Workspace, writable_identity

BUSY = ("creating", "updating", "scaling", "deleting")
BROKEN = ("failed", "canceled")
FOLLOWED = "AzureAsyncOperationUri"
UNWRITTEN = ("provisioningState", "scoringUri", "swaggerUri", "compute", "traffic")
Json = dict[str, Any]


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint or a deployment, as Resource Manager shows it."""

    id: str
    name: str
    location: str
    properties: Json
    tags: dict[str, str] | None = None
    identity: Json | None = None
    sku: Json | None = None

    @property
    def state(self) -> str:
        """Its provisioningState, in lower case."""
        return str(self.properties.get("provisioningState") or "").lower()

    @property
    def busy(self) -> bool:
        """Whether a change of it is under way."""
        return self.state in BUSY

    @property
    def broken(self) -> bool:
        """Whether its last change failed."""
        return self.state in BROKEN

    @property
    def tagged(self) -> dict[str, str]:
        """Its tags."""
        return self.tags or {}

    @property
    def traffic(self) -> dict[str, int]:
        """Shares of an endpoint's traffic by deployment; those without any are left out."""
        return {name: share for name, share in (self.properties.get("traffic") or {}).items() if share}

    @property
    def model(self) -> str:
        """The id of a deployment's model."""
        return str(self.properties.get("model") or "")

    @property
    def writable(self) -> Json:
        """Its properties without what the service says itself."""
        known = {k: v for k, v in self.properties.items() if k not in UNWRITTEN and v is not None}
        free = {k: v for k, v in (known.get("properties") or {}).items() if k != FOLLOWED}
        return {**known, "properties": free}


class OnlineEndpoint:
    """See the module."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.name, self.workspace = name, workspace
        self.arm: Arm = workspace.arm
        self.url = f"{workspace.url}/onlineEndpoints/{name}"

    def get(self) -> Resource:
        """The endpoint. Raises NotFound, AccessDenied."""
        return self._call("GET", "", f"look at endpoint {self.url}").json(Resource)

    def deployments(self) -> dict[str, Resource]:
        """Its deployments by name."""
        found = self.workspace.pages(f"onlineEndpoints/{self.name}/deployments", f"list deployments of {self.url}")
        return {one["name"]: msgspec.convert(one, Resource) for one in found}

    def deployment(self, name: str) -> Resource:
        """One of them. Raises NotFound."""
        return self._call("GET", f"/deployments/{name}", f"look at deployment {name} of {self.url}").json(Resource)

    def put_traffic(self, known: Resource, traffic: Mapping[str, int], tags: Mapping[str, str]) -> None:
        """Asks for other traffic, and tags with it: the whole endpoint is sent, for PATCH takes no traffic.

        Raises:
            Unavailable: another change goes on. BadRequest: the service refuses it.
        """
        body = {
            "location": known.location,
            "tags": {**known.tagged, **tags},
            "identity": writable_identity(known.identity or {"type": "SystemAssigned"}),
            "properties": {**known.writable, "traffic": dict(traffic)},
        }
        shares = ", ".join(f"{name} {share} %" for name, share in traffic.items())
        self._call("PUT", "", f"give traffic of {self.url} to {shares}", body)

    def put_deployment(self, name: str, body: Json) -> None:
        """Asks for a deployment. Raises: as `put_traffic`."""
        self._call("PUT", f"/deployments/{name}", f"deploy {name} at {self.url}", body)

    def tag_deployment(self, known: Resource, tags: Mapping[str, str]) -> None:
        """Gives a deployment more tags. Raises: as `put_traffic`."""
        body = {"tags": {**known.tagged, **tags}}
        self._call("PATCH", f"/deployments/{known.name}", f"tag deployment {known.name} of {self.url}", body)

    def delete_deployment(self, name: str) -> None:
        """Asks for a deployment to be removed; one that is gone already is none. Raises: as `put_traffic`."""
        self._call("DELETE", f"/deployments/{name}", f"remove deployment {name} of {self.url}")

    def keys(self) -> list[str]:
        """Its keys; the primary one first."""
        found = self._call("POST", "/listKeys", f"list the keys of {self.url}").json(dict[str, str | None])
        return [key for key in (found.get("primaryKey"), found.get("secondaryKey")) if key]

    def token(self) -> tuple[str, float]:
        """A token that it gives itself, and when (UNIX seconds) another is to be asked for."""
        found = self._call("POST", "/token", f"ask {self.url} for a token").json(Json)
        return str(found.get("accessToken") or ""), float(found.get("refreshAfterTimeUtc") or 0)

    def why(self, broken: Resource) -> str:
        """What the service says of a change that failed; its state where it says nothing."""
        operation = str((broken.properties.get("properties") or {}).get(FOLLOWED) or "")
        state = f"{broken.name} is {broken.properties.get('provisioningState')}"
        if not operation:
            return state
        try:
            allow_operation(operation, self.arm.http, self.url)
            return f"{state}: {self.arm.look(operation).reason}"
        except (NotFound, AccessDenied):  # operations are forgotten some day
            return state

    def _call(self, method: str, tail: str, asked: str, body: object = None) -> Answer:
        answer = self.arm.send(method, self.workspace.address(f"onlineEndpoints/{self.name}{tail}"), asked, body)
        if answer.ok:
            return answer
        if answer.status in (409, 424):
            raise Unavailable(
                f"{asked}: HTTP {answer.status}, {answer.refusal}. It is being changed; asked again later.",
                retry_after=answer.retry_after,
            )
        raise explained(answer)
