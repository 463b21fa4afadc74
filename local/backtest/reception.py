"""Intake as the app's policy has it: rules judge a batch before anything is trained, and what was taken once is not
taken again. The reading itself is the workshop's, which does it once for all policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from local.backtest.standing import Standing
from local.backtest.steps import Step
from local.backtest.workshop import Batch, Workshop, run_of
from retrain import quarantine
from retrain.accepted import spec_of
from retrain.data.profile import SplitSpec
from retrain.data.tables import BadData
from retrain.model import Model
from retrain.quarantine import Refused
from retrain.remembered import HeldOut
from retrain.run import Actor, Run, State


@dataclass(frozen=True)
class Received:
    """A batch that may be trained on. `doubts`: why it is believed only once the next one confirms it."""

    batch: Batch
    doubts: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """A batch that may not: the rule that keeps it out (`unreadable`, or `duplicate`), and why."""

    rule: str
    reason: str

    @property
    def duplicate(self) -> bool:
        """It was taken before, so it is not even bad."""
        return self.rule == "duplicate"


def receive(step: Step, stands: Standing, model: Model, workshop: Workshop) -> Received | Kept:
    """What becomes of a batch before a job would be paid for."""
    spec = spec_of(model, stands.columns)
    try:
        judged = _judged(step, stands, model, spec, workshop)
        batch = workshop.take(step, spec, _held(stands).hashes)
    except BadData as bad:
        if (first := stands.taken.get(step.sha256)) is not None:
            return _duplicate(first)
        rule = bad.rules[0] if isinstance(bad, Refused) else "unreadable"
        return Kept(rule, "; ".join(bad.problems))
    if (first := stands.taken.get(step.sha256)) is not None:
        return _duplicate(first)
    return Received(batch, judged.doubts)


def _judged(step: Step, stands: Standing, model: Model, spec: SplitSpec, workshop: Workshop) -> quarantine.Judged:
    """The judgement of the app's rules. Raises BadData."""
    run, baseline = _run(step, model), stands.remembered.baseline
    try:
        reading = workshop.reading(step, spec)
    except BadData:
        quarantine.read_and_judge(run, model, spec, BytesIO(step.content), BytesIO, baseline)  # says it by its rule
        raise
    return quarantine.judge(run, model, spec, reading.known(run.id), baseline)


def _held(stands: Standing) -> HeldOut:
    """Rows that later decisions rest on, so that nothing may be trained on them."""
    held = HeldOut(stands.remembered)
    if stands.doubted is not None:
        held.add(stands.doubted.run, stands.doubted.fresh.content)
    return held


def _run(step: Step, model: Model) -> Run:
    """The run that the batch would have in the app, as far as intake looks at it."""
    return Run(
        id=run_of(step),
        target=model.target,
        state=State.RECEIVED,
        order=step.name,
        door="backtest",
        actor=Actor(kind="retrain"),
        created=datetime.fromtimestamp(0, UTC),
    )


def _duplicate(first: str) -> Kept:
    return Kept("duplicate", f"the same content as {first}, which was taken already")
