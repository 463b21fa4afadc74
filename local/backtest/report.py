"""A replay for machines: plain values for JSON, figures finite or null. docs/howto/backtest.md explains the members."""

from __future__ import annotations

import math
from typing import Any

from local.backtest.hindsight import Hindsight
from local.backtest.replay import Course, Record, Replay

Json = dict[str, Any]


def report(replay: Replay) -> Json:
    """The whole replay. The same input gives the same report."""
    facts = replay.metric.facts
    return {
        "model": replay.model,
        "label": replay.label,
        "metric": facts.name,
        "higherIsBetter": facts.higher_is_better,
        "learner": replay.learner,
        "batches": list(replay.steps),
        "spoilt": list(replay.spoilt),
        "oracle": _course(replay, replay.oracle),
        "policies": [_course(replay, course) for course in replay.courses],
    }


def _course(replay: Replay, course: Course) -> Json:
    return {
        "policy": course.policy,
        "promotions": course.count("promoted"),
        "right": course.right,
        "wrong": course.wrong,
        "kept": course.count("kept"),
        "quarantined": course.count("quarantined"),
        "crashed": course.count("crashed"),
        "rolledBack": course.rolled_back,
        "mean": _finite(course.mean),
        "regret": _finite(replay.regret(course)),
        "relativeRegret": _finite(replay.relative_regret(course)),
        "refusals": course.refusals,
        "start": _finite(course.start),
        "steps": [_step(record) for record in course.records],
    }


def _step(record: Record) -> Json:
    ruling = record.ruling
    return {
        "batch": ruling.step,
        "outcome": ruling.outcome,
        "rule": ruling.rule,
        "reason": ruling.reason,
        "data": ruling.data,
        "confirms": ruling.confirms,
        "rolledBack": ruling.rolled_back or None,
        "value": _finite(record.value),
        "hindsight": _hindsight(record.hindsight) if record.hindsight else None,
    }


def _hindsight(seen: Hindsight) -> Json:
    return {
        "candidate": _finite(seen.candidate),
        "champion": _finite(seen.champion),
        "gain": _finite(seen.gain),
        "standardError": _finite(seen.error),
        "candidateWas": "better" if seen.right else "worse" if seen.wrong else "no different",
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
