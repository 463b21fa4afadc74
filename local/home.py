"""The folder in which `make up` remembers, `.local/up`: its files, and who may write them when.

Starting and stopping is `local.up`; deploying one's own model into it is `local.own`.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from cli.problems import Problem
from local.stack import ROOT

UP = ROOT / ".local" / "up"


class Connection(msgspec.Struct, frozen=True):
    """Where the running stack can be reached: addresses of the app and of Studio, the storage's connection string."""

    retrain: str
    studio: str
    storage: str
    pid: int


class Home:
    """One such folder. `models` and `settings` are meant to be edited by people."""

    def __init__(self, folder: Path = UP) -> None:
        self.folder = folder
        self.models = folder / "models.toml"
        self.settings = folder / "local.settings.json"
        self.samples = folder / "samples"
        self._connection = folder / "connection.json"

    @contextmanager
    def owned(self) -> Iterator[None]:
        """For whoever runs the stack: one at a time. Raises Problem when it runs already."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "running.lock").open("a") as lock:
            if not _take(lock, wait=False):
                found = self._read_connection()
                where = f" at {found.retrain} (process {found.pid})" if found else ""
                raise Problem(f"the local stack runs already{where}; stop that one with Ctrl-C first")
            yield

    @property
    def running(self) -> bool:
        """Whether somebody runs the stack of this folder."""
        try:
            with (self.folder / "running.lock").open("r") as lock:
                return not _take(lock, wait=False)
        except FileNotFoundError:
            return False

    def connection(self) -> Connection:
        """Where it runs. Raises Problem when it does not."""
        found = self._read_connection()
        if found is None or not self.running:
            raise Problem("no local stack is running here; start it with `make up` and leave it running")
        return found

    def last_connection(self) -> Connection | None:
        """Where it ran when it was last started."""
        return self._read_connection()

    def connect(self, connection: Connection) -> None:
        """Notes where it runs now."""
        write(self._connection, msgspec.json.format(msgspec.json.encode(connection)))

    def names(self) -> set[str]:
        """The models that are configured. Raises Problem when the file is no TOML."""
        if not self.models.exists():
            return set()
        try:
            return set(tomllib.loads(self.models.read_text(encoding="utf-8")).get("models", {}))
        except tomllib.TOMLDecodeError as error:
            raise Problem(f"{self.models} is not TOML: {error}; correct it first") from error

    def values(self) -> dict[str, str]:
        """The app's settings. Raises Problem when the file cannot be read."""
        if not self.settings.exists():
            return {}
        try:
            values: dict[str, Any] = msgspec.json.decode(self.settings.read_bytes(), type=dict).get("Values") or {}
        except (msgspec.DecodeError, AttributeError) as error:
            raise Problem(f"{self.settings} is not a JSON object with Values: {error}; correct it") from error
        return {name: str(value) for name, value in values.items()}

    def add(self, toml: str, keys: Mapping[str, str]) -> None:
        """Adds a model and its keys: the configuration first, because changed settings restart the app."""
        with self._changing():
            before = self.models.read_text(encoding="utf-8") if self.models.exists() else ""
            write(self.models, f"{before.rstrip()}\n\n{toml.strip()}\n".lstrip().encode())
            self._set(keys)

    def set(self, values: Mapping[str, str]) -> None:
        """Changes settings."""
        with self._changing():
            self._set(values)

    def move_models(self, old: str, new: str) -> None:
        """Models point at Studio's new address after it had to take another port."""
        with self._changing():
            text = self.models.read_text(encoding="utf-8")
            write(self.models, text.replace(f'"{old}/', f'"{new}/').encode())

    def _set(self, values: Mapping[str, str]) -> None:
        content = {"IsEncrypted": False, "Values": {**self.values(), **values}}
        write(self.settings, msgspec.json.format(msgspec.json.encode(content)))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with (self.folder / "changing.lock").open("a") as lock:
            _take(lock, wait=True)
            yield

    def _read_connection(self) -> Connection | None:
        try:
            return msgspec.json.decode(self._connection.read_bytes(), type=Connection)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


def write(path: Path, content: bytes) -> None:
    """Replaces a file in one step, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # made with mode 0600
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    Path(name).replace(path)


def _take(lock: IO[str], *, wait: bool) -> bool:
    """Locks an open file until it is closed; False when another process holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
