"""Programs under test as a person starts them: from a terminal's process group, with everything they start in turn."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "RETRAIN_TEST_MARK"


class Program:
    """A running program whose output goes to a file. `left` finds all that it started, by a mark in the environment."""

    def __init__(self, arguments: Sequence[str], output: Path, **environment: str) -> None:
        self.mark = uuid.uuid4().hex
        self.output = output
        env = {**os.environ, MARK: self.mark, "PYTHONUNBUFFERED": "1", **environment}
        with output.open("wb") as to:
            self.process = subprocess.Popen(
                [sys.executable, *arguments], stdout=to, stderr=subprocess.STDOUT, cwd=ROOT, env=env, process_group=0
            )

    def said(self) -> str:
        """All that it has written so far."""
        return self.output.read_text(errors="replace")

    def await_text(self, pattern: str, seconds: float = 100) -> re.Match[str]:
        """Waits until it has written something that matches."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := re.search(pattern, self.said()):
                return found
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.said()}"
            time.sleep(0.05)
        raise AssertionError(f"no {pattern!r} after {seconds} s:\n{self.said()}")

    def interrupt(self, number: int = signal.SIGINT, *, group: bool = False) -> int:
        """Sends a signal, to the whole group as a terminal's Ctrl-C does, and waits; the exit code."""
        (os.killpg if group else os.kill)(self.process.pid, number)
        return self.process.wait(40)

    def left(self, seconds: float = 0) -> list[str]:
        """The command lines of what it started and is still there, after waiting so long for them to go."""
        end = time.monotonic() + seconds
        while (found := self._marked()) and time.monotonic() < end:
            time.sleep(0.05)
        return list(found.values())

    def kill_part(self, module: str) -> None:
        """Kills the process among those it started that runs this module."""
        (victim,) = [pid for pid, command in self._marked().items() if f"-m {module} " in command]
        os.kill(victim, signal.SIGKILL)

    def end(self) -> None:
        """Whatever happened in a test, nothing stays."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def _marked(self) -> dict[int, str]:
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it has just ended
                continue
        return found
