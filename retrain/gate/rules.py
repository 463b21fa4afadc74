"""The settings of the gate: `[models.<name>.gate]` in the configuration. What they mean in code lives in `criteria`."""

import math
from collections.abc import Iterator

import msgspec

from retrain.gate.facts import CATALOGUE, MetricFacts, unknown_metric

FEWEST_BLOCKS = 3  # below it a bootstrap can draw fewer than ten different resamples


class GateRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model's candidates are judged. docs/gate.md says why each default is what it is.

    min_value / max_value: floor of a score (auc, accuracy, f1), ceiling of a loss (rmse, mae, log_loss); the point
    value is held to it. min_gain: the whole interval of the gain must lie above it, in the metric's unit; negative
    allows a loss of that size. confidence: of the two-sided intervals. min_skill: the whole interval of the
    candidate's skill must lie above it (0 is as good as a constant, 1 is never wrong).
    """

    metric: str
    min_value: float | None = None
    max_value: float | None = None
    min_gain: float = 0.0
    confidence: float = 0.95
    min_skill: float = 0.0
    min_rows: int = 100
    min_blocks: int = 5
    resamples: int = 2_000

    @property
    def facts(self) -> MetricFacts | None:
        """What is known of the metric; None when it is unknown, which `problems` reports."""
        return CATALOGUE.get(self.metric)

    def problems(self) -> list[str]:
        """Everything wrong with these settings, a sentence each; empty when they can be used."""
        return [*self._metric_problems(), *self._range_problems()]

    def _metric_problems(self) -> Iterator[str]:
        facts = self.facts
        if facts is None:
            yield unknown_metric(self.metric)
        elif facts.higher_is_better and self.max_value is not None:
            yield f"max_value is for losses; {facts.label} is better when higher, use min_value"
        elif not facts.higher_is_better and self.min_value is not None:
            yield f"min_value is for scores; {facts.label} is better when lower, use max_value"

    def _range_problems(self) -> Iterator[str]:
        for name in ("min_value", "max_value", "min_gain"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                yield f"{name} is {value}; it must be a finite number"
        if not 0.5 < self.confidence < 1:
            yield f"confidence is {self.confidence:g}; it must lie between 0.5 and 1, 0.95 is usual"
        if not -1 <= self.min_skill < 1:
            yield f"min_skill is {self.min_skill:g}; it must be at least -1 and below 1, 0 is as good as a constant"
        if self.min_rows < 1:
            yield f"min_rows is {self.min_rows}; it must be at least 1"
        if self.min_blocks < FEWEST_BLOCKS:
            yield f"min_blocks is {self.min_blocks}; with fewer than {FEWEST_BLOCKS} an interval means nothing"
        if not 200 <= self.resamples <= 100_000:
            yield f"resamples is {self.resamples}; it must lie between 200 and 100,000"
