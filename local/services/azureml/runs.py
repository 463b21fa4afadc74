"""The life of pipeline runs: submitted, running, ended, cancelled, and taken up again after a restart.

NotStarted → Running → Finished | Failed; cancelling leads to Canceled from either. At most 40 runs are at work; more
wait in the order they came, and the engine's workers bound how many tables are worked on at a time. After a restart,
unfinished runs begin anew from their stored graph: the same values give the same model and overwrite the same blobs.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from local.services.azureml.graphs import order
from local.services.azureml.records import ENDED, PipelineEndpoint, PipelineRun, PublishedPipeline, StepRun, guid
from local.services.azureml.running import RunFailed, Running
from local.services.engine.engine import Engine

log = logging.getLogger(__name__)
CONCURRENT_RUNS = 40
_MOST_ENDED = 5_000  # runs remembered after their end


class Runs:
    """All pipeline runs of the process."""

    def __init__(self, engine: Engine):
        self._engine, self._store = engine, engine.store
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._submitted = 0
        self.watchers: list[Callable[[PipelineRun], None]] = []
        """They are told of every status that a run comes to."""
        self._places = asyncio.Semaphore(CONCURRENT_RUNS)

    def resume(self) -> None:
        """Takes up the runs that an earlier process left unfinished."""
        for run in list(self._store.all(PipelineRun)):
            if run.status not in ENDED:
                log.info("pipeline run taken up again after a restart run=%s", run.id)
                fresh = [_fresh(step) for step in self._store.all(StepRun, run=run.id)]
                run.status, run.started = "NotStarted", None
                self._store.save(run, *fresh)
                self._begin(run)
        self._trim()

    def submit(self, run: PipelineRun) -> None:
        """Keeps a new run and begins it."""
        steps = [
            StepRun(
                id=guid(),
                created=time.time(),
                run=run.id,
                workspace=run.workspace,
                experiment=run.experiment,
                number=number,
                node=node,
                module=run.graph.nodes[node].module,
                name=run.graph.nodes[node].name or run.graph.nodes[node].module,
            )
            for number, node in enumerate(order(run.graph), start=run.number + 1)
        ]
        self._store.save(run, *steps)
        self._tell(run)
        self._begin(run)
        self._submitted += 1
        if self._submitted % 500 == 0:
            self._trim()

    def steps(self, run: PipelineRun) -> list[StepRun]:
        """The steps, in the order of the graph."""
        return sorted(self._store.all(StepRun, run=run.id), key=lambda step: step.number)

    def number(self, workspace: str, experiment: str) -> int:
        """The next run number of an experiment."""
        runs = self._store.all(PipelineRun, workspace=workspace, experiment=experiment)
        return 1 + max((run.number + len(run.graph.nodes) for run in runs), default=0)

    def cancel(self, run: PipelineRun) -> None:
        """Cancels the run and ends the work of its steps; one that has ended stays as it is."""
        if run.status in ENDED:
            return
        task = self._tasks.get(run.id)
        self._end(run, "Canceled", None)
        if task is not None:
            task.cancel()

    def _begin(self, run: PipelineRun) -> None:
        self._tasks[run.id] = asyncio.create_task(self._run(run))

    async def _run(self, run: PipelineRun) -> None:
        try:
            async with self._places:
                await self._work(run)
            self._end(run, "Finished", None)
        except RunFailed as failed:
            self._end(run, "Failed", str(failed))
        except asyncio.CancelledError:
            if run.status not in ENDED:
                raise  # the server stops: the run stays unfinished in the store and is taken up again
        except Exception:
            log.exception("pipeline run failed by a fault of the service run=%s", run.id)
            self._end(run, "Failed", "InternalServerError")
        finally:
            self._tasks.pop(run.id, None)

    async def _work(self, run: PipelineRun) -> None:
        run.status, run.started = "Running", time.time()
        self._store.save(run)
        self._tell(run)
        await Running(self._engine, run, {step.node: step for step in self.steps(run)}).do()
        await self._engine.holds.wait(run.id, self._names(run))

    def _names(self, run: PipelineRun) -> frozenset[str]:
        pipeline = self._store.find(PublishedPipeline, run.pipeline or "")
        endpoint = self._store.find(PipelineEndpoint, run.endpoint or "")
        named = (run.pipeline, pipeline and pipeline.name, run.endpoint, endpoint and endpoint.name)
        return frozenset((run.experiment, *(name for name in named if name)))

    def _end(self, run: PipelineRun, status: str, detail: str | None) -> None:
        if run.status in ENDED:
            return
        now = time.time()
        run.status, run.detail, run.ended, run.modified = status, detail, now, now
        left = [step for step in self.steps(run) if step.status not in (*ENDED, "Bypassed")]
        for step in left:
            step.status, step.ended = "Canceled", now
        self._store.save(run, *left)
        self._tell(run)
        log.info("pipeline run %s run=%s", status, run.id)

    def _tell(self, run: PipelineRun) -> None:
        for watcher in self.watchers:
            watcher(run)

    def _trim(self) -> None:
        ended = [run for run in self._store.all(PipelineRun) if run.status in ENDED]
        for run in ended[: max(0, len(ended) - _MOST_ENDED)]:
            self._store.delete(run, *self.steps(run))

    async def close(self) -> None:
        """Stops working; unfinished runs stay in the store as they are."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _fresh(step: StepRun) -> StepRun:
    return StepRun(**{name: getattr(step, name) for name in _LASTING})


_LASTING = ("id", "created", "run", "workspace", "experiment", "number", "node", "module", "name", "tags",
            "properties", "description")  # fmt: skip
"""What a step keeps when its run begins anew."""
