"""What the time between landing and live is spent on: in the storage, at Studio, in the job, or in the app itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from benchmarks.storage_calls import Call

CLIENT = 0.010
"""Seconds: a shorter pause between two things is taken for client libraries at work, a longer one for computing."""


class Span(msgspec.Struct, frozen=True):
    """Something that happened from `begin` to `end`, in seconds since 1970."""

    begin: float
    end: float
    kind: str
    name: str


class Pause(msgspec.Struct, frozen=True):
    """Nothing was asked of anybody for so many seconds."""

    seconds: float
    after: str
    before: str


def spans(calls: Iterable[Call], studio: Iterable[dict[str, Any]], job: dict[str, float]) -> list[Span]:
    """The storage calls of app and host without polling, Studio's requests, and the job itself."""
    driving = [call for call in calls if call.maker in ("app", "host") and call.operation != "Messages_Dequeue"]
    found = [Span(call.at, call.at + call.seconds, "storage", f"{call.kind} {_short(call.path)}") for call in driving]
    found += [
        Span(asked["time"], asked["time"] + asked["seconds"], "Studio", str(asked["operation"])) for asked in studio
    ]
    found.append(Span(job["started"], job["ended"], "job", "training job"))
    return sorted(found, key=lambda span: span.begin)


def shares(found: Sequence[Span], begin: float, end: float) -> tuple[dict[str, float], list[Pause]]:
    """Seconds by what was going on (each moment counts once, job before Studio before storage), and the long pauses."""
    inside = [span for span in found if span.end > begin and span.begin < end]
    spent = {"storage": 0.0, "Studio": 0.0, "job": 0.0, "clients": 0.0, "computing": 0.0}
    edges = sorted({begin, end, *(min(max(edge, begin), end) for span in inside for edge in (span.begin, span.end))})
    pauses = []
    for left, right in pairwise(edges):
        going = {span.kind for span in inside if span.begin <= left and span.end >= right and span.end > span.begin}
        kind = next((kind for kind in ("job", "Studio", "storage") if kind in going), "")
        if not kind:
            kind = "clients" if right - left < CLIENT else "computing"
            pauses.append(Pause(right - left, _ending(inside, left), _beginning(inside, right)))
        spent[kind] += right - left
    return spent, [pause for pause in pauses if pause.seconds >= CLIENT]


def _ending(found: Sequence[Span], moment: float) -> str:
    return next((span.name for span in reversed(found) if span.end <= moment), "landed")


def _beginning(found: Sequence[Span], moment: float) -> str:
    return next((span.name for span in found if span.begin >= moment), "live")


def _short(path: str) -> str:
    """The last part of a path: names of runs and jobs differ each time."""
    return path.partition("?")[0].rstrip("/").rpartition("/")[2][:40]
