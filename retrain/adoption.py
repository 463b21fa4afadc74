"""Adoption: how every real user starts. The live model becomes version 0, so that the first rollback has a target.

Nothing at the service is changed: its model is read, copied where it can be, and scored on a labelled holdout, which
shows that label, columns and keys are right before anything is trained.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from retrain import artifacts, lineage, paths
from retrain.accepted import accepted_manifest, spec_of, write_manifest
from retrain.advance import save, send
from retrain.champion import Champion, Change, ChangeKind, Probes
from retrain.data.files import rewrite
from retrain.data.holdout import Holdout, probe_indexes, read_holdout
from retrain.data.manifests import Manifest, Part
from retrain.data.tables import BadData
from retrain.errors import AccessDenied, BadRequest, Conflict, NotFound, NotYet
from retrain.holdouts import rows_at
from retrain.model import Model
from retrain.outcome import go
from retrain.ports import Deployed, Endpoint, JobState, Ports, Save
from retrain.run import Actor, Artifact, State, target_of

if TYPE_CHECKING:
    from retrain.data.baseline import Known

OWNED = (paths.HISTORY, paths.ARCHIVE)
"""Containers whose blobs an adoption may name."""


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """How the live model does on the labelled holdout: the record of where a target started."""

    metric: str
    value: float
    skill: float
    rows: int


@dataclass(frozen=True)
class Adopted:
    """What adoption recorded. `copied` is false when the model's bytes could not be read; `note` then says why.
    `baseline` is None when nothing is live yet."""

    champion: Champion
    serving: Deployed
    baseline: Baseline | None
    copied: bool
    note: str = ""
    released: Sequence[str] = field(default_factory=list)


def adopt(
    target: str, holdout: str, ports: Ports, *, data: Sequence[str] = (), actor: Actor, again: bool = False
) -> Adopted:
    """Records the live model as the champion. `holdout` and `data` are blobs: labelled rows that it was not trained on,
    and (if they are to be trained on again) the files that it was trained on.

    Raises:
        BadRequest: the holdout is missing, or cannot be used; says what is wrong with it.
        Conflict: there is a champion already, unless `again` accepts a change made outside.
        NotYet: the service scores files only, and is at it; ask again.
    """
    model = ports.models.get(target)
    endpoint = ports.services.endpoint(model)
    known = ports.ledger.champion(target)
    _may_adopt(target, known, holdout, again)
    rows = labelled(target, holdout, model, ports)
    try:
        serving = endpoint.current(endpoint.production())
    except NotFound:
        if known is not None:
            raise
        return _vacant(target, data, holdout, actor, ports)
    scores = _scores(target, holdout, rows, endpoint, ports)
    version = known.version + 1 if known else 0
    artifact, note = _copied(target, version, endpoint, ports)
    probes = _probes(target, version, rows, scores, ports)
    change = Change(
        target=target,
        version=version,
        kind=ChangeKind.ADOPTION,
        origin=version,
        previous=known.origin if known else -1,
        actor=actor,
        at=ports.now(),
        why=note or "read from the live endpoint",
        artifact=artifact,
        probes=probes,
        location=serving.location,
    )
    if data or not ports.ledger.accepted(target).manifest:
        _accept(target, data, holdout, model, ports)
    champion = _record(change, known, ports)
    baseline, released = _baseline(rows, scores, model), release(target, ports)
    return Adopted(champion, serving, baseline, artifact is not None, note, released)


def _vacant(target: str, data: Sequence[str], holdout: str, actor: Actor, ports: Ports) -> Adopted:
    """Nothing is live yet: that is put on record, and the first model that is good enough goes live."""
    note = "nothing is live yet; the first model that the gate finds good enough goes live, and cannot be taken back"
    change = Change(
        target=target,
        version=0,
        kind=ChangeKind.ADOPTION,
        origin=0,
        previous=-1,
        actor=actor,
        at=ports.now(),
        why=note,
    )
    champion = _record(change, None, ports)
    _accept(target, data, holdout, ports.models.get(target), ports)
    return Adopted(champion, Deployed(resource="", location=""), None, False, note, release(target, ports))


def _may_adopt(target: str, known: Champion | None, holdout: str, again: bool) -> None:
    if known is not None and not again:
        raise Conflict(
            f"{target} has a champion already (version {known.version}); --again adopts what is live now in its place"
        )
    if known is not None and known.intent is not None:
        raise Conflict(f"a {known.intent.change.kind} of {target} is under way; wait until it is over")
    if not holdout:
        raise BadRequest(
            f"adopting {target} needs a labelled holdout: a CSV with rows that the live model was not trained on, "
            f"with its label; `retrain adopt {target} --holdout FILE`"
        )


def labelled(target: str, blob: str, model: Model, ports: Ports) -> Holdout:
    """Labelled rows that a caller gives. Raises BadRequest, AccessDenied, NotFound."""
    content = ports.blobs.read(_owned(target, blob))
    try:
        return read_holdout(content, label=model.label, kind=model.kind, time=model.time, positive=model.positive)
    except BadData as bad:
        listed = "; ".join(bad.problems)
        raise BadRequest(f"the holdout {paths.name_of(blob)} cannot be used: {listed}", tuple(bad.problems)) from bad


def _owned(target: str, blob: str) -> str:
    folders = paths.folders(target, OWNED)
    if not paths.within(blob, folders):
        raise AccessDenied(
            f"{blob!r} is not a file given for {target}; upload it first, it then lies below {folders[0]}"
        )
    return blob


def _scores(target: str, blob: str, rows: Holdout, endpoint: Endpoint, ports: Ports) -> list[float]:
    slot = endpoint.production()
    if slot.by_file:
        return _by_file(target, blob, rows, endpoint, ports)
    starts = range(0, len(rows.rows), endpoint.chunk)
    chunks = (range(start, min(start + endpoint.chunk, len(rows.rows))) for start in starts)
    return [score for chunk in chunks for score in endpoint.score(slot, rows_at(rows, chunk))]


def _by_file(target: str, blob: str, rows: Holdout, endpoint: Endpoint, ports: Ports) -> list[float]:
    """The holdout scored by a job of the service, which the ledger remembers until its scores were read."""
    slot, name = endpoint.production(), f"adoption-{rows.sha256[:16]}"
    scores = paths.beside(blob, f"{name}.csv")
    job = ports.ledger.noted(target, name)
    if not job:
        job = endpoint.score_file(slot, blob, scores)
        ports.ledger.renote(target, name, job)
    status = endpoint.scored_file(slot, job)
    if not status.state.ended:
        raise NotYet(f"the live model of {target} is scoring the holdout (job {job}); ask again", retry_after=2)
    ports.ledger.renote(target, name, "")
    if status.state is not JobState.SUCCEEDED:
        raise BadRequest(f"the live model of {target} could not score the holdout: {status.reason}")
    return endpoint.scores_in(ports.blobs.open(scores))


def _baseline(rows: Holdout, scores: list[float], model: Model) -> Baseline:
    import numpy as np

    from retrain.gate.metrics import METRICS

    metric, labels, predictions = METRICS[model.gate.metric], np.array(rows.labels), np.array(scores)
    return Baseline(
        metric=model.gate.metric,
        value=float(metric.compute(labels, predictions)),
        skill=float(metric.skill(labels, predictions)),
        rows=len(scores),
    )


def _copied(target: str, version: int, endpoint: Endpoint, ports: Ports) -> tuple[Artifact | None, str]:
    """The live model's bytes in our own keeping; None with the reason when the service does not give them."""
    try:
        blocks = endpoint.artifact(endpoint.production())
        return artifacts.keep(paths.champion(target, version), blocks, ports), ""
    except (NotFound, AccessDenied) as error:
        return None, (
            f"the live model could not be copied ({error}), so a rollback to it means refreshing the endpoint with "
            "OverwriteResources at its service"
        )


