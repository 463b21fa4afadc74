"""Made-up worlds played to their end: what a policy's live model is truly worth, step by step.

Scenarios: `steady`, nothing changes; `bad batches`, every fifth has 30 % of its labels flipped; `lasting change`, the
law is another one from batch 30 on. A harmful promotion costs more than 0.002 of true AUC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import msgspec
import numpy as np

from benchmarks.gate import made, truth
from benchmarks.gate.entries import MAKERS
from benchmarks.gate.learning import Family, Forgiving, Texts, learner_of, model_of
from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import made_steady
from local.backtest.learners import Fitted
from local.backtest.policies import Choice, Naive, Policy, Trial
from local.backtest.steps import Step
from local.backtest.workshop import Workshop

HARM = 0.002
LATER = 10  # batches after a change, at which the live model is looked at
SCENARIOS = ("steady", "bad batches", "lasting change")


class Life(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A policy in one world. mean: true AUC of the live model over all steps; later: ten batches after the change."""

    seed: int
    family: str
    scenario: str
    policy: str
    promoted: int
    harmful: int
    mean: float
    worst: float
    later: float
    last: float


class Theatre:
    """A world of one seed and the models of one family, which all scenarios share."""

    def __init__(self, seed: int, family: Family) -> None:
        self.seed, self.family = seed, family
        stream = made_steady(seed)
        self.workshop = Workshop(model_of(stream, "batch"), learner_of(stream, family))
        self._known: dict[tuple[str, bool], float] = {}

    def lives(self, scenario: str, batches: int = made.BATCHES, change: int = made.CHANGE) -> list[Life]:
        """Every policy, and the oracle, in one scenario."""
        steps = self._steps(scenario, batches, change)
        changed = [("change" in scenario) and place >= change for place in range(batches)]
        makers: dict[str, Callable[[Workshop], Policy]] = {**MAKERS, "oracle": lambda _: self._oracle(changed)}
        return [self._life(scenario, name, make(self.workshop), steps, changed) for name, make in makers.items()]

    def _steps(self, scenario: str, batches: int, change: int) -> list[Step]:
        world = made.World(self.seed, change if "change" in scenario else None)
        sheets = list(world.batches(batches))
        if "bad" in scenario:
            bad = range(made.EVERY, batches, made.EVERY)
            sheets = [made.flipped(sheet, self.seed) if place in bad else sheet for place, sheet in enumerate(sheets)]
        return [Step(f"batch {place}", sheet.content()) for place, sheet in enumerate(sheets)]

    def _life(self, scenario: str, name: str, policy: Policy, steps: Sequence[Step], changed: Sequence[bool]) -> Life:
        policy.begin(steps[0])
        promoted, harmful, values = 0, 0, []
        for place, step in enumerate(steps[1:], start=1):
            ruling = policy.consider(step)
            promoted += ruling.promoted
            if ruling.promoted and ruling.candidate is not None:
                loss = self.auc(ruling.champion, changed[place]) - self.auc(ruling.candidate, changed[place])
                harmful += loss > HARM
            values.append(self.auc(policy.live, changed[place]))
        later = (changed.index(True) if True in changed else len(changed) // 2) + LATER
        return Life(
            seed=self.seed,
            family=self.family,
            scenario=scenario,
            policy=name,
            promoted=promoted,
            harmful=harmful,
            mean=float(np.mean(values)),
            worst=min(values),
            later=values[min(later, len(values)) - 1],
            last=values[-1],
        )

    def _oracle(self, changed: Sequence[bool]) -> Policy:
        def rule(trial: Trial) -> Choice:
            now = changed[int(trial.step.name.rpartition(" ")[2])]
            return Choice(self.auc(trial.candidate, now) > self.auc(trial.champion, now), "the truth")

        return Naive("oracle", self.workshop, rule)

    def auc(self, model: Fitted, changed: bool) -> float:
        """What a model is worth under the first law or the later one."""
        key = (model.sha256, changed)
        if key not in self._known:
            assert isinstance(model, Forgiving)
            labels, rows = self._truth[changed]
            self._known[key] = truth.value("auc", labels, model.answer(rows))
        return self._known[key]

    @cached_property
    def _truth(self) -> tuple[tuple[np.ndarray, Texts], ...]:
        return tuple(_tabled(made.World(self.seed, change).truth(0)) for change in (None, 0))


def _tabled(sheet: Sheet) -> tuple[np.ndarray, Texts]:
    columns = {name: sheet.column(name) for name in made.FEATURES}
    return np.array(sheet.column(made.LABEL), dtype=float), Texts(columns, len(sheet))
