"""Telling who asked that a run has ended: the address is kept until it was called, at least once.

An address may hold a token, so it is in no record: it lies in a container of its own and is deleted once called.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from retrain import paths
from retrain.errors import NotFound, PermanentError, RetryableError
from retrain.ports import BlobInfo, Ports
from retrain.run import Run, State

log = logging.getLogger(__name__)

PATIENCE = timedelta(hours=24)
"""An address that cannot be called for so long after its run ended is given up; so is one whose run never began."""
BROKEN = frozenset({State.FAILED, State.UNVERIFIED, State.CANCELLED, State.QUARANTINED})
"""Ends that are told as errors. That a candidate was refused is an answer, not an error."""


def remember(run: str, address: str, ports: Ports) -> None:
    """Keeps an address for when the run ends. Raises AccessDenied for one that may not be called."""
    ports.outside.may_call(address)
    ports.blobs.write(paths.callback(run, address), address.encode())


def move(before: str, run: str, address: str, ports: Ports) -> None:
    """Keeps an address for another run than it was kept for: what was asked for is that run's work already."""
    if before != run:
        remember(run, address, ports)
        ports.blobs.delete(paths.callback(before, address))


def call(run: Run, ports: Ports) -> None:
    """Calls everybody who waits for this run; who cannot be reached now is tried again by the timer."""
    container, _, folder = paths.callbacks(run.id).partition("/")
    for info in ports.blobs.list(container, f"{folder}/"):
        _call(info, run, ports)


def tick(ports: Ports) -> None:
    """Calls those whose run has ended and who were not reached, or asked when it was over."""
    for info in ports.blobs.list(paths.CALLBACKS):
        try:
            run = ports.ledger.run(paths.run_of_callback(info.blob))
        except (NotFound, ValueError):
            _give_up(info, "its run never began", ports)
            continue
        if run.ended:
            _call(info, run, ports)


def _call(info: BlobInfo, run: Run, ports: Ports) -> None:
    try:
        address = ports.blobs.read(info.blob).decode()
    except NotFound:
        return  # another delivery has told it and deleted the address
    try:
        ports.outside.tell(address, message(run))
    except RetryableError as error:
        log.warning("not told yet run=%s: %s", run.id, error)
        _give_up(info, "nobody answered", ports)
        return
    except PermanentError as error:
        log.error("cannot be told run=%s: %s", run.id, error)
    ports.blobs.delete(info.blob)


def _give_up(info: BlobInfo, why: str, ports: Ports) -> None:
    if ports.now() - info.modified > PATIENCE:
        log.error("given up to call back for %s: %s", info.blob, why)
        ports.blobs.delete(info.blob)


def message(run: Run) -> dict[str, object]:
    """What is POSTed: `output` says how the run ended, `Error` is there when it broke.

    Source: Data Factory, "Webhook activity in Azure Data Factory", additional notes (`statusCode`, `error`, `output`).
    """
    output = {"run": run.id, "model": run.target, "state": run.state, "why": run.why, "version": run.version}
    if run.state not in BROKEN:
        return {"output": output, "statusCode": "200"}
    return {"output": output, "statusCode": "409", "error": {"ErrorCode": str(run.state), "Message": run.why}}