def _probes(target: str, version: int, rows: Holdout, scores: list[float], ports: Ports) -> str:
    blob, indexes = paths.champion(target, version, name="probes.json"), probe_indexes(rows)
    values = rows_at(rows, indexes).values
    known = Probes(columns=rows.columns, rows=values, scores=tuple(scores[i] for i in indexes))
    ports.blobs.write(blob, msgspec.json.encode(known))
    return blob


def _record(change: Change, known: Champion | None, ports: Ports) -> Champion:
    champion = Champion(
        target=change.target,
        version=change.version,
        origin=change.version,
        since=change.at,
        fence=known.fence if known else "",
        artifact=change.artifact,
        probes=change.probes,
        location=change.location,
        etag=known.etag if known else "",
    )
    ports.ledger.save(Save(champion=champion, change=change))
    lineage.of_champion(champion, ports)
    return champion


def _accept(target: str, blobs: Sequence[str], holdout: str, model: Model, ports: Ports) -> None:
    """Records what the live model was trained on as accepted data: later runs train on it too.

    When no data was accepted before, the holdout becomes the first segment of the trusted holdout.
    """
    from retrain import remembered

    pointer = ports.ledger.accepted(target)
    known = accepted_manifest(target, ports)
    earlier, columns = (known.parts, known.columns) if known else ((), None)
    after, parts = remembered.load(known, ports), []
    for blob in blobs:
        part, columns, batch = _part(target, _owned(target, blob), model, columns, ports)
        after = replace(after, baseline=after.baseline.extended(batch))
        parts.append(part)
    if known is None:
        columns, rows = _canonical(_owned(target, holdout), model, columns, ports)
        after = after.joined_by(None, rows, remembered.ADOPTION, model)
    assert columns is not None
    folder = f"{paths.RUNS}/{paths.place(target)}/adopted"
    joined = remembered.write(after, folder, Manifest(columns=columns, parts=(*earlier, *parts)), ports)
    accepted = msgspec.structs.replace(pointer, manifest=write_manifest(joined, folder, ports))
    ports.ledger.save(Save(accepted=accepted))


