"""Intake: read what landed, refuse what cannot be used, hold out rows, write the training data.

Everything is written below the run's own folder before the run's row says so, under names made of the content: done
twice, even at once, it comes to the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from hashlib import sha256
from typing import BinaryIO, Literal

import msgspec

from retrain import paths
from retrain.accepted import accepted_manifest, read_manifest, spec_of
from retrain.data.files import gather
from retrain.data.manifests import Manifest, Part, choose, concatenate, row_digests
from retrain.data.split import Profile, split
from retrain.data.tables import BadData
from retrain.errors import Conflict, NotFound, PermanentError, Replaced
from retrain.model import Model
from retrain.outcome import Outcome, end, go
from retrain.ports import Ports
from retrain.run import Data, Run, State

IN_MEMORY = 16 * 1024 * 1024  # bytes of a file kept in memory before it goes to a temporary one
NewFile = Callable[[], BinaryIO]


def intake(run: Run, ports: Ports) -> Outcome:
    """From `received`: to `ready` with training data and holdout, or to an end that says why not."""
    model = ports.models.get(run.target)
    if run.candidate is not None:
        return go(run, State.TRAINED, f"another system trained it: {run.given}", ports.now())
    with ExitStack() as stack:
        new_file: NewFile = lambda: stack.enter_context(_temporary())  # noqa: E731  (one line says it)
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


def _temporary() -> closing[BinaryIO]:
    return closing(tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))  # type: ignore[arg-type]


def _fetch(blob: str, etag: str, into: BinaryIO, ports: Ports) -> BinaryIO:
    for block in ports.blobs.open(blob, etag):
        into.write(block)
    into.seek(0)
    return into


def _take(run: Run, model: Model, files: list[BinaryIO], new_file: NewFile, ports: Ports) -> Outcome:
    pointer = ports.ledger.accepted(run.target)
    accepted = read_manifest(pointer.manifest, ports) if pointer.manifest else None
    spec = spec_of(model, accepted.columns if accepted else None)
    train, holdout = new_file(), new_file()
    try:
        batch = gather(files, new_file) if len(files) > 1 else files[0]
        profile = split(batch, spec, train, holdout)
    except BadData as bad:
        return _quarantine(run, bad, files, ports)
    own = [
        _put(run, "train", train, profile.train_rows, ports),
        _put(run, "holdout", holdout, profile.holdout_rows, ports),
    ]
    earlier = accepted.parts if accepted else ()
    manifest = Manifest(columns=profile.columns, parts=(*earlier, *own))
    data = _assemble(run, model, manifest, own, holdout, new_file, ports)
    data = msgspec.structs.replace(data, joins=pointer.manifest, classes=tuple(profile.label.classes or ()))
    _keep(run, files, paths.ARCHIVE, ports)
    fingerprint = _fingerprint(run, [_digest(file) for file in files])
    return _ready(run, model, data, profile, manifest, fingerprint, ports)


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
    own = [train[-1], holdouts[-1]]
    held = _fetch(own[1].blob, own[1].etag, new_file(), ports)
    data = _assemble(run, model, manifest, own, held, new_file, ports)
    fingerprint = _fingerprint(run, [part.sha256 for part in train])
    return _ready(run, model, data, None, manifest, fingerprint, ports)


def _ready(
    run: Run, model: Model, data: Data, profile: Profile | None, manifest: Manifest, fingerprint: str, ports: Ports
) -> Outcome:
    """The record of what the run works with: its data, and the configuration as it was (it holds no secrets)."""
    record = {"manifest": manifest, "profile": profile, "data": data, "configuration": model}
    content = msgspec.json.encode(record)
    data = msgspec.structs.replace(data, manifest=paths.file(run, f"manifest-{sha256(content).hexdigest()[:12]}.json"))
    ports.blobs.write(data.manifest, content)
    why = f"{data.rows:,} rows to train on, {data.holdout_rows:,} held out"
    ready = go(run, State.READY, why, ports.now(), data=msgspec.structs.replace(data, fingerprint=fingerprint))
    return replace(ready, fingerprint=fingerprint)


def _assemble(
    run: Run, model: Model, manifest: Manifest, own: list[Part], held: BinaryIO, new_file: NewFile, ports: Ports
) -> Data:
    """Writes what the job is to read: the chosen parts as one file, without any row of the holdout."""
    train, holdout = own
    chosen = choose([part for part in manifest.parts if part.kind == "train"], train, model.train_on)
    data = Data(
        manifest="",
        training=train.blob,
        holdout=holdout.blob,
        rows=train.rows,
        holdout_rows=holdout.rows,
        holdout_sha=holdout.sha256,
    )
    if len(chosen) == 1:
        return data
    held.seek(0)
    streams = (_lines(part, new_file, ports) for part in chosen)
    whole = concatenate(streams, manifest.columns, row_digests(held))
    contents = sha256("".join(part.sha256 for part in (*chosen, holdout)).encode()).hexdigest()
    training = paths.file(run, f"training-{contents[:12]}.csv")
    ports.blobs.write(training, whole)
    return msgspec.structs.replace(data, training=training, rows=whole.rows)


def _lines(part: Part, new_file: NewFile, ports: Ports) -> Iterator[bytes]:
    file = _fetch(part.blob, part.etag, new_file(), ports)
    yield from file
    file.close()


def _put(run: Run, kind: Literal["train", "holdout"], file: BinaryIO, rows: int, ports: Ports) -> Part:
    digest = _digest(file)
    blob = paths.file(run, f"{kind}-{digest[:12]}.csv")
    return Part(blob=blob, etag=_once(blob, file, ports), sha256=digest, rows=rows, run=run.id, kind=kind)


def _once(blob: str, file: BinaryIO, ports: Ports) -> str:
    """Writes a file that is named by its content; its etag. Two deliveries at work at once share what is there."""
    try:
        return ports.blobs.write(blob, file, only_new=True)
    except Conflict:
        return ports.blobs.head(blob).etag


def _digest(file: BinaryIO) -> str:
    """The sha256 of a whole file, left at its start."""
    file.seek(0)
    digest = sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()


def _keep(run: Run, files: list[BinaryIO], container: str, ports: Ports) -> None:
    """Keeps the originals of files that will leave the inbox."""
    for landed, file in zip(run.landings, files, strict=True):
        if landed.blob.startswith(f"{paths.INBOX}/") and not landed.keep:
            file.seek(0)
            ports.blobs.write(paths.kept(run, landed.blob, container), file)


def _quarantine(run: Run, bad: BadData, files: list[BinaryIO], ports: Ports) -> Outcome:
    """Keeps the files where they can be looked at, with what is wrong beside them for people and machines."""
    _keep(run, files, paths.QUARANTINE, ports)
    report = {
        "run": run.id,
        "files": [{"blob": landed.blob, "etag": landed.etag, "size": landed.size} for landed in run.landings],
        "problems": bad.problems,
        "at": ports.now(),
        "whatToDo": "correct the file and upload it again; the original is kept beside this report",
    }
    ports.blobs.write(f"{paths.folder(run, paths.QUARANTINE)}/report.json", msgspec.json.encode(report))
    return end(run, State.QUARANTINED, "; ".join(bad.problems), ports.now(), problems=tuple(bad.problems))


def _fingerprint(run: Run, contents: list[str]) -> str:
    """The same content, parameters and configuration give the same fingerprint, however it came."""
    facts = [sorted(contents), sorted(run.parameters.items()), run.config, run.again]
    return sha256(msgspec.json.encode(facts)).hexdigest()[:32]
