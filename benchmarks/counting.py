"""Single runs looked at call by call: who asked the storage for what, and what the time went into."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from benchmarks import phases, storage_calls, timeline
from benchmarks.laboratory import Laboratory, file_of
from benchmarks.landings import one_by_one
from benchmarks.phases import timed
from benchmarks.plan import Plan

Json = dict[str, Any]
LONGEST = 8  # pauses shown


def counted(lab: Laboratory, plan: Plan) -> Json:
    """Storage calls of single runs, by maker and kind, and what each run's time went into."""
    landed: dict[str, float] = {}
    one_by_one(lab, plan.warm_up, landed)
    ends = []
    for _ in range(plan.counted):
        time.sleep(plan.pause)
        one_by_one(lab, 1, landed)
        time.sleep(plan.tail)
        ends.append(time.time())
    assert lab.debug_log is not None
    asked, studio = storage_calls.calls(lab.debug_log), lab.client.log()
    records = {file_of(record): record for record in lab.records()}
    names = list(landed)[plan.warm_up :]
    each = [
        _one(records[name], landed[name], (storage_calls.uploaded(asked, name), end), asked, studio)
        for name, end in zip(names, ends, strict=True)
    ]
    middle = sorted(each, key=lambda found: found["live"])[len(each) // 2]
    return {
        "untilLive": _median([found["untilLive"] for found in each]),
        "afterLive": _median([found["afterLive"] for found in each]),
        "polls": _median([found["polls"] for found in each]),
        "each": [{name: found[name] for name in ("live", "untilLive", "afterLive")} for found in each],
        "kinds": middle["kinds"],
        "spent": _median([found["spent"] for found in each]),
        "pauses": middle["pauses"],
        "typical": middle["typical"],
    }


def _one(
    record: Json, landed: float, window: tuple[float, float], asked: list[storage_calls.Call], studio: list[Json]
) -> Json:
    """One run: its calls from the upload to `tail` seconds after its end; its last moment, live, cuts them in two."""
    moment = landed + max(timed(record, landed).at.values())
    until = storage_calls.between(asked, window[0], moment)
    later = storage_calls.between(asked, moment, window[1])
    spent, pauses = timeline.shares(timeline.spans(until, studio, record["job"]), landed, moment)
    longest = sorted(pauses, key=lambda pause: -pause.seconds)[:LONGEST]
    return {
        "live": round(moment - landed, 3),
        "untilLive": storage_calls.by_maker(until),
        "afterLive": storage_calls.by_maker(later),
        "polls": {"untilLive": storage_calls.polls(until), "afterLive": storage_calls.polls(later)},
        "kinds": storage_calls.by_kind(until),
        "spent": {name: round(seconds, 4) for name, seconds in spent.items()},
        "pauses": [{**msgspec.to_builtins(pause), "seconds": round(pause.seconds, 4)} for pause in longest],
        "typical": list(storage_calls.shown([*until, *later], landed)),
    }


def _median(found: list[dict[str, Any]]) -> dict[str, float]:
    return {name: phases.spread([each[name] for each in found])["p50"] for name in found[0]}
