"""What could be known only afterwards: how two models do on the next batch, and the policy that always knows it.

The next batch judges because nobody could train on it. Where its clean rows are known they are all used; otherwise its
fresh holdout, which is what the app itself will look at next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from local.backtest.learners import Fitted, Floats
from local.backtest.policies import Choice, Naive, Trial
from local.backtest.steps import Step
from local.backtest.workshop import Paired, Sheet, Workshop
from retrain.accepted import spec_of
from retrain.data.tables import BadData
from retrain.gate import auc
from retrain.gate.metrics import Metric

RESAMPLES = 400  # a standard error from so many is within 4 % of that from endlessly many


@dataclass(frozen=True)
class Hindsight:
    """A candidate against the champion on the next batch: the gain (positive is better) and its standard error."""

    candidate: float
    champion: float
    gain: float
    error: float

    @property
    def right(self) -> bool:
        """The candidate is better by more than one standard error."""
        return self.gain > self.error

    @property
    def wrong(self) -> bool:
        """The candidate is worse by more than one standard error."""
        return self.gain < -self.error


class Future:
    """Knows for each step the rows by which it is judged afterwards."""

    def __init__(self, steps: Sequence[Step], workshop: Workshop) -> None:
        self._workshop = workshop
        sheets = [clean_sheet(step, workshop) for step in steps]
        later = {place: sheet for place, sheet in enumerate(sheets) if sheet is not None}
        self._after: dict[str, Sheet | None] = {
            step.name: next((later[place] for place in range(number + 1, len(steps)) if place in later), None)
            for number, step in enumerate(steps)
        }

    def after(self, step: str) -> Sheet | None:
        """The next rows that can be read, None after the last."""
        return self._after.get(step)

    def value(self, live: Fitted, step: str) -> float | None:
        """How the model that is live after a step does on what comes next, in the metric; None when nothing does."""
        sheet = self.after(step)
        if sheet is None:
            return None
        labels = np.asarray(sheet.holdout.labels)
        return self._workshop.metric.compute(labels, self._answers(live, sheet))

    def compare(self, candidate: Fitted | None, champion: Fitted, step: str) -> Hindsight | None:
        """The two models on what comes next; None when nothing does, or there is no candidate."""
        sheet = self.after(step)
        if sheet is None or candidate is None:
            return None
        labels, blocks = np.asarray(sheet.holdout.labels), np.asarray(sheet.holdout.blocks)
        pair = Paired(labels, self._answers(candidate, sheet), self._answers(champion, sheet), blocks)
        metric = self._workshop.metric
        values = metric.compute(labels, pair.candidate), metric.compute(labels, pair.champion)
        return Hindsight(*values, float(metric.gain(*values)), standard_error(metric, pair))

    def _answers(self, fitted: Fitted, sheet: Sheet) -> Floats:
        """Its predictions; of a model that cannot read these rows, a constant, which is as much as its users have."""
        try:
            return self._workshop.scores(fitted, sheet)
        except ValueError:
            labels = np.asarray(sheet.holdout.labels)
            return np.full(len(labels), self._workshop.metric.trivial(labels))


def clean_sheet(step: Step, workshop: Workshop) -> Sheet | None:
    """The rows of a batch that judge what came before it; None when it cannot be read."""
    try:
        if step.truth is not None:
            return workshop.sheet(step.truth)
        return workshop.take(step, spec_of(workshop.model, None)).fresh
    except BadData:
        return None


def standard_error(metric: Metric, pair: Paired) -> float:
    """Of the paired gain, over its blocks; 0 when the models answer alike, infinite when it is undefined.

    That of AUC is exact, that of the others comes from resampling the sums of the blocks.
    """
    if np.array_equal(pair.candidate, pair.champion):
        return 0.0
    if metric.parts is None:
        placed = auc.placements(pair.labels, pair.candidate) - auc.placements(pair.labels, pair.champion)
        error = float(np.sqrt(auc.variance(pair.labels, placed, pair.blocks)[0]))
        return error if np.isfinite(error) else float("inf")
    gains = metric.gain(*(_resampled(metric, pair, scores) for scores in (pair.candidate, pair.champion)))
    defined = gains[np.isfinite(gains)]
    return float(np.std(defined, ddof=1)) if len(defined) > RESAMPLES // 2 else float("inf")


def _resampled(metric: Metric, pair: Paired, scores: Floats) -> Floats:
    """The metric of as many resamples, which are the same for whatever is scored on these rows."""
    assert metric.parts is not None
    sums = np.array([np.bincount(pair.blocks, weights=part) for part in metric.parts(pair.labels, scores)])
    blocks = sums.shape[1]
    counts = np.random.default_rng(blocks).multinomial(blocks, np.full(blocks, 1 / blocks), size=RESAMPLES)
    return metric.of_sums(*(sums @ counts.T))


def oracle(workshop: Workshop, future: Future) -> Naive:
    """At each step the better of champion and candidate on what comes next.

    Nobody can decide so. It goes on to train on every batch but those that are known not to be clean.
    """

    def rule(trial: Trial) -> Choice:
        seen = future.compare(trial.candidate, trial.champion, trial.step.name)
        clean = not trial.step.spoilt
        if seen is None:
            return Choice(False, "nothing comes after it that could tell", clean)
        return Choice(seen.gain > 0, f"a gain of {seen.gain:+.5g} on the next batch", clean)

    return Naive("oracle", workshop, rule)


def regret(value: float, best: float, metric: Metric) -> float:
    """How much worse a value is than the oracle's, in the metric; negative when it is better."""
    return -float(metric.gain(value, best))
