"""One invocation from start to end: run the function, write its outputs, say so in one log line.

Also counts what is running, which is what a graceful stop waits for.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping

import msgspec

from local.host import worker
from local.host.outputs import Outputs
from local.host.protos import TypedData
from local.host.worker import Answer, Function

log = logging.getLogger("local.host.invocations")


class Invocations:
    """Runs functions; `running` and `total` are for status pages and tests."""

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self.running = 0
        self.total = 0

    async def run(
        self, function: Function, value: TypedData, metadata: Mapping[str, TypedData] | None = None, why: str = ""
    ) -> Answer:
        """Invoke and, after success, write the outputs; an output that cannot be written fails the invocation."""
        invocation_id = str(uuid.uuid4())
        started = time.monotonic()
        self.running += 1
        self.total += 1
        try:
            answer = await worker.invoke(function, invocation_id, value, metadata)
            if answer.ok:
                answer = await self._write(function, answer)
        finally:
            self.running -= 1
        _report(function, invocation_id, answer, (time.monotonic() - started) * 1000, why)
        return answer

    async def _write(self, function: Function, answer: Answer) -> Answer:
        try:
            await self._outputs.write(function, answer)
        except Exception as error:  # noqa: BLE001 - whatever storage says, the invocation failed
            return msgspec.structs.replace(answer, ok=False, message=f"output not written: {error}")
        return answer


def _report(function: Function, invocation_id: str, answer: Answer, milliseconds: float, why: str) -> None:
    result = "Succeeded" if answer.ok else "Failed"
    line = f"Executed 'Functions.{function.name}' ({result}, Id={invocation_id}, Duration={milliseconds:.0f}ms)"
    if why:
        line += f" {why}"
    if answer.ok:
        log.info(line)
    else:
        log.error("%s %s\n%s", line, answer.message, answer.traceback)


async def settle(tasks: set[asyncio.Task[None]]) -> None:
    """Wait until every one of these has ended, whatever its end."""
    while tasks:
        await asyncio.wait(tasks)
        tasks = {task for task in tasks if not task.done()}
