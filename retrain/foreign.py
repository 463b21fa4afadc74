"""A model that another system trained goes through the same gate: its bytes are copied, a run judges them.

Nothing of it is believed: where it comes from must be allowed, and the rows it is judged on are the caller's word or
those that were held out last.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import msgspec

from retrain import artifacts, callbacks, landing, paths, production
from retrain.accepted import accepted_manifest
from retrain.adoption import labelled
from retrain.errors import AccessDenied, BadRequest, NotFound
from retrain.messages import CandidateRequest
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import Actor, Data, Run, Times, order_of, run_id

LARGEST = 1 << 30  # bytes of a model


def propose(target: str, asked: CandidateRequest, ports: Ports, *, actor: Actor, cause: str) -> Run:
    """A run for this model, in which it is judged; repeated with the same key it is the same run. Not driven yet.

    Raises:
        AccessDenied: the location is not one from which models are taken. BadRequest: no model, or no usable holdout.
        Conflict: no champion to compare with, or the key belongs to another request.
    """
    model = ports.models.get(target)
    known = ports.ledger.keyed(target, asked.idempotency_key) if asked.idempotency_key else None
    if known is not None:
        return landing.found(ports.ledger.run(known), asked, ports)
    production.require(target, ports)
    if asked.call_back_uri:
        ports.outside.may_call(asked.call_back_uri)
    ident, now = run_id(target, (cause,)), ports.now()
    run = landing.received(
        ident,
        model,
        asked,
        now,
        door="http",
        actor=actor,
        order=order_of(now, cause),
        reason=asked.reason,
        times=Times(landed=now, seen=now),
        data=_data(target, model, asked.holdout, ports),
    )
    run = _with_candidate(run, model, asked, ports)
    if asked.call_back_uri:
        callbacks.remember(ident, asked.call_back_uri, ports)
    move = landing.first_move(run, asked.reason or "another system trained a model")
    return ports.ledger.add(run, move, (), asked.idempotency_key)


def _with_candidate(run: Run, model: Model, asked: CandidateRequest, ports: Ports) -> Run:
    """The run with the model in our own keeping."""
    try:
        source, blocks = _source(run.target, model, asked, ports)
        candidate = artifacts.keep_first(paths.candidate(run), blocks, ports, LARGEST)
    except NotFound as error:
        raise BadRequest(f"there is no model: {error}") from error
    if not candidate.size:
        ports.blobs.delete(candidate.blob)
        raise BadRequest("the model is empty")
    return msgspec.structs.replace(run, given=source, candidate=candidate)


def _data(target: str, model: Model, holdout: str, ports: Ports) -> Data:
    manifest = accepted_manifest(target, ports)
    trusted = manifest.trusted if manifest else ""
    if holdout:
        rows = labelled(target, holdout, model, ports)
        return _judged_by(holdout, len(rows.rows), rows.sha256, trusted)
    parts = [part for part in manifest.parts if part.kind == "holdout"] if manifest else []
    if not parts:
        raise BadRequest(
            f"no data of {target} was accepted so far, so there are no held-out rows; name a `holdout`, a blob of "
            "labelled rows that the model was not trained on"
        )
    return _judged_by(parts[-1].blob, parts[-1].rows, parts[-1].sha256, trusted)


def _judged_by(holdout: str, rows: int, sha: str, trusted: str) -> Data:
    return Data(manifest="", training="", holdout=holdout, holdout_rows=rows, holdout_sha=sha, trusted=trusted)


def _source(target: str, model: Model, asked: CandidateRequest, ports: Ports) -> tuple[str, Iterator[bytes]]:
    """Where the model comes from, without signature, and its bytes."""
    if bool(asked.location) == bool(asked.job):
        raise BadRequest("say where the model is, by `location` or by `job` (one of the two)")
    if asked.job:
        trainer = ports.services.trainer(model)
        return f"job {asked.job}", trainer.download(trainer.results(asked.job).artifact)
    url = asked.location if isinstance(asked.location, str) else asked.location.url
    if "://" not in url:
        blob = landing.owned(url, target)
        return blob, ports.blobs.open(blob)
    bare = url.partition("?")[0]
    if not any(bare.startswith(source) for source in model.promotion.sources) or ".." in unquote(bare).split("/"):
        allowed = " or ".join(model.promotion.sources) or "nowhere yet"
        raise AccessDenied(
            f"{bare} is not a place from which models of {target} are taken ({allowed}); add its beginning to "
            f"`sources` in [models.{model.name}.promotion]"
        )
    return bare, ports.blobs.open(own) if (own := _own(bare, ports)) else ports.outside.fetch(url)


def _own(bare: str, ports: Ports) -> str:
    """The blob of our own storage that an address means, or empty."""
    probe = f"{paths.RUNS}/x"
    root = ports.blobs.url(probe).removesuffix(probe)
    return unquote(bare.removeprefix(root)) if bare.startswith(root) else ""
