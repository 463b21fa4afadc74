"""The HTTP interface: each function turns a request into one call of the domain and its result into a reply."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import msgspec

from retrain import acts, adoption, doctor, foreign, landing, paths
from retrain.champion import Champion
from retrain.errors import BadRequest, NotFound
from retrain.messages import (
    AdoptionRequest,
    CandidateRequest,
    PersonRequest,
    PromotionRequest,
    ReleaseRequest,
    RunRequest,
    UploadRequest,
)
from retrain.model import Model
from retrain.ports import Ports
from retrain.run import ENDED, Actor, Run, State
from shared.api.http import Reply, Request, who
from shared.api.views import accepted_view, adopted_view, camel, champion_view, model_view, promoted_view, run_view

UPLOAD_LIFE = timedelta(hours=1)
MOST_RUNS = 200
PURPOSES = {"data": paths.INBOX, "history": paths.HISTORY}


def health(request: Request, ports: Ports) -> Reply:
    """Whether the app can reach its storage and read its models."""
    names = [model.name for model in ports.models.all()]
    return Reply(200, {"status": "ok", "models": names, "at": ports.now()})


def models(request: Request, ports: Ports) -> Reply:
    """Every model with what is live; of one with keys, how many there are and have something live."""
    live = {champion.target: champion for champion in ports.ledger.champions()}
    return Reply(200, {"models": [_listed(model, live) for model in ports.models.all()]})


def _listed(model: Model, live: Mapping[str, Champion]) -> dict[str, Any]:
    if not model.keys:
        return model_view(model, live.get(model.target))
    counts = {"keys": len(model.keys), "adopted": sum(target in live for target in model.targets)}
    return model_view(model, None) | counts


def model(request: Request, ports: Ports) -> Reply:
    """One target with what is live and every change of it; of a model with keys, each key with what is live."""
    name = request.route["model"]
    entry = ports.models.entry(name) if ":" not in name else None
    if entry is not None and entry.keys:
        return Reply(200, _of_keys(entry, ports))
    found = ports.models.get(name)
    ledger = ports.ledger
    view = model_view(found, ledger.champion(found.target), ledger.changes(found.target))
    return Reply(200, view | accepted_view(ledger.accepted(found.target)))


def _of_keys(entry: Model, ports: Ports) -> dict[str, Any]:
    live = {champion.target: champion for champion in ports.ledger.champions(entry.name)}
    pairs = zip(entry.keys, entry.targets, strict=True)
    targets = [{"key": key, "name": target, "champion": champion_view(live.get(target))} for key, target in pairs]
    return _listed(entry, live) | {"targets": targets}


def examine(request: Request, ports: Ports) -> Reply:
    """What is right and wrong with one model, or with all of them; nothing is changed."""
    name = request.route.get("model")
    return Reply(200, camel(doctor.examine(name, ports) if name else doctor.examine_all(ports)))


def runs(request: Request, ports: Ports) -> Reply:
    """The newest runs of a model."""
    found = ports.models.get(request.route["model"])
    limit = request.query.get("limit", "50")
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST_RUNS:
        raise BadRequest(f"limit={limit!r} must be a number from 1 to {MOST_RUNS}")
    return Reply(200, {"runs": [run_view(run, request.base) for run in ports.ledger.runs(found.target, int(limit))]})


def open_runs(request: Request, ports: Ports) -> Reply:
    """Runs of all models that have not ended; with `?state=` those that stand there. The oldest first."""
    wanted = request.query.get("state", "")
    if wanted and wanted not in set(State) - ENDED:
        open_states = ", ".join(state for state in State if state not in ENDED)
        raise BadRequest(f"state={wanted!r}: of runs that have not ended it is one of {open_states}")
    found = [run for ident in ports.ledger.open_runs() if (run := _present(ident, ports)) is not None]
    shown = [run for run in found if not run.ended and wanted in ("", run.state)]
    return Reply(200, {"runs": [run_view(run, request.base) for run in sorted(shown, key=lambda run: run.created)]})


def _present(ident: str, ports: Ports) -> Run | None:
    try:
        return ports.ledger.run(ident)
    except NotFound:
        return None


def start_run(request: Request, ports: Ports) -> Reply:
    """Asks for a run: 202 with where to look. An `Idempotency-Key` makes a repeated request find its run."""
    asked = request.read(RunRequest)
    key = request.headers.get("idempotency-key", asked.idempotency_key)
    asked = msgspec.structs.replace(asked, model=request.route["model"], idempotency_key=key)
    trace = request.headers.get("traceparent", "")
    cause = key or uuid4().hex
    run = landing.request(asked, ports, door="http", actor=_who(request), cause=cause, traceparent=trace)
    landing.start(run, ports)
    return _accepted(run, request)


def propose(request: Request, ports: Ports) -> Reply:
    """A model that another system trained goes through the gate: 202 with where to look."""
    asked = request.read(CandidateRequest)
    key = request.headers.get("idempotency-key", asked.idempotency_key)
    asked = msgspec.structs.replace(asked, idempotency_key=key)
    run = foreign.propose(request.route["model"], asked, ports, actor=_who(request), cause=key or uuid4().hex)
    landing.start(run, ports)
    return _accepted(run, request)


def _accepted(run: Run, request: Request) -> Reply:
    return Reply(202, run_view(run, request.base), {"Location": f"{request.base}/api/runs/{run.id}"})


def upload(request: Request, ports: Ports) -> Reply:
    """A link with which one file can be created, and nothing else done: for callers without rights on the storage."""
    found = ports.models.get(request.route["model"])
    asked = request.read(UploadRequest)
    name = asked.name or f"{uuid4().hex}.csv"
    if "/" in name or "\\" in name or name.startswith(".") or len(name) > 200 or not name.isprintable():
        raise BadRequest(f"name={name!r} must be a plain file name of at most 200 characters")
    place = paths.place(found.target)
    folder = place if asked.purpose == "data" else f"{place}/{uuid4().hex[:12]}"
    blob = f"{PURPOSES[asked.purpose]}/{folder}/{name}"
    url = ports.blobs.sign(blob, "c", UPLOAD_LIFE)
    return Reply(201, {"uploadUrl": url, "blob": blob, "expires": ports.now() + UPLOAD_LIFE})


def adopt(request: Request, ports: Ports) -> Reply:
    """Records the live model as the champion."""
    asked = request.read(AdoptionRequest)
    adopted = adoption.adopt(
        request.route["model"], asked.holdout, ports, data=asked.data, actor=_who(request), again=asked.again
    )
    return Reply(200, adopted_view(adopted))


def run(request: Request, ports: Ports) -> Reply:
    """One run with its history and the gate's decision."""
    found = _run(request, ports)
    return Reply(200, run_view(found, request.base, ports.ledger.moves(found.id), _decision(found, ports)))


