"""Serving by endpoints of a Studio (classic) scoring web service: the port `Endpoint`.

A slot is one endpoint, named by its management (PATCH) address; where it answers is asked there (ApiLocation).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Self

import msgspec

from retrain.errors import AccessDenied, BadConfiguration, NotFound
from retrain.ports import Begun, Blobs, Deployed, Diagnosis, JobState, JobStatus, Slot
from retrain.run import Artifact
from shared.services import credentials
from shared.services.http import Http
from shared.services.stagings import many, one_each, staging_problems
from shared.services.studio.blobs import BlobReference, Sign, readable
from shared.services.studio.classic_examine import Examination
from shared.services.studio.management import DEFAULT_ADVICE, EndpointInfo, Management, Resource, runtime_of, updatable
from shared.services.studio.runtime import ScoringSettings, StudioScoring
from shared.services.studio.web_services import Studio, address_problem, management_url

KEEP = 120.0
"""Seconds for which an endpoint's address is remembered; its model never is."""

MODEL_LIFETIME = timedelta(hours=24)
"""Of the SAS in a PATCH: as long as those that the service itself gave for trained models."""


class StudioClassicSettings(ScoringSettings, frozen=True, kw_only=True):
    """`[models.NAME.endpoint]` with kind = "studio-classic".

    `production` and `staging` are PATCH URLs (…/webservices/S/endpoints/NAME), with a reference to each one's own API
    key; one `staging_key` serves all staging endpoints, or there are as many as endpoints. `resource` is needed only
    where an endpoint has several.
    """

    per_key: ClassVar[tuple[str, ...]] = ("production",)
    """Settings that must differ from key to key, where a model has keys."""

    production: str
    production_key: str
    staging: str | tuple[str, ...] = ()
    staging_key: str | tuple[str, ...] = ()
    resource: str | None = None

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        found = [
            address_problem(management_url, "production", self.production),
            credentials.reference_problem("production_key", self.production_key),
            *(address_problem(management_url, "staging", url) for url in self.stagings),
            *(credentials.reference_problem("staging_key", key) for key in many(self.staging_key)),
        ]
        if self.production.rstrip("/").endswith("/endpoints/default"):
            found.append(f"production is a default endpoint. {DEFAULT_ADVICE}")
        if any(url.rstrip("/").endswith("/endpoints/default") for url in self.stagings):
            found.append(f"staging is a default endpoint. {DEFAULT_ADVICE}")
        found += staging_problems(self.production, self.stagings, "an endpoint")
        if self.stagings and len(many(self.staging_key)) not in (1, len(self.stagings)):
            found.append(f"staging_key: give one key, or one for each of the {len(self.stagings)} staging endpoints")
        return [problem for problem in (*found, *super().problems()) if problem]

    @property
    def stagings(self) -> tuple[str, ...]:
        """The staging endpoints, in order of preference."""
        return many(self.staging)

    @property
    def keys(self) -> dict[str, str]:
        """References to keys by management address."""
        keys, places = one_each(self.staging_key, self.stagings), (self.production, *self.stagings)
        return {management_url(url): key for url, key in zip(places, (self.production_key, *keys), strict=True)}


