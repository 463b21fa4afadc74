"""The data that later runs of a target may train on: its manifest, and what becomes of a batch once it was judged.

A believed batch joins. One in doubt is kept aside until the next one shows that the change lasts, and both join, or
that it does not, and it stays out. The pointer is saved with the run, so two runs decided at once do so one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import msgspec

from retrain import paths
from retrain.belief import settle
from retrain.champion import Accepted
from retrain.data.manifests import Manifest, Part
from retrain.data.profile import SplitSpec
from retrain.decoding import from_json
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Actor, Doubted, Move, Run


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


@dataclass(frozen=True)
class Ruled:
    """What was said of a run's batch. `used`: the trusted holdout was looked at; `why` is the reason in a sentence;
    `unlearnt`: see the gate's decision."""

    data: Literal["believed", "doubted", "refused"]
    confirms: bool
    used: bool
    why: str
    unlearnt: bool = False


def doubted_before(run: Run, pointer: Accepted) -> Doubted | None:
    """The batch in doubt that this run's batch speaks for or against; a batch older than it, or none, says nothing."""
    doubted = pointer.doubted
    return doubted if doubted is not None and run.landings and run.order > doubted.order else None


def after(
    run: Run, pointer: Accepted, earlier: Doubted | None, ruled: Ruled, ports: Ports
) -> tuple[Accepted | None, tuple[Move, ...]]:
    """The pointer once this run's batch was judged, to be saved with the run (None when it is as it was), and the line
    in the history of the batch whose doubt is over: `earlier`, which this one spoke for or against."""
    now = msgspec.structs.replace(pointer, uses=pointer.uses + ruled.used)
    lines: tuple[Move, ...] = ()
    if run.landings and ruled.data != "refused":
        now = _joined(run, now, earlier, ruled, ports)
        lines = (_line(earlier, run, ruled, ports),) if earlier else ()
    return (now if now != pointer else None), lines


def _joined(run: Run, pointer: Accepted, earlier: Doubted | None, ruled: Ruled, ports: Ports) -> Accepted:
    assert run.data is not None
    apart = earlier is not None and run.data.apart == earlier.run
    settled = settle(ruled.data, confirms=ruled.confirms, doubted=earlier is not None, apart=apart)
    if settled.doubts:
        newer = pointer.doubted if earlier is None else None
        count = earlier.count + 1 if earlier else 1
        own = Doubted(
            run=run.id,
            order=run.order,
            data=run.data,
            at=ports.now(),
            count=count,
            why=ruled.why,
            apart=ruled.unlearnt,
        )
        return msgspec.structs.replace(pointer, doubted=newer or own)
    joined = (
        _anew(run, pointer, earlier, ports, alone=settled.alone) if settled.anew else _with_own(run, pointer, ports)
    )
    return msgspec.structs.replace(joined, doubted=None) if settled.clears else joined


def _with_own(run: Run, pointer: Accepted, ports: Ports) -> Accepted:
    """The pointer after a run's own batch joined: its own manifest as it stands, unless another run was decided
    meanwhile."""
    assert run.data is not None
    if pointer.manifest == run.data.joins:
        return msgspec.structs.replace(pointer, manifest=run.data.manifest)
    recorded, known = read_manifest(run.data.manifest, ports), read_manifest(pointer.manifest, ports)
    if any(part.run == run.id for part in known.parts):
        return pointer
    from retrain import remembered  # loads numpy and pyarrow

    joined = Manifest(columns=recorded.columns, parts=(*known.parts, *_own(recorded, run.id)))
    model = ports.models.get(run.target)
    return _pointing(pointer, remembered.merged(run, recorded, known, joined, model, ports), run, ports)


def _anew(run: Run, pointer: Accepted, earlier: Doubted | None, ports: Ports, *, alone: bool) -> Accepted:
    """The pointer once a change was found to last: the batch that was in doubt joins with the run's own, and the
    trusted holdout begins with them. `alone`: so does what is trained on."""
    from retrain import remembered

    assert run.data is not None
    recorded = read_manifest(run.data.manifest, ports)
    known = read_manifest(pointer.manifest, ports) if pointer.manifest else None
    doubted = read_manifest(earlier.data.manifest, ports) if earlier else recorded
    of = earlier.run if earlier else run.id
    before = known.parts if known and not alone else ()
    parts = (*before, *(_own(doubted, of) if earlier else ()), *_own(recorded, run.id))
    joined = Manifest(columns=recorded.columns, parts=parts)
    model = ports.models.get(run.target)
    whole = remembered.restarted(run, doubted, of, recorded, known, joined, model, ports)
    return msgspec.structs.replace(_pointing(pointer, whole, run, ports), uses=0)


def _own(manifest: Manifest, run: str) -> tuple[Part, ...]:
    """The parts that a run brought itself."""
    return tuple(part for part in manifest.parts if part.run == run)


def _pointing(pointer: Accepted, manifest: Manifest, run: Run, ports: Ports) -> Accepted:
    return msgspec.structs.replace(pointer, manifest=write_manifest(manifest, paths.folder(run), ports))


def _line(earlier: Doubted, run: Run, ruled: Ruled, ports: Ports) -> Move:
    """What became of a batch in doubt, for its own run's history."""
    doubter = ports.ledger.run(earlier.run)
    if ruled.confirms:
        why = f"its data is believed after all: run {run.id} shows the same"
    elif ruled.data == "doubted":
        why = f"its data is left out: run {run.id} came next and is in doubt too"
    else:
        why = f"its data is left out: run {run.id} does not show the same"
    return Move(
        run=doubter.id,
        n=doubter.seq + 1,
        source=doubter.state,
        to=doubter.state,
        at=ports.now(),
        why=why,
        actor=Actor(kind="retrain", id=run.id),
    )


class _Recorded(msgspec.Struct, frozen=True):
    manifest: Manifest


def read_manifest(blob: str, ports: Ports) -> Manifest:
    """The manifest in a run's record of its training data."""
    return from_json(ports.blobs.read(blob), _Recorded).manifest


def write_manifest(manifest: Manifest, folder: str, ports: Ports) -> str:
    """Writes a manifest under a name made of its content, so that whoever writes another does it no harm; where."""
    content = msgspec.json.encode({"manifest": manifest})
    blob = f"{folder}/accepted-{sha256(content).hexdigest()[:12]}.json"
    ports.blobs.write(blob, content)
    return blob
