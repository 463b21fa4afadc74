"""Running the services until a signal comes."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from local.services.app import application

HOST = "127.0.0.1"
PORT_TAKEN = 2

log = logging.getLogger(__name__)


async def serve(
    port: int, folder: Path, storage: str, workers: int, switches: Mapping[str, Any], lifeline: bool = False
) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code. One line on stdout says when it is ready.

    With `lifeline` it also ends when standard input does: whoever started it holds the other end.
    """
    runner = web.AppRunner(application(folder, storage, workers, switches), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        return await _serve(runner, port, lifeline)
    finally:
        await runner.cleanup()


async def _serve(runner: web.AppRunner, port: int, lifeline: bool) -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    if lifeline:
        _follow_stdin(stopped)
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as taken:
        sys.stderr.write(f"Port {port} of {HOST} cannot be used ({taken.strerror}). Give another --port, or 0.\n")
        return PORT_TAKEN
    address = f"http://{HOST}:{runner.addresses[0][1]}"
    sys.stdout.write(msgspec.json.encode({"url": address}).decode() + "\n")
    sys.stdout.flush()
    log.info("ready url=%s", address)
    await stopped.wait()
    return 0


def _follow_stdin(stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        while os.read(0, 4096):
            pass
        with contextlib.suppress(RuntimeError):  # the loop has ended: so does the process
            loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=read, daemon=True).start()
