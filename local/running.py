"""Starts the stack where people look for it: on its usual ports, or on free ones where those are taken, saying so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from local.azurite import AzuriteError
from local.host.launch import HostError, HostProcess
from local.services.launch import ServicesDidNotStart
from local.stack import BLOB_PORT, HOST_PORT, QUEUE_PORT, STUDIO_PORT, TABLE_PORT, Stack, free

DELAY = 1.0
"""Seconds until the local Studio serves a PATCHed model. The real one took about 30; that it takes any is what matters:
whoever believed the answer to a PATCH would judge the old model."""
SETTLE = 5.0
"""Seconds in which models of the local Studio are sure to have settled; the `settle` of their configuration."""
TRIES = 3

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ports:
    """Where the parts listen on 127.0.0.1; 0 is any free port."""

    host: int = HOST_PORT
    studio: int = STUDIO_PORT
    blob: int = BLOB_PORT
    queue: int = QUEUE_PORT
    table: int = TABLE_PORT


NAMES = {"host": "Retrain", "studio": "Studio", "blob": "blobs", "queue": "queues", "table": "tables"}


def choose(say: Say) -> Ports:
    """The usual ports, with 0 for each that is taken; which those are is said."""
    wanted = Ports()
    ports = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    taken = [name for name, port in ports.items() if not free(port)]
    if taken:
        listed = ", ".join(f"{ports[name]} ({NAMES[name]})" for name in taken)
        say(f"Taken on 127.0.0.1: {listed}; free ports are used instead. Is another local stack or demo running?")
    return replace(wanted, **dict.fromkeys(taken, 0))


def start(folder: Path, say: Say, *, keep: bool = False, workers: int | None = None) -> tuple[Stack, Ports]:
    """A running stack without its host, and the ports that were chosen. `workers` train at a time, else one per core.

    Raises:
        AzuriteError, ServicesDidNotStart: for another reason than a port that was taken just now.
    """
    for _ in range(TRIES - 1):
        ports = choose(say)
        try:
            return _stack(folder, ports, keep, workers), ports
        except (AzuriteError, ServicesDidNotStart):
            if _all_free(ports):
                raise
    ports = replace(Ports(), studio=0, blob=0, queue=0, table=0)
    return _stack(folder, ports, keep, workers), ports


def start_host(stack: Stack, settings: Mapping[str, str], port: int, say: Say) -> HostProcess:
    """The host on that port, or on a free one. Raises HostError when the app cannot be loaded."""
    try:
        return stack.start_host(settings, port=port)
    except HostError:
        if port == 0 or free(port):
            raise
    say(f"Port {port} (Retrain) was taken just now; a free one is used instead.")
    return stack.start_host(settings)


def _stack(folder: Path, ports: Ports, keep: bool, workers: int | None) -> Stack:
    return Stack(
        folder,
        keep=keep,
        ports=(ports.blob, ports.queue, ports.table),
        studio_port=ports.studio,
        switches={"propagationDelay": DELAY, "operationDelay": DELAY},
        workers=workers,
    )


def _all_free(ports: Ports) -> bool:
    return all(free(port) for port in (ports.studio, ports.blob, ports.queue, ports.table) if port)
