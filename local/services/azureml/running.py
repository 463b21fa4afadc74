"""Doing one pipeline run: its steps as soon as their inputs are there, their logs and artifacts kept."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local.services.azureml.artifacts import LOGS, keep
from local.services.azureml.graphs import inputs_of, order
from local.services.azureml.modules import RUN, Step, StepFailed
from local.services.azureml.records import ENDED, PipelineRun, StepRun
from local.services.engine.blobs import Unreachable
from local.services.engine.engine import Engine

STEP = "runstep"
"""The operation by which faults of steps are ordered; the endpoint is a module's name or a node's id."""


class RunFailed(Exception):
    """The run ends as Failed; the message says which step did."""


class _Bypassed(Exception):
    """A step whose inputs never came."""


class Running:
    """One run at work. Its steps' records are kept in the store as they change."""

    def __init__(self, engine: Engine, run: PipelineRun, steps: dict[str, StepRun]):
        self.engine, self.run, self.steps = engine, run, steps
        self._tasks: dict[str, asyncio.Task[dict[str, Any]]] = {}

    async def do(self) -> None:
        """Runs all steps; a failed one ends the others unless the run continues on failures. Raises: RunFailed."""
        with TemporaryDirectory(dir=self.engine.work) as folder:
            for node in order(self.run.graph):
                self._tasks[node] = asyncio.create_task(self._step(node, Path(folder)))
            try:
                await self._all()
            finally:
                await self._stop()

    async def _all(self) -> None:
        when = asyncio.ALL_COMPLETED if self.run.continue_on_failure else asyncio.FIRST_EXCEPTION
        await asyncio.wait(self._tasks.values(), return_when=when)
        failed = [step for step in self.steps.values() if step.status == "Failed"]
        if failed:
            raise RunFailed(f"{failed[0].module} ({failed[0].node}): {failed[0].detail}")

    async def _stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _step(self, node: str, folder: Path) -> dict[str, Any]:
        record = self.steps[node]
        try:
            inputs = await self._inputs(node)
            self._note(record, "Queued")
            place = folder / record.id
            place.mkdir()
            step = Step(self.engine, record, self.run.graph.nodes[node].fields, inputs, place)
            outputs = await self._perform(step)
        except _Bypassed:
            if self.run.continue_on_failure:  # otherwise the whole run ends now, this step with it
                self._note(record, "Bypassed")
            raise
        except asyncio.CancelledError:
            raise
        except (StepFailed, Unreachable) as failed:
            await self._failed(record, str(failed))
            raise
        except Exception as bug:
            await self._failed(record, f"ModuleExceptionMessage: {bug!r}")
            raise StepFailed(str(bug)) from bug
        self._note(record, "Finished")
        return outputs

    async def _inputs(self, node: str) -> dict[str, Any]:
        edges = list(inputs_of(self.run.graph, node))
        results = await asyncio.gather(
            *(asyncio.shield(self._tasks[edge.source]) for edge in edges), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise _Bypassed from result
        return {
            edge.input: result[edge.output]
            for edge, result in zip(edges, results, strict=True)
            if not isinstance(result, BaseException)
        }

    async def _perform(self, step: Step) -> dict[str, Any]:
        record, engine = step.record, self.engine
        names = frozenset((record.module, record.node))
        fault = engine.faults.take(STEP, names)
        self._note(record, "Running")
        step.say(f"{record.module} ({record.node}) of run {record.run}")
        await asyncio.sleep(engine.switches["stepDelay"] + (fault.delay if fault else 0))
        if fault and (fault.message or not fault.delay):
            raise StepFailed(fault.message or "Injected fault.")
        step.check()
        outputs = await RUN[record.module](step)
        for path, content in step.kept.items():
            await keep(engine, record.id, record.artifacts, path, content)
        await self._keep_logs(record)
        return outputs

    async def _keep_logs(self, record: StepRun) -> None:
        for name, text in (("stdoutlogs", record.out), ("stderrlogs", record.err)):
            await keep(self.engine, record.id, record.artifacts, f"{LOGS}{name}.txt", text.encode())

    async def _failed(self, record: StepRun, reason: str) -> None:
        record.detail = reason
        record.err += reason + "\n"
        try:
            await self._keep_logs(record)
        except Unreachable:
            record.err += "The log could not be kept as an artifact.\n"
        self._note(record, "Failed")

    def _note(self, record: StepRun, status: str) -> None:
        if record.status in ENDED:
            return
        record.status, now = status, time.time()
        if status == "Queued":
            record.queued = now
        elif status == "Running":
            record.started = now
        else:
            record.ended = now
        self.engine.store.save(record)
