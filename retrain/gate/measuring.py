"""What is measured of the holdouts, and how it is recorded."""

from collections.abc import Sequence

import msgspec

from retrain.gate.cases import Case
from retrain.gate.decision import Measured, finite, finite_interval
from retrain.gate.metrics import METRICS
from retrain.gate.rules import GateRules
from retrain.gate.slices import SliceFigures, measure_slices, slice_record
from retrain.gate.statistics import Comparison, Estimate, compare
from retrain.gate.table import HoldoutKind


class Measurement(msgspec.Struct, frozen=True):
    """Both models on one holdout. `confidence` is that of its intervals."""

    holdout: HoldoutKind
    unit: str
    confidence: float
    found: Comparison
    slices: tuple[SliceFigures, ...] = ()


def measure(rules: GateRules, cases: Sequence[Case]) -> tuple[Measurement, ...]:
    """Measures each holdout."""
    by_slice = measure_slices(rules, cases)
    return tuple(_measurement(rules, case, slices) for case, slices in zip(cases, by_slice, strict=True))


def _measurement(rules: GateRules, case: Case, slices: tuple[SliceFigures, ...]) -> Measurement:
    confidence = rules.trusted_confidence if case.holdout == "trusted" else rules.confidence
    found = compare(
        METRICS[rules.metric],
        case.labels,
        case.candidate,
        case.champion,
        case.blocks,
        confidence=confidence,
        resamples=rules.resamples,
    )
    return Measurement(case.holdout, case.unit, confidence, found, slices)


def record(measurement: Measurement) -> Measured:
    """As it stands in a decision."""
    found = measurement.found
    return Measured(
        holdout=measurement.holdout,
        unit=measurement.unit,
        rows=found.rows,
        blocks=found.blocks,
        confidence=measurement.confidence,
        candidate_value=finite(found.candidate),
        champion_value=finite(found.champion),
        gain=finite(found.gain.value),
        gain_interval=_interval(found.gain),
        candidate_skill=finite(found.skill.value),
        skill_interval=_interval(found.skill),
        champion_skill=finite(found.champion_skill.value),
        champion_skill_interval=_interval(found.champion_skill),
        skill_gain=finite(found.skill_gain.value),
        skill_gain_interval=_interval(found.skill_gain),
        slices=tuple(slice_record(figures) for figures in measurement.slices),
    )


def _interval(estimate: Estimate) -> tuple[float, float] | None:
    return finite_interval(estimate.low, estimate.high)
