"""The command through a model's life: adopted, retrained with a file, refused, forced, rolled back."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.scenery import Scene
from retrain.ports import Ports
from tests.cli.conftest import MODEL, Command, rows, wired
from tests.cli.server import Triggers


@pytest.fixture
def ports(storage: str, tmp_path: Path, scene: Scene) -> Ports:
    return wired(storage, tmp_path, scene.toml, scene.keys)


@pytest.fixture
def files(tmp_path: Path, triggers: Iterator[Triggers]) -> dict[str, str]:
    """A labelled holdout, data that make a better model, and more of the same that make none."""
    made = {}
    for seed, (name, count) in enumerate({"holdout": 150, "better": 700, "same": 700}.items(), 2):
        made[name] = str(tmp_path / f"{name}.csv")
        Path(made[name]).write_text(rows(count, seed))
    return made


def test_a_model_is_adopted_and_goes_live_then_a_person_overrides_the_gate_and_rolls_back(
    retrain: Command, files: dict[str, str]
) -> None:
    adopted = retrain("adopt", MODEL, "--holdout", files["holdout"])
    assert adopted.code == 0, adopted.err
    assert "on record as version 0" in adopted.out
    assert "rmse" in adopted.out
    assert "150 labelled rows" in adopted.out

    better = retrain("submit", files["better"], "--model", MODEL, "--watch")
    assert better.code == 0, better.out + better.err
    assert "Gate: APPROVED" in better.out
    assert "live as version 1" in better.out

    same = retrain("submit", files["same"], "--model", MODEL, "--watch", "--json")
    assert same.code == 3, same.out + same.err
    refused = json.loads(same.out)
    assert refused["state"] == "refused"

    dry = retrain("promote", refused["id"], "--dry-run")
    assert "Nothing was changed" in dry.out
    assert "sig=***" in dry.out

    unforced = retrain("promote", refused["id"])
    assert unforced.code == 1
    assert "refused" in unforced.err

    forced = retrain("--actor", "ana", "promote", refused["id"], "--force", "--reason", "a strike week")
    assert forced.code == 0, forced.err
    assert f"retrain models {MODEL}" in forced.out
    until_live(retrain, 2)

    back = retrain("rollback", MODEL, "--reason", "complaints")
    assert "goes back to the model of version 1, as version 3" in back.out, back.err
    until_live(retrain, 3)
    history = retrain("models", MODEL).out
    assert "version 3 (the model of 1)" in history
    assert "ana (person)" in history
    assert "a strike week" in history


def until_live(retrain: Command, version: int) -> None:
    """Returns once that version is the champion."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        live = json.loads(retrain("models", MODEL, "--json").out)["champion"]
        if live["version"] == version and "intent" not in live:
            return
    pytest.fail(f"version {version} never went live: {live}")
