"""The pool of warm worker processes: handing out tasks, replacing those that died. What a task does is in worker.py."""

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

import msgspec

from local.services.engine.tasks import Reply, Task

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[3]
_LONGEST_LINE = 1 << 20  # bytes of one reply


class WorkerDied(Exception):
    """The worker ended in the middle of a task (killed, or out of memory)."""


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process):
        self._process = process

    @classmethod
    async def start(cls) -> "_Worker":
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "local.services.engine.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LONGEST_LINE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        return cls(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ready(self) -> None:
        await self._line()

    async def begin(self, task: Task) -> None:
        """Hands the task over; returns when the worker has it. Raises: WorkerDied."""
        if self._process.stdin is None:
            raise WorkerDied
        try:
            self._process.stdin.write(msgspec.json.encode(task) + b"\n")
            await self._process.stdin.drain()
        except ConnectionError as gone:
            raise WorkerDied from gone
        await self._line()

    async def reply(self) -> Reply:
        return msgspec.json.decode(await self._line(), type=Reply)

    async def _line(self) -> bytes:
        if self._process.stdout is None:
            raise WorkerDied
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise WorkerDied
        return line

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


class Workers:
    """`count` processes, started at once and kept; each does one task at a time."""

    def __init__(self, count: int):
        self.count = count
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._all: set[_Worker] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Begins to start the workers; tasks wait until one is ready."""
        for _ in range(self.count):
            self._add()

    def _add(self) -> None:
        if self._closed:
            return
        starting = asyncio.create_task(self._begin())
        self._starting.add(starting)
        starting.add_done_callback(self._starting.discard)

    async def _begin(self) -> None:
        worker = await _Worker.start()
        self._all.add(worker)
        try:
            await worker.ready()
        except WorkerDied:
            self._all.discard(worker)
            log.error("a training worker did not start pid=%d; trying again in 2 s", worker.pid)
            await asyncio.sleep(2)
            self._add()
            return
        self._idle.put_nowait(worker)

    async def run(self, task: Task) -> Reply:
        """Does the task in the next free worker; a cancelled task ends its worker, which is replaced.

        Raises: WorkerDied.
        """
        worker = await self._busy_with(task)
        try:
            reply = await worker.reply()
        except (WorkerDied, asyncio.CancelledError):
            await self._replace(worker)
            raise
        self._idle.put_nowait(worker)
        return reply

    async def _busy_with(self, task: Task) -> _Worker:
        while True:
            worker = await self._idle.get()
            try:
                await worker.begin(task)
            except WorkerDied:  # while it was idle: not this task's doing
                await self._replace(worker)
            except asyncio.CancelledError:
                await self._replace(worker)
                raise
            else:
                return worker

    async def _replace(self, worker: _Worker) -> None:
        self._all.discard(worker)
        log.warning("training worker ended, starting another pid=%d", worker.pid)
        self._add()
        await asyncio.shield(worker.stop())

    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return sorted(worker.pid for worker in self._all)

    async def close(self) -> None:
        """Ends all workers."""
        self._closed = True
        for starting in list(self._starting):
            starting.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._all))
        self._all.clear()