def _canonical(
    holdout: str, model: Model, columns: tuple[str, ...] | None, ports: Ports
) -> tuple[tuple[str, ...], bytes]:
    """The columns and the rows of the labelled holdout in the form of a part.

    Raises:
        BadRequest: its columns are not those of the data.
    """
    canonical = BytesIO()
    try:
        survey, _ = rewrite(BytesIO(ports.blobs.read(holdout)), spec_of(model, columns), canonical)
    except BadData as bad:
        listed = "; ".join(bad.problems)
        raise BadRequest(f"the holdout {paths.name_of(holdout)} does not fit the data: {listed}") from bad
    return survey.columns, canonical.getvalue()


def _part(
    target: str, blob: str, model: Model, columns: tuple[str, ...] | None, ports: Ports
) -> tuple[Part, tuple[str, ...], Known]:
    """One file in the canonical form in which parts are put together.

    Raises:
        BadRequest: it cannot be used.
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as canonical:
        for block in ports.blobs.open(blob):
            source.write(block)
        source.seek(0)
        try:
            survey, batch = rewrite(source, spec_of(model, columns), canonical, blob)
        except BadData as bad:
            listed = "; ".join(bad.problems)
            raise BadRequest(f"the data {paths.name_of(blob)} cannot be used: {listed}", tuple(bad.problems)) from bad
        canonical.seek(0)
        digest = sha256(canonical.read()).hexdigest()
        canonical.seek(0)
        kept = f"{paths.RUNS}/{paths.place(target)}/adopted/{digest[:16]}.csv"
        etag = ports.blobs.write(kept, canonical)
    part = Part(blob=kept, etag=etag, sha256=digest, rows=survey.rows, run="adoption", kind="train")
    return part, survey.columns, batch


def release(target: str, ports: Ports) -> list[str]:
    """Lets runs go on that stopped because the target had no champion; their ids."""
    released = []
    for ident in ports.ledger.open_runs():
        if target_of(ident) != target:
            continue
        run = ports.ledger.run(ident)
        if run.state is not State.PARKED or run.parked_from is not State.READY:
            continue
        freed = go(run, State.READY, "the live model was adopted", ports.now(), parked_from=None)
        if saved := save(run, freed, ports):
            send(saved, ports)
            released.append(ident)
    return released
