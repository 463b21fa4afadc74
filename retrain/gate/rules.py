"""The settings of the gate: `[models.<name>.gate]` in the configuration. What they mean in code lives in `criteria`."""

import math
from collections.abc import Iterator
from typing import Literal

import msgspec

from retrain.gate.facts import CATALOGUE, MetricFacts, unknown_metric

FEWEST_BLOCKS = 3  # below it a bootstrap can draw fewer than ten different resamples


class GateRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model's candidates are judged. docs/gate.md says why each default is what it is.

    Margins and limits that are called skill are shares of the way from the best constant prediction (0) to a perfect
    one (1), whatever the metric and its unit.

    min_value / max_value: floor of a score (auc, accuracy, f1), ceiling of a loss (rmse, mae, log_loss); the point
    value is held to it. mode: `better`, the whole interval of the gain lies above min_gain (in the metric's unit), or
    `not-worse`, the whole interval of the gain in skill lies above -margin. confidence: of the two-sided intervals.
    min_skill: the whole interval of the candidate's skill lies above it. trusted_rule, trusted_share, trusted_margin:
    how much skill may be lost on the trusted holdout, see `criteria.TRUSTED`; trusted_confidence: of the intervals
    there. slices: columns of which no value may surely lose more skill than slice_margin, where it has slice_rows rows.
    collapse: the champion may surely lose this share of its skill from trusted to fresh rows before the data is
    doubted. persistence: so many batches in a row must show a change before it is believed. reach: predictions of a
    regression may leave the range of the labels by so many times its width.
    """

    metric: str
    min_value: float | None = None
    max_value: float | None = None
    mode: Literal["better", "not-worse"] = "better"
    min_gain: float = 0.0
    margin: float = 0.01
    confidence: float = 0.9
    min_skill: float = 0.0
    trusted_rule: Literal["share", "even", "strict", "lenient"] = "share"
    trusted_share: float = 0.03
    trusted_margin: float = 0.01
    trusted_confidence: float = 0.9
    slices: tuple[str, ...] = ()
    slice_margin: float = 0.05
    slice_rows: int = 50
    collapse: float = 0.5
    persistence: int = 2
    reach: float = 10.0
    min_rows: int = 50
    min_blocks: int = 4
    resamples: int = 2_000

    @property
    def facts(self) -> MetricFacts | None:
        """What is known of the metric; None when it is unknown, which `problems` reports."""
        return CATALOGUE.get(self.metric)

    def problems(self) -> list[str]:
        """Everything wrong with these settings, a sentence each; empty when they can be used."""
        return [*self._metric_problems(), *self._limit_problems(), *self._share_problems(), *self._count_problems()]

    def _metric_problems(self) -> Iterator[str]:
        facts = self.facts
        if facts is None:
            yield unknown_metric(self.metric)
        elif facts.higher_is_better and self.max_value is not None:
            yield f"max_value is for losses; {facts.label} is better when higher, use min_value"
        elif not facts.higher_is_better and self.min_value is not None:
            yield f"min_value is for scores; {facts.label} is better when lower, use max_value"

    def _limit_problems(self) -> Iterator[str]:
        for name in ("min_value", "max_value", "min_gain"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                yield f"{name} is {value}; it must be a finite number"
        if not self.reach > 0:
            yield f"reach is {self.reach:g}; it must be above 0"

    def _share_problems(self) -> Iterator[str]:
        for name in ("confidence", "trusted_confidence"):
            value = getattr(self, name)
            if not 0.5 < value < 1:
                yield f"{name} is {value:g}; it must lie between 0.5 and 1, 0.9 is usual"
        if not -1 <= self.min_skill < 1:
            yield f"min_skill is {self.min_skill:g}; it must be at least -1 and below 1, 0 is as good as a constant"
        for name in ("margin", "trusted_margin", "slice_margin", "trusted_share", "collapse"):
            value, unit = getattr(self, name), "as a share" if name in ("trusted_share", "collapse") else "in skill"
            if not 0 <= value < math.inf:
                yield f"{name} is {value:g}; it must be at least 0 and finite, {unit} (1 is all there is)"

    def _count_problems(self) -> Iterator[str]:
        for name in ("min_rows", "slice_rows", "persistence"):
            if getattr(self, name) < 1:
                yield f"{name} is {getattr(self, name)}; it must be at least 1"
        if self.min_blocks < FEWEST_BLOCKS:
            yield f"min_blocks is {self.min_blocks}; with fewer than {FEWEST_BLOCKS} an interval means nothing"
        if not 200 <= self.resamples <= 100_000:
            yield f"resamples is {self.resamples}; it must lie between 200 and 100,000"
