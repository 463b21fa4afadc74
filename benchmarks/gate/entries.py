"""One line of the lab's work: a stream, a family of learners, on how much they train; and its courses on clean data.

Policies are those of `local.backtest`; each has its own history of the clean stream, from which it is forked wherever a
fault strikes. What is true of two models is computed here from clean rows, apart from the gate (`truth`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.gate import truth
from benchmarks.gate.learning import Family, learner_of, model_of
from benchmarks.gate.streams import Stream, TrainOn
from benchmarks.gate.truth import Comparison
from local.backtest.learners import Fitted
from local.backtest.policies import (
    Choice,
    Naive,
    Policy,
    Ruling,
    Trial,
    always_newest,
    higher_is_better,
    interval_only,
    never_retrain,
)
from local.backtest.replay import this_gate
from local.backtest.steps import Step
from local.backtest.workshop import Sheet, Workshop

MAKERS: dict[str, Callable[[Workshop], Policy]] = {
    "never retrain": never_retrain,
    "always newest": always_newest,
    "higher is better": higher_is_better,
    "interval only": interval_only,
    "this gate": this_gate,
}


@dataclass(frozen=True)
class Entry:
    """What is played: everything on it is computed when it is asked for, and once."""

    stream: Stream
    family: Family
    train_on: TrainOn

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.stream.name}, {self.family}, train_on {self.train_on}"

    @cached_property
    def workshop(self) -> Workshop:
        """Where its models are made."""
        return Workshop(model_of(self.stream, self.train_on), learner_of(self.stream, self.family))

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Its batches, all clean."""
        return tuple(Step(f"batch {place}", sheet.content()) for place, sheet in enumerate(self.stream.batches))

    @cached_property
    def sheets(self) -> tuple[Sheet, ...]:
        """All rows of each clean batch, to be judged by."""
        return tuple(self.workshop.sheet(step.content) for step in self.steps)

    @property
    def decided(self) -> range:
        """The steps at which something is decided and after which somebody can know: not the first, not the last."""
        return range(1, len(self.steps) - 1)

    def compare(self, first: Fitted, second: Fitted, step: int) -> Comparison:
        """How much better the first model is than the second on the clean batch after this step."""
        labels, blocks = self._truth(step)
        scores = [self._scores(model, step) for model in (first, second)]
        return truth.compare(self.stream.metric, labels, scores[0], scores[1], blocks)

    def value(self, model: Fitted, step: int) -> float:
        """The model's metric on the clean batch after this step."""
        return truth.value(self.stream.metric, self._truth(step)[0], self._scores(model, step))

    def _truth(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        holdout = self.sheets[step + 1].holdout
        return np.asarray(holdout.labels), np.asarray(holdout.blocks)

    def _scores(self, model: Fitted, step: int) -> np.ndarray:
        return self.workshop.scores(model, self.sheets[step + 1])

    def oracle(self) -> Policy:
        """The better of champion and candidate by hindsight, at each step."""

        def rule(trial: Trial) -> Choice:
            step = int(trial.step.name.rpartition(" ")[2])
            seen = self.compare(trial.candidate, trial.champion, step)
            return Choice(seen.gain > 0, "hindsight", joins=not seen.worse)

        return Naive("oracle", self.workshop, rule)


@dataclass(frozen=True)
class Moment:
    """A policy at a step of the clean stream: as it was before, what it ruled, and its live model afterwards."""

    before: Policy
    ruling: Ruling
    live: Fitted


def course(entry: Entry, policy: Policy, steps: Sequence[Step] | None = None) -> list[Moment]:
    """A policy over the decided steps; the first moment is that of step 1."""
    played = steps or entry.steps
    policy.begin(played[0])
    moments = []
    for place in entry.decided:
        before = policy.fork()
        ruling = policy.consider(played[place])
        moments.append(Moment(before, ruling, policy.live))
    return moments


def courses(entry: Entry) -> dict[str, list[Moment]]:
    """Every policy over the clean stream, the oracle too."""
    found = {name: course(entry, make(entry.workshop)) for name, make in MAKERS.items()}
    return {**found, "oracle": course(entry, entry.oracle())}
