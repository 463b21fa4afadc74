"""The life of pipeline runs: queued, in progress, ended, cancelled, and taken up again after a restart.

Every attempt of an activity is on record before it begins. After a restart one that was under way goes on from what it
remembers; those that ended are not done again.
"""

import asyncio
import logging
import time
import uuid
from typing import Any

from local.services.datafactory import graph
from local.services.datafactory.attempt import attempt, let_go, new
from local.services.datafactory.doing import Doing, Home
from local.services.datafactory.records import (
    CANCELING,
    CANCELLED,
    ENDED,
    FAILED,
    IN_PROGRESS,
    SKIPPED,
    SUCCEEDED,
    FactoryActivity,
    FactoryRun,
    Json,
)

log = logging.getLogger(__name__)


class Runs:
    """All runs of a process."""

    def __init__(self, home: Home):
        self._home = home
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def resume(self) -> None:
        """Takes up what an earlier process left unfinished."""
        for run in list(self._home.engine.store.all(FactoryRun)):
            if run.status not in ENDED:
                log.info("pipeline run taken up again after a restart run=%s", run.id)
                self.start(run)

    def start(self, run: FactoryRun) -> None:
        """Begins, or goes on with, a run."""
        self._save(run)
        task = asyncio.create_task(self._play(run))
        self._tasks[run.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(run.id, None))

    def cancel(self, run: FactoryRun) -> None:
        """Stops an unfinished run and what its activities began."""
        run.status = CANCELING
        self._save(run)
        if run.id in self._tasks:
            self._tasks[run.id].cancel()

    async def close(self) -> None:
        """Stops working; unfinished runs stay in the store as they are."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _play(self, run: FactoryRun) -> None:
        activities = run.definition.get("activities") or []
        try:
            if run.status == CANCELING:  # by a process that died over it
                await self._let_go(run, activities)
                self._end(run, CANCELLED, "")
                return
            await self._begin(run)
            settled = await self._activities(run, activities)
        except asyncio.CancelledError:
            if run.status != CANCELING:
                raise
            self._end(run, CANCELLED, "")
        except Exception:
            log.exception("pipeline run failed by a fault of the service run=%s", run.id)
            self._end(run, FAILED, "An internal error of the factory.")
        else:
            guilty = graph.failed(activities, settled)
            why = "; ".join(f"Operation on target {name} failed: {self._why(run, name)}" for name in guilty)
            self._end(run, FAILED if guilty else SUCCEEDED, why)

    async def _begin(self, run: FactoryRun) -> None:
        await asyncio.sleep(self._home.engine.switches["runDelay"])
        run.status, run.started = IN_PROGRESS, run.started or time.time()
        self._save(run)

    async def _activities(self, run: FactoryRun, activities: list[Json]) -> dict[str, str]:
        settled: dict[str, str] = {}
        begun: dict[asyncio.Task[str], str] = {}
        try:
            while len(settled) < len(activities):
                due = graph.due(activities, settled, begun.values())
                for activity in due:
                    if graph.wanted(activity, settled):
                        begun[asyncio.create_task(self._activity(run, activity))] = activity["name"]
                    else:
                        settled[activity["name"]] = SKIPPED
                if not due:
                    done, _ = await asyncio.wait(begun, return_when=asyncio.FIRST_COMPLETED)
                    settled |= {begun.pop(task): task.result() for task in done}
        finally:
            for task in begun:
                task.cancel()
            await asyncio.gather(*begun, return_exceptions=True)
        return settled

    async def _activity(self, run: FactoryRun, definition: Json) -> str:
        """Does it until an attempt succeeds or none is left."""
        if definition.get("state") == "Inactive":
            return str(definition.get("onInactiveMarkAs") or SUCCEEDED)
        policy = definition.get("policy") or {}
        last = self._last(run, definition["name"])
        while True:
            if last is not None and last.status in ENDED:
                if last.status != FAILED or last.attempt >= int(policy.get("retry") or 0):
                    return last.status
                scale = self._home.engine.switches["retryScale"]
                await asyncio.sleep(float(policy.get("retryIntervalInSeconds") or 30) * scale)
                last = self._next(run, definition, last.attempt + 1)
            await attempt(Doing(self._home, run, last := last or self._next(run, definition, 0), definition))

    def _next(self, run: FactoryRun, definition: Json, number: int) -> FactoryActivity:
        record = new(run, definition, number, str(uuid.uuid4()))
        self._home.engine.store.save(record)
        return record

    def _last(self, run: FactoryRun, name: str) -> FactoryActivity | None:
        found = self._home.engine.store.all(FactoryActivity, run=run.id, name=name)
        return max(found, key=lambda record: record.attempt, default=None)

    async def _let_go(self, run: FactoryRun, activities: list[Json]) -> None:
        by_name = {activity["name"]: activity for activity in activities}
        for record in list(self._home.engine.store.all(FactoryActivity, run=run.id)):
            if record.status not in ENDED:
                await let_go(Doing(self._home, run, record, by_name[record.name]))

    def _why(self, run: FactoryRun, name: str) -> str:
        last = self._last(run, name)
        error: dict[str, Any] = (last.error if last else None) or {}
        return str(error.get("message", "no reason"))

    def _end(self, run: FactoryRun, status: str, message: str) -> None:
        run.status, run.message, run.ended = status, message, time.time()
        self._save(run)
        log.info("pipeline run %s run=%s pipeline=%s", status, run.id, run.pipeline)

    def _save(self, run: FactoryRun) -> None:
        run.updated = time.time()
        self._home.engine.store.save(run)
