"""Faults tried on clean streams: what each policy makes of a faulty batch, and of the clean one after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from benchmarks.gate.entries import Entry, Moment
from benchmarks.gate.faults import DoesNotApplyError, Fault, Scene
from benchmarks.gate.informed import Informed
from local.backtest.gated import Gated
from local.backtest.learners import Fitted
from local.backtest.policies import Policy, Ruling
from local.backtest.steps import Step

Verdict = Literal["right", "even", "wrong"]
OURS = "this gate"
POLICIES = ("always newest", "higher is better", "interval only", OURS)
"""Those that meet faults; never retraining needs no trial, and what is told the truth is asked once."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a policy made of one batch. `verdict`: of its candidate against its champion on the next clean batch."""

    outcome: str
    rule: str
    data: str
    rolled_back: bool = False
    verdict: Verdict | None = None
    gain: float = 0.0
    error: float = 0.0

    @property
    def promoted(self) -> bool:
        """Whether the candidate went live."""
        return self.outcome == "promoted"

    @property
    def wrong(self) -> bool:
        """A promotion that did harm."""
        return self.promoted and self.verdict == "wrong"

    @property
    def right(self) -> bool:
        """A promotion that did good."""
        return self.promoted and self.verdict == "right"


class Trial(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One faulty batch: the answers of each policy to it and to the clean batch after it.

    told: this gate, given the clean rows to judge by, promotes the faulty batch's candidate all the same, wrongly.
    """

    stream: str
    family: str
    train_on: str
    step: int
    group: str
    fault: str
    severity: str
    harmless: bool
    answers: dict[str, tuple[Answer, ...]]
    told: bool = False

    @property
    def unknowable(self) -> bool:
        """Harm that no look at the faulty batch could have kept from being done."""
        return self.told and self.answers[OURS][0].wrong


def answer(entry: Entry, ruling: Ruling, step: int) -> Answer:
    """A ruling with what hindsight says of it."""
    verdict, gain, error = _hindsight(entry, ruling.candidate, ruling.champion, step)
    return Answer(
        outcome=ruling.outcome,
        rule=ruling.rule,
        data=ruling.data,
        rolled_back=bool(ruling.rolled_back),
        verdict=verdict,
        gain=gain,
        error=error,
    )


def _hindsight(
    entry: Entry, candidate: Fitted | None, champion: Fitted, step: int
) -> tuple[Verdict | None, float, float]:
    if candidate is None or step + 1 >= len(entry.steps):
        return None, 0.0, 0.0
    seen = entry.compare(candidate, champion, step)
    verdict: Verdict = "right" if seen.better else "wrong" if seen.worse else "even"
    return verdict, seen.gain, seen.error


def try_faults(
    entry: Entry, moments: dict[str, list[Moment]], catalogue: Sequence[Fault], steps: Sequence[int], seed: int
) -> Iterator[Trial]:
    """Every fault at every severity, once at each of these steps, as far as the stream has what it damages."""
    for step in steps:
        scene = Scene(entry.stream, step)
        for fault in catalogue:
            for severity in fault.severities:
                try:
                    content = fault.strike(scene, severity, seed)
                except DoesNotApplyError:
                    continue
                yield _trial(entry, moments, fault, severity, step, content)


def _trial(
    entry: Entry, moments: dict[str, list[Moment]], fault: Fault, severity: str, step: int, content: bytes
) -> Trial:
    faulty = Step(f"faulty {step}", content)
    before = {name: moments[name][step - 1].before for name in POLICIES}
    answers = {name: _answers(entry, policy.fork(), faulty, step) for name, policy in before.items()}
    worse = any(found[0].verdict == "wrong" for found in answers.values())
    return Trial(
        stream=entry.stream.name,
        family=entry.family,
        train_on=str(entry.train_on),
        step=step,
        group=fault.group,
        fault=fault.name,
        severity=severity,
        harmless=fault.harmless,
        answers=answers,
        told=worse and _told(entry, before[OURS], faulty, step),
    )


def _answers(entry: Entry, policy: Policy, faulty: Step, step: int) -> tuple[Answer, ...]:
    """To the faulty batch, and to the clean one that comes after it while somebody can know the truth."""
    found = [answer(entry, policy.consider(faulty), step)]
    if step + 2 < len(entry.steps):
        found.append(answer(entry, policy.consider(entry.steps[step + 1]), step + 1))
    return tuple(found)


def _told(entry: Entry, policy: Policy, faulty: Step, step: int) -> bool:
    """Whether the gate, told the truth about the rows it judges by, does the same harm."""
    assert isinstance(policy, Gated)
    candidate = Informed(policy).promotes(faulty, entry.steps[step])
    return candidate is not None and entry.compare(candidate, policy.live, step).worse
