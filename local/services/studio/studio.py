"""The state of Studio (classic): its jobs and the calls under way, over the shared engine."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from local.services.engine.engine import Engine
from local.services.studio.errors import error
from local.services.studio.jobs import Jobs
from local.services.studio.records import Endpoint, Experiment, Job


class Studio:
    """Everything the handlers share."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.switches = engine.switches
        self.store = engine.store
        self.model_files = engine.model_files
        self.datasets = engine.datasets
        self.work = engine.work
        self.faults = engine.faults
        self.holds = engine.holds
        self.blobs = engine.blobs
        self.models, self.warm, self.in_thread = engine.models, engine.warm, engine.in_thread
        self.jobs = Jobs(self.store, self._work)
        self._calls: Counter[str] = Counter()

    async def _work(self, job: Job) -> None:
        from local.services.studio.batch_run import run  # it needs this class

        await run(self, job)

    def start(self) -> None:
        """Takes up unfinished jobs."""
        if next(self.store.all(Endpoint), None):
            self.warm()
        self.jobs.resume()

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

    def used(self) -> tuple[set[str], set[str]]:
        """The models and data sets that endpoints and experiments still need."""
        experiments = list(self.store.all(Experiment))
        served = {
            sha
            for endpoint in self.store.all(Endpoint)
            for item in endpoint.resources
            for sha in (item.sha, item.before)
            if sha
        }
        models = served | {experiment.model for experiment in experiments if experiment.model}
        return models, {experiment.dataset for experiment in experiments if experiment.dataset}


STUDIO: web.AppKey[Studio] = web.AppKey("studio", Studio)


def studio_of(request: web.Request) -> Studio:
    """The Studio that serves this request."""
    return request.app[STUDIO]
