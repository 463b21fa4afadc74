"""Managing one "new" web service of Studio at Resource Manager: get, keys, PATCH, PUT. What is sent is not known here.

Source: Azure ML Web Services REST, api-versions 2017-01-01 and 2016-05-01-preview.
"""

from __future__ import annotations

from typing import Any

import msgspec

from retrain.errors import BadConfiguration, Unavailable
from retrain.ports import JobStatus
from shared.services.answers import Answer
from shared.services.arm import Arm, allow_operation, operation_of, resource_url
from shared.services.http import Http
from shared.services.studio.web_services import Advice, explained
from shared.services.studio_service.definition import Definition
from shared.services.urls import host_of

KIND = "Microsoft.MachineLearning/webServices"
STABLE, PREVIEW = "2017-01-01", "2016-05-01-preview"
READ_ONLY = "The web service is readOnly: it can never be changed again, only removed and deployed anew."
_VERSION = f"Set the api-version to {STABLE} or {PREVIEW}; the address itself is given without one."
MANAGING: Advice = {
    "401": (
        None,
        "Resource Manager takes a token of the app's identity: its managed identity, or the service principal in "
        "AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET; on a developer's machine, `az login`.",
    ),
    "403": (
        None,
        "Give the app's identity the role Contributor (or Owner) on the subscription or the resource group: updating "
        "and deploying web services needs it. A role that was just given takes minutes to work.",
    ),
    "404": (None, "Check subscription, resource group and name of the web service in the address."),
    "CannotChangeStorageAccount": (
        BadConfiguration,
        "A web service keeps the storage account it was created with. Name that account, and let models lie there.",
    ),
    "WebServiceReadOnly": (BadConfiguration, READ_ONLY),
    "NoRegisteredProviderFound": (BadConfiguration, _VERSION),
    "MissingApiVersionParameter": (BadConfiguration, _VERSION),
    "InvalidApiVersionParameter": (BadConfiguration, _VERSION),
}


def service_url(url: str) -> str:
    """The address of a web service. Raises BadConfiguration: says what one looks like."""
    return resource_url(url, KIND)


class Keys(msgspec.Struct, frozen=True):
    """API keys of a web service; either opens it."""

    primary: str = ""
    secondary: str = ""

    def __repr__(self) -> str:
        return "Keys(***)"


class Service:
    """One web service, by its resource address."""

    def __init__(self, arm: Arm, url: str, version: str = STABLE) -> None:
        self.name = service_url(url)
        self.url = f"{self.name}?api-version={version}"
        self._keys = f"{self.name}/listKeys?api-version={version}"
        self._arm = arm
        self.http = arm.http

    def get(self) -> Definition:
        """What it is now, without secrets. Raises NotFound, AccessDenied."""
        answer = self._call("GET", self.url, f"get the definition of {self.name}")
        return Definition(answer.body, self.name)

    def keys(self) -> Keys:
        """Its API keys."""
        return self._call("GET", self._keys, f"list the keys of {self.name}").json(Keys)

    def update(self, method: str, body: object) -> str:
        """Sends a PATCH or a PUT; the address where the change is followed. Repeating it is harmless.

        Raises:
            AccessDenied: no rights. BadConfiguration, BadRequest: refused. Unavailable: another change goes on.
        """
        answer = self._call(method, self.url, f"update {self.name}", body)
        return operation_of(answer, self.http, self.name) or self.url

    def remove(self) -> str:
        """Removes it, its address and its keys with it; the address where that is followed. Raises: as `update`."""
        answer = self._call("DELETE", self.url, f"remove {self.name}")
        return operation_of(answer, self.http, self.name) or self.url

    def look(self, operation: str) -> JobStatus:
        """How far a change is, by what `update` answered. Raises BadConfiguration: that is on another host."""
        allow_operation(operation, self.http, self.name)
        return self._arm.look(operation)

    def _call(self, method: str, url: str, asked: str, body: object = None) -> Answer:
        answer = self._arm.send(method, url, asked, body)
        if answer.ok:
            return answer
        if answer.status == 409:
            raise Unavailable(f"{asked}: HTTP 409, {answer.refusal}. Another change goes on; it is asked again later.")
        raise explained(answer, MANAGING)


def unshown(keys: Keys | None, storage_key: str, plan: str) -> dict[str, Any]:
    """What a PUT needs and GET does not show. Without its keys a service would make new ones, and lock callers out."""
    known = {} if keys is None else {"keys": msgspec.to_builtins(keys)}
    return {"storageAccount": {"key": storage_key}, "commitmentPlan": {"id": plan}, **known}


def runtime_of(definition: Definition, http: Http, management: str) -> str:
    """Where a service answers (`swaggerLocation`), its host allowed from now on.

    Raises:
        BadConfiguration: it does not say, or names a host that is none of Studio's.
    """
    found = str(definition.value("properties", "swaggerLocation") or "").partition("?")[0].removesuffix("/swagger.json")
    if not found:
        raise BadConfiguration(f"{management} does not say where it answers (swaggerLocation); was it ever deployed?")
    studio = host_of(found).endswith((".azureml.net", ".azureml.de"))
    if not studio and host_of(management) != host_of(found):  # customers have hosts in azure.com, too
        raise BadConfiguration(f"{management} answers at {found}, which is no host of Studio's services; refused")
    http.allow(found)
    return found
