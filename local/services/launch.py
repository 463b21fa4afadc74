"""Starting the services as a process of their own and stopping it; for the local stack, tests and the demo."""

import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import IO, Any

import msgspec

from local.lifeline import hold

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0  # seconds until it must be ready; a busy machine imports slowly


class ServicesDidNotStart(RuntimeError):
    """The process ended, or was not ready in time; the message holds what it wrote."""


class ServicesProcess:
    """A running stand-in: `with ServicesProcess(folder, storage) as studio: studio.url`.

    `state` is the folder it remembers in, `storage` the workspaces' connection string, `log` a file for what it
    writes (otherwise its lines go where ours go).
    """

    def __init__(
        self,
        state: Path | str,
        storage: str,
        port: int = 0,
        switches: Mapping[str, Any] | None = None,
        workers: int | None = None,
        log: Path | str | None = None,
    ):
        self.url = ""
        self._log = Path(log) if log else None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: IO[bytes] | None = None
        self._command = [sys.executable, "-m", "local.services", "--port", str(port), "--state", str(state)]
        self._command += ["--storage", storage, "--lifeline"]
        self._command += ["--workers", str(workers)] if workers else []
        for name, value in (switches or {}).items():
            self._command += ["--switch", f"{name}={value}"]

    @property
    def pid(self) -> int:
        """The server's process id."""
        if self._process is None:
            raise ServicesDidNotStart("The services have not been started; call start() or use it in a with statement.")
        return self._process.pid

    def start(self) -> "ServicesProcess":
        """Starts the process and waits until it answers. Raises: ServicesDidNotStart."""
        errors: IO[bytes] | None = self._log.open("ab") if self._log else None
        try:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=ROOT
            )
        finally:
            if errors:
                errors.close()
        self._lifeline = hold(self._process)
        try:
            self.url = self._await_url(self._process)
        except ServicesDidNotStart:
            self.stop()
            raise
        return self

    def _await_url(self, process: subprocess.Popen[bytes]) -> str:
        if process.stdout is None:
            raise ServicesDidNotStart("The stand-in's output was not connected.")
        ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
        line = process.stdout.readline() if ready else b""
        if not line:
            state = f"exit code {process.wait(PATIENCE)}" if ready else f"silent for {PATIENCE:g} s"
            raise ServicesDidNotStart(f"The services did not start ({state}); see {self._log or 'its output'}.")
        return str(msgspec.json.decode(line)["url"])

    def stop(self, patience: float = 10.0) -> int | None:
        """Asks it to end (SIGTERM), insists after `patience` seconds; returns the exit code."""
        if self._process is None:
            return None
        self._process.terminate()
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
        return self._gone()

    def kill(self) -> int | None:
        """Ends it at once (SIGKILL), as a crash would."""
        if self._process is None:
            return None
        self._process.kill()
        self._process.wait()
        return self._gone()

    def _gone(self) -> int | None:
        if self._process is None:
            return None
        for pipe in (self._process.stdout, self._lifeline):
            if pipe:
                pipe.close()
        return self._process.returncode

    def __enter__(self) -> "ServicesProcess":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def alive(pid: int) -> bool:
    """Whether a process of that id exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pids: list[int], patience: float = 10.0) -> list[int]:
    """Waits until none of the processes exists; returns those left after `patience` seconds."""
    end = monotonic() + patience
    while monotonic() < end and any(map(alive, pids)):
        select.select([], [], [], 0.05)
    return [pid for pid in pids if alive(pid)]
