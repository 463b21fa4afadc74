"""`make up`: the whole stack, kept running until Ctrl-C; what it knows is there again at the next start."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import msgspec

from cli.api import Api
from cli.problems import Problem
from local import bikes, offer, running
from local.azurite import AzuriteError
from local.demo.telling import Teller, console
from local.home import Connection, Home
from local.host.launch import HostError, HostProcess
from local.interrupts import Interrupted, Interrupts
from local.services.launch import ServicesDidNotStart
from local.services.studio.client import StudioRefused
from local.stack import HOST_PORT, Stack

FAILURES = (AzuriteError, HostError, ServicesDidNotStart, StudioRefused, Problem)
LOGS = ("azurite.log", "studio.log", "host.log")
LARGEST_LOG = 50 << 20  # bytes; a larger one makes room at the next start
LOOK = 0.5  # seconds between looks at the settings


def serve(folder: Path | None = None) -> int:
    """Runs the stack until somebody stops it; the exit code is 0 then, and 1 when it cannot run."""
    home, teller = Home(folder) if folder else Home(), Teller(console())
    try:
        with Interrupts() as interrupts, home.owned():
            return _Up(home, teller, interrupts).serve()
    except Interrupted:
        teller.say("Stopped; what it knows is kept.")
        return 0
    except FAILURES as error:
        teller.say(str(error), "red")
        return 1


class _Up:
    """One run of the stack in its folder."""

    def __init__(self, home: Home, teller: Teller, interrupts: Interrupts) -> None:
        self.home, self.teller, self.interrupts = home, teller, interrupts

    def serve(self) -> int:
        for name in LOGS:
            _make_room(self.home.folder / name)
        with self.teller.waiting("starting storage and Studio"), self.interrupts.held():
            stack, ports = running.start(self.home.folder, self.teller.say, keep=True)
        try:
            return self._run(stack, ports.host)
        finally:
            with self.teller.waiting("stopping"), self.interrupts.held():
                stack.close()

    def _run(self, stack: Stack, port: int) -> int:
        self._move(stack)
        first = not self.home.models.exists()
        if first:
            self.teller.say("First start: deploying a model of bike rentals to try things with ...")
            offer.samples(self.home)
            offer.deploy(self.home, stack)
        self.home.set(_settings(stack, self.home))
        host = self._start(stack, port)
        assert host is not None
        self.home.connect(Connection(host.url, stack.studio.url, stack.storage, os.getpid()))
        if first or bikes.NAME in self.home.names():
            self._adopt(host.url)
        self._introduce(host.url, stack)
        return self._watch(stack, host)

    def _move(self, stack: Stack) -> None:
        """Studio may have had to take another port than when its models were configured."""
        before = self.home.last_connection()
        if before and before.studio != stack.studio.url and self.home.models.exists():
            self.home.move_models(before.studio, stack.studio.url)
            self.home.connect(msgspec.structs.replace(before, studio=stack.studio.url))
            self.teller.say(f"The addresses in {self.home.models} now name Studio's present port")

    def _adopt(self, url: str) -> None:
        api = Api(url, "", "make up")
        try:
            offer.adopt(api)
        except Problem as problem:
            self.teller.say(f"{bikes.NAME} could not be adopted: {problem}", "yellow")
        finally:
            api.close()

    def _start(self, stack: Stack, port: int) -> HostProcess:
        with self.teller.waiting("starting Retrain"), self.interrupts.held():
            return running.start_host(stack, self.home.values(), port, self.teller.say)

    def _watch(self, stack: Stack, host: HostProcess) -> int:
        """Restarts the app when its settings change, as Azure does; ends when the app does by itself."""
        port, seen = int(host.url.rsplit(":", 1)[1]), self._changed()
        app: HostProcess | None = host
        while app is None or app.process.poll() is None:
            time.sleep(LOOK)
            if (now := self._changed()) != seen:
                seen, app = now, self._restart(stack, app, port)
        self.teller.say(f"Retrain ended with {app.process.returncode}; see {app.log}", "red")
        return 1

    def _changed(self) -> int:
        return self.home.settings.stat().st_mtime_ns

    def _restart(self, stack: Stack, host: HostProcess | None, port: int) -> HostProcess | None:
        """The app with the settings as they are now; None when it does not start with them."""
        name = self.home.settings.name
        try:
            values = self.home.values()
            with self.interrupts.held():
                if host is not None:
                    host.stop()
                fresh = running.start_host(stack, values, port, self.teller.say)
        except Problem as problem:
            self.teller.say(f"{problem}; until then the settings before it stay", "yellow")
            return host
        except HostError as error:
            self.teller.say(
                f"{error}\nRetrain does not start with this {name}; it is tried again when it changes", "red"
            )
            return None
        self.teller.say(f"{name} has changed: Retrain was restarted with it")
        return fresh

    def _introduce(self, url: str, stack: Stack) -> None:
        say, home = self.teller.say, self.home
        self.teller.heading("Retrain is running on this machine (Ctrl-C stops it)")
        say(f"Retrain  {url}/")
        say(f"services {stack.studio.url}/ (web services, classic and new; designer; today's Azure ML; Data Factory)")
        ports = stack.azurite.ports
        say(f"storage  http://127.0.0.1:{ports['blob']}/ (queues {ports['queue']}, tables {ports['table']})")
        say(f"models   {home.models}")
        say(f"keys     {home.settings}")
        say(f"logs     {home.folder}/*.log")
        if bikes.NAME in home.names():
            self.teller.heading("Try, in another terminal:")
            for command in _commands(url, home):
                self.teller.verbatim(command)


def _commands(url: str, home: Home) -> list[str]:
    program = "retrain" if shutil.which("retrain") else ".venv/bin/retrain"
    program += "" if url.endswith(f":{HOST_PORT}") else f" --url {url}"
    sample = home.samples / "2011-06.csv"
    shown = sample.relative_to(Path.cwd()) if sample.is_relative_to(Path.cwd()) else sample
    return [
        f"{program} submit {shown} --model {bikes.NAME} --watch",
        f"{program} runs {bikes.NAME}",
        f"{program} rollback {bikes.NAME}",
    ]


def _settings(stack: Stack, home: Home) -> dict[str, str]:
    """What the app needs to know besides keys, as it is at this start."""
    return {
        "AzureWebJobsStorage": stack.storage,
        "FUNCTIONS_WORKER_RUNTIME": "python",
        "RETRAIN_BLOB_SOURCE": "EventGrid",
        "RETRAIN_MODELS_FILE": str(home.models),
    }


def _make_room(log: Path) -> None:
    """Begins a log anew when it has become large; the one before is kept."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
