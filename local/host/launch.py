"""Starts the host as a process of its own, for the local stack, tests and benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from local.lifeline import empty_file, hold

START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 30.0  # seconds that running invocations may take to finish

_ROOT = Path(__file__).parents[2]


class HostError(Exception):
    """The host did not come up; the message holds the end of its log. `code` is its exit code, if it ended."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class HostProcess:
    """A running host; a context manager that stops it gracefully.

    settings: app settings; they win over the surrounding environment. log: file for its log lines (default: a
    temporary one). arguments: further command line arguments. The host ends with this process, also on SIGKILL.
    Raises HostError when it does not come up.
    """

    def __init__(
        self,
        app_dir: Path,
        settings: Mapping[str, str],
        port: int = 0,
        event_grid_log: Path | None = None,
        hide_time: int = 2,
        *,
        enable_auth: bool = False,
        chaos: str = "",
        log: Path | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        command = [sys.executable, "-m", "local.host", "--app", str(app_dir), "--port", str(port), "--with-parent"]
        command += ["--hide-time", str(hide_time), *arguments]
        command += ["--event-grid", str(event_grid_log)] if event_grid_log else []
        command += ["--event-grid-chaos", chaos] if chaos else []
        command += ["--enable-auth"] if enable_auth else []
        self.log = log or empty_file("host-")
        self._started = self.log.stat().st_size if self.log.exists() else 0
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        with self.log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **settings, "PYTHONPATH": path},
            )
        self._lifeline = hold(self.process)
        self.url = self._wait_until_ready()

    def log_text(self) -> str:
        """Everything this host has logged so far."""
        return self.log.read_bytes()[self._started :].decode(errors="replace")

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """SIGTERM, wait for the end, SIGKILL if it takes too long; returns the exit code. Repeatable."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                return self.kill()
        self._close()
        return self.process.returncode

    def kill(self) -> int:
        """SIGKILL: nothing is finished, nothing is given back."""
        self.process.kill()
        self.process.wait()
        self._close()
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def _close(self) -> None:
        self._lifeline.close()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _wait_until_ready(self) -> str:
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        deadline, said = time.monotonic() + START_TIMEOUT, b""
        while b"\n" not in said:
            said += self.process.stdout.read() or b""
            if self.process.poll() is not None and b"\n" not in said:
                self._close()
                raise HostError(
                    f"the host ended with {self.process.returncode}: {self._tail()}", self.process.returncode
                )
            if time.monotonic() > deadline:
                self.kill()
                raise HostError(f"the host was not ready after {START_TIMEOUT:.0f} s: {self._tail()}")
            time.sleep(0.01)
        return str(json.loads(said)["url"])

    def _tail(self) -> str:
        return self.log_text()[-3000:].strip() or "no log"
