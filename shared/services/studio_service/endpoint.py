"""Serving by "new" web services of Studio, resources of Azure Resource Manager: the port `Endpoint`.

A slot is one web service, named by its resource address; staging is a sibling of it. Resource Manager is called in
`management`, definitions are rewritten in `definition`, where models lie is known to `models`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote, unquote

from retrain.decoding import from_json
from retrain.errors import AccessDenied, BadConfiguration, NotFound
from retrain.ports import Begun, Blobs, Deployed, Diagnosis, JobState, JobStatus, Rows, Slot
from retrain.run import Artifact
from shared.redact import redact
from shared.services import credentials, urls
from shared.services.arm import Arm
from shared.services.credentials import Secret, Token, identity_token
from shared.services.http import Http
from shared.services.stagings import many, one_each, staging_problems
from shared.services.studio.blobs import Sign
from shared.services.studio.runtime import ScoringSettings, StudioScoring
from shared.services.studio.web_services import Studio, address_problem
from shared.services.studio_service.definition import Asset, Definition, difference
from shared.services.studio_service.examine import Examination
from shared.services.studio_service.management import READ_ONLY, Service, runtime_of, service_url, unshown
from shared.services.studio_service.models import CONTAINER, ServiceModels

KEEP = 120.0
"""Seconds for which a service's address and keys are remembered; its model never is."""


class StudioServiceSettings(ScoringSettings, frozen=True, kw_only=True):
    """`[models.NAME.endpoint]` with kind = "studio-service".

    `production` and `staging` are resource addresses (…/providers/Microsoft.MachineLearning/webServices/NAME). API keys
    are asked for at Resource Manager unless `production_key` and `staging_key` refer to them. `asset` is needed only
    where the definition has several trained models. `update` = "put" needs `storage_key`, a reference to the service's
    storage key, and `plan`, the resource id of its commitment plan. `models` refers to a connection string of the
    service's storage account, where that is not ours; models are then copied into its `container`.
    """

    per_key: ClassVar[tuple[str, ...]] = ("production",)
    """Settings that must differ from key to key, where a model has keys."""

    production: str
    production_key: str | None = None
    staging: str | tuple[str, ...] = ()
    staging_key: str | tuple[str, ...] = ()
    asset: str | None = None
    update: Literal["patch", "put"] = "patch"
    api_version: Literal["2017-01-01", "2016-05-01-preview"] = "2017-01-01"
    storage_key: str | None = None
    plan: str | None = None
    models: str | None = None
    container: str = CONTAINER

    def problems(self) -> list[str]:
        """What cannot work, before anything is called."""
        references = {"production_key": self.production_key, "storage_key": self.storage_key, "models": self.models}
        found = [
            address_problem(service_url, "production", self.production),
            *(address_problem(service_url, "staging", url) for url in self.stagings),
            *(credentials.reference_problem(name, one) for name, one in references.items() if one is not None),
            *(credentials.reference_problem("staging_key", key) for key in many(self.staging_key)),
        ]
        found += staging_problems(self.production, self.stagings, "a web service")
        if many(self.staging_key) and len(many(self.staging_key)) not in (1, len(self.stagings)):
            found.append(f"staging_key: give none, one, or one for each of the {len(self.stagings)} staging services")
        if self.update == "put" and not (self.storage_key and self.plan):
            found.append('update = "put" needs storage_key and plan: PUT requires both, and the service shows neither')
        return [problem for problem in (*found, *super().problems()) if problem]

    @property
    def stagings(self) -> tuple[str, ...]:
        """The staging services, in order of preference."""
        return many(self.staging)

    @property
    def keys(self) -> dict[str, str]:
        """References to keys by address of the service, where there are any."""
        staged = one_each(self.staging_key, self.stagings)
        found = dict(zip(map(service_url, self.stagings), staged, strict=False))
        return found | ({service_url(self.production): self.production_key} if self.production_key else {})


