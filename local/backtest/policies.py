"""Who decides: what every policy answers, and the naive ones that the gate is held against.

Naive policies read a batch as it comes, believe every batch that they can read, and fall over those that they cannot:
that is recorded as `crashed`. The policy with the gate is in `gated`, the one that sees the future in `hindsight`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from local.backtest.learners import Fitted
from local.backtest.steps import CannotPlay, Step
from local.backtest.workshop import Batch, Paired, Portion, Sheet, Workshop
from retrain.accepted import spec_of
from retrain.data.tables import BadData
from retrain.gate import Decision
from retrain.gate.statistics import compare

Outcome = Literal["promoted", "kept", "quarantined", "crashed"]
Belief = Literal["believed", "doubted", "refused", "unread"]


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a policy made of a batch.

    outcome: `promoted`; `kept`, the live model stays; `quarantined`, intake refused the file; `crashed`.
    rule, reason: what decided, by name and in a sentence. data: what is thought of the batch from now on.
    champion: the model that was live before. candidate: None when none was made.
    rolled_back: why the model before the champion was put back first, empty when it was not.
    confirms: this batch showed that the one before it was right after all. decision: the gate's, whole.
    """

    step: str
    outcome: Outcome
    rule: str
    reason: str
    data: Belief
    champion: Fitted
    candidate: Fitted | None = None
    rolled_back: str = ""
    confirms: bool = False
    decision: Decision | None = None

    @property
    def promoted(self) -> bool:
        """Whether the candidate went live."""
        return self.outcome == "promoted"


class Policy(Protocol):
    """Takes batches one by one and keeps a model live. What it knows is its own; the work is the workshop's."""

    @property
    def name(self) -> str: ...

    @property
    def live(self) -> Fitted:
        """The model that users get now."""

    def begin(self, step: Step) -> None:
        """The first champion is made from this batch. Raises CannotPlay."""

    def consider(self, step: Step) -> Ruling:
        """Decides about the next batch, and goes on from there."""

    def fork(self) -> Policy:
        """Another of the same mind, which goes its own way from here: trying a batch on it changes nothing here."""


@dataclass(frozen=True)
class Trial:
    """A candidate beside the champion. `scored` tells how both do on the batch's own holdout (raises ValueError)."""

    step: Step
    candidate: Fitted
    champion: Fitted
    scored: Callable[[], Paired]


@dataclass(frozen=True)
class Choice:
    """Whether the candidate goes live, why, and whether its batch is trained on from now on."""

    promote: bool
    reason: str
    joins: bool = True


Rule = Callable[[Trial], Choice]


@dataclass(frozen=True)
class Holding:
    """What a naive policy has: the live model, and what it trains on."""

    live: Fitted
    parts: tuple[Portion, ...]


class Naive:
    """A policy of one rule, without any look at the data."""

    def __init__(self, name: str, workshop: Workshop, rule: Rule | None) -> None:
        self.name, self._workshop, self._rule = name, workshop, rule
        self._holding: Holding | None = None

    @property
    def live(self) -> Fitted:
        """The model that users get now."""
        return self._held.live

    @property
    def _held(self) -> Holding:
        assert self._holding is not None, "begin() comes first"
        return self._holding

    def begin(self, step: Step) -> None:
        """The first champion is made from this batch. Raises CannotPlay."""
        batch, first = first_champion(step, self._workshop)
        self._holding = Holding(first, (batch.train,))

    def consider(self, step: Step) -> Ruling:
        """Trains and decides; whatever goes wrong on the way leaves everything as it was."""
        held = self._held
        if self._rule is None:
            return _ruling(step, held, "kept", self.name, "no model is ever retrained")
        try:
            batch = self._workshop.take(step, spec_of(self._workshop.model, None))
            candidate = self._workshop.train(held.parts, batch)
            choice = self._rule(self._trial(step, batch.fresh, candidate))
        except (BadData, ValueError) as error:
            return _ruling(step, held, "crashed", "crashed", str(error))
        parts = (*held.parts, batch.train) if choice.joins else held.parts
        self._holding = Holding(candidate if choice.promote else held.live, parts)
        outcome: Outcome = "promoted" if choice.promote else "kept"
        return _ruling(step, held, outcome, self.name, choice.reason, candidate)

    def _trial(self, step: Step, fresh: Sheet, candidate: Fitted) -> Trial:
        live = self.live
        return Trial(step, candidate, live, lambda: self._workshop.pair(candidate, live, fresh))

    def fork(self) -> Naive:
        """Another of the same mind."""
        other = Naive(self.name, self._workshop, self._rule)
        other._holding = self._holding
        return other


def _ruling(
    step: Step, held: Holding, outcome: Outcome, rule: str, reason: str, candidate: Fitted | None = None
) -> Ruling:
    return Ruling(
        step=step.name,
        outcome=outcome,
        rule=rule,
        reason=reason,
        data="believed" if candidate else "unread",
        champion=held.live,
        candidate=candidate,
    )


def first_champion(step: Step, workshop: Workshop) -> tuple[Batch, Fitted]:
    """The batch that every policy starts from, and the model that is made of it.

    Raises CannotPlay: it cannot be read, or nothing can be learnt from it.
    """
    try:
        batch = workshop.take(step, spec_of(workshop.model, None))
        return batch, workshop.train((), batch)
    except (BadData, ValueError) as error:
        raise CannotPlay(f"{step.name}: no first champion can be made from it: {error}") from error


def never_retrain(workshop: Workshop) -> Naive:
    """The first champion stays for ever."""
    return Naive("never retrain", workshop, None)


def always_newest(workshop: Workshop) -> Naive:
    """Whatever was trained last is live."""
    return Naive("always newest", workshop, lambda trial: Choice(True, "it is the newest"))


def higher_is_better(workshop: Workshop) -> Naive:
    """The better figure on the batch's own holdout wins."""

    def rule(trial: Trial) -> Choice:
        pair, metric = trial.scored(), workshop.metric
        values = metric.compute(pair.labels, pair.candidate), metric.compute(pair.labels, pair.champion)
        gain = float(metric.gain(*values))
        return Choice(gain > 0, f"{metric.facts.label} {values[0]:.5g} against {values[1]:.5g} on its own holdout")

    return Naive("higher is better", workshop, rule)


def interval_only(workshop: Workshop) -> Naive:
    """The gain on the batch's own holdout must surely be above nothing: a sound statistic, and no other question."""
    rules = workshop.model.gate

    def rule(trial: Trial) -> Choice:
        pair = trial.scored()
        found = compare(
            workshop.metric,
            pair.labels,
            pair.candidate,
            pair.champion,
            pair.blocks,
            confidence=rules.confidence,
            resamples=rules.resamples,
        )
        gain = found.gain
        said = f"a gain of {gain.value:+.5g} [{gain.low:+.5g}, {gain.high:+.5g}] on its own holdout"
        return Choice(gain.low > 0, said)

    return Naive("interval only", workshop, rule)


NAIVE: tuple[Callable[[Workshop], Policy], ...] = (never_retrain, always_newest, higher_is_better, interval_only)
