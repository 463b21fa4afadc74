"""The life of batch jobs: registered, started, queued, run, ended, cancelled, and taken up again after a restart.

NotStarted → (start) → Queued → Running → Finished | Failed; cancelling leads from any of these to Cancelled. At most
40 jobs of an endpoint run at once; more wait in the order they were started. After a restart, jobs that were queued or
running are run again from their stored request: the same request gives the same model and overwrites the same blobs.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from local.services.engine.store import Store
from local.services.studio.errors import WireError, error
from local.services.studio.records import ENDED, Job

log = logging.getLogger(__name__)

CONCURRENT_JOBS = 40  # per endpoint, the documented limit
MOST_ENDED = 20_000  # jobs remembered after their end


class JobFailed(Exception):
    """The job ends as Failed; the message becomes its Details."""


class Jobs:
    """All jobs; `work` does what a job is for and raises JobFailed when the job's owner should know why not."""

    def __init__(self, store: Store, work: Callable[[Job], Awaitable[None]]):
        self._store = store
        self._work = work
        self._queues: dict[str, list[Job]] = {}
        self._running: dict[str, dict[str, asyncio.Task[None]]] = {}
        self._registered = 0
        self._last = max((job.number for job in store.all(Job)), default=0)

    def resume(self) -> None:
        """Takes up the jobs that an earlier process left queued or running, in their order."""
        left = [job for job in self._store.all(Job) if job.state in ("Queued", "Running")]
        for job in sorted(left, key=lambda job: job.number):
            log.info("job taken up again after a restart job=%s", job.id)
            self._enqueue(job)
        self._trim()

    def register(self, job: Job) -> None:
        """Keeps a new job; nothing runs yet."""
        self._store.save(job)
        self._registered += 1
        if self._registered % 1000 == 0:
            self._trim()

    def start(self, job: Job) -> None:
        """Starts a registered job. Raises: WireError (CannotStartJob) in any other state."""
        if job.state != "NotStarted":
            raise error("CannotStartJob", job.state)
        self._last += 1
        job.number = self._last
        self._enqueue(job)

    def cancel(self, job: Job) -> None:
        """Cancels the job; one that has ended stays as it is."""
        if job.state in ENDED:
            return
        queue = self._queues.get(job.endpoint, [])
        if job in queue:
            queue.remove(job)
        task = self._running.get(job.endpoint, {}).get(job.id)
        self._end(job, "Cancelled", None)
        if task is not None:
            task.cancel()

    def forget(self, endpoint: str) -> None:
        """Cancels and forgets all jobs of an endpoint."""
        jobs = list(self._store.all(Job, endpoint=endpoint))
        for job in jobs:
            self.cancel(job)
        self._store.delete(*jobs)

    def _enqueue(self, job: Job) -> None:
        job.state = "Queued"
        self._store.save(job)
        self._queues.setdefault(job.endpoint, []).append(job)
        self._admit(job.endpoint)

    def _admit(self, endpoint: str) -> None:
        queue, running = self._queues.get(endpoint, []), self._running.setdefault(endpoint, {})
        while queue and len(running) < CONCURRENT_JOBS:
            job = queue.pop(0)
            job.state, job.started = "Running", time.time()
            self._store.save(job)
            running[job.id] = asyncio.create_task(self._run(job))

    async def _run(self, job: Job) -> None:
        try:
            await self._work(job)
            self._end(job, "Finished", None)
        except JobFailed as failed:
            self._end(job, "Failed", str(failed))
        except WireError as failed:
            self._end(job, "Failed", failed.details[0]["message"] if failed.details else failed.message)
        except asyncio.CancelledError:
            if job.state not in ENDED:
                raise  # the server stops: the job stays Running in the store and is taken up again
        except Exception:
            log.exception("job failed by a fault of the service job=%s", job.id)
            self._end(job, "Failed", "InternalError: Execution encountered an internal error.")
        finally:
            self._running[job.endpoint].pop(job.id, None)
            self._admit(job.endpoint)

    def _trim(self) -> None:
        ended = [job for job in self._store.all(Job) if job.state in ENDED]
        self._store.delete(*ended[: max(0, len(ended) - MOST_ENDED)])

    def _end(self, job: Job, state: str, details: str | None) -> None:
        if job.state in ENDED:
            return
        job.state, job.details, job.ended = state, details, time.time()
        self._store.save(job)
        log.info("job %s job=%s endpoint=%s", state, job.id, job.endpoint)

    async def close(self) -> None:
        """Stops working; unfinished jobs stay in the store as they are."""
        for queue in self._queues.values():
            queue.clear()
        tasks = [task for running in self._running.values() for task in running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
