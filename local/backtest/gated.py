"""The policy of the app: intake judges the batch, the gate judges the candidate, and only believed data is built upon.

The decisions are those of `retrain`; what is here is the order in which they are asked, and what a replay keeps
between batches instead of blobs and a ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from local.backtest.learners import Fitted
from local.backtest.policies import Outcome, Ruling, first_champion
from local.backtest.steps import Step
from local.backtest.workshop import Batch, Portion, Workshop
from retrain.accepted import spec_of
from retrain.data.tables import BadData
from retrain.gate import Decision, ModelId, ScoreTable, judge
from retrain.model import Model


@dataclass(frozen=True)
class Standing:
    """What the policy knows between two batches."""

    live: Fitted
    parts: tuple[Portion, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]


class Gated:
    """Intake and gate as a model's configuration has them; `model` may differ from the workshop's in its rules only."""

    def __init__(self, name: str, workshop: Workshop, model: Model | None = None) -> None:
        self.name, self._workshop, self._model = name, workshop, model or workshop.model
        self._standing: Standing | None = None

    @property
    def live(self) -> Fitted:
        """The model that users get now."""
        return self._stands.live

    @property
    def _stands(self) -> Standing:
        assert self._standing is not None, "begin() comes first"
        return self._standing

    def begin(self, step: Step) -> None:
        """The first champion is made from this batch, and its data is believed. Raises CannotPlay."""
        batch, first = first_champion(step, self._workshop)
        self._standing = Standing(
            first, (batch.train,), batch.profile.columns, tuple(batch.profile.label.classes or ())
        )

    def fork(self) -> Gated:
        """Another of the same mind."""
        other = Gated(self.name, self._workshop, self._model)
        other._standing = self._standing
        return other

    def consider(self, step: Step) -> Ruling:
        """One batch through intake, training and gate."""
        stands = self._stands
        try:
            batch = self._workshop.take(step, spec_of(self._model, stands.columns))
        except BadData as bad:
            return self._ended(step, "quarantined", "unreadable", str(bad))
        try:
            candidate = self._workshop.train(stands.parts, batch)
        except ValueError as error:
            return self._ended(step, "kept", "training", str(error))
        decision = self._judged(batch, candidate)
        self._standing = self._after(batch, candidate, decision)
        failed = next((found.rule for found in decision.findings if found.verdict == "fail"), "gain")
        return Ruling(
            step=step.name,
            outcome="promoted" if decision.approved else "kept",
            rule="gain" if decision.approved else failed,
            reason=decision.reason,
            data="believed" if decision.data_believable else "refused",
            champion=stands.live,
            candidate=candidate,
            decision=decision,
        )

    def _judged(self, batch: Batch, candidate: Fitted) -> Decision:
        live, holdout = self._stands.live, batch.fresh.holdout
        pair = self._workshop.pair(candidate, live, batch.fresh)
        table = ScoreTable(
            labels=pair.labels,
            candidate=pair.candidate,
            champion=pair.champion,
            blocks=pair.blocks,
            unit=holdout.unit,
        )
        named = ModelId(name="champion", sha256=live.sha256), ModelId(name=batch.name, sha256=candidate.sha256)
        return judge(self._model.gate, table, *named)

    def _after(self, batch: Batch, candidate: Fitted, decision: Decision) -> Standing:
        stands = self._stands
        parts = (*stands.parts, batch.train) if decision.data_believable else stands.parts
        return replace(stands, live=candidate if decision.approved else stands.live, parts=parts)

    def _ended(self, step: Step, outcome: Outcome, rule: str, reason: str) -> Ruling:
        live = self._stands.live
        return Ruling(step=step.name, outcome=outcome, rule=rule, reason=reason, data="refused", champion=live)
