"""What a person does to a run or a model: promote, approve, reject, cancel, replay, release, roll back.

Each act checks the state it needs, records who did it and why, and can be repeated without doing it twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from retrain import landing, paths, production, scoring
from retrain.advance import drive, save, send
from retrain.champion import Champion, ChangeKind
from retrain.errors import BadRequest, Conflict, NotFound
from retrain.holdouts import fresh_of
from retrain.messages import EVALUATION_QUEUE, RunRequest
from retrain.outcome import Outcome, go
from retrain.ports import Begun, Deployed, Ports, Save
from retrain.quarantine import may_be_released
from retrain.run import Actor, Landed, Released, Run, State
from retrain.steps import training

FORCEABLE = frozenset({State.REFUSED, State.REJECTED, State.EXPIRED, State.SUPERSEDED, State.UNVERIFIED})
"""Ended runs whose candidate a person may still put live, on the record."""


@dataclass(frozen=True)
class Promoted:
    """What a promotion did, or would do: what production served before, and what it was asked to serve."""

    run: Run
    before: Deployed
    after: dict[str, object]


def preview(run: Run, ports: Ports) -> Promoted:
    """The body that promoting this run would send. Changes nothing.

    Raises:
        Conflict: the run has no candidate.
    """
    if run.candidate is None:
        raise Conflict(f"run {run.id} is {run.state} and has no trained model yet; wait until it is trained")
    endpoint = ports.services.endpoint(ports.models.get(run.target))
    slot = endpoint.production()
    return Promoted(run, endpoint.current(slot), endpoint.preview(slot, run.candidate))


def promote(run: Run, ports: Ports, *, actor: Actor, why: str, force: bool = False) -> Promoted:
    """Puts a run's candidate live: an approved one through the gate's yes, a refused one only by force with a reason.

    The service has been asked when this returns; whether production shows it is seen by a later message.

    Raises:
        Conflict: the run's state does not allow it; says what would.
    """
    if run.state is State.PROMOTED:
        raise Conflict(f"run {run.id} is live already, as version {run.version}")
    if run.state is State.AWAITING_APPROVAL:
        run = approve(run, ports, actor=actor, why=why, go_on=False)
    if run.state is State.PROMOTING:
        seen = preview(run, ports)
        return replace(seen, run=drive(run, ports, EVALUATION_QUEUE))
    if run.state in FORCEABLE:
        return _forced(run, ports, actor, why, force)
    raise Conflict(f"run {run.id} is {run.state}: only a judged candidate can be promoted")


def _forced(run: Run, ports: Ports, actor: Actor, why: str, force: bool) -> Promoted:
    if not force or not why:
        raise Conflict(
            f"run {run.id} is {run.state} ({run.why}); to put its model live all the same, send force: true and a "
            f"reason, which the record keeps"
        )
    if run.candidate is None:
        raise Conflict(f"run {run.id} ended before it had a model; there is nothing to promote")
    champion = production.require(run.target, ports)
    change = production.promotion(run, champion, ports.now(), kind=ChangeKind.FORCED, actor=actor, why=why)
    holdout = fresh_of(run, ports.models.get(run.target), ports)
    production.keep_files(change, run, scoring.probes_of(holdout, scoring.judged_by(run, ports)), ports)
    _, begun = production.change_now(champion, change, ports)
    return Promoted(run, begun.before, begun.after)


def approve(run: Run, ports: Ports, *, actor: Actor, why: str, go_on: bool = True) -> Run:
    """A person's yes. Raises Conflict unless the run waits for one."""
    _must_be(run, State.AWAITING_APPROVAL, "approve")
    outcome = go(run, State.PROMOTING, why or "approved", ports.now(), actor=actor, approver=actor)
    return _act(run, outcome, ports, send_on=go_on)


def reject(run: Run, ports: Ports, *, actor: Actor, why: str) -> Run:
    """A person's no. Raises Conflict unless the run waits for an answer."""
    _must_be(run, State.AWAITING_APPROVAL, "reject")
    return _act(run, go(run, State.REJECTED, why or "rejected", ports.now(), actor=actor), ports)


def cancel(run: Run, ports: Ports, *, actor: Actor, why: str) -> Run:
    """Stops a run and its job. Raises Conflict when it ended, or production is being changed."""
    if run.ended or run.state is State.PROMOTING:
        raise Conflict(f"run {run.id} is {run.state} and cannot be cancelled any more")
    training.cancel(run, ports)
    return _act(run, go(run, State.CANCELLED, why or "cancelled", ports.now(), actor=actor), ports)


