"""Functions hosts that start quickly: forked from a process that has imported everything and started nothing.

They are what `local.host.launch` starts, without the second that a fresh interpreter needs for its imports.
"""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import msgspec

from local.host import Options, run

START_TIMEOUT = 60.0  # seconds
_PRELOADED = [
    "local.host",
    "shared.wiring",
    "shared.api.routes",
    "shared.storage.ledger",
    "shared.storage.blobs",
    "shared.storage.queues",
    "retrain.gate.judging",
    "retrain.reconcile",
    "retrain.steps.evaluation",
    "retrain.steps.intake",
    "retrain.steps.promotion",
    "retrain.steps.training",
    "azure.functions",
    "azurefunctions.extensions.bindings.blob",
    "azure.data.tables",
    "azure.storage.queue",
    "werkzeug.wrappers",
    "numpy.ma",
    "numpy.random",
    "statistics",
]


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


class ForkedHost:
    """A running host, with the face of `local.host.launch.HostProcess` as far as tests use it."""

    def __init__(self, options: Options, settings: Mapping[str, str], log: Path) -> None:
        self.log = log
        context = _context()
        said, says = context.Pipe(duplex=False)
        held, self._lifeline = context.Pipe(duplex=False)
        given = msgspec.to_builtins(options, enc_hook=str)
        self._process = context.Process(target=_serve, args=(given, dict(settings), log, says, held), daemon=True)
        self._process.start()
        says.close()
        held.close()
        self.url = self._ready(said)

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL; returns when nothing of it runs any more. Repeatable."""
        self._process.kill()
        self._process.join()
        self._lifeline.close()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it takes too long."""
        if self._process.is_alive():
            os.kill(self.pid, signal.SIGTERM)
            self._process.join(20)
        self.kill()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def dump(self) -> str:
        """Its log, with how it ended or where each of its threads stands now."""
        if not self.alive:
            return f"{self.log_text()}\nended with {self._process.exitcode}"
        os.kill(self.pid, signal.SIGUSR1)
        time.sleep(0.5)
        return self.log_text()

    def log_text(self) -> str:
        """Everything it has logged."""
        return self.log.read_text(errors="replace")

    def _ready(self, said: Connection) -> str:
        deadline = time.monotonic() + START_TIMEOUT
        with said:
            while not said.poll(0.05):
                if not self._process.is_alive() or time.monotonic() > deadline:
                    self.kill()
                    raise AssertionError(f"the host did not come up: {self.log_text()[-3000:]}")
            line = os.read(said.fileno(), 10_000)
        if not line:
            self.kill()
            raise AssertionError(f"the host ended at once: {self.dump()[-3000:]}")
        return str(json.loads(line)["url"])


def _serve(given: dict[str, object], settings: dict[str, str], log: Path, says: Connection, held: Connection) -> None:
    """The host's own process: standard output is the pipe, standard input the lifeline, errors go to the log."""
    file = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for source, target in ((held.fileno(), 0), (says.fileno(), 1), (file, 2)):
        os.dup2(source, target)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - it lives as long as the process
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    says.close()
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    os.environ.update(settings)
    options = msgspec.convert(given, Options, dec_hook=lambda kind, value: kind(value))
    os._exit(run(options))
