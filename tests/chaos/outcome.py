"""How a world stands after its run: everything that must be the same whether or not a host was killed on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from retrain.accepted import accepted_manifest
from retrain.run import ENDED, MOVES, Move
from tests.chaos.calls import anonymous

if TYPE_CHECKING:
    from tests.chaos.trial import Trial

CONTAINERS = ("training-data", "archive", "quarantine", "runs", "candidates", "champions")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Facts without ids and times, so that two runs of the same file can be compared.

    `registered` are jobs that were registered and never started: they do nothing and cost nothing, so there may be one.
    """

    runs: list[tuple[str, int | None]]
    history: list[tuple[str | None, str]]
    changes: list[tuple[int, str]]
    champion: tuple[int, bool]
    serves_champion: bool
    verdict: tuple[bool, float | None, float | None]
    blobs: dict[str, list[str]]
    accepted: list[tuple[str, int, str]]
    open: list[str]
    slot_free: bool
    messages: dict[str, int]
    started: int
    asked_to_serve: dict[str, list[str]]
    registered: int


def read(trial: Trial) -> Outcome:
    """The outcome of a trial whose world has one run."""
    world, ledger = trial.world, trial.ports.ledger
    runs = ledger.runs(world.name)
    run, champion = runs[0], ledger.champion(world.name)
    assert champion is not None and champion.artifact is not None and run.verdict is not None
    artifact = sha256(world.read(champion.artifact.blob)).hexdigest()
    assert artifact == champion.artifact.sha256, "the champion's file is not what the ledger says"
    return Outcome(
        runs=[(run.state.value, run.version) for run in runs],
        history=legal(ledger.moves(run.id)),
        changes=[(change.version, change.kind.value) for change in ledger.changes(world.name)],
        champion=(champion.version, champion.run == run.id and champion.intent is None),
        serves_champion=served(trial) == champion.location,
        verdict=(run.verdict.approved, run.verdict.candidate, run.verdict.champion),
        blobs={container: sorted(map(anonymous, world.names(container))) for container in CONTAINERS},
        accepted=_accepted(trial),
        open=list(ledger.open_runs()),
        slot_free=_slot_free(trial),
        messages={name: count for name, count in trial.messages().items() if count},
        started=started(trial),
        asked_to_serve=_asked(trial.proxy.promotions),
        registered=_jobs(trial).count("NotStarted"),
    )


def legal(moves: list[Move]) -> list[tuple[str | None, str]]:
    """The history as steps; it must be one chain of allowed ones.

    A run that ended goes nowhere, but what became of its batch later is still said in its history.
    """
    assert moves[0].source is None
    for before, after in pairwise(moves):
        said = before.to in ENDED and after.to is before.to
        assert after.source is before.to and (said or after.to in MOVES[before.to]) and after.n > before.n, moves
    return [(move.source and move.source.value, move.to.value) for move in moves]


def served(trial: Trial) -> str:
    """Where production's model lies, as Studio says."""
    scene = trial.world.scenes[trial.world.name]
    (resource,) = trial.world.studio.get_endpoint(scene.workspace, scene.service, "live")["Resources"]
    location: dict[str, Any] = resource["Location"]
    return f"{location['BaseLocation'].rstrip('/')}/{location['RelativeLocation'].lstrip('/')}"


def started(trial: Trial) -> int:
    """How many training jobs were started at Studio, whatever became of them."""
    return sum(state != "NotStarted" for state in _jobs(trial))


def _jobs(trial: Trial) -> list[str]:
    scene = trial.world.scenes[trial.world.name]
    return [job["state"] for job in trial.world.studio.jobs(scene.training["ApiLocation"].rsplit("/", 1)[-1])]


def _accepted(trial: Trial) -> list[tuple[str, int, str]]:
    manifest = accepted_manifest(trial.world.name, trial.ports)
    return [(part.kind, part.rows, part.sha256) for part in manifest.parts] if manifest else []


def _slot_free(trial: Trial) -> bool:
    endpoint = trial.world.ports.services.endpoint(trial.world.ports.models.get(trial.world.name))
    (slot,) = endpoint.staging()
    until = datetime.now(UTC) + timedelta(minutes=1)
    return trial.ports.ledger.take_slot(slot.url, "somebody else", until)


def _asked(promotions: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Which models each slot was asked to serve; asking twice for the same one is no harm."""
    slots = sorted({slot for slot, _ in promotions})
    return {slot: sorted({anonymous(path) for at, path in promotions if at == slot}) for slot in slots}
