"""What a registry is told: each candidate when it is trained and when its run has ended, each champion when it is live.

The ledger is the record; a registry shows it to others, and is told again whenever more is known. That it cannot be
told never keeps a run or a change from its way.
"""

from __future__ import annotations

import logging

from retrain.champion import Champion
from retrain.errors import PermanentError, RetryableError
from retrain.ports import Lineage, Ports, Registry
from retrain.run import Artifact, Run, State

log = logging.getLogger(__name__)


def of_run(run: Run, artifact: Artifact, ports: Ports) -> None:
    """A candidate that was trained. What it is told of the end comes later."""
    _tell(_candidate(run, artifact), ports)


def of_end(run: Run, ports: Ports) -> bool:
    """A candidate whose run has ended, and that it went live if it did; false when the registry cannot now and is to be
    told again."""
    if run.candidate is None or _registry(run.target, ports) is None:
        return True
    champion = ports.ledger.champion(run.target) if run.state is State.PROMOTED else None
    told = _tell(_candidate(run, run.candidate), ports)
    return told and (champion is None or champion.run != run.id or of_champion(champion, ports))


def of_champion(champion: Champion, ports: Ports) -> bool:
    """The model that is in production now; as `of_end`."""
    if champion.artifact is None:
        return True
    told = Lineage(
        artifact=champion.artifact,
        target=champion.target,
        served=champion.location,
        run=champion.run,
        champion=champion.version,
        since=champion.since.isoformat(timespec="seconds"),
    )
    return _tell(told, ports)


def _candidate(run: Run, artifact: Artifact) -> Lineage:
    data = run.data
    return Lineage(
        artifact=artifact,
        target=run.target,
        run=run.id,
        job=run.job.id if run.job else "",
        data=data.fingerprint if data else "",
        manifest=data.manifest if data else "",
        files=", ".join(f"{landed.blob}@{landed.etag}" for landed in run.landings),
        metrics=run.metrics,
        state=str(State.TRAINED if not run.ended else run.state),
        decision=run.verdict.reason if run.verdict else "",
    )


def _registry(target: str, ports: Ports) -> Registry | None:
    """None, too, where the configuration cannot be used: whatever needs it says so."""
    try:
        return ports.services.registry(ports.models.get(target))
    except PermanentError:
        return None


def _tell(told: Lineage, ports: Ports) -> bool:
    registry = _registry(told.target, ports)
    try:
        if registry is not None:
            registry.keep(told)
    except RetryableError as error:
        log.warning("not told to the registry yet target=%s run=%s: %s", told.target, told.run, error)
        return False
    except PermanentError as error:
        log.error("cannot be told to the registry target=%s run=%s: %s", told.target, told.run, error)
    return True
