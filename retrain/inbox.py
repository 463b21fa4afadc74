"""The inbox `training-data/`: which files are there to be taken, and taking them out once a run has its copy."""

from __future__ import annotations

from collections.abc import Iterator

from retrain import paths
from retrain.model import Model, is_history
from retrain.ports import BlobInfo, Ports
from retrain.run import Landed, Run


def waiting(target: str, model: Model, ports: Ports) -> Iterator[BlobInfo]:
    """Files of a target in the inbox that are not history, as they are listed."""
    container, _, prefix = f"{paths.INBOX}/{paths.place(target)}/".partition("/")
    for info in ports.blobs.list(container, prefix):
        if not is_history(info.modified, model):
            yield info


def clear(run: Run, ports: Ports) -> None:
    """Removes the run's files from the inbox: those versions only, a replaced file stays. Harmless to repeat."""
    for landed in run.landings:
        if landed.blob.startswith(f"{paths.INBOX}/") and not landed.keep:
            ports.blobs.delete(landed.blob, landed.etag)


def newest(landings: tuple[Landed, ...]) -> Landed:
    """The landing that decides a run's order."""
    return max(landings, key=lambda landed: (landed.modified, landed.key))
