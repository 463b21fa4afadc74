"""Data that pass by reference: the job reads the file that landed, and says which rows it held out.

Nothing of the file is read here and it stays where it is. What intake promises of a batch (that it is checked, and that
no row of a holdout is trained on) is then for the job to keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO

import msgspec

from retrain import paths
from retrain.accepted import read_manifest, spec_of
from retrain.data.files import temporary
from retrain.data.manifests import Manifest, Part
from retrain.data.profile import Survey
from retrain.data.tables import BadData
from retrain.errors import BadRequest, Conflict, NotFound, Replaced
from retrain.model import Model
from retrain.outcome import Outcome, end
from retrain.ports import Ports
from retrain.run import Data, Run, State
from retrain.steps.recorded import Recorded, fingerprint_of, ready, with_trusted, write


def pass_on(run: Run, model: Model, ports: Ports) -> Outcome:
    """From `received` to `ready`: the job is to read the file itself."""
    from retrain import remembered

    if len(run.landings) > 1:
        why = f'intake = "reference" takes one file at a time, not {len(run.landings)}; ask for a run of each'
        return end(run, State.FAILED, why, ports.now())
    (landed,) = run.landings
    try:
        if ports.blobs.head(landed.blob).etag != landed.etag:
            raise Replaced(f"{landed.blob} is another version than the one that landed")
    except NotFound as error:
        return end(run, State.FAILED, f"the file was deleted before it was used ({error})", ports.now())
    except Replaced as error:
        return end(run, State.SUPERSEDED, f"{error}; the new version has a run of its own", ports.now())
    pointer = ports.ledger.accepted(run.target)
    accepted = read_manifest(pointer.manifest, ports) if pointer.manifest else None
    data = Data(manifest="", training=landed.blob, holdout="", joins=pointer.manifest)
    data = with_trusted(data, accepted, remembered.load(accepted, ports))
    record = Recorded(manifest=accepted or Manifest(columns=(), parts=()), configuration=model)
    return ready(run, data, record, fingerprint_of(run, [f"{landed.blob} {landed.etag}"]), ports)


def judged_by(run: Run, model: Model, holdout: Iterator[bytes], ports: Ports) -> Run:
    """The run with the rows that its job held out as its fresh holdout, at most as many as the configuration allows.

    Raises:
        BadRequest: they cannot be used.
    """
    from retrain import remembered

    assert run.data is not None
    before = read_manifest(run.data.joins, ports) if run.data.joins else None
    columns = before.columns if before and before.columns else None
    survey, part, content = _kept(run, model, columns, holdout, ports)
    manifest = Manifest(columns=survey.columns, parts=(*(before.parts if before else ()), part))
    after = remembered.load(before, ports).joined_by(None, content, run.id, model)
    manifest = remembered.write(after, paths.folder(run), manifest, ports)
    data = msgspec.structs.replace(
        run.data,
        holdout=part.blob,
        holdout_rows=part.rows,
        holdout_sha=part.sha256,
        classes=tuple(survey.label.classes or ()),
    )
    data = write(run, data, Recorded(manifest=manifest, configuration=model), ports)
    return msgspec.structs.replace(run, data=data)


def _kept(
    run: Run, model: Model, columns: tuple[str, ...] | None, holdout: Iterator[bytes], ports: Ports
) -> tuple[Survey, Part, bytes]:
    """The rows in our own keeping, in the form of a part."""
    from retrain.data.reading import read
    from retrain.data.split import lowest

    with ExitStack() as stack:
        source, into = stack.enter_context(temporary()), BytesIO()
        for block in holdout:
            source.write(block)
        try:
            reading = read(source, spec_of(model, columns), lambda: stack.enter_context(temporary()))
        except BadData as bad:
            listed = "; ".join(bad.problems)
            raise BadRequest(f"the holdout that the job gave cannot be used: {listed}", tuple(bad.problems)) from bad
        rows = lowest(reading, into, model.holdout.cap)
    blob = paths.file(run, f"holdout-{rows.sha256[:12]}.csv")
    try:
        etag = ports.blobs.write(blob, into.getvalue(), only_new=True)
    except Conflict:
        etag = ports.blobs.head(blob).etag
    part = Part(blob=blob, etag=etag, sha256=rows.sha256, rows=rows.rows, run=run.id, kind="holdout")
    return reading.survey, part, into.getvalue()
