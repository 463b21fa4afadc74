"""What the stand-in remembers: records in SQLite, models and data sets as files. No rules here."""

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from local.services.engine.records import Record

R = TypeVar("R", bound=Record)


class StateInUse(RuntimeError):
    """Another process holds the folder."""


class Store:
    """Records by kind and id, each save durable when the call returns (it survives the death of the process)."""

    def __init__(self, folder: Path, kinds: tuple[type[Record], ...]):
        if len({kind.__name__ for kind in kinds}) < len(kinds):
            raise ValueError("two kinds of records have one name; they would be stored as one")
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # requests of unfinished jobs hold storage keys
        self.folder = folder
        self._database = sqlite3.connect(folder / "services.db", isolation_level=None, timeout=0.5)
        self._database.execute("PRAGMA locking_mode=EXCLUSIVE")  # two stand-ins must not share one memory
        try:
            self._database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as locked:
            raise StateInUse(
                f"Another stand-in uses {folder} ({locked}). Stop it, or give another --state."
            ) from locked
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS records (kind TEXT, id TEXT, body BLOB, PRIMARY KEY(kind, id))"
        )
        self._records: dict[type[Record], dict[str, Record]] = {kind: self._load(kind) for kind in kinds}
        self._grouped: dict[tuple[type[Record], str], dict[str, Record]] = {}
        for kind in kinds:
            for record in self._records[kind].values():
                self._group(record)

    def _load(self, kind: type[Record]) -> dict[str, Record]:
        decoder = msgspec.json.Decoder(kind)
        rows = self._database.execute("SELECT id, body FROM records WHERE kind = ?", (kind.__name__,))
        return {key: decoder.decode(body) for key, body in rows}

    def save(self, *records: Record) -> None:
        """Keeps the records, all or none of them."""
        rows = [(type(record).__name__, record.id, msgspec.json.encode(record)) for record in records]
        self._database.execute("BEGIN")
        self._database.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)
        self._database.execute("COMMIT")
        for record in records:
            self._records[type(record)][record.id] = record
            self._group(record)

    def _group(self, record: Record) -> None:
        if record.group:
            self._grouped.setdefault(_place(record), {})[record.id] = record

    def delete(self, *records: Record) -> None:
        """Forgets the records."""
        self._database.execute("BEGIN")
        for record in records:
            self._database.execute("DELETE FROM records WHERE kind = ? AND id = ?", (type(record).__name__, record.id))
        self._database.execute("COMMIT")
        for record in records:
            self._records[type(record)].pop(record.id, None)
            if record.group:
                self._grouped[_place(record)].pop(record.id, None)

    def find(self, kind: type[R], key: str) -> R | None:
        """The record, or None."""
        return self._records[kind].get(key)  # type: ignore[return-value]

    def get(self, kind: type[R], key: str) -> R:
        """The record. Raises: KeyError."""
        return self._records[kind][key]  # type: ignore[return-value]

    def all(self, kind: type[R], **where: object) -> Iterator[R]:
        """Records of a kind whose fields equal `where`, oldest first."""
        candidates = self._records[kind]
        if kind.group and kind.group in where:
            candidates = self._grouped.get((kind, str(where[kind.group])), {})
        found = [
            record
            for record in candidates.values()
            if all(getattr(record, field) == wanted for field, wanted in where.items())
        ]
        yield from sorted(found, key=lambda record: record.created)  # type: ignore[misc]

    def counts(self) -> dict[str, int]:
        """How many records there are of each kind."""
        return {kind.__name__: len(records) for kind, records in self._records.items()}

    def close(self) -> None:
        """Closes the database."""
        self._database.close()


def _place(record: Record) -> tuple[type[Record], str]:
    return type(record), str(getattr(record, record.group))


class Files:
    """Content-addressed files in one folder: models by their sha256, data sets likewise."""

    def __init__(self, folder: Path, suffix: str):
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._suffix = suffix

    def keep(self, content: bytes) -> str:
        """Stores the bytes; returns their sha256."""
        sha = hashlib.sha256(content).hexdigest()
        if not self.path(sha).exists():
            descriptor, name = tempfile.mkstemp(dir=self._folder)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(name).replace(self.path(sha))
        return sha

    def path(self, sha: str) -> Path:
        """Where the file of that sha256 is, or would be."""
        return self._folder / f"{sha}{self._suffix}"

    def read(self, sha: str) -> bytes:
        """The bytes. Raises: FileNotFoundError."""
        return self.path(sha).read_bytes()

    def sweep(self, wanted: set[str]) -> None:
        """Removes every file that `wanted` does not name."""
        for file in self._folder.iterdir():
            if file.name.removesuffix(self._suffix) not in wanted:
                file.unlink()
