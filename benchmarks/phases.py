"""A run's time cut into phases, from its record, its moves and its job's times at the training service."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from benchmarks.laboratory import file_of, seconds

PHASES = {
    "seen": "the event arrives: Event Grid player, blob trigger's queue, first look at the blob",
    "intake": "read, check, profile and split the file; write training data, holdout and archive copy",
    "submit": "register and start the batch job, each step saved before it is taken",
    "train": "the job at Studio: read, train, evaluate, write model and evaluation",
    "notice": "from the job's end until the run knows it (event of the model's blob, or the next poll)",
    "hand over": "message to the queue of evaluations and its first step",
    "judge": "stage the candidate, score both models on the holdout, ask the gate",
    "promote": "claim production, PATCH it, see that it answers with the candidate's own scores",
}
"""In order; they add up to landed → live."""

MOMENTS = ("landed", "seen", "ready", "started", "job ended", "trained", "evaluating", "decided", "live")


class Timed(msgspec.Struct, frozen=True):
    """One run: how it ended, and its moments in seconds after the PUT was answered; absent where it never came."""

    file: str
    state: str
    at: dict[str, float]

    @property
    def phases(self) -> dict[str, float]:
        """Seconds of each phase whose both ends were reached; at least 0: a trigger may overtake the PUT's answer."""
        ends = zip(PHASES, MOMENTS, MOMENTS[1:], strict=False)
        known = ((name, begin, end) for name, begin, end in ends if begin in self.at and end in self.at)
        return {name: max(0.0, self.at[end] - self.at[begin]) for name, begin, end in known}


def timed(record: dict[str, Any], landed: float) -> Timed:
    """`landed`: when the producer's PUT was answered. The blob's own Last-Modified is cut to whole seconds."""
    moves = {move["to"]: seconds(move["at"]) for move in record["moves"]}
    found = {name: seconds(text) for name, text in record["times"].items() if name != "landed"}
    found |= {name: moves[name] for name in ("ready", "evaluating") if name in moves}
    if record["job"].get("ended"):
        found["job ended"] = record["job"]["ended"]
    at = {name: round(moment - landed, 4) for name, moment in found.items()}
    return Timed(file_of(record), record["state"], {"landed": 0.0, **at})


def quantile(values: Iterable[float], share: float) -> float:
    """The value that `share` of the values do not exceed (nearest rank); NaN for none."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)] if ordered else float("nan")


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile and how many."""
    middle = statistics.median(values) if values else float("nan")
    return {"p50": round(middle, 4), "p95": round(quantile(values, 0.95), 4), "count": len(values)}


def moments(runs: Sequence[Timed]) -> dict[str, dict[str, float]]:
    """Seconds after landing at which each moment came, over the runs in which it came."""
    return {name: spread([run.at[name] for run in runs if name in run.at]) for name in MOMENTS[1:]}


def phases(runs: Sequence[Timed]) -> dict[str, dict[str, float]]:
    """Seconds of each phase over the runs that went through it, with its share of the sum of the medians."""
    spreads = {name: spread([run.phases[name] for run in runs if name in run.phases]) for name in PHASES}
    whole = sum(found["p50"] for found in spreads.values())
    return {name: {**found, "share": round(found["p50"] / whole, 3)} for name, found in spreads.items()}
