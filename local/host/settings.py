"""App settings and host.json: where values come from and what they mean.

Order of precedence, as in Core Tools: `--set`, then the environment, then the Values of local.settings.json.
Not here: command line (options.py), connections to storage (storage.py).
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

HOST_SECTION = "AzureFunctionsJobHost__"


class SettingsError(Exception):
    """A setting or host.json is missing or wrong; the message names it."""


class QueueSettings(msgspec.Struct, frozen=True, rename="camel"):
    """host.json `extensions.queues`; durations are "hh:mm:ss" on the wire, seconds here."""

    batch_size: int = 16
    new_batch_threshold: int | None = None
    max_polling_interval: str = ""
    visibility_timeout: str = "00:00:00"
    max_dequeue_count: int = 5
    message_encoding: str = "base64"

    @property
    def threshold(self) -> int:
        """Fetch again when at most this many are running: half a batch for each core, unless set."""
        if self.new_batch_threshold is not None:
            return self.new_batch_threshold
        return self.batch_size // 2 * (os.cpu_count() or 1)

    @property
    def longest_poll(self) -> float:
        """Longest pause between two empty polls: 2 s in Development, else a minute."""
        if self.max_polling_interval:
            return max(seconds(self.max_polling_interval), 0.1)
        return 2.0 if os.environ.get("AZURE_FUNCTIONS_ENVIRONMENT") == "Development" else 60.0

    @property
    def delay_after_failure(self) -> int:
        """Seconds for which a failed message is hidden."""
        return int(seconds(self.visibility_timeout))


class BlobSettings(msgspec.Struct, frozen=True, rename="camel"):
    """host.json `extensions.blobs`."""

    max_degree_of_parallelism: int = 8 * (os.cpu_count() or 1)
    poison_blob_threshold: int = 5

    def as_queue(self, queues: QueueSettings) -> QueueSettings:
        """How the internal queue of blob events is read: with blob limits, and no delay after a failure."""
        parallel = self.max_degree_of_parallelism
        batch = min(32, parallel // 2 + 1)
        return QueueSettings(
            batch_size=batch,
            new_batch_threshold=parallel - batch,
            max_polling_interval=queues.max_polling_interval,
            max_dequeue_count=self.poison_blob_threshold,
        )


class HttpSettings(msgspec.Struct, frozen=True, rename="camel"):
    """host.json `extensions.http`."""

    route_prefix: str = "api"


class HostSettings(msgspec.Struct, frozen=True):
    """The parts of host.json that this host honours."""

    queues: QueueSettings = QueueSettings()
    blobs: BlobSettings = BlobSettings()
    http: HttpSettings = HttpSettings()
    log_level: str = "Information"


def load_app_settings(app: Path, settings: Path | None, overrides: Mapping[str, str]) -> None:
    """Put the settings file's Values and the overrides into os.environ.

    Raises SettingsError when a named file is missing or any file is not what Core Tools write.
    """
    os.environ.update(overrides)
    path = settings or app / "local.settings.json"
    if path.exists():
        for name, value in _values(path).items():
            os.environ.setdefault(name, value)
    elif settings is not None:
        raise SettingsError(f"settings file {path} does not exist; see --settings")
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")


def load_host_settings(app: Path, environment: Mapping[str, str]) -> HostSettings:
    """host.json with its environment overrides. Raises SettingsError when it is missing or holds a wrong value."""
    path = app / "host.json"
    if not path.exists():
        raise SettingsError(f"{path} does not exist: a function app needs host.json (at least {{'version': '2.0'}})")
    document = _override(_json(path), environment)
    extensions = _member(document, "extensions") or {}
    level = _member(_member(_member(document, "logging") or {}, "logLevel") or {}, "default") or "Information"
    parts = {name: _member(extensions, name) or {} for name in ("queues", "blobs", "http")}
    try:
        found = msgspec.convert({**parts, "log_level": level}, HostSettings, strict=False)
        _check(found)
    except (msgspec.ValidationError, ValueError) as error:
        raise SettingsError(f"{path}: extensions: {error}") from error
    return found


def host_id(app: Path, environment: Mapping[str, str]) -> str:
    """The id that keys receipts, timers and the internal queue: configured, else stable for machine and folder."""
    configured = environment.get("AzureFunctionsWebHost__hostid")
    if configured:
        return configured.lower()
    machine = re.sub(r"[^a-z0-9]", "", platform.node().lower())[:16] or "local"
    return f"{machine}-{hashlib.sha256(str(app.resolve()).encode()).hexdigest()[:10]}"


def resolve(text: str, environment: Mapping[str, str]) -> str:
    """`text` with each %NAME% replaced by that setting. Raises SettingsError for one that is not set."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in environment:
            raise SettingsError(f"{text!r} needs the app setting {match[1]!r}, which is not set")
        return environment[match[1]]

    return re.sub(r"%([^%]+)%", value, text)


def is_disabled(function: str, environment: Mapping[str, str]) -> bool:
    """Whether `AzureWebJobs.<function>.Disabled` switches the function off."""
    return environment.get(f"AzureWebJobs.{function}.Disabled", "").lower() in ("true", "1")


def seconds(span: str) -> float:
    """Seconds of a .NET TimeSpan "[d.]hh:mm:ss[.f]". Raises ValueError for anything else."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)", span)
    if not match:
        raise ValueError(f"{span!r} is not a duration like '00:00:30'")
    days, hours, minutes, rest = match.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def _check(host: HostSettings) -> None:
    if not 1 <= host.queues.batch_size <= 32:
        raise ValueError(f"queues.batchSize is {host.queues.batch_size}; it must be 1 to 32")
    if host.queues.message_encoding not in ("none", "base64"):
        raise ValueError(f"queues.messageEncoding is {host.queues.message_encoding!r}; it is 'none' or 'base64'")
    if host.blobs.max_degree_of_parallelism < 1 or host.queues.max_dequeue_count < 1:
        raise ValueError("blobs.maxDegreeOfParallelism and queues.maxDequeueCount must be 1 or more")
    seconds(host.queues.visibility_timeout)


def _values(path: Path) -> dict[str, str]:
    values = _json(path).get("Values") or {}
    return {name: str(value) for name, value in values.items()}


def _json(path: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict)
    except msgspec.DecodeError as error:
        raise SettingsError(f"{path} is not a JSON object: {error}") from error


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    for name, value in environment.items():
        if not name.lower().startswith(HOST_SECTION.lower()):
            continue
        *sections, last = name[len(HOST_SECTION) :].split("__")
        target = document
        for section in sections:
            target = target.setdefault(_spelled(target, section), {})
        target[_spelled(target, last)] = value
    return document


def _spelled(document: Mapping[str, Any], name: str) -> str:
    """The key of `document` that equals `name` but for case, as .NET configuration compares them."""
    fallback = name[:1].lower() + name[1:]
    return next((key for key in document if key.lower() == name.lower()), fallback)


def _member(document: Mapping[str, Any], name: str) -> Any:
    return document.get(_spelled(document, name))
