"""Runs as the ledger keeps them, made by hand in any state. They reach the command through the app's own views."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from retrain.gate.decision import Decision, Finding, Measured, ModelId
from retrain.ports import Ports
from retrain.run import Actor, Artifact, Data, Job, Landed, Move, Run, State, Times, Verdict, run_id
from tests.cli.conftest import MODEL

REASON = "refused: RMSE 41.2 against the champion's 39.8; the gain of -1.4 [-2.1, -0.6] is not above 0"


def run_in(state: State, name: str = "a", **changes: Any) -> Run:
    """A run that landed a minute ago and is in that state now."""
    seen = datetime.now(UTC) - timedelta(seconds=60)
    landed = Landed(key=name * 8, blob=f"training-data/{MODEL}/{name}.csv", etag=name, modified=seen, size=18_400)
    return msgspec.structs.replace(
        Run(
            id=run_id(MODEL, (name,)),
            target=MODEL,
            state=state,
            order=f"{seen:%Y-%m-%dT%H:%M:%S.%fZ}|{name}",
            door="blob",
            actor=Actor(kind="blob"),
            created=seen,
            entered=seen + timedelta(seconds=7),
            landings=(landed,),
            reason=f"{landed.blob} landed",
            times=Times(landed=seen, seen=seen + timedelta(seconds=1)),
        ),
        **changes,
    )


def judged(state: State, name: str = "a") -> Run:
    """A run that came as far as the gate, which refused it."""
    start = run_in(state, name)
    at = [start.created + timedelta(seconds=second) for second in range(6)]
    verdict = Verdict(
        approved=False, reason=REASON, metric="rmse", candidate=41.23456, champion=39.87654, low=-2.1, high=-0.6,
        blob=f"runs/{MODEL}/{name}/decision.json", data="believed",
        champion_version=4,
    )  # fmt: skip
    return msgspec.structs.replace(
        start,
        why=REASON,
        times=Times(landed=at[0], seen=at[1], started=at[2], trained=at[3], decided=at[5]),
        data=Data(manifest="m.json", training="t.csv", holdout="h.csv", rows=12_345, holdout_rows=2_020),
        job=Job(phase="started", since=at[2], id="job-17", polls=3),
        candidate=Artifact(blob="candidates/x/model.ilearner", sha256="ab" * 32, size=8_421),
        metrics={"rmse": 40.5},
        verdict=verdict,
    )


def decision(run: Run) -> dict[str, Any]:
    """The gate's whole decision, as its blob holds it."""
    fresh = Measured(
        holdout="fresh", unit="day", rows=2_020, blocks=14, confidence=0.95, candidate_value=41.23456,
        champion_value=39.87654, gain=-1.35802, gain_interval=(-2.1, -0.6), candidate_skill=0.48, champion_skill=0.5,
    )  # fmt: skip
    trusted = Measured(
        holdout="trusted", unit="day", rows=6_000, blocks=41, confidence=0.95, candidate_value=38.5,
        champion_value=38.75, gain=0.25, gain_interval=(-0.5, 1.0), candidate_skill=0.55, champion_skill=0.54,
    )  # fmt: skip
    made = Decision(
        approved=False,
        reason=REASON,
        findings=(
            Finding(rule="skill", verdict="pass", message="the candidate's skill is above 0 %", holdout="fresh"),
            Finding(rule="scores", verdict="note", message="the champion is dull"),
            Finding(
                rule="gain", verdict="fail", message="the gain is not above 0", figure=-1.4, limit=0.0, holdout="fresh"
            ),
        ),
        champion=ModelId(name="version 4", sha256="c"),
        candidate=ModelId(name=run.id, sha256="d"),
        metric="rmse", holdout="fresh", confidence=0.95, rows=2_020, blocks=14, gain=-1.35802,
        champion_skill=0.5, candidate_skill=0.48, holdouts=(fresh, trusted), data="believed", uses=3,
    )  # fmt: skip
    return {"decision": msgspec.to_builtins(made), "gate": {}, "evidence": "runs/x/evidence.npz"}


def moves_of(run: Run) -> list[Move]:
    """Its first move and its last."""
    first = Move(run=run.id, n=0, source=None, to=State.RECEIVED, at=run.created, why=run.reason, actor=run.actor)
    assert run.entered is not None
    retrain = Actor(kind="retrain")
    last = Move(run=run.id, n=1, source=State.RECEIVED, to=run.state, at=run.entered, why=run.why, actor=retrain)
    return [first, last]


def keep(run: Run, ports: Ports) -> Run:
    """Puts it into the ledger, its decision into storage."""
    if run.verdict is not None:
        ports.blobs.write(run.verdict.blob, msgspec.json.encode(decision(run)))
    return ports.ledger.add(run, moves_of(run)[0], run.landings)
