"""What the gate says: a decision, which is a list of findings with figures, readable by people and as JSON.

Records only; who finds what lives in `checks`, `criteria` and `doubts`. Figures are finite or null, so that the JSON is
valid everywhere (NaN is not JSON).
"""

import math
from typing import Literal

import msgspec

from retrain.gate.table import HoldoutKind

Verdict = Literal["pass", "fail", "note"]
Interval = tuple[float, float]
Data = Literal["believed", "doubted", "refused"]


class ModelId(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which model: a name for people (a version or a run) and the sha256 of its artifact."""

    name: str
    sha256: str


class Finding(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One rule's answer: `figure` was found, `limit` is what it was held to. A `note` informs and never decides.

    `holdout` is the one that was looked at, None for rules that look at several or at none.
    """

    rule: str
    verdict: Verdict
    message: str
    figure: float | None = None
    limit: float | None = None
    holdout: HoldoutKind | None = None


class SliceMeasured(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The rows with one value of one column. `skill_gain` is the candidate's skill on them minus the champion's.

    The interval is widened for the number of slices that were judged. `unjudged` says why this one was not.
    """

    column: str
    value: str
    rows: int
    blocks: int
    candidate_value: float | None = None
    champion_value: float | None = None
    skill_gain: float | None = None
    skill_gain_interval: Interval | None = None
    limit: float | None = None
    unjudged: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was measured on one holdout. Intervals are two-sided at `confidence`.

    `gain` is in the metric's unit and positive when the candidate is better; skills are shares of the way from the best
    constant prediction to a perfect one; `skill_gain` is the candidate's skill minus the champion's.
    """

    holdout: HoldoutKind
    unit: str
    rows: int
    blocks: int
    confidence: float
    candidate_value: float | None = None
    champion_value: float | None = None
    gain: float | None = None
    gain_interval: Interval | None = None
    candidate_skill: float | None = None
    skill_interval: Interval | None = None
    champion_skill: float | None = None
    champion_skill_interval: Interval | None = None
    skill_gain: float | None = None
    skill_gain_interval: Interval | None = None
    slices: tuple[SliceMeasured, ...] = ()


class Decision(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Approved or refused, why, and what was measured. The figures at the top level are those of the fresh holdout.

    `data` says what may be done with the batch, whatever becomes of the candidate. Believed: it joins the accepted
    data. Doubted: it is kept aside until the next batch confirms it, as `confirms` says that this one did for the batch
    before. Refused: the candidate shows no skill on it, or nothing could be measured; it is not trained on.
    `unlearnt` says of data in doubt that neither model has skill on it: the next candidate learns from it without what
    was accepted before. `first` says that there was no champion to compare with. `uses` counts earlier winners that the
    trusted holdout helped to pick.
    """

    approved: bool
    reason: str
    findings: tuple[Finding, ...]
    champion: ModelId | None
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
    holdouts: tuple[Measured, ...] = ()
    data: Data = "refused"
    confirms: bool = False
    unlearnt: bool = False
    uses: int = 0
    first: bool = False


class Review(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The look back after a promotion: does the promoted model stay, or is it surely worse than the one before it?"""

    verdict: Literal["stay", "worse"]
    reason: str
    findings: tuple[Finding, ...]
    champion: ModelId
    predecessor: ModelId
    metric: str
    holdouts: tuple[Measured, ...] = ()


def finite(value: float) -> float | None:
    """The value, or None where JSON has no word for it."""
    return float(value) if math.isfinite(value) else None


def finite_interval(low: float, high: float) -> Interval | None:
    """The interval, or None when an end of it is undefined."""
    return (float(low), float(high)) if math.isfinite(low) and math.isfinite(high) else None
