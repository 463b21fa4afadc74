"""Where model configurations come from: `config/models/*.toml` in storage, or one file on this machine.

What they mean is in `retrain.model`, how they are read and checked in `retrain.configuration`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from retrain.configuration import Kinds, read
from retrain.errors import BadConfiguration, NotFound
from retrain.model import Model
from retrain.ports import Blobs, Ledger
from shared.recent import Recent

FRESH = 60.0  # seconds for which a configuration is used before it is looked at again
FOLDER = ("config", "models/")
RESOLVED = 256  # models of single keys that are kept ready

Texts = Mapping[str, tuple[str, str]]
"""By source: its version, and its text."""


class ConfiguredModels:
    """The models of an app (the port `Models`): read again at most once a minute, parsed when changed."""

    def __init__(
        self,
        texts: Callable[[Texts], Texts],
        ledger: Ledger,
        *,
        trainers: Kinds,
        endpoints: Kinds,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._texts, self._ledger, self._clock = texts, ledger, clock
        self._kinds = {"trainers": trainers, "endpoints": endpoints}
        self._lock = threading.Lock()
        self._known: Texts = {}
        self._models: dict[str, Model] = {}
        self._resolved: Recent[Model] = Recent(RESOLVED)
        self._broken: BadConfiguration | None = None
        self._read_at = float("-inf")

    def get(self, target: str) -> Model:
        """The model of a target.

        Raises:
            NotFound: no such model, or no such key of it; says which there are.
            BadRequest: the model has keys, and none is named.
            BadConfiguration: the configuration has mistakes; names every one.
        """
        name, colon, key = target.partition(":")
        entry = self.entry(name if key or not colon else target)
        return self._resolved.get((entry.sha, entry.since, target), lambda: entry.at(key)) if key else entry.at(key)

    def entry(self, name: str) -> Model:
        """The entry of this name, as it is written.

        Raises:
            NotFound: no such model; names those there are.
            BadConfiguration: the configuration has mistakes; names every one.
        """
        models = self._current()
        if name not in models:
            if self._broken is not None:
                raise self._broken
            known = ", ".join(sorted(models)) or "none is configured"
            raise NotFound(f"there is no model {name!r}; there are: {known}")
        return models[name]

    def all(self) -> Sequence[Model]:
        """Every usable entry, by name."""
        return [model for _, model in sorted(self._current().items())]

    def problems(self) -> Sequence[str]:
        """Every mistake, with its file and line."""
        self._current()
        return self._broken.problems if self._broken else ()

    def _current(self) -> dict[str, Model]:
        with self._lock:
            if self._clock() - self._read_at > FRESH:
                self._refresh()
            return self._models

    def _refresh(self) -> None:
        texts = self._texts(self._known)
        if texts != self._known:
            self._models, self._broken = self._parse(texts)
            self._resolved.clear()
            self._known = texts
        self._read_at = self._clock()

    def _parse(self, texts: Texts) -> tuple[dict[str, Model], BadConfiguration | None]:
        models: dict[str, Model] = {}
        problems: list[str] = []
        for source, (_, text) in sorted(texts.items()):
            try:
                found = read(text, **self._kinds)
            except BadConfiguration as error:
                problems += [f"{source}: {problem}" for problem in error.problems]
                continue
            for name in found.keys() & models.keys():
                problems.append(f"{source}: model {name!r} is configured a second time")
            models |= {name: self._dated(model) for name, model in found.items()}
        listed = "".join(f"\n  {problem}" for problem in problems)
        broken = BadConfiguration(f"the configuration has mistakes; correct them all:{listed}", tuple(problems))
        return models, broken if problems else None

    def _dated(self, model: Model) -> Model:
        """Data from before a configuration was first read is history, unless `since` says otherwise."""
        if model.since is not None:
            return model
        first = self._ledger.note(model.name, "since", datetime.now(UTC).isoformat())
        return msgspec.structs.replace(model, since=datetime.fromisoformat(first))


def from_file(path: Path) -> Callable[[Texts], Texts]:
    """Reads one models.toml. A missing file is a mistake in the settings, so it is said at once."""

    def texts(_: Texts) -> Texts:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise BadConfiguration(
                f"RETRAIN_MODELS_FILE={path}: {error.strerror}; name an existing models.toml"
            ) from error
        return {path.name: (text, text)}

    return texts


def from_blobs(blobs: Blobs) -> Callable[[Texts], Texts]:
    """Reads `config/models/*.toml`; a file is fetched again only when its ETag changed."""

    def texts(known: Texts) -> Texts:
        listed = [info for info in blobs.list(*FOLDER) if info.blob.endswith(".toml")]
        return {
            info.blob: known[info.blob]
            if info.blob in known and known[info.blob][0] == info.etag
            else (info.etag, blobs.read(info.blob).decode())
            for info in listed
        }

    return texts
