"""The life of jobs: put, queued, prepared, running, ended, cancelled, and taken up again after a restart.

NotStarted → Queued → Preparing → Running → Finalizing → Completed | Failed; cancelling leads through CancelRequested to
Canceled. A pipeline job's steps are jobs of their own, begun as soon as what they read is there. After a restart,
unfinished jobs begin anew: the same inputs give the same model and overwrite the same blobs.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from local.services.azureml.control import assets, bindings, commands, pipelines, running
from local.services.azureml.control.locations import NoSuchPlace
from local.services.azureml.control.pipelines import Pipeline
from local.services.azureml.control.records import ENDED, MlJob
from local.services.azureml.control.staging import JobFailed
from local.services.azureml.records import MlWorkspace, guid
from local.services.engine.engine import Engine

log = logging.getLogger(__name__)
CONCURRENT_JOBS = 40
MOST_ENDED = 5_000  # jobs remembered after their end


class Jobs:
    """All jobs of the process. `watchers` are told of every status that a job comes to."""

    def __init__(self, engine: Engine):
        self._engine, self._store = engine, engine.store
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(CONCURRENT_JOBS)
        self.watchers: list[Callable[[MlJob], None]] = []

    def resume(self) -> None:
        """Takes up the jobs that an earlier process left unfinished; their steps are made anew."""
        for job in list(self._store.all(MlJob)):
            if job.parent is None and job.status not in ENDED:
                log.info("job taken up again after a restart job=%s", job.name)
                if job.status == "CancelRequested":
                    self._end(job, "Canceled")
                    continue
                self._store.delete(*self.family(job)[1:])
                job.status, job.started = "NotStarted", None
                self._store.save(job)
                self._begin(job)

    def submit(self, job: MlJob) -> None:
        """Keeps a new job and begins it."""
        job.outputs = running.targets(job, self._wanted(job))
        self._note(job, "NotStarted")
        self._begin(job)
        ended = [one for one in self._store.all(MlJob, workspace=job.workspace) if one.status in ENDED]
        self._store.delete(*ended[: max(0, len(ended) - MOST_ENDED)])

    def children(self, job: MlJob) -> list[MlJob]:
        """The steps of a pipeline job, in the order in which they began."""
        return list(self._store.all(MlJob, workspace=job.workspace, parent=job.name))

    def family(self, job: MlJob) -> list[MlJob]:
        """The job, its steps, their steps, …"""
        return [job, *(one for child in self.children(job) for one in self.family(child))]

    def cancel(self, job: MlJob) -> None:
        """Asks the job to end; one that has ended, or was asked before, stays as it is. A step ends with its job."""
        while job.parent is not None:
            job = self._store.get(MlJob, assets.key(self._workspace(job), "jobs", job.parent))
        if job.status not in (*ENDED, "CancelRequested"):
            self._note(job, "CancelRequested")
            self._tasks[job.id].cancel()

    def _begin(self, job: MlJob) -> None:
        self._tasks[job.id] = asyncio.create_task(self._run(job))

    async def _run(self, job: MlJob) -> None:
        try:
            async with self._places:
                await self._live(job)
        except asyncio.CancelledError:
            if job.status != "CancelRequested":
                raise  # the server stops: the job stays unfinished in the store and is taken up again
            await asyncio.sleep(self._engine.switches["jobCancelDelay"])
            self._end(job, "Canceled")
        finally:
            self._tasks.pop(job.id, None)

    async def _live(self, job: MlJob) -> None:
        try:
            await self._walk(job)
            await self._work(job)
            self._note(job, "Finalizing")
        except JobFailed as failed:
            self._end(job, "Failed", str(failed))
        except Exception:
            log.exception("job failed by a fault of the service job=%s", job.name)
            self._end(job, "Failed", "InternalServerError")
        else:
            self._end(job, "Completed")

    async def _walk(self, job: MlJob) -> None:
        for status in ("Queued", "Preparing", "Running"):
            await asyncio.sleep(self._engine.switches["jobStatusPause"])
            self._note(job, status)

    async def _work(self, job: MlJob) -> None:
        workspace = self._workspace(job)
        if job.type == "Command":
            await running.do(self._engine, workspace, job)
            return
        pipeline = self._pipeline(job)
        tasks: dict[str, asyncio.Task[MlJob]] = {}
        for name in pipelines.order(pipeline):
            tasks[name] = asyncio.create_task(self._step(job, pipeline, name, tasks))
        try:
            await self._all(pipeline, tasks)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    def _pipeline(self, job: MlJob) -> Pipeline:
        try:
            return pipelines.read(self._engine, self._workspace(job), job.properties)
        except (NoSuchPlace, bindings.Unbound, commands.BadCommand) as wrong:
            raise JobFailed(str(wrong)) from wrong

    async def _all(self, pipeline: Pipeline, tasks: dict[str, asyncio.Task[MlJob]]) -> None:
        when = asyncio.ALL_COMPLETED if pipeline.continue_on_failure else asyncio.FIRST_EXCEPTION
        await asyncio.wait(tasks.values(), return_when=when)
        for task in tasks.values():
            if task.done() and not task.cancelled() and (failed := task.exception()):
                raise JobFailed(str(failed)) from failed

    async def _step(self, parent: MlJob, pipeline: Pipeline, name: str, tasks: dict[str, asyncio.Task[MlJob]]) -> MlJob:
        before = {other: await asyncio.shield(tasks[other]) for other in pipelines.needed(pipeline.steps[name])}
        made = {other: job.outputs for other, job in before.items()}
        properties = pipelines.properties_of(pipeline, name, parent.outputs, made, parent.experiment)
        job = MlJob(
            id="",
            created=time.time(),
            workspace=parent.workspace,
            name=guid(),
            number=parent.number,
            properties=properties,
            parent=parent.name,
            step=name,
            endpoint=parent.endpoint,
            deployment=parent.deployment,
        )
        job.id = assets.key(self._workspace(parent), "jobs", job.name)
        job.outputs = running.targets(job, self._wanted(job))
        self._note(job, "NotStarted")
        await self._live(job)
        if job.status == "Failed":
            raise JobFailed(f"Step {name} failed: {job.error}")
        return job

    def _wanted(self, job: MlJob) -> dict[str, bindings.Wanted]:
        return running.outputs_of(job) if job.type == "Command" else self._pipeline(job).outputs

    def _workspace(self, job: MlJob) -> MlWorkspace:
        return self._store.get(MlWorkspace, job.workspace)

    def _note(self, job: MlJob, status: str) -> None:
        job.status, job.modified = status, time.time()
        if status == "Running":
            job.started = job.modified
        self._store.save(job)
        for watcher in self.watchers:
            watcher(job)

    def _end(self, job: MlJob, status: str, error: str | None = None) -> None:
        if job.status in ENDED:
            return
        for child in self.children(job):
            self._end(child, "Canceled")  # what is left of its steps
        job.error, job.ended = error, time.time()
        self._note(job, status)
        log.info("job %s job=%s", status, job.name)

    async def close(self) -> None:
        """Stops working; unfinished jobs stay in the store as they are."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
