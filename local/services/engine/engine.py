"""What every stand-in works with: one store, one pool of training workers, storage, switches, faults, the log."""

import asyncio
import shutil
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from local.services.engine.blobs import Blobs
from local.services.engine.errors import Dialect
from local.services.engine.faults import Faults, Holds
from local.services.engine.records import Record
from local.services.engine.store import Files, Store
from local.services.engine.switches import Switch, Switches
from local.services.engine.tasks import Reply, Task
from local.services.engine.workers import WorkerDied, Workers

if TYPE_CHECKING:
    from local.services.engine.scoring import Models

T = TypeVar("T")
LOG_LENGTH = 20_000  # requests remembered
DIED_TWICE = "The container running the module terminated unexpectedly, twice (out of memory, or killed)."


class Engine:
    """The state that the services of one process share. What a service keeps for itself hangs in its own state."""

    def __init__(
        self,
        folder: Path,
        storage: str,
        workers: int,
        *,
        kinds: Iterable[type[Record]],
        table: Mapping[str, Switch],
        switches: Mapping[str, Any],
    ):
        self.switches = Switches(table, switches)
        self.store = Store(folder, tuple(kinds))
        self.model_files = Files(folder / "models", ".ilearner")
        self.datasets = Files(folder / "datasets", ".csv")
        self.work = folder / "work"
        self.faults = Faults()
        self.holds = Holds()
        self.blobs = Blobs(storage)
        self.workers = Workers(workers)
        self.requests: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self.names: dict[str, Callable[[str], str | None]] = {}
        """By part of a route (`endpoint`): finds the name of what an id there means, for faults and the log."""
        self.dialects: list[tuple[str, Dialect]] = []
        """By prefix of a path: how errors of routes that are not there are spelled. The first that fits is taken."""
        self.used: list[Callable[[], tuple[set[str], set[str]]]] = []
        """Which models and data sets (sha256) each service still needs; the others are removed at the start."""
        self.shown: dict[str, Callable[[], Iterable[tuple[str, str]]]] = {}
        """By service: what it holds that people can look at, as cells of HTML: a link, and what that is."""
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="scoring")
        self._models: Models | None = None

    def start(self) -> None:
        """Clears what a killed process left and starts the workers."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        wanted = [used() for used in self.used]
        self.model_files.sweep(set().union(*(models for models, _ in wanted)))
        self.datasets.sweep(set().union(*(datasets for _, datasets in wanted)))
        self.workers.start()

    def warm(self) -> None:
        """Begins to load what scoring needs, in the background: somebody will score soon."""
        if self._models is None:
            self._threads.submit(self.models)

    def models(self) -> "Models":
        """The loaded models; the first call takes a second, for it imports scikit-learn."""
        from local.services.engine.scoring import Models

        if self._models is None:
            self._models = Models(self.model_files)
        return self._models

    async def in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Runs a call in a thread, so that the server goes on answering."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    async def do(self, task: Task) -> Reply:
        """Has a worker train or score, a second time if the first one died over it; `error` says what went wrong."""
        for _ in range(2):
            try:
                return await self.workers.run(task)
            except WorkerDied:
                continue
        return Reply(error=DIED_TWICE)

    async def close(self) -> None:
        """Stops the workers and closes the files."""
        await self.workers.close()
        await self.blobs.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.store.close()


ENGINE: web.AppKey[Engine] = web.AppKey("engine", Engine)


def engine_of(request: web.Request) -> Engine:
    """The engine behind this request."""
    return request.app[ENGINE]