def _decision(found: Run, ports: Ports) -> object:
    if found.verdict is None or not found.verdict.blob:
        return None
    return msgspec.json.decode(ports.blobs.read(found.verdict.blob))


def evidence(request: Request, ports: Ports) -> Reply:
    """What the gate judged a run's candidate by, row by row: bytes for `retrain.gate.evidence`."""
    found = _run(request, ports)
    if found.verdict is None or not found.verdict.evidence:
        raise NotFound(f"there is no evidence of run {found.id}: its candidate was not judged, or before it was kept")
    return Reply(200, ports.blobs.read(found.verdict.evidence), content_type="application/octet-stream")


def promote(request: Request, ports: Ports) -> Reply:
    """Puts a candidate live: 202 with before and after. With `?dryRun=true` it shows them and changes nothing."""
    found = _run(request, ports)
    dry = request.flag("dryRun")
    if dry:
        return Reply(200, promoted_view(acts.preview(found, ports), request.base, dry=True))
    asked = request.read(PromotionRequest)
    promoted = acts.promote(found, ports, actor=_who(request), why=asked.reason, force=asked.force)
    return Reply(202, promoted_view(promoted, request.base, dry=False))


def approve(request: Request, ports: Ports) -> Reply:
    """A person's yes."""
    after = acts.approve(_run(request, ports), ports, actor=_who(request), why=request.read(PersonRequest).reason)
    return Reply(202, run_view(after, request.base))


def reject(request: Request, ports: Ports) -> Reply:
    """A person's no."""
    after = acts.reject(_run(request, ports), ports, actor=_who(request), why=request.read(PersonRequest).reason)
    return Reply(200, run_view(after, request.base))


def cancel(request: Request, ports: Ports) -> Reply:
    """Stops a run and its job."""
    after = acts.cancel(_run(request, ports), ports, actor=_who(request), why=request.read(PersonRequest).reason)
    return Reply(200, run_view(after, request.base))


def replay(request: Request, ports: Ports) -> Reply:
    """Releases a parked run, or starts an ended one anew."""
    after = acts.replay(_run(request, ports), ports, actor=_who(request), why=request.read(PersonRequest).reason)
    return _accepted(after, request)


def release(request: Request, ports: Ports) -> Reply:
    """A person's word that a refused batch is right: a new run on it."""
    asked = request.read(ReleaseRequest)
    run = _run(request, ports)
    after = acts.release(run, ports, actor=_who(request), why=asked.reason, believe=asked.believe)
    return _accepted(after, request)


def rollback(request: Request, ports: Ports) -> Reply:
    """Puts the model back that was live before: 202 with before and after."""
    found = ports.models.get(request.route["model"])
    why = request.read(PersonRequest).reason
    champion, begun = acts.rollback(found.target, ports, actor=_who(request), why=why)
    view = {"model": found.target, "champion": champion_view(champion)}
    return Reply(202, view | {"before": msgspec.to_builtins(begun.before), "after": begun.after})


def keep(request: Request, ports: Ports) -> Reply:
    """Keeps a champion that proved worse than the model before it."""
    found = ports.models.get(request.route["model"])
    champion = acts.keep(found.target, ports, actor=_who(request), why=request.read(PersonRequest).reason)
    return Reply(200, {"model": found.target, "champion": champion_view(champion)})


ACTS = {"promote": promote, "approve": approve, "reject": reject, "cancel": cancel, "replay": replay,
        "release": release}  # fmt: skip


def act(request: Request, ports: Ports) -> Reply:
    """One of the acts on a run."""
    chosen = ACTS.get(request.route["act"])
    if chosen is None:
        raise NotFound(f"there is no {request.route['act']!r} of a run; there are {', '.join(sorted(ACTS))}")
    return chosen(request, ports)


def _run(request: Request, ports: Ports) -> Run:
    return acts.load(request.route["run"], ports)


def _who(request: Request) -> Actor:
    return who(request, vouched=os.environ.get("WEBSITE_AUTH_ENABLED", "").lower() == "true")
