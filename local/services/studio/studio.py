"""The state of one stand-in: what it stores, what steers it, who works for it. Rules and routes are elsewhere."""

import asyncio
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import web

from local.services.studio.blobs import Blobs
from local.services.studio.errors import error
from local.services.studio.faults import Faults, Holds
from local.services.studio.jobs import Jobs
from local.services.studio.records import Endpoint, Experiment, Job
from local.services.studio.store import Files, Store
from local.services.studio.switches import Switches
from local.services.studio.workers import Workers

if TYPE_CHECKING:
    from local.services.studio.scoring import Models

T = TypeVar("T")
LOG_LENGTH = 20_000  # requests remembered


class Studio:
    """Everything the handlers share."""

    def __init__(self, folder: Path, storage: str, workers: int, switches: Mapping[str, Any]):
        self.switches = Switches(switches)
        self.store = Store(folder)
        self.model_files = Files(folder / "models", ".ilearner")
        self.datasets = Files(folder / "datasets", ".csv")
        self.work = folder / "work"
        self.faults = Faults()
        self.holds = Holds()
        self.blobs = Blobs(storage)
        self.workers = Workers(workers)
        self.jobs = Jobs(self.store, self._work)
        self.requests: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self._calls: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="scoring")
        self._models: Models | None = None

    async def _work(self, job: Job) -> None:
        from local.services.studio.batch_run import run  # it needs this class

        await run(self, job)

    def start(self) -> None:
        """Starts the workers and takes up unfinished jobs."""
        shutil.rmtree(self.work, ignore_errors=True)  # what a killed process left
        self.work.mkdir()
        self._sweep()
        self.workers.start()
        if next(self.store.all(Endpoint), None):
            self.warm()
        self.jobs.resume()

    def warm(self) -> None:
        """Begins to load what scoring needs, in the background: somebody will score soon."""
        if self._models is None:
            self._threads.submit(self.models)

    def models(self) -> "Models":
        """The loaded models; the first call takes a second, for it imports scikit-learn."""
        from local.services.studio.scoring import Models

        if self._models is None:
            self._models = Models(self.model_files)
        return self._models

    async def in_thread(self, call: Callable[..., T], *arguments: Any) -> T:
        """Runs a call in a thread, so that the server goes on answering."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    @contextmanager
    def slot(self, endpoint: Endpoint) -> Iterator[None]:
        """One of the endpoint's concurrent calls. Raises: WireError (RequestThrottled) when all are taken."""
        if self._calls[endpoint.id] >= endpoint.max_calls:
            raise error("RequestThrottled", endpoint.name, endpoint.max_calls)
        self._calls[endpoint.id] += 1
        try:
            yield
        finally:
            self._calls[endpoint.id] -= 1

    def _sweep(self) -> None:
        endpoints = list(self.store.all(Endpoint))
        used = {sha for endpoint in endpoints for item in endpoint.resources for sha in (item.sha, item.before) if sha}
        experiments = list(self.store.all(Experiment))
        self.model_files.sweep(used | {experiment.model for experiment in experiments if experiment.model})
        self.datasets.sweep({experiment.dataset for experiment in experiments if experiment.dataset})

    async def close(self) -> None:
        """Stops jobs and workers and closes the files; unfinished jobs are taken up at the next start."""
        await self.jobs.close()
        await self.workers.close()
        await self.blobs.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.store.close()


STUDIO: web.AppKey[Studio] = web.AppKey("studio", Studio)


def studio_of(request: web.Request) -> Studio:
    """The stand-in that serves this request."""
    return request.app[STUDIO]
