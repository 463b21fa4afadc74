"""Many files, events twice and out of order, hosts killed at any moment: each file still has one run, in good order."""

from __future__ import annotations

import random
import time

import pytest

from local.host.options import Chaos
from retrain.accepted import accepted_manifest
from retrain.champion import ChangeKind
from tests.app import bikes
from tests.chaos.bench import Bench
from tests.chaos.outcome import legal, served, started
from tests.chaos.trial import FILE, Trial, Undisturbed, spring

MONTHS = ("2011-04", "2011-05", "2011-06", "2011-07", "2011-08", "2011-09")
KILLS = 5
ENDS = {"promoted", "refused", "superseded"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_files_under_bad_events_and_random_kills_each_have_one_run(bench: Bench, seed: int) -> None:
    moments = random.Random(seed)
    manners = Chaos(duplicate=0.5, reorder=0.3, seed=seed)
    with Trial(bench) as trial:
        trial.start(chaos=manners)
        files = [trial.world.drop(f"{month}.csv", bikes.months(month)) for month in MONTHS]
        for _ in range(KILLS):
            time.sleep(moments.uniform(0.1, 1.5))
            trial.host.kill()
            trial.start(chaos=manners)
        trial.settle(runs=len(files))
        _check(trial, files)


def _check(trial: Trial, files: list[str]) -> None:
    world, ledger = trial.world, trial.ports.ledger
    runs = [ledger.run(run.id) for run in ledger.runs(world.name)]
    assert sorted(landed.blob for run in runs for landed in run.landings) == sorted(files)
    assert len(runs) == len(files)
    assert {run.state.value for run in runs} <= ENDS, "\n".join(f"{run.id} {run.state} {run.why}" for run in runs)
    for run in runs:
        legal(ledger.moves(run.id))
    changes = ledger.changes(world.name)  # newest first; a look back at a worse month may have taken one back
    assert [change.version for change in changes] == list(range(len(changes) - 1, -1, -1))
    promoted = {change.version: change.run for change in changes if change.kind is ChangeKind.PROMOTION}
    assert promoted and promoted == {run.version: run.id for run in runs if run.version is not None}
    champion = ledger.champion(world.name)
    assert champion is not None and champion.version == changes[0].version and champion.intent is None
    assert served(trial) == champion.location
    assert started(trial) == len(files)
    assert (world.names("training-data"), len(world.names("archive"))) == ([], len(files))
    assert list(ledger.open_runs()) == []
    assert not any(trial.messages().values())
    manifest = accepted_manifest(world.name, trial.ports)
    assert manifest is not None
    assert len({part.blob for part in manifest.parts}) == len(manifest.parts)


@pytest.mark.timeout(120)
def test_messages_that_are_all_put_twice_change_nothing(bench: Bench, calm: Undisturbed) -> None:
    with Trial(bench) as trial:
        trial.proxy.twice = True
        trial.start()
        trial.world.drop(FILE, spring())
        trial.settle()
        assert trial.outcome() == calm.outcome