class StudioService(StudioScoring):
    """The port `Endpoint`."""

    def __init__(
        self,
        settings: StudioServiceSettings,
        sign: Sign,
        *,
        keys: Mapping[str, Secret],
        models: ServiceModels,
        storage_key: Secret | None = None,
        token: Token = identity_token,
    ) -> None:
        super().__init__(settings, sign)
        self._settings = settings
        self._http = Http(settings.production, *settings.stagings)
        self._arm = Arm(self._http, token)
        self._given, self._models, self._storage_key = keys, models, storage_key
        self._kept: dict[str, tuple[float, str, str]] = {}  # by slot: until when, where it answers, its key

    @classmethod
    def of(
        cls,
        settings: StudioServiceSettings,
        blobs: Blobs,
        env: Mapping[str, str] | None = None,
        token: Token = identity_token,
    ) -> Self:
        """A client with what its settings refer to. Raises BadConfiguration."""
        return cls(
            settings,
            blobs.sign,
            keys={url: credentials.secret(key, env) for url, key in settings.keys.items()},
            models=ServiceModels.of(blobs.sign, settings.models, settings.container, env),
            storage_key=credentials.secret(settings.storage_key, env) if settings.storage_key else None,
            token=token,
        )

    def production(self) -> Slot:
        """The web service that users call."""
        return Slot(name="production", url=service_url(self._settings.production))

    def staging(self) -> Sequence[Slot]:
        """Siblings where a candidate may be tried."""
        return tuple(Slot(name="staging", url=service_url(url)) for url in self._settings.stagings)

    def definition(self, slot: Slot) -> Definition:
        """What the service is now, as it says: fit to be kept, for it holds no secret."""
        return self._service(slot).get()

    def record(self, slot: Slot) -> bytes:
        """The definition, exported; a signature that whoever deployed it left in an address is hidden."""
        return redact(str(self.definition(slot))).encode()

    def current(self, slot: Slot) -> Deployed:
        """Which trained model its definition names."""
        return _deployed(self.definition(slot).model(self._settings.asset))

    def artifact(self, slot: Slot) -> Iterator[bytes]:
        """The bytes of that model. Raises NotFound; AccessDenied where we may not read the service's account."""
        uri = self.current(slot).location
        address, opened = self._models.open(uri)
        if opened is not None:
            return opened
        return self._http.download(address, "Its blob is gone from our storage; this model can no longer be copied.")

    def preview(self, slot: Slot, artifact: Artifact) -> dict[str, object]:
        """How, where, and what of the definition `begin` would change."""
        found = self.definition(slot)
        asset = found.model(self._settings.asset)
        return self._change(slot, found, asset, self._models.address(artifact.blob, found.account))

    def begin(self, slot: Slot, artifact: Artifact) -> Begun:
        """Lays the model where the service reads, and sends the definition that names it.

        Raises:
            BadConfiguration: readOnly, an unknown asset, a storage account out of reach. AccessDenied: no rights.
            Unavailable: another change goes on.
        """
        service = self._service(slot)
        found = service.get()
        asset = found.model(self._settings.asset)
        if found.value("properties", "readOnly") is True:
            raise BadConfiguration(f"update {slot.url}: {READ_ONLY}")
        uri = self._models.lay(artifact.blob, found.account)
        operation = service.update(self._settings.update.upper(), self._body(service, found, asset, uri))
        change = self._change(slot, found, asset, uri)
        return Begun(before=_deployed(asset), after=change, operation=f"{operation}#{quote(uri, safe='')}")

    def check(self, slot: Slot, operation: str) -> JobStatus:
        """How far it is; done only when the service, read again, names the model that was asked for."""
        url, _, uri = operation.partition("#")
        try:
            status = self._service(slot).look(url)
        except NotFound:  # operations are forgotten some day; the service itself still tells
            status = JobStatus(state=JobState.SUCCEEDED)
        return self._read_back(slot, unquote(uri)) if status.state is JobState.SUCCEEDED else status

    def examine(self) -> Iterator[Diagnosis]:
        """Production and each staging service, seen from Resource Manager and the runtime; changes nothing."""
        asset, accounts = self._settings.asset, self._models.accounts()
        looks = Examination(self.definition, self._place, self._arm, asset, accounts)
        return looks.findings((self.production(), *self.staging()))

    def _read_back(self, slot: Slot, uri: str) -> JobStatus:
        found = self.definition(slot)
        state = str(found.value("properties", "provisioningState") or "").lower()
        if state == "provisioning":
            return JobStatus(state=JobState.RUNNING)
        shown = found.model(self._settings.asset).uri
        if state == "failed" or shown != uri:
            wrong = f"it is {state or 'done'}, and {slot.url} names {urls.plain(shown)} instead of {urls.plain(uri)}"
            return JobStatus(state=JobState.FAILED, details=f"read the definition again: {wrong}")
        self._kept.pop(slot.url, None)
        return JobStatus(state=JobState.SUCCEEDED)

    def _change(self, slot: Slot, found: Definition, asset: Asset, uri: str) -> dict[str, object]:
        before, after = (from_json(redact(str(one)).encode(), dict) for one in (found, found.with_model(asset, uri)))
        changes = list(difference(before, after))
        return {"method": self._settings.update.upper(), "url": self._service(slot).url, "changes": changes}

    def _body(self, service: Service, found: Definition, asset: Asset, uri: str) -> dict[str, Any]:
        if self._settings.update == "patch":
            return found.patch(asset, uri)
        secret = self._storage_key() if self._storage_key else ""
        return found.with_model(asset, uri).put(unshown(service.keys(), secret, self._settings.plan or ""))

    def _service(self, slot: Slot) -> Service:
        return Service(self._arm, slot.url, self._settings.api_version)

    def _score(self, slot: Slot, url: str, rows: Rows) -> list[float]:
        try:
            return super()._score(slot, url, rows)
        except AccessDenied:
            if slot.url in self._given or self._kept.pop(slot.url, None) is None:
                raise
            return super()._score(slot, url, rows)  # its keys may have been changed since we asked for them

    def _studio(self, slot: Slot) -> Studio:
        given = self._given.get(slot.url)
        return Studio(self._http, given or Secret(f"listKeys of {slot.url}", lambda: self._known(slot)[1]))

    def _place(self, slot: Slot) -> tuple[Studio, str]:
        return self._studio(slot), self._runtime(slot)

    def _runtime(self, slot: Slot) -> str:
        return self._known(slot)[0]

    def _known(self, slot: Slot) -> tuple[str, str]:
        """Where a slot answers, and its key (empty where one was given)."""
        until, url, key = self._kept.get(slot.url, (0.0, "", ""))
        if time.monotonic() < until:
            return url, key
        service, key = self._service(slot), ""
        url = runtime_of(service.get(), self._http, slot.url)
        if slot.url not in self._given:
            keys = service.keys()
            key = keys.primary or keys.secondary
        self._kept[slot.url] = (time.monotonic() + KEEP, url, key)
        return url, key


def _deployed(asset: Asset) -> Deployed:
    return Deployed(resource=asset.name, location=urls.plain(asset.uri))
