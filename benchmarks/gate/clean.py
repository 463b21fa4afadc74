"""What the policies do on clean streams: promotions, whether they were right, and what the live model was worth."""

from __future__ import annotations

import msgspec
import numpy as np

from benchmarks.gate.entries import Entry, Moment
from benchmarks.gate.trials import OURS, answer
from benchmarks.gate.truth import HIGHER_IS_BETTER

NAIVE = "higher is better"


class Course(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A policy over one clean stream. value: the live model's metric on the next batch, on average over the steps.

    regret: how much worse that is than the oracle's, as a share of the oracle's.
    """

    stream: str
    family: str
    train_on: str
    policy: str
    metric: str
    steps: int
    promoted: int
    right: int
    wrong: int
    stopped: int
    value: float
    regret: float


class Kept(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Promotions that the naive rule rightly made on a clean stream, and how many the gate made then or a step later.

    as_good: of the others, those after which its live model was no worse than the naive rule's all the same, by one
    standard error a batch later. missed: the steps at which it did not promote, with what it said instead.
    """

    stream: str
    family: str
    train_on: str
    rightly: int
    made: int
    as_good: int
    missed: dict[str, str]


def summed_up(entry: Entry, moments: dict[str, list[Moment]]) -> list[Course]:
    """Every policy's course in figures."""
    values = {name: _values(entry, course) for name, course in moments.items()}
    return [_course(entry, name, moments[name], values[name], values["oracle"]) for name in moments]


def _values(entry: Entry, course: list[Moment]) -> np.ndarray:
    return np.array([entry.value(moment.live, step) for step, moment in zip(entry.decided, course, strict=True)])


def _course(entry: Entry, name: str, course: list[Moment], values: np.ndarray, best: np.ndarray) -> Course:
    answers = [answer(entry, moment.ruling, step) for step, moment in zip(entry.decided, course, strict=True)]
    worse = (best - values) if HIGHER_IS_BETTER[entry.stream.metric] else (values - best)
    return Course(
        stream=entry.stream.name,
        family=entry.family,
        train_on=str(entry.train_on),
        policy=name,
        metric=entry.stream.metric,
        steps=len(course),
        promoted=sum(found.promoted for found in answers),
        right=sum(found.right for found in answers),
        wrong=sum(found.wrong for found in answers),
        stopped=sum(found.outcome in ("quarantined", "crashed") for found in answers),
        value=float(values.mean()),
        regret=float(worse.mean() / best.mean()),
    )


def kept(entry: Entry, moments: dict[str, list[Moment]]) -> Kept:
    """What became of the naive rule's right promotions under this gate."""
    naive, ours = moments[NAIVE], moments[OURS]
    rightly, as_good, missed = 0, 0, {}
    for place, (step, moment) in enumerate(zip(entry.decided, naive, strict=True)):
        if not answer(entry, moment.ruling, step).right:
            continue
        rightly += 1
        two = ours[place : place + 2]
        if not any(later.ruling.promoted for later in two):
            missed[str(step)] = f"{two[0].ruling.rule}: {two[0].ruling.reason}"
            as_good += not entry.compare(moment.live, two[-1].live, step + len(two) - 1).better
    return Kept(
        stream=entry.stream.name,
        family=entry.family,
        train_on=str(entry.train_on),
        rightly=rightly,
        made=rightly - len(missed),
        as_good=as_good,
        missed=missed,
    )
