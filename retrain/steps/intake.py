"""Intake: read what landed, refuse what cannot be used, hold out rows, write the training data.

Everything is written below the run's own folder before the run's row says so, under names made of the content: done
twice, even at once, it comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Literal

import msgspec

from retrain import paths, quarantine
from retrain.accepted import accepted_manifest, doubted_before, read_manifest, spec_of
from retrain.champion import Accepted
from retrain.data.files import gather, temporary
from retrain.data.manifests import Manifest, Part, choose, concatenate
from retrain.data.split import Written, split
from retrain.data.tables import BadData
from retrain.errors import Conflict, NotFound, PermanentError, Replaced
from retrain.model import Model
from retrain.outcome import Outcome, end, go, twin
from retrain.ports import Ports
from retrain.run import Data, Run, State
from retrain.steps import reference
from retrain.steps.recorded import Recorded, fingerprint_of, ready, with_trusted

if TYPE_CHECKING:
    from retrain.remembered import HeldOut

NewFile = Callable[[], BinaryIO]


def intake(run: Run, ports: Ports) -> Outcome:
    """From `received`: to `ready` with training data and holdout, or to an end that says why not."""
    model = ports.models.get(run.target)
    if run.candidate is not None:
        return go(run, State.TRAINED, f"another system trained it: {run.given}", ports.now())
    if model.reference and run.landings:
        return reference.pass_on(run, model, ports)
    with ExitStack() as stack:
        new_file: NewFile = lambda: stack.enter_context(temporary())  # noqa: E731  (one line says it)
        if not run.landings:
            return _again(run, model, new_file, ports)
        try:
            files = [_fetch(landed.blob, landed.etag, new_file(), ports) for landed in run.landings]
        except (Replaced, NotFound) as error:
            return _missed(run, error, ports)
        return _take(run, model, files, new_file, ports)


def _missed(run: Run, error: PermanentError, ports: Ports) -> Outcome:
    """The version that landed is not there any more: another one is, which has its own run, or none."""
    try:
        for landed in run.landings:
            ports.blobs.head(landed.blob)
    except NotFound:
        return end(
            run, State.FAILED, f"the file was deleted before it was read ({error}); upload it again", ports.now()
        )
    return end(run, State.SUPERSEDED, f"{error}; the new version has a run of its own", ports.now())


def _fetch(blob: str, etag: str, into: BinaryIO, ports: Ports) -> BinaryIO:
    for block in ports.blobs.open(blob, etag):
        into.write(block)
    into.seek(0)
    return into


def _take(run: Run, model: Model, files: list[BinaryIO], new_file: NewFile, ports: Ports) -> Outcome:
    from retrain import remembered
    from retrain.data.reading import digest_of

    pointer = ports.ledger.accepted(run.target)
    accepted = read_manifest(pointer.manifest, ports) if pointer.manifest else None
    earlier = remembered.load(accepted, ports)
    held = remembered.HeldOut(earlier)
    if pointer.doubted is not None:
        held.add(pointer.doubted.run, ports.blobs.read(pointer.doubted.data.holdout))
    digests = [digest_of(file) for file in files]
    try:
        batch = gather(files, new_file) if len(files) > 1 else files[0]
        spec = spec_of(model, accepted.columns if accepted else None)
        digest, past = digests[0] if len(files) == 1 else "", earlier.baseline
        reading, known, findings = quarantine.read_and_judge(run, model, spec, batch, new_file, past, digest)
        parted = split(reading, new_file(), new_file(), held.hashes)
    except BadData as bad:
        first = ports.ledger.fingerprint(run.target, fingerprint_of(run, digests))
        return twin(run, first, ports.now()) if first else _quarantine(run, bad, files, ports)
    own = [_put(run, "train", parted.train, ports), _put(run, "holdout", parted.holdout, ports)]
    holdout = parted.holdout.content()
    manifest = Manifest(columns=reading.survey.columns, parts=(*(accepted.parts if accepted else ()), *own))
    after = earlier.joined_by(known, holdout, run.id, model)
    manifest = remembered.write(after, paths.folder(run), manifest, ports)
    held.add(run.id, holdout)
    apart = _apart(run, pointer, ports)
    data = _assemble(run, model, apart or manifest.parts, own, manifest.columns, held, ports, clear={own[0].blob})
    data = msgspec.structs.replace(
        with_trusted(data, accepted, earlier),
        joins=pointer.manifest,
        classes=tuple(parted.profile.label.classes or ()),
        doubts=findings.doubts,
        apart=pointer.doubted.run if apart and pointer.doubted else "",
    )
    _keep(run, files, paths.ARCHIVE, ports)
    record = Recorded(manifest=manifest, profile=parted.profile, findings=findings.all, configuration=model)
    return ready(run, data, record, fingerprint_of(run, digests), ports)


def _apart(run: Run, pointer: Accepted, ports: Ports) -> tuple[Part, ...]:
    """The parts of a batch in doubt on which nothing that learnt from accepted data has skill: they are trained on
    instead, so that a world that turned round can be learnt. Empty when there is none."""
    doubted = doubted_before(run, pointer)
    if doubted is None or not doubted.apart:
        return ()
    return tuple(part for part in read_manifest(doubted.data.manifest, ports).parts if part.run == doubted.run)


def _again(run: Run, model: Model, new_file: NewFile, ports: Ports) -> Outcome:
    """Without new files: train on what was accepted, judge on its newest holdout."""
    manifest = accepted_manifest(run.target, ports)
    parts = manifest.parts if manifest else ()
    train = [part for part in parts if part.kind == "train"]
    holdouts = [part for part in parts if part.kind == "holdout"]
    if manifest is None or not train or not holdouts:
        return end(
            run, State.UNCHANGED, "the inbox is empty and no data was accepted so far: nothing to train on", ports.now()
        )
    from retrain import remembered

    earlier = remembered.load(manifest, ports)
    held = remembered.HeldOut(earlier)
    own = [train[-1], holdouts[-1]]
    held.add(own[1].run, b"".join(ports.blobs.open(own[1].blob, own[1].etag)))
    data = _assemble(run, model, parts, own, manifest.columns, held, ports)
    fingerprint = fingerprint_of(run, [part.sha256 for part in train])
    return ready(
        run,
        with_trusted(data, manifest, earlier),
        Recorded(manifest=manifest, configuration=model),
        fingerprint,
        ports,
    )


def _assemble(
    run: Run, model: Model, earlier: Sequence[Part], own: list[Part], columns: Sequence[str], held: HeldOut,
    ports: Ports, clear: Container[str] = frozenset(),
) -> Data:  # fmt: skip
    """Writes what the job is to read: the chosen parts as one file, without any row of a holdout.

    `clear`: blobs of parts that are known to have none.
    """
    train, holdout = own
    chosen = choose([part for part in earlier if part.kind == "train"], train, model.train_on)
    data = Data(
        manifest="",
        training=train.blob,
        holdout=holdout.blob,
        rows=train.rows,
        holdout_rows=holdout.rows,
        holdout_sha=holdout.sha256,
    )
    untouched = {number for number, part in enumerate(chosen) if part.blob in clear or held.clear(part)}
    if len(chosen) == len(untouched) == 1:
        return data
    streams = (ports.blobs.open(part.blob, part.etag) for part in chosen)
    hashes = held.hashes
    whole = concatenate(streams, columns, hashes, untouched)
    facts = [*(part.sha256 for part in chosen), sha256(hashes.tobytes()).hexdigest()]
    training = paths.file(run, f"training-{sha256(''.join(facts).encode()).hexdigest()[:12]}.csv")
    ports.blobs.write(training, whole)
    return msgspec.structs.replace(data, training=training, rows=whole.rows)


def _put(run: Run, kind: Literal["train", "holdout"], part: Written, ports: Ports) -> Part:
    blob = paths.file(run, f"{kind}-{part.sha256[:12]}.csv")
    return Part(
        blob=blob, etag=_once(blob, part.file, ports), sha256=part.sha256, rows=part.rows, run=run.id, kind=kind
    )


def _once(blob: str, file: BinaryIO, ports: Ports) -> str:
    """Writes a file that is named by its content; its etag. Two deliveries at work at once share what is there."""
    file.seek(0)
    try:
        return ports.blobs.write(blob, file, only_new=True)
    except Conflict:
        return ports.blobs.head(blob).etag


def _keep(run: Run, files: list[BinaryIO], container: str, ports: Ports) -> None:
    """Keeps the originals of files that will leave the inbox."""
    for landed, file in zip(run.landings, files, strict=True):
        if landed.blob.startswith(f"{paths.INBOX}/") and not landed.keep:
            file.seek(0)
            ports.blobs.write(paths.kept(run, landed.blob, container), file)


def _quarantine(run: Run, bad: BadData, files: list[BinaryIO], ports: Ports) -> Outcome:
    """Keeps the files where they can be looked at, with what is wrong beside them for people and machines."""
    _keep(run, files, paths.QUARANTINE, ports)
    rules = quarantine.write_report(run, bad, ports)
    return end(
        run, State.QUARANTINED, "; ".join(bad.problems), ports.now(), problems=tuple(bad.problems), refused_by=rules
    )
