"""Promotion: make the candidate the champion, and show that it is. The mechanics are in `retrain.production`."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from retrain import production, scoring
from retrain.champion import Champion, ChangeKind
from retrain.data.holdout import Holdout
from retrain.errors import AccessDenied, BadConfiguration, PermanentError
from retrain.holdouts import fresh_of
from retrain.outcome import OURSELVES, Outcome, end, go, halt, stay
from retrain.ports import Ports
from retrain.run import Run, State, is_behind
from retrain.scorebook import Book

BUSY = 1.0  # seconds until the next look while another change of the target is under way


def promote(run: Run, ports: Ports) -> Outcome:
    """In `promoting`: ask the service, see that it shows, commit; claim production first where that is not done."""
    champion = production.require(run.target, ports)
    if champion.intent is None:
        return _claim(run, champion, ports)
    if champion.intent.change.run != run.id or champion.intent.change.kind is not ChangeKind.PROMOTION:
        production.nudge(champion, ports)
        return stay(run, BUSY, why=f"a {champion.intent.change.kind} of {run.target} is under way")
    return _carry(run, champion, ports)


def _claim(run: Run, champion: Champion, ports: Ports) -> Outcome:
    """After an approval: the champion may have changed since the gate looked."""
    if is_behind(run.order, champion.fence):
        return end(run, State.SUPERSEDED, behind(champion), ports.now())
    if run.verdict is None or run.verdict.champion_version != champion.version:
        why = f"version {champion.version} went live after the candidate was judged; it is judged again"
        return go(run, State.EVALUATING, why, ports.now(), evaluation=None)
    model = ports.models.get(run.target)
    holdout, book = fresh_of(run, model, ports), scoring.judged_by(run, ports)
    return replace(stay(run, None, tries=0), champion=claimed(run, champion, holdout, book, ports))


def claimed(run: Run, champion: Champion, holdout: Holdout, book: Book, ports: Ports) -> Champion:
    """The champion's record with this run's promotion as its intent, to be saved with the run; what undoing needs is
    kept first. `book` has the candidate's scores of the whole holdout."""
    now, endpoint = ports.now(), ports.services.endpoint(ports.models.get(run.target))
    why, actor = run.why, run.approver or OURSELVES
    change = production.promotion(run, champion, now, kind=ChangeKind.PROMOTION, actor=actor, why=why)
    production.keep_files(change, run, scoring.probes_of(holdout, book), ports)
    return production.intend(champion, production.recorded(change, endpoint, ports), endpoint, now)


def behind(champion: Champion) -> str:
    """Why an older run does not replace what is, or was, live."""
    return f"newer data is live already, or was rolled back (version {champion.version}, fence {champion.fence})"


def _carry(run: Run, champion: Champion, ports: Ports) -> Outcome:
    now = ports.now()
    try:
        progress = production.carry(champion, ports)
    except (BadConfiguration, AccessDenied) as error:
        return replace(halt(run, f"{error.code}: {error}", now), champion=production.unclaimed(champion))
    except PermanentError as error:
        failed = end(run, State.FAILED, f"{error.code}: {error}", now)
        return replace(failed, champion=production.unclaimed(champion))
    if progress.state == "pending":
        return replace(stay(run, progress.wait, tries=0), champion=progress.champion)
    if progress.state == "restored":
        assert champion.intent is not None
        return replace(end(run, State.UNVERIFIED, champion.intent.why, now), champion=progress.champion)
    why = f"live as version {progress.champion.version}"
    times = msgspec.structs.replace(run.times, live=now)
    ended = end(run, State.PROMOTED, why, now, version=progress.champion.version, times=times)
    return replace(ended, champion=progress.champion, change=progress.change)
