"""Groups of rows that a candidate must not pay for: one value of one column each.

The interval of a slice comes from leaving out one block after the other (jackknife) and Student's t, not from the
bootstrap: corrected for fifty slices its ends are one in two thousand, which two thousand resamples cannot show.
The correction is Bonferroni's over all slices that were judged, on all holdouts; as one sure loss refuses, Holm's
procedure would give the same verdict.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrain.gate import auc
from retrain.gate.blocks import dense
from retrain.gate.cases import Case
from retrain.gate.decision import SliceMeasured, finite, finite_interval
from retrain.gate.metrics import METRICS, Floats, Ints, Metric
from retrain.gate.quantiles import t_quantile
from retrain.gate.resampling import deviations, figures, sums_by_block
from retrain.gate.rules import GateRules
from retrain.gate.statistics import NAN, UNKNOWN, Estimate
from retrain.gate.table import Coded

LONGEST = 80  # characters of a value that are shown
MOST_SLICES = 200
"""Of a column with more values the largest slices are judged: what is asked of thousands is sure of nothing."""


@dataclass(frozen=True)
class SliceFigures:
    """One slice as measured. `unjudged` says why there is no interval; empty when there is."""

    column: str
    value: str
    rows: int
    blocks: int
    limit: float
    candidate: float = NAN
    champion: float = NAN
    skill_gain: Estimate = UNKNOWN
    unjudged: str = ""


@dataclass(frozen=True)
class _Raw:
    """A slice before the correction: what the gain in skill is, how much it varies, and by how many blocks."""

    figures: SliceFigures
    gain: float
    deviation: float
    telling: int


def measure_slices(rules: GateRules, cases: Sequence[Case]) -> list[tuple[SliceFigures, ...]]:
    """The slices of each holdout, with intervals that hold for all of them together."""
    raws = [list(_slices(rules, case)) for case in cases]
    judged = sum(not raw.figures.unjudged for found in raws for raw in found)
    return [tuple(_widened(rules, raw, judged) for raw in found) for found in raws]


def _widened(rules: GateRules, raw: _Raw, judged: int) -> SliceFigures:
    if raw.figures.unjudged:
        return raw.figures
    outside = (1 - rules.confidence) / (2 * judged)
    reach = t_quantile(1 - outside, max(raw.telling - 1, 1)) * raw.deviation
    return replace(raw.figures, skill_gain=Estimate(raw.gain, raw.gain - reach, raw.gain + reach))


def _slices(rules: GateRules, case: Case) -> Iterator[_Raw]:
    if case.champion is None:
        return
    for column in rules.slices:
        if column in case.slices:
            yield from _of_column(rules, case, column, coded(case.slices[column]))


def _of_column(rules: GateRules, case: Case, column: str, values: Coded) -> Iterator[_Raw]:
    codes = np.asarray(values.codes, dtype=np.int64)
    if len(codes) != len(case.labels):
        return
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(values.names) + 1))
    sizes = np.diff(ends)
    largest = sorted(np.flatnonzero(sizes), key=lambda number: (-sizes[number], values.names[number]))
    for number in sorted(largest[:MOST_SLICES], key=lambda number: values.names[number]):
        yield _slice(rules, case, column, values.names[number][:LONGEST], order[ends[number] : ends[number + 1]])
    if others := largest[MOST_SLICES:]:
        why, rows = f"only the {MOST_SLICES} largest slices are judged", int(sizes[others].sum())
        figures = SliceFigures(column, f"{len(others)} others", rows, 0, -rules.slice_margin, unjudged=why)
        yield _Raw(figures, NAN, NAN, 0)


def _slice(rules: GateRules, case: Case, column: str, value: str, rows: Ints) -> _Raw:
    assert case.champion is not None
    metric = METRICS[rules.metric]
    labels, candidate, champion = case.labels[rows], case.candidate[rows], case.champion[rows]
    blocks = np.arange(len(rows)) if case.blocks is None else dense(case.blocks[rows])
    count = int(blocks.max()) + 1
    values = metric.compute(labels, candidate), metric.compute(labels, champion)
    few = _too_few(rules, labels, count, case.unit)
    figures = SliceFigures(column, value, len(rows), count, -rules.slice_margin, *values, unjudged=few)
    if few:
        return _Raw(figures, NAN, NAN, 0)
    gain, deviation, telling = _spread(metric, labels, candidate, champion, blocks)
    if not (math.isfinite(gain) and math.isfinite(deviation)):
        figures = replace(figures, unjudged=f"{metric.facts.label} or its interval is undefined on these rows")
    return _Raw(figures, gain, deviation, telling)


def _too_few(rules: GateRules, labels: Floats, blocks: int, unit: str) -> str:
    if len(labels) < rules.slice_rows:
        return f"{len(labels)} rows, {rules.slice_rows} are needed"
    if blocks < rules.min_blocks:
        return f"{blocks} {unit}s, {rules.min_blocks} are needed"
    return f"all labels are {labels[0]:g}" if (labels == labels[0]).all() else ""


def _spread(
    metric: Metric, labels: Floats, candidate: Floats, champion: Floats, blocks: Ints
) -> tuple[float, float, int]:
    """The gain in skill, its standard error, and how many blocks tell of it."""
    with np.errstate(all="ignore"):
        if metric.parts is None:
            placed = auc.placements(labels, candidate) - auc.placements(labels, champion)
            spread, telling = auc.variance(labels, placed, blocks)
            return 2 * auc.mean_placement(labels, placed), 2 * math.sqrt(spread), telling
        sums = sums_by_block(metric, labels, candidate, champion, blocks)
        gain = figures(metric, sums.sum(axis=1, keepdims=True))[3, 0]
        return float(gain), float(deviations(metric, sums)[3]), sums.shape[1]


def coded(column: Sequence[str] | Coded) -> Coded:
    """The column as codes of its distinct values, sorted."""
    if isinstance(column, Coded):
        return column
    names = sorted(set(column))
    places = {name: number for number, name in enumerate(names)}
    return Coded(tuple(names), np.fromiter((places[name] for name in column), dtype=np.int64, count=len(column)))


def slice_record(figures: SliceFigures) -> SliceMeasured:
    """As it stands in a decision."""
    gain = figures.skill_gain
    return SliceMeasured(
        column=figures.column,
        value=figures.value,
        rows=figures.rows,
        blocks=figures.blocks,
        candidate_value=finite(figures.candidate),
        champion_value=finite(figures.champion),
        skill_gain=finite(gain.value),
        skill_gain_interval=finite_interval(gain.low, gain.high),
        limit=figures.limit,
        unjudged=figures.unjudged,
    )
