"""Small streams of batches whose truth is known, and a learner that counts how often it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np

from local.backtest.learners import Fitted, Learner, engine_learner
from local.backtest.steps import Step
from retrain.gate.rules import GateRules
from retrain.model import Model

LABEL, TIME = "heat", "day"
START = date(2024, 1, 1)
DAYS, PER_DAY = 20, 30


def model(train_on: Literal["all", "batch"] = "all", **gate: object) -> Model:
    """A regression of `heat`, with a column of days."""
    rules = GateRules(**{"metric": "rmse", **gate})  # type: ignore[arg-type]
    return Model(name="heating", label=LABEL, trainer=None, endpoint=None, time=TIME, gate=rules, train_on=train_on)


def batch(
    number: int, slope: float = 2.0, *, noise: float = 1.0, shuffled: bool = False, days: int = DAYS, per: int = PER_DAY
) -> bytes:
    """Twenty days of which `heat` is `slope` times what it is cold, and a second column that tells less."""
    chance = np.random.default_rng(number)
    cold, wind = chance.uniform(0, 10, days * per), chance.uniform(0, 5, days * per)
    heat = slope * cold + 0.3 * wind + chance.normal(0, noise, days * per)
    if shuffled:
        heat = chance.permutation(heat)
    lines = ["day,cold,wind,heat"]
    for place, (one, two, label) in enumerate(zip(cold, wind, heat, strict=True)):
        day = START + timedelta(days=number * days + place // per)
        lines.append(f"{day.isoformat()},{one:.3f},{two:.3f},{label:.3f}")
    return ("\n".join(lines) + "\n").encode()


def steps(slopes: Sequence[float], **more: float) -> list[Step]:
    """A batch for each slope."""
    return [Step(f"batch-{number:02}.csv", batch(number, slope, **more)) for number, slope in enumerate(slopes)]  # type: ignore[arg-type]


def broken(number: int) -> bytes:
    """A file whose export failed half-way."""
    lines = batch(number).decode().splitlines()
    return ("\n".join([*lines[:200], "2024-02-01,1.0", *lines[200:]]) + "\n").encode()


@dataclass
class Counting:
    """The real learner, which remembers what it was given."""

    learner: Learner
    given: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.learner.name

    def fit(self, content: bytes) -> Fitted:
        self.given.append(content)
        return self.learner.fit(content)


def ridge(configured: Model | None = None) -> Learner:
    """The services' ridge."""
    return engine_learner(configured or model(), "ridge")
