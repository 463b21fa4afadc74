"""Joins the domain to storage and services: a new service is one line in `TRAINERS` or `ENDPOINTS`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import msgspec

from retrain.errors import PermanentError
from retrain.findings import examined, fail, ok
from retrain.model import Model
from retrain.ports import Blobs, Diagnosis, Endpoint, Ports, Registry, Trainer
from shared.configuration import ConfiguredModels, from_blobs, from_file
from shared.kinds import Kinds, client_of
from shared.recent import Recent
from shared.services.credentials import references, secret
from shared.services.outside import Outside
from shared.settings import Settings
from shared.storage.accounts import Storage

TRAINERS = Kinds(
    {
        "studio-batch": "shared.services.studio.batch:StudioBatch",
        "data-factory": "shared.services.data_factory.trainer:DataFactory",
        "pipeline-endpoint": "shared.services.designer.pipeline_endpoint:PipelineEndpoint",
        "azureml-batch": "shared.services.azureml.trainer:AzureMlTrainer",
    }
)
ENDPOINTS = Kinds(
    {
        "studio-classic": "shared.services.studio.classic:StudioClassic",
        "studio-service": "shared.services.studio_service.endpoint:StudioService",
        "model-pointer": "shared.services.designer.model_pointer:ModelPointer",
        "azureml-batch": "shared.services.azureml.endpoint:AzureMlEndpoint",
        "azureml-online": "shared.services.azureml.online:AzureMlOnline",
    }
)

CLIENTS = 128
"""So many clients are kept: those of the targets that were at work last."""


class ConfiguredServices:
    """Clients by their settings, so that targets of one service share its client. Satisfies `retrain.ports.Services`.

    As many as `CLIENTS` are kept; another target's is made when it is needed, over the same connections.
    """

    def __init__(self, blobs: Blobs, env: Mapping[str, str]) -> None:
        self._blobs, self._env = blobs, env
        self._clients: Recent[Any] = Recent(CLIENTS)

    def trainer(self, model: Model) -> Trainer:
        """Raises BadConfiguration when a secret it names cannot be had."""
        client: Trainer = self._client(model.trainer)
        return client

    def endpoint(self, model: Model) -> Endpoint:
        """Raises BadConfiguration when a secret it names cannot be had."""
        client: Endpoint = self._client(model.endpoint)
        return client

    def registry(self, model: Model) -> Registry | None:
        """The trainer's, or else the endpoint's. Raises BadConfiguration."""
        for settings in (model.trainer, model.endpoint):
            if getattr(settings, "registry", ""):
                registry: Registry | None = self._client(settings).registry
                return registry
        return None

    def secrets(self, model: Model) -> Iterator[Diagnosis]:
        """Reads every secret once, and forgets it. Whether it is the right one is the service's to say."""
        for role, settings in (("trainer", model.trainer), ("endpoint", model.endpoint)):
            for key, reference in references(settings):
                yield from examined(role, partial(self._secret, role, key, reference))

    def _secret(self, role: str, key: str, reference: str) -> Iterator[Diagnosis]:
        try:
            secret(reference, self._env)()
        except PermanentError as error:
            yield fail(role, f"{key} = {reference!r}: {error}")
        else:
            yield ok(role, f"{key} = {reference!r} is there")

    def _client(self, settings: Any) -> Any:
        known_by = (type(settings), msgspec.json.encode(settings))
        return self._clients.get(known_by, lambda: client_of(type(settings)).of(settings, self._blobs, self._env))


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)


def wire(env: Mapping[str, str]) -> Ports:
    """Everything outside, as the environment names it. Raises BadConfiguration."""
    settings = Settings.from_env(env)
    storage = Storage.from_env(env, settings.storage)
    ledger = storage.ledger(settings.ledger_table, settings.open_buckets)
    texts = from_file(Path(settings.models_file)) if settings.models_file else from_blobs(storage.blobs)
    models = ConfiguredModels(
        texts,
        ledger,
        trainers=TRAINERS,
        endpoints=ENDPOINTS,
    )
    services = ConfiguredServices(storage.blobs, env)
    return Ports(ledger, storage.blobs, storage.queues, models, services, Outside(settings.callback_hosts), now)


@cache
def ports() -> Ports:
    """The app's own ports, made when the first trigger fires: indexing needs none of them."""
    return wire(os.environ)