def replay(run: Run, ports: Ports, *, actor: Actor, why: str) -> Run:
    """Releases a parked run where it stopped; for an ended one starts a new run on the same data.

    Raises:
        Conflict: the run is under way.
    """
    if run.state is State.PARKED:
        back = run.parked_from or State.RECEIVED
        return _act(run, go(run, back, why or "released", ports.now(), actor=actor, parked_from=None), ports)
    if not run.ended:
        raise Conflict(f"run {run.id} is {run.state}: it is under way, there is nothing to replay")
    if run.given:
        raise Conflict(f"run {run.id} judged a model that another system trained; send that model again instead")
    return _anew(run, ports, actor=actor, why=why or f"replay of {run.id}", released=run.released)


def release(run: Run, ports: Ports, *, actor: Actor, why: str, believe: bool = False) -> Run:
    """Starts a new run on the same files, in which the rules that refused them only make them doubtful.

    With `believe` they are not even that: the next batch need not confirm them. The same release twice is one run.

    Raises:
        Conflict: the run is not in quarantine, no reason is given, or nobody can release what is wrong with it.
    """
    _must_be(run, State.QUARANTINED, "release")
    if not may_be_released(run.refused_by):
        problem = run.problems[0] if run.problems else run.why
        raise Conflict(f"run {run.id} cannot be released, only corrected and uploaded again: {problem}")
    if not why:
        raise Conflict(f"to release run {run.id} from {', '.join(run.refused_by)}, send a reason; the record keeps it")
    rules = tuple(dict.fromkeys((*(run.released.rules if run.released else ()), *run.refused_by)))
    released = Released(run=run.id, rules=rules, actor=actor, why=why, believe=believe)
    told = f"{why} (released from {', '.join(rules)}{', and believed' if believe else ''})"
    return _anew(run, ports, actor=actor, why=told, released=released, act="release")


def _anew(run: Run, ports: Ports, *, actor: Actor, why: str, released: Released | None, act: str = "replay") -> Run:
    """A new run on the files of an ended one; done twice, the same."""
    again = run.again + 1
    version = again if act == "replay" else f"{again} {act}"
    landings = tuple(_again(landed, run, version, ports) for landed in run.landings)
    asked = RunRequest(
        model=run.target, data=tuple(landed.blob for landed in landings), parameters=run.parameters, again=again
    )
    new = landing.begin(
        ports.models.get(run.target),
        landings,
        ports,
        door=act,
        actor=actor,
        parts=(run.id,) if act == "replay" else (run.id, act),
        reason=why,
        asked=asked,
        released=released,
    )
    landing.start(new, ports)
    return new


def _again(landed: Landed, run: Run, again: int | str, ports: Ports) -> Landed:
    """The same file where it is kept now."""
    for blob in (paths.kept(run, landed.blob), paths.kept(run, landed.blob, paths.QUARANTINE), landed.blob):
        try:
            info = ports.blobs.head(blob)
        except NotFound:
            continue
        key = landing.landing_key(ports.blobs.url(blob), info.etag, again)
        return msgspec.structs.replace(landed, key=key, blob=blob, etag=info.etag)
    raise NotFound(f"the file {landed.blob} of run {run.id} is kept nowhere any more; upload it again")


def rollback(target: str, ports: Ports, *, actor: Actor, why: str) -> tuple[Champion, Begun]:
    """Puts the model back that was live before the present one. The service has been asked when this returns.

    Raises:
        Conflict: there is no such model, or another change is under way.
    """
    champion = production.require(target, ports)
    return production.change_now(champion, production.undoing(champion, ports, actor=actor, why=why), ports)


def keep(target: str, ports: Ports, *, actor: Actor, why: str) -> Champion:
    """Answers the request to look at a champion that proved worse than the model before it: it stays.

    Raises:
        Conflict: nobody is asked.
    """
    champion = production.require(target, ports)
    review = champion.review
    if review is None or not review.open or champion.intent is not None:
        raise Conflict(f"nothing is asked about version {champion.version} of {target}: it stays as it is")
    answered = msgspec.structs.replace(review, answered=actor, answer=why or "kept")
    kept = msgspec.structs.replace(champion, review=answered)
    ports.ledger.save(Save(champion=kept))
    return kept


def _must_be(run: Run, state: State, act: str) -> None:
    if run.state is not state:
        raise Conflict(f"run {run.id} is {run.state}, not {state}: there is nothing to {act}")


def _act(run: Run, outcome: Outcome, ports: Ports, *, send_on: bool = True) -> Run:
    """Saves a person's act; unlike a message, it tells the person when someone else was faster."""
    saved = save(run, outcome, ports)
    if saved is None or saved.state is not outcome.run.state:
        raise Conflict(f"run {run.id} has just moved on; look at it again")
    if send_on:
        send(saved, ports)
    return saved


def load(run: str, ports: Ports) -> Run:
    """The run. Raises BadRequest for something that is no run id, NotFound for an unknown one."""
    if "~" not in run:
        raise BadRequest(f"{run!r} is not a run id; they look like bikes~0123456789abcdef")
    return ports.ledger.run(run)
