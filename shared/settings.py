"""The app's settings, read once from the environment. Secrets are not here: configuration names them (`env:NAME`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from retrain.errors import BadConfiguration

_HOST = re.compile(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """Every setting of the app, as in local.settings.sample.json. docs/configuration.md explains each."""

    storage: str = "AzureWebJobsStorage"
    """Name of the storage connection, as triggers name it."""
    models_file: str = ""
    """A models.toml on this machine; without it models are read from `config/models/` in storage."""
    ledger_table: str = "ledger"
    open_buckets: int = 1
    callback_hosts: tuple[str, ...] = (".datafactory.azure.com",)
    """Hosts that may be called back, or ends of their names that begin with a dot; none when it is set to nothing."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Settings:
        """Raises BadConfiguration, naming everything that is missing or wrong at once."""
        storage = cls.storage
        problems = []
        if not any(name == storage or name.startswith(f"{storage}__") for name in env):
            problems.append(f"{storage} (or {storage}__accountName with an identity) is not set")
        buckets = env.get("RETRAIN_OPEN_BUCKETS", "1")
        if not buckets.isdecimal() or not 1 <= int(buckets) <= 64:
            problems.append(f"RETRAIN_OPEN_BUCKETS={buckets!r} must be a number from 1 to 64")
        hosts = _hosts(env.get("RETRAIN_CALLBACK_HOSTS", ",".join(cls.callback_hosts)))
        problems += [
            f"RETRAIN_CALLBACK_HOSTS: {host!r} is no name of a host, such as build.example.com, nor the end of one, "
            "such as .example.com"
            for host in hosts
            if not _HOST.fullmatch(host)
        ]
        if problems:
            raise BadConfiguration("; ".join(problems) + " (see local.settings.sample.json)", tuple(problems))
        return cls(
            storage=storage,
            models_file=env.get("RETRAIN_MODELS_FILE", ""),
            ledger_table=env.get("RETRAIN_LEDGER_TABLE", cls.ledger_table),
            open_buckets=int(buckets),
            callback_hosts=hosts,
        )


def _hosts(text: str) -> tuple[str, ...]:
    return tuple(host.strip() for host in text.split(",") if host.strip())
