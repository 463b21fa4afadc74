"""Puts the host together and runs it: start in the right order, stop in the right order.

Each part has its own module; this one only knows who needs whom.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import socket
import sys
from typing import Protocol

from aiohttp import web as aiohttp_web

from local.host import blobmessages, logs, settings, webhooks, worker
from local.host.admin import Admin
from local.host.blobs import BlobDispatcher, BlobFunction
from local.host.blobscan import BlobScanner
from local.host.eventgrid import EventGrid
from local.host.invocations import Invocations
from local.host.keys import Keys
from local.host.manual import Manual
from local.host.options import Options
from local.host.outputs import Outputs
from local.host.queuetriggers import QueueTrigger
from local.host.settings import HostSettings, SettingsError
from local.host.storage import Storage
from local.host.timers import Timer
from local.host.wakeup import Wakeups
from local.host.web import HttpFunctions, application
from local.host.worker import Function, LoadError

log = logging.getLogger("local.host")

EXIT_NOT_LOADED = 1
EXIT_PORT_TAKEN = 2


class Listener(Protocol):
    """Something that runs until it is told to stop, and then finishes what it has begun."""

    async def run(self) -> None: ...

    def stop(self) -> None: ...


class Host:
    """The host of one loaded app. Raises SettingsError for what the app asks and this host cannot do."""

    def __init__(self, options: Options, config: HostSettings, functions: list[Function], host_id: str) -> None:
        self.options = options
        self._config = config
        self._host_id = host_id
        self.functions = functions
        self._active = [f for f in functions if not settings.is_disabled(f.name, os.environ)]
        self.storage = Storage(os.environ)
        self._wakeups = Wakeups(announced=options.event_grid is not None)
        outputs = Outputs(self.storage, self._wakeups, config.queues.message_encoding, os.environ)
        for function in self._active:
            outputs.check(function)
        self._invocations = Invocations(outputs)
        self.keys = Keys(self.storage, host_id, enabled=options.enable_auth)
        self._blobs = [BlobFunction(f, os.environ) for f in self._of_kind("blob")]
        self._dispatcher = BlobDispatcher(self._blobs, self.storage, self._wakeups, self._invocations, host_id)
        self.listeners: list[Listener] = [*self._queue_listeners(), *self._blob_listeners(), *self._timers()]
        self.event_grid = self._event_grid()
        self.admin = Admin(functions, host_id, self.keys, Manual(self._invocations, self._dispatcher).run)

    def application(self) -> aiohttp_web.Application:
        """The web application of host and app."""
        http = HttpFunctions(self._of_kind("http"), self._config.http.route_prefix, self._invocations, self.keys)
        webhook = webhooks.BlobWebhook(self._dispatcher, self.storage, self.keys)
        return application(http, [*self.admin.routes(), aiohttp_web.post(webhooks.PATH, webhook.handle)])

    def _of_kind(self, kind: str) -> list[Function]:
        return [function for function in self._active if function.kind == kind]

    def _queue_listeners(self) -> list[Listener]:
        triggers = [QueueTrigger(f, self._config.queues, self._invocations, os.environ) for f in self._of_kind("queue")]
        return [trigger.listener(self.storage, self._wakeups, self.options.hide_time) for trigger in triggers]

    def _blob_listeners(self) -> list[Listener]:
        if not self._blobs:
            return []
        polled = [blob for blob in self._blobs if not blob.by_event_grid]
        interval = self.options.blob_scan_interval
        internal = self._config.blobs.as_queue(self._config.queues)
        scanner = BlobScanner(polled, self.storage, self._dispatcher, self._host_id, interval)
        return [self._dispatcher.listener(internal, self.options.hide_time), scanner]

    def _timers(self) -> list[Listener]:
        return [Timer(f, self.storage, self._invocations, self._host_id, os.environ) for f in self._of_kind("timer")]

    def _event_grid(self) -> EventGrid | None:
        if self.options.event_grid is None:
            return None
        subscribed = [blob for blob in self._blobs if blob.by_event_grid]
        return EventGrid(
            self.options.event_grid,
            subscribed,
            self.storage,
            self._wakeups,
            chaos=self.options.chaos,
            retries=self.options.event_grid_retries,
            own_queue=blobmessages.internal_queue(self._host_id),
            bookmark=self.options.event_grid_bookmark,
        )


def run(options: Options) -> int:
    """Load the app and serve it until SIGTERM or SIGINT; returns the process's exit code.

    0 after a graceful stop, 1 when the app or its settings cannot be loaded, 2 when the port is taken. Prints one
    JSON line {"url": …} on standard output when ready. Changes os.environ, sys.path and the working directory, so
    call it once in a process of its own (a fork of one that has imported this package will do).
    """
    return asyncio.run(_run(_absolute(options)))


async def _run(options: Options) -> int:
    try:
        settings.load_app_settings(options.app, options.settings, options.overrides)
        config = settings.load_host_settings(options.app, os.environ)
        logs.configure(config.log_level)
        with _bound(options.port) as listening:
            functions = await worker.load(options.app)
            host = Host(options, config, functions, settings.host_id(options.app, os.environ))
            await _serve(host, listening)
    except (LoadError, SettingsError) as error:
        return _fail(str(error), EXIT_NOT_LOADED)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _fail(f"port {options.port} on 127.0.0.1 is taken: choose another with --port", EXIT_PORT_TAKEN)
    worker.stop()
    return 0


async def _serve(host: Host, listening: socket.socket) -> None:
    stopping = _on_signals(with_parent=host.options.with_parent)
    await host.keys.load(host.functions)
    runner = aiohttp_web.AppRunner(host.application(), access_log=None, shutdown_timeout=3600)
    await runner.setup()
    await aiohttp_web.SockSite(runner, listening).start()
    url = "http://{}:{}".format(*listening.getsockname())
    listening_tasks = [asyncio.create_task(listener.run()) for listener in host.listeners]
    player = host.event_grid and host.event_grid.run(url + webhooks.PATH, host.keys.blobs_extension)
    playing = asyncio.create_task(player) if player else None
    log.info("host %s serves %d functions on %s", host.admin.state.lower(), len(host.functions), url)
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()
    await _until(stopping, listening_tasks)
    await _drain(host, runner, listening_tasks, playing)


async def _until(stopping: asyncio.Event, tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the signal; a listener that breaks ends the host instead of leaving it deaf."""
    signalled = asyncio.create_task(stopping.wait())
    for task in tasks:
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception() is None or stopping.set())
    await signalled


async def _drain(
    host: Host,
    runner: aiohttp_web.AppRunner,
    tasks: list[asyncio.Task[None]],
    playing: asyncio.Task[None] | None,
) -> None:
    log.info("stopping: no new work, finishing what runs")
    host.admin.state = "Stopping"
    if playing:
        playing.cancel()
    for listener in host.listeners:
        listener.stop()
    await runner.cleanup()
    results = await asyncio.gather(*tasks, *([playing] if playing else []), return_exceptions=True)
    await host.storage.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


def _on_signals(*, with_parent: bool) -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if with_parent:
        # nobody writes there: readable means closed (local/lifeline.py)
        loop.add_reader(0, lambda: (loop.remove_reader(0), stopping.set()))
    return stopping


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError:
        listening.close()
        raise
    return listening


def _fail(message: str, code: int) -> int:
    sys.stderr.write(logs.redact(message).rstrip() + "\n")
    return code


def _absolute(options: Options) -> Options:
    """The options with absolute paths: the working directory becomes the app's folder."""
    return Options(
        **{
            name: value.absolute() if hasattr(value := getattr(options, name), "absolute") else value
            for name in options.__struct_fields__
        }
    )
