"""The data that later runs of a target may train on: its manifest, and what intake knows from it."""

from __future__ import annotations

import msgspec

from retrain import paths
from retrain.champion import Accepted
from retrain.data.manifests import Manifest
from retrain.data.profile import SplitSpec
from retrain.decoding import from_json
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Run


def spec_of(model: Model, columns: tuple[str, ...] | None, classes: tuple[str, ...] = ()) -> SplitSpec:
    """What intake knows of a model's data."""
    return SplitSpec(
        label=model.label,
        kind=model.kind,
        time=model.time,
        share=model.holdout.share,
        cap=model.holdout.cap,
        positive=model.positive,
        columns=columns,
        classes=classes or None,
    )


def accepted_manifest(target: str, ports: Ports) -> Manifest | None:
    """All data accepted so far, or None."""
    accepted = ports.ledger.accepted(target)
    return read_manifest(accepted.manifest, ports) if accepted.manifest else None


def read_manifest(blob: str, ports: Ports) -> Manifest:
    """The manifest in a run's record of its training data."""
    return from_json(ports.blobs.read(blob), _Recorded).manifest


class _Recorded(msgspec.Struct, frozen=True):
    manifest: Manifest


def accept(run: Run, ports: Ports) -> Accepted | None:
    """The pointer after a run's own parts joined the accepted data, to be saved with the run; None when it has none.

    Unless another run was decided meanwhile, that is the run's own manifest as it stands.
    """
    assert run.data is not None
    if not run.landings:
        return None
    pointer = ports.ledger.accepted(run.target)
    if pointer.manifest == run.data.joins:
        return msgspec.structs.replace(pointer, manifest=run.data.manifest)
    recorded, known = read_manifest(run.data.manifest, ports), read_manifest(pointer.manifest, ports)
    if any(part.run == run.id for part in known.parts):
        return None
    own = tuple(part for part in recorded.parts if part.run == run.id)
    joined = Manifest(columns=recorded.columns, parts=(*known.parts, *own))
    from retrain.remembered import merged

    joined = merged(run, recorded, known, joined, ports.models.get(run.target), ports)
    return write_accepted(pointer, joined, paths.file(run, "accepted.json"), ports)


def write_accepted(pointer: Accepted, manifest: Manifest, blob: str, ports: Ports) -> Accepted:
    """Writes a manifest of accepted data and returns the pointer to it, to be saved under If-Match."""
    ports.blobs.write(blob, msgspec.json.encode({"manifest": manifest}))
    return msgspec.structs.replace(pointer, manifest=blob)
