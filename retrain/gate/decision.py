"""What the gate says: a decision, which is a list of findings with figures, readable by people and as JSON.

Records only; who finds what lives in `checks` and `criteria`. Figures are finite or null, so that the JSON is valid
everywhere (NaN is not JSON).
"""

import math
from typing import Literal

import msgspec

Verdict = Literal["pass", "fail", "note"]
Interval = tuple[float, float]


class ModelId(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which model: a name for people (a version or a run) and the sha256 of its artifact."""

    name: str
    sha256: str


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One rule's answer: `figure` was found, `limit` is what it was held to. A `note` informs and never decides."""

    rule: str
    verdict: Verdict
    message: str
    figure: float | None = None
    limit: float | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Approved or refused, why, and what was measured.

    `data_believable` says that the candidate, trained on this data, has skill on its holdout: then the data may join
    later training even if the candidate was refused for not being better. It is false whenever that is not shown.
    Intervals are two-sided at `confidence`; `gain` is positive when the candidate is better, whatever the metric.
    """

    approved: bool
    reason: str
    findings: tuple[Finding, ...]
    champion: ModelId
    candidate: ModelId
    metric: str
    holdout: str
    confidence: float | None
    rows: int
    blocks: int | None = None
    champion_value: float | None = None
    candidate_value: float | None = None
    gain: float | None = None
    gain_interval: Interval | None = None
    champion_skill: float | None = None
    candidate_skill: float | None = None
    skill_interval: Interval | None = None
    data_believable: bool = False


def finite(value: float) -> float | None:
    """The value, or None where JSON has no word for it."""
    return float(value) if math.isfinite(value) else None


def finite_interval(interval: Interval) -> Interval | None:
    """The interval, or None when an end of it is undefined."""
    return interval if all(math.isfinite(end) for end in interval) else None
