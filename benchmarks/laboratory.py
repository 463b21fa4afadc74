"""The stack under measurement: Azurite, Studio (classic), the Functions host with the app, and a producer of files."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from azure.storage.blob import BlobServiceClient

from benchmarks import data, processes
from benchmarks.plan import Plan
from local.azurite import Azurite
from local.host.launch import HostProcess
from local.scenery import stage
from local.services.launch import ServicesProcess
from local.services.studio.client import StudioClient
from local.stack import ROOT, furnish
from retrain import paths
from retrain.run import ENDED

MODEL = "bench"
PRODUCER, HOST = "bench-producer", "bench-host"  # how they call themselves in the storage's log
HIDE_TIME = 600  # seconds, as in Azure
CHAMPION, HOLDOUT, FIRST = 0, 1, 100  # numbers of the drawn files
PATIENCE = 120.0  # seconds for files to be done
LOOK = 0.005  # seconds between looks at the host's log
_MOVE = re.compile(rb"-> (\w+) run=(\S+)")


class Unfinished(RuntimeError):
    """Runs did not end in time; the message holds the end of the host's log."""


class Laboratory:
    """A running stack with one adopted model; a context manager. `debug_log` lets the storage log headers.

    Settle and propagation times are 0. Each job trains on the file that landed, not on earlier ones.
    """

    def __init__(self, folder: Path, plan: Plan, *, debug_log: Path | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.plan, self.access_log, self.debug_log = plan, folder / "azurite.log", debug_log
        self._exits = ExitStack()
        self._next = FIRST
        self._read = 0
        self.ended: dict[str, str] = {}
        begun = time.monotonic()
        try:
            self._start(folder)
        except BaseException:
            self._exits.close()
            raise
        self.started_in = time.monotonic() - begun

    def _start(self, folder: Path) -> None:
        self.azurite = self._exits.enter_context(Azurite(log=self.access_log, debug_log=self.debug_log))
        self.storage = self.azurite.connection_string
        furnish(self.storage)
        switches = {"propagationDelay": 0}
        self.studio = self._exits.enter_context(
            ServicesProcess(folder / "studio", self.storage, 0, switches, self.plan.workers, log=folder / "studio.log")
        )
        self.client = StudioClient(self.studio.url)
        self._exits.callback(self.client.close)
        self.blobs = BlobServiceClient.from_connection_string(self.storage, user_agent=PRODUCER)
        self._exits.callback(self.blobs.close)
        settings = self._settings(folder / "models.toml")
        self.host = self._exits.enter_context(
            HostProcess(ROOT, settings, 0, self.access_log, HIDE_TIME, log=folder / "host.log")
        )
        self._adopt()

    def _settings(self, models: Path) -> dict[str, str]:
        task = {"task": "classification", "label": data.LABEL, "learner": "logistic-regression", "metric": "auc"}
        skill = 2 * self.plan.margin  # a model without skill has an AUC of one half
        gate = f'mode = "not-worse"\nmargin = {skill}\ntrusted_margin = {skill}'
        options = {"gate": gate, "extra": 'train_on = "batch"', "settle": 0}
        scene = stage(self.client, MODEL, self._table(CHAMPION), **task, **options)  # type: ignore[arg-type]
        models.write_text(scene.toml)
        return {
            "AzureWebJobsStorage": self.storage,
            "RETRAIN_MODELS_FILE": str(models),
            "RETRAIN_BLOB_SOURCE": "EventGrid",
            "RETRAIN_TICK": "0 * * * * *",
            "AzureFunctionsWebHost__hostid": "retrain-local",
            "AZURE_HTTP_USER_AGENT": HOST,
            **scene.keys,
        }

    def _table(self, number: int) -> str:
        return data.table(number, self.plan.rows, self.plan.columns)

    def _adopt(self) -> None:
        holdout = f"{paths.HISTORY}/{MODEL}/holdout.csv"
        self._put(holdout, self._table(HOLDOUT))
        requests.post(
            f"{self.host.url}/api/models/{MODEL}/adopt", json={"holdout": holdout}, timeout=60
        ).raise_for_status()

    # Processes

    @property
    def pids(self) -> dict[str, list[int]]:
        """Process ids by part."""
        workers, host = self.client.health()["workers"], self.host.process.pid
        studio = [pid for pid in processes.children(self.studio.pid) if pid not in workers]
        return {
            "Azurite": [self.azurite.pid],
            "Studio": [self.studio.pid, *studio],
            "training workers": workers,
            "host and app": [host, *processes.children(host)],
        }

    # Files and runs

    def tables(self, count: int) -> list[tuple[str, str]]:
        """The next files that nobody has seen: (name, content)."""
        numbers = range(self._next, self._next + count)
        self._next += count
        return [(f"{number}.csv", self._table(number)) for number in numbers]

    def drop(self, name: str, content: str) -> float:
        """Uploads training data; the time, by this process's clock, at which the PUT was answered."""
        self._put(f"{paths.INBOX}/{MODEL}/{name}", content)
        return time.time()

    def _put(self, blob: str, content: str) -> None:
        container, _, name = blob.partition("/")
        self.blobs.get_blob_client(container, name).upload_blob(content.encode(), overwrite=True)

    def wait(self, count: int, seconds: float = PATIENCE) -> float:
        """Waits until so many runs have ended, seen in the host's log so that nothing is asked of the stack; the time.

        Raises:
            Unfinished: they have not.
        """
        stop = time.monotonic() + seconds
        while len(self.ended) < count:
            self._follow()
            if time.monotonic() > stop:
                raise Unfinished(
                    f"{len(self.ended)} of {count} runs ended in {seconds:g} s: {self.host.log_text()[-3000:]}"
                )
            time.sleep(LOOK)
        return time.time()

    def _follow(self) -> None:
        with self.host.log.open("rb") as log:
            log.seek(self._read)
            new, newline, _ = log.read().rpartition(b"\n")
        self._read += len(new) + len(newline)
        for state, run in _MOVE.findall(new):
            if state.decode() in ENDED:
                self.ended[run.decode()] = state.decode()

    def records(self) -> Iterator[dict[str, Any]]:
        """Every run's record with its moves, and its job's times at Studio as `job.started` and `job.ended`."""
        jobs = {job["id"]: job for job in self.client.jobs()}
        for run in list(self.ended):
            record = requests.get(f"{self.host.url}/api/runs/{run}", timeout=60).json()
            found = jobs.get(record.get("job", {}).get("id"), {})
            record["job"] = {name: found.get(name) for name in ("started", "ended")}
            yield record

    def close(self) -> None:
        """Stops every part, the host first."""
        self._exits.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


def file_of(record: dict[str, Any]) -> str:
    """The name of the file that a run took."""
    return str(record["landings"][0]["blob"]).rpartition("/")[2]


def seconds(text: str) -> float:
    """A record's time as seconds since 1970."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
