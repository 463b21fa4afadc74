"""The ways in, each as a stranger would use it: plain Azure SDK clients, an upload link, plain HTTP."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from cli.api import Api
from local import bikes
from local.demo.chapters import Chapter, Door
from retrain.messages import REQUESTS_QUEUE
from retrain.paths import ARCHIVE, INBOX
from retrain.run import State


class Doors:
    """Hands files in; a context manager that closes its connections."""

    def __init__(self, storage: str, api: Api) -> None:
        self._api = api
        self._blobs = BlobServiceClient.from_connection_string(storage)
        self._queue = QueueClient.from_connection_string(storage, REQUESTS_QUEUE)
        self._ways: dict[Door, Callable[[Chapter], None]] = {
            "blob": lambda chapter: self._write(INBOX, chapter),
            "link": self._send,
            "http": self._ask,
            "queue": self._message,
            "release": self._release,
        }

    def hand_in(self, chapter: Chapter) -> None:
        """Hands the chapter's file in, through its door."""
        self._ways[chapter.door](chapter)

    def _write(self, container: str, chapter: Chapter) -> None:
        self._blobs.get_blob_client(container, f"{bikes.NAME}/{chapter.file}").upload_blob(chapter.content.encode())

    def _send(self, chapter: Chapter) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / chapter.file
            file.write_text(chapter.content)
            self._api.upload(bikes.NAME, file, chapter.file, "data")

    def _ask(self, chapter: Chapter) -> None:
        self._write(ARCHIVE, chapter)
        self._api.post(f"/api/models/{bikes.NAME}/runs", self._request(chapter))

    def _message(self, chapter: Chapter) -> None:
        self._write(ARCHIVE, chapter)
        asked = {"model": bikes.NAME, **self._request(chapter)}
        self._queue.send_message(msgspec.json.encode(asked).decode())

    def _release(self, chapter: Chapter) -> None:
        """The newest run in quarantine; the file is there already."""
        runs = self._api.get(f"/api/models/{bikes.NAME}/runs")["runs"]
        (kept, *_) = (run["id"] for run in runs if run["state"] == State.QUARANTINED)
        self._api.post(f"/api/runs/{kept}/release", {"reason": "the exporter's owner says that the file is right"})

    def _request(self, chapter: Chapter) -> dict[str, object]:
        return {"data": [f"{ARCHIVE}/{bikes.NAME}/{chapter.file}"], "reason": f"{chapter.title} has arrived"}

    def __enter__(self) -> Doors:
        return self

    def __exit__(self, *_: object) -> None:
        self._blobs.close()
        self._queue.close()
