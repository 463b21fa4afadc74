"""Endpoint management of a Studio (classic) web service: look, list, create, PATCH, refresh, delete.

Prefix of every address: https://[region.]management.azureml.net/workspaces/{W}/webservices/{S}/endpoints/{name}. The
key is the endpoint's own, or the workspace's authorization token.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from retrain.errors import BadConfiguration, BadRequest
from shared.services.http import Http
from shared.services.studio.blobs import BlobReference
from shared.services.studio.web_services import COMMON, Advice, Studio, explained, management_url
from shared.services.urls import related

NAME = re.compile(r"[a-z0-9]{1,24}")

DEFAULT_ADVICE = (
    "The default endpoint refuses PATCH: it stays bound to its experiment. Create another endpoint on the scoring web "
    "service (`retrain endpoints create`) and configure that one, with its own key."
)
TRAINING_ADVICE = (
    "This looks like a training web service: it has no updatable resource. Configure an endpoint of the predictive "
    "(scoring) web service; its name usually ends in [predictive exp.]."
)
_REFUSED = (
    "The service refused the update. Likely causes: the default endpoint (create another one), a training web service "
    "(use the predictive one), PreventUpdate, or a resource name that is not exactly the endpoint's."
)
PATCHING: Advice = {
    **COMMON,
    "UpdateWebServiceResourceFailed": (BadConfiguration, _REFUSED),
    "InvalidWebServiceResources": (BadConfiguration, _REFUSED),
}


_FREE = (
    "If the workspace is a free one: it takes three endpoints of a web service, the default one included, with four "
    "calls at a time; more need a standard workspace."
)
CREATING: Advice = {
    **COMMON,
    "400": (None, _FREE),
    "UpdateWebServiceResourceFailed": (BadConfiguration, _FREE),
    "409": (None, "There is an endpoint of that name; choose another, or use that one."),
    "WebServiceTypeInvalid": (BadConfiguration, TRAINING_ADVICE),
}


class Resource(msgspec.Struct, frozen=True, rename="pascal"):
    """What can be replaced behind an endpoint: a trained model, by the name it has in the predictive experiment."""

    name: str = ""
    kind: str | None = None
    location: BlobReference | None = None


class EndpointInfo(msgspec.Struct, frozen=True, rename="pascal"):
    """An endpoint as management describes it. Members that some services leave out have defaults."""

    name: str = ""
    description: str | None = None
    web_service_id: str | None = None
    api_location: str | None = None
    help_location: str | None = None
    primary_key: str | None = None
    secondary_key: str | None = None
    prevent_update: bool | None = None
    max_concurrent_calls: int | None = None
    throttle_level: str | None = None
    resources: list[Resource] | None = None

    def __repr__(self) -> str:
        return f"EndpointInfo({self.name!r}, {self.api_location!r})"


class New(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """The body that creates an endpoint. `Low` always means four concurrent calls; `High` takes 1 to 200."""

    description: str = ""
    throttle_level: str = "Low"
    max_concurrent_calls: int | None = None
    prevent_update: bool = False


class Management:
    """The endpoints of one web service, seen from the address of one of them."""

    def __init__(self, studio: Studio, url: str) -> None:
        self.url = management_url(url)
        self._studio = studio

    def show(self, name: str = "") -> EndpointInfo:
        """One endpoint; without a name, the one of our address. Raises NotFound, AccessDenied."""
        url = self._at(name)
        return self._studio.call("GET", url, f"look at endpoint {url}").json(EndpointInfo)

    def list(self) -> list[EndpointInfo]:
        """Every endpoint of the web service."""
        url = self._endpoints()
        return self._studio.call("GET", url, f"list endpoints of {url}").json(list[EndpointInfo])

    def create(self, name: str, *, description: str = "", calls: int | None = None) -> EndpointInfo:
        """A new endpoint with a copy of the default one's model and its own keys; `calls` at a time, 1 to 200.

        Raises:
            BadRequest: a name that is not 1 to 24 lowercase letters and digits, or is `default`.
        """
        if not NAME.fullmatch(name) or name == "default":
            raise BadRequest(f"create endpoint {name!r}: use 1 to 24 lowercase letters and digits, and not `default`")
        if calls is not None and not 1 <= calls <= 200:
            raise BadRequest(f"create endpoint {name!r}: {calls} concurrent calls; choose 1 to 200")
        new = New(description=description, throttle_level="High" if calls else "Low", max_concurrent_calls=calls)
        body = {**msgspec.to_builtins(new), "WebServiceId": self.url.split("/")[-3], "EndpointName": name}
        answer = self._studio.send("PUT", self._at(name), f"create endpoint {self._at(name)}", body, repeat=False)
        if not answer.ok:
            raise explained(answer, CREATING)
        return answer.json(EndpointInfo) if answer.body.strip() else self.show(name)

    def patch(self, body: dict[str, Any]) -> None:
        """Replaces resources of the endpoint. It shows in its answers after about half a minute."""
        self._studio.call("PATCH", self.url, f"PATCH endpoint {self.url}", body, PATCHING)

    def refresh(self, *, overwrite: bool) -> bool:
        """Takes the default endpoint's graph again, with its model too when `overwrite`; False when nothing changed."""
        body = {"OverwriteResources": str(overwrite)}
        answer = self._studio.call("POST", f"{self.url}/refresh", f"refresh endpoint {self.url}", body, PATCHING)
        return answer.status != 304

    def delete(self, name: str) -> None:
        """Removes an endpoint; the default one stays as long as there are others."""
        self._studio.call("DELETE", self._at(name), f"delete endpoint {self._at(name)}", None, PATCHING)

    def _endpoints(self) -> str:
        return self.url.rpartition("/")[0]

    def _at(self, name: str) -> str:
        return f"{self._endpoints()}/{name}" if name else self.url


def updatable(info: EndpointInfo, wanted: str | None) -> Resource:
    """The one resource that PATCH replaces.

    Raises:
        BadConfiguration: none, several without a choice, or no such name; lists those there are.
    """
    there = info.resources or []
    listed = ", ".join(repr(resource.name) for resource in there)
    if not there:
        raise BadConfiguration(f"endpoint {info.name!r} has no updatable resource. {TRAINING_ADVICE}")
    if wanted is None and len(there) > 1:
        raise BadConfiguration(f"endpoint {info.name!r} has several resources: {listed}; set `resource` to one of them")
    for resource in there:
        if wanted in (None, resource.name):
            return resource
    raise BadConfiguration(
        f"endpoint {info.name!r} has no resource {wanted!r}; it has {listed}. Copy the name exactly, case matters."
    )


def runtime_of(info: EndpointInfo, http: Http, management: str) -> str:
    """Where this endpoint answers, its host allowed from now on.

    Raises:
        BadConfiguration: the address is missing, or leads to a domain other than the management's.
    """
    found = (info.api_location or "").rstrip("/")
    if not found:
        raise BadConfiguration(f"endpoint {info.name!r} at {management} does not say where it answers (ApiLocation)")
    if not related(management, found):
        raise BadConfiguration(f"endpoint {info.name!r} answers at {found}, not in the domain of {management}; refused")
    http.allow(found)
    return found
