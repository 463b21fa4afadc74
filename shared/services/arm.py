"""Calls to Azure Resource Manager: their token, what its errors mean, and how an asynchronous change is followed.

Which resources there are, and what their bodies hold, is each service's own module.
Sources: Azure REST API guidelines, "Asynchronous operations"; Resource Manager, "Track asynchronous Azure operations".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from retrain.errors import AccessDenied, BadConfiguration, NotFound, RetrainError
from retrain.ports import JobState, JobStatus
from shared.redact import redact
from shared.services import urls
from shared.services.answers import Answer
from shared.services.credentials import Token, identity_token
from shared.services.http import Http

MANAGEMENT = "https://management.azure.com/.default"
"""The audience of Resource Manager, and of the pipelines, history, metric and artifact services of Azure ML."""

DONE, FAILED, CANCELLED = ("succeeded", "ready"), ("failed",), ("canceled", "cancelled")
_PERMISSIONS = "2022-04-01"
_ID = re.compile(r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/[^/]+(?:/[^/]+/[^/]+)+", re.IGNORECASE)

ADVICE: Mapping[type[Exception], str] = {
    AccessDenied: (
        "The app's identity (its managed identity, or the service principal in AZURE_CLIENT_ID) must be there and have "
        "the role Contributor on this resource or its resource group; a role that was just given takes minutes to work."
    ),
    NotFound: "Check subscription, resource group and name in the address; deleted resources are not found either.",
}


def resource_url(url: str, kind: str) -> str:
    """The address of a resource of this kind (`Microsoft.X/things`), without its api-version.

    Raises:
        BadConfiguration: it is no such address; says what one looks like.
    """
    bare = urls.plain(url.strip()).rstrip("/.")
    urls.origin(bare)
    path = "/" + bare.partition("://")[2].partition("/")[2]
    if not _ID.fullmatch(path) or f"/providers/{kind}/".lower() not in path.lower():
        raise BadConfiguration(
            f"{bare} is not the address of such a resource; write https://management.azure.com/subscriptions/S/"
            f"resourceGroups/G/providers/{kind}/NAME"
        )
    return bare


class Arm:
    """Calls with a token of the app's identity; errors say what to do next. `audience`: whom the token is for."""

    def __init__(self, http: Http, token: Token = identity_token, audience: str = MANAGEMENT) -> None:
        self.http = http
        self._token, self._audience = token, audience

    def call(self, method: str, url: str, asked: str, body: object = None) -> Answer:
        """The answer, when it is 2xx; else the error, explained."""
        answer = self.send(method, url, asked, body)
        if answer.ok:
            return answer
        raise explained(answer)

    def send(
        self,
        method: str,
        url: str,
        asked: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Answer:
        """The answer, whatever its status. `repeat` is false where asking twice would do it twice."""
        key = self._token(self._audience)
        return self.http.send(method, url, asked=asked, key=key, body=body, headers=headers, repeat=repeat)

    def allows(self, resource: str, action: str) -> bool:
        """Whether our identity may do that to a resource, such as `Microsoft.X/things/write`, by its own permissions.

        Source: Azure RBAC REST, "Permissions - List For Resource". Raises: as `call`.
        """
        url = f"{resource}/providers/Microsoft.Authorization/permissions?api-version={_PERMISSIONS}"
        found = self.call("GET", url, f"look up our permissions on {resource}").json(dict[str, Any])
        return any(
            _covered(action, one.get("actions") or []) and not _covered(action, one.get("notActions") or [])
            for one in found.get("value") or []
        )

    def look(self, operation: str) -> JobStatus:
        """How far an asynchronous operation is, by the address that its answer named.

        Both spellings of the state are read: `status`, as it comes over the wire, and `provisioningState`.
        """
        answer = self.call("GET", operation, f"look at operation {urls.plain(operation)}")
        if answer.status == 202 or not answer.body.strip():
            return JobStatus(state=JobState.RUNNING if answer.status == 202 else JobState.SUCCEEDED)
        found = answer.json(dict[str, Any])
        state = str(found.get("status") or found.get("provisioningState") or _provisioning(found)).lower()
        if state in DONE:
            return JobStatus(state=JobState.SUCCEEDED)
        if state in FAILED:
            return JobStatus(state=JobState.FAILED, details=_reason(found))
        if state in CANCELLED:
            return JobStatus(state=JobState.CANCELLED, details=_reason(found))
        return JobStatus(state=JobState.RUNNING)


def _covered(action: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def operation_of(answer: Answer, http: Http, resource: str) -> str:
    """Where an accepted change is followed (`Azure-AsyncOperation`, else `Location`); empty when it is done already.

    Raises:
        BadConfiguration: the service names another host, which must not get our token.
    """
    found = str(answer.headers.get("Azure-AsyncOperation") or answer.headers.get("Location") or "")
    if found:
        allow_operation(found, http, resource)
    return found


def allow_operation(operation: str, http: Http, resource: str) -> None:
    """Allows the host of an operation that a resource named, perhaps to another process. Raises as `operation_of`."""
    ours, theirs = urls.host_of(resource), urls.host_of(operation)
    if ours != theirs and not theirs.endswith(f".{ours}"):  # not the domain: customers have hosts in azure.com too
        raise BadConfiguration(f"{resource} is followed at {urls.plain(operation)}, on another host; refused")
    http.allow(operation)


def explained(answer: Answer) -> RetrainError:
    """The error of an answer, with what to do next."""
    error = answer.error()
    advice = next((text for kind, text in ADVICE.items() if isinstance(error, kind)), "")
    return answer.error(advice) if advice else error


def _provisioning(found: Mapping[str, Any]) -> str:
    properties = found.get("properties")
    return str(properties.get("provisioningState", "")) if isinstance(properties, dict) else ""


def _reason(found: Mapping[str, Any]) -> str:
    error = found.get("errorInfo") or found.get("error") or {}
    if not isinstance(error, dict):
        return redact(str(error))[:900]
    details = error.get("details") or []
    inner = [str(one.get("message", "")) for one in details if isinstance(one, dict)]
    said = dict.fromkeys(filter(None, (str(error.get("code") or ""), str(error.get("message") or ""), *inner)))
    return redact(": ".join(said))[:900] or "it gave no reason"
