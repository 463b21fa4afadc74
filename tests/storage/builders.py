"""Records to store, with overrides, all at one fixed time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from retrain.champion import Champion, Change, ChangeKind
from retrain.run import Actor, Landed, Move, Run, State, run_id

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACTOR = Actor(kind="blob", id="training-data/income/a.csv")


def a_run(target: str = "income", cause: str = "a", **changes: Any) -> Run:
    fields: dict[str, Any] = {
        "id": run_id(target, (cause,)),
        "target": target,
        "state": State.RECEIVED,
        "order": f"2026-03-01T12:00:00.000000Z|{cause}",
        "door": "blob",
        "actor": ACTOR,
        "created": NOW,
    }
    return Run(**{**fields, **changes})


def a_move(run: Run, n: int = 0, to: State = State.RECEIVED) -> Move:
    return Move(run=run.id, n=n, source=None if n == 0 else State.RECEIVED, to=to, at=NOW, why="landed", actor=ACTOR)


def a_landing(key: str = "k1") -> Landed:
    return Landed(key=key, blob=f"training-data/income/{key}.csv", etag="0x8", modified=NOW, size=10)


def a_champion(target: str = "income", version: int = 0, **changes: Any) -> Champion:
    return Champion(**{"target": target, "version": version, "origin": version, "since": NOW, **changes})


def a_change(target: str = "income", version: int = 0) -> Change:
    kind = ChangeKind.PROMOTION if version else ChangeKind.ADOPTION
    return Change(target=target, version=version, kind=kind, origin=version, previous=-1, actor=ACTOR, at=NOW)


def next_seq(run: Run, **changes: Any) -> Run:
    return msgspec.structs.replace(run, seq=run.seq + 1, **changes)


def minutes(n: float) -> datetime:
    return NOW + timedelta(minutes=n)
