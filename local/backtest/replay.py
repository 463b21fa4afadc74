"""Plays policies side by side over the same batches, and reckons up what each of them did right and wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np

from local.backtest.gated import Gated
from local.backtest.hindsight import Future, Hindsight, oracle, regret
from local.backtest.learners import Learner
from local.backtest.policies import NAIVE, Policy, Ruling
from local.backtest.steps import CannotPlay, Step
from local.backtest.workshop import Workshop
from retrain.data.files import gather
from retrain.data.tables import BadData
from retrain.gate.metrics import Metric
from retrain.model import Model

FEWEST = 3  # the first batch makes the champion, the second is decided about, the third knows who was right

MakePolicy = Callable[[Workshop], Policy]


@dataclass(frozen=True)
class Record:
    """One batch and one policy: its ruling, what hindsight says of it, and how its live model then did.

    value: the metric of the live model on what came next, None after the last batch.
    """

    ruling: Ruling
    hindsight: Hindsight | None
    value: float | None

    @property
    def wrong(self) -> bool:
        """It promoted a candidate that was worse than the champion by more than a standard error."""
        return self.ruling.promoted and self.hindsight is not None and self.hindsight.wrong

    @property
    def right(self) -> bool:
        """It promoted a candidate that was better than the champion by more than a standard error."""
        return self.ruling.promoted and self.hindsight is not None and self.hindsight.right


@dataclass(frozen=True)
class Course:
    """All that one policy did. `start` is the value of the first champion on the second batch."""

    policy: str
    records: tuple[Record, ...]
    start: float | None

    def count(self, outcome: str) -> int:
        """How often it came to this outcome."""
        return sum(record.ruling.outcome == outcome for record in self.records)

    @property
    def wrong(self) -> int:
        """Promotions that did harm."""
        return sum(record.wrong for record in self.records)

    @property
    def right(self) -> int:
        """Promotions that did good."""
        return sum(record.right for record in self.records)

    @property
    def rolled_back(self) -> int:
        """How often it put the model before the champion back."""
        return sum(bool(record.ruling.rolled_back) for record in self.records)

    @property
    def refusals(self) -> dict[str, int]:
        """How often each rule kept a candidate or a file out, the most frequent first."""
        rules = [record.ruling.rule for record in self.records if not record.ruling.promoted]
        return dict(sorted(Counter(rules).items(), key=lambda pair: (-pair[1], pair[0])))

    @property
    def values(self) -> tuple[float | None, ...]:
        """The metric of the live model over time."""
        return tuple(record.value for record in self.records)

    @property
    def mean(self) -> float | None:
        """Over all batches that could be judged afterwards."""
        known = [value for value in self.values if value is not None]
        return float(np.mean(known)) if known else None


@dataclass(frozen=True)
class Replay:
    """What came of it. The oracle's course is the yardstick and is not among `courses`.

    label: the column that is predicted. spoilt: batches whose clean rows are known and are not what landed.
    """

    model: str
    metric: Metric
    learner: str
    steps: tuple[str, ...]
    courses: tuple[Course, ...]
    oracle: Course
    label: str = ""
    spoilt: tuple[str, ...] = ()

    def regret(self, course: Course) -> float | None:
        """How much worse than the oracle's its live model was on average, in the metric."""
        pairs = zip(course.values, self.oracle.values, strict=True)
        worse = [regret(value, best, self.metric) for value, best in pairs if value is not None and best is not None]
        return float(np.mean(worse)) if worse else None

    def relative_regret(self, course: Course) -> float | None:
        """The regret as a part of the oracle's mean."""
        found, best = self.regret(course), self.oracle.mean
        return None if found is None or not best else found / abs(best)


def play(
    steps: Sequence[Step],
    model: Model,
    learner: Learner,
    *,
    other: Model | None = None,
    first: int = 1,
    policies: Sequence[MakePolicy] | None = None,
) -> Replay:
    """Plays the naive policies, this gate, and that of `other`, if given, over the steps in their order.

    The `first` so many make the first champion, which all policies start from.
    Raises CannotPlay: fewer than three batches are left, or no champion can be made from the first.
    """
    steps = [together(steps[:first]), *steps[first:]] if first > 1 else list(steps)
    if len(steps) < FEWEST:
        raise CannotPlay(
            f"{len(steps)} batch{'es are' if len(steps) != 1 else ' is'} not enough to play: the first makes the "
            f"champion, the next is decided about, and one more must show who was right; give at least {FEWEST}"
        )
    workshop = Workshop(model, learner)
    future = Future(steps, workshop)
    makers = policies if policies is not None else [*NAIVE, this_gate, *([other_gate(other)] if other else [])]
    courses = [follow(make(workshop), steps, future) for make in makers]
    return Replay(
        model=model.target,
        metric=workshop.metric,
        learner=learner.name,
        steps=tuple(step.name for step in steps),
        courses=tuple(courses),
        oracle=follow(oracle(workshop, future), steps, future),
        label=model.label,
        spoilt=tuple(step.name for step in steps if step.spoilt),
    )


def this_gate(workshop: Workshop) -> Policy:
    """The model's own configuration."""
    return Gated("this gate", workshop)


def other_gate(model: Model) -> MakePolicy:
    """The same with other rules."""
    return lambda workshop: Gated("the other gate", workshop, model)


def follow(policy: Policy, steps: Sequence[Step], future: Future) -> Course:
    """One policy over all steps. Raises CannotPlay: no champion can be made from the first."""
    first, *others = steps
    policy.begin(first)
    start = future.value(policy.live, first.name)
    return Course(policy.name, tuple(_record(policy, step, future) for step in others), start)


def _record(policy: Policy, step: Step, future: Future) -> Record:
    ruling = policy.consider(step)
    seen = future.compare(ruling.candidate, ruling.champion, step.name)
    return Record(ruling, seen, future.value(policy.live, step.name))


def together(steps: Sequence[Step]) -> Step:
    """Several batches as one, named by the first. Raises CannotPlay: their columns differ."""
    try:
        whole = gather([BytesIO(step.content) for step in steps], BytesIO).read()
    except BadData as bad:
        raise CannotPlay(f"the first {len(steps)} files cannot be put together: {bad}") from bad
    return Step(f"{steps[0].name} and {len(steps) - 1} more", whole)