class StudioClassic(StudioScoring):
    """The port `Endpoint`."""

    def __init__(
        self,
        settings: StudioClassicSettings,
        keys: Mapping[str, credentials.Secret],
        sign: Sign,
        http: Http | None = None,
    ) -> None:
        super().__init__(settings, sign)
        self._settings = settings
        self._http = http or Http(*keys)
        self._studios = {url: Studio(self._http, key) for url, key in keys.items()}
        self._runtimes: dict[str, tuple[float, str]] = {}

    @classmethod
    def of(cls, settings: StudioClassicSettings, blobs: Blobs, env: Mapping[str, str] | None = None) -> Self:
        """A client with the keys its settings refer to. Raises BadConfiguration."""
        return cls(settings, {url: credentials.secret(key, env) for url, key in settings.keys.items()}, blobs.sign)

    def production(self) -> Slot:
        """The endpoint that users call."""
        return Slot(name="production", url=management_url(self._settings.production))

    def staging(self) -> Sequence[Slot]:
        """Endpoints where a candidate may be tried."""
        return tuple(Slot(name="staging", url=management_url(url)) for url in self._settings.stagings)

    def management(self, slot: Slot) -> Management:
        """Endpoint management of a slot's web service: list, create, refresh. Raises BadConfiguration: not our slot."""
        return Management(self._studio(slot), slot.url)

    def current(self, slot: Slot) -> Deployed:
        """Which model the service says is behind the slot."""
        return _deployed(self._resource(slot))

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of that model."""
        resource = self._resource(slot)
        location = resource.location or BlobReference()
        asked = f"download {resource.name!r} from {location.address or slot.url}"
        if not location.address:
            raise NotFound(f"{asked}: the service does not say where it is. Keep a copy of the .ilearner yourself.")
        url = readable(location, self._sign)
        if not url:
            raise AccessDenied(f"{asked}: the service gives no SAS to read it. Keep a copy of the .ilearner yourself.")
        self._http.allow(url)
        advice = "The SAS that the service shows has expired or its blob is gone; this model can no longer be copied."
        return self._http.fetch(url, asked=asked, advice=advice)

    def record(self, slot: Slot) -> bytes:
        """Empty: a PATCH replaces the model's place, which the change itself remembers."""
        return b""

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """The PATCH body for this artifact, signature redacted."""
        return _body(self._resource(slot).name, self._reference(artifact).redacted())

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Sends the PATCH with a fresh SAS.

        Raises:
            BadConfiguration: a default endpoint, a training service, an unknown resource. AccessDenied: wrong key, or
            the service cannot read the blob. BadRequest: the blob is no model for this service.
        """
        resource = self._resource(slot)
        reference = self._reference(artifact)
        self.management(slot).patch(_body(resource.name, reference))
        return Begun(before=_deployed(resource), after=_body(resource.name, reference.redacted()))

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """Done: a PATCH that was taken has no operation to follow; `settle` says how long it may take to show."""
        return JobStatus(state=JobState.SUCCEEDED)

    def examine(self) -> Iterator[Diagnosis]:
        """Production and each staging endpoint, seen from the service; changes nothing."""
        return Examination(self._settings, self._studios, self._http).findings((self.production(), *self.staging()))

    def _resource(self, slot: Slot) -> Resource:
        info = self._look(slot)
        resource = updatable(info, self._settings.resource)  # first: a training service's only endpoint is a default
        if info.name == "default":
            raise BadConfiguration(f"{slot.url}: {DEFAULT_ADVICE}")
        return resource

    def _look(self, slot: Slot) -> EndpointInfo:
        info = self.management(slot).show()
        if info.api_location:
            self._runtimes[slot.url] = (time.monotonic() + KEEP, runtime_of(info, self._http, slot.url))
        return info

    def _runtime(self, slot: Slot) -> str:
        until, url = self._runtimes.get(slot.url, (0.0, ""))
        return url if time.monotonic() < until else runtime_of(self._look(slot), self._http, slot.url)

    def _studio(self, slot: Slot) -> Studio:
        if slot.url not in self._studios:
            raise BadConfiguration(f"{slot.url} is not (any more) an endpoint in this model's configuration")
        return self._studios[slot.url]

    def _reference(self, artifact: Artifact) -> BlobReference:
        return BlobReference.of(self._sign(artifact.blob, "r", MODEL_LIFETIME))


def _body(name: str, reference: BlobReference) -> dict[str, Any]:
    return {"Resources": [{"Name": name, "Location": msgspec.to_builtins(reference)}]}


def _deployed(resource: Resource) -> Deployed:
    return Deployed(resource=resource.name, location=resource.location.address if resource.location else "")
