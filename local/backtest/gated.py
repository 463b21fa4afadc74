"""The policy of the app: intake judges the batch, the gate judges the candidate, and only believed data is built upon.

The decisions are those of `retrain`; what is here is the order in which they are asked, and what a replay keeps
between batches instead of blobs and a ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from local.backtest.learners import Fitted
from local.backtest.policies import Outcome, Ruling, first_champion
from local.backtest.reception import Kept, receive
from local.backtest.standing import Standing
from local.backtest.steps import Step
from local.backtest.workshop import Batch, Sheet, Workshop
from retrain.gate import Decision, Hearing, ModelId, Review, judge, review
from retrain.gate.judging import failed
from retrain.gate.table import HoldoutKind
from retrain.model import Model
from retrain.steps.hearing import table


@dataclass(frozen=True)
class LookedBack:
    """The live model beside the one before it. `against`: the candidate's own decision against that one, if asked."""

    review: Review
    against: Decision | None = None

    @property
    def worse(self) -> bool:
        """The live model surely is the worse one."""
        return self.review.verdict == "worse"

    @property
    def overrules(self) -> bool:
        """A candidate that beats the live model does not beat the one before it."""
        return self.worse and self.against is not None and not self.against.approved


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
        self._standing = Standing.first(first, batch, self._model)

    def fork(self) -> Gated:
        """Another of the same mind."""
        other = Gated(self.name, self._workshop, self._model)
        other._standing = self._standing
        return other

    def consider(self, step: Step) -> Ruling:
        """One batch through intake, training, gate and the look back."""
        received = receive(step, self._stands, self._model, self._workshop)
        if isinstance(received, Kept):
            return self._ended(step, "kept" if received.duplicate else "quarantined", received.rule, received.reason)
        batch, doubts = received.batch, received.doubts
        self._standing = stands = self._stands.having_taken(batch)
        others = [stands.doubted.fresh] if stands.doubted else []
        try:
            candidate = self._workshop.train(stands.learnt_from, batch, stands.remembered, others)
        except ValueError as error:
            return self._ended(step, "kept", "training", str(error))
        try:
            decision = self._judged(batch, candidate, doubts=doubts)
        except ValueError as error:
            return self._ended(step, "kept", "scoring", str(error))
        back = self._looked_back(batch, candidate, decision, doubts)
        self._standing = self._after(batch, candidate, decision, back)
        return self._ruling(step, stands.live, candidate, decision, back)

    def _judged(
        self, batch: Batch, candidate: Fitted, champion: Fitted | None = None, doubts: tuple[str, ...] = ()
    ) -> Decision:
        """The gate's decision on the candidate against the live model, or against another; `doubts` are intake's."""
        live = champion or self._stands.live
        hearing = self._hearing(batch, candidate, live, doubts)
        decision = judge(self._model.gate, hearing, _named("champion", live), _named(batch.name, candidate))
        return msgspec.structs.replace(decision, data="refused") if hearing.unscored else decision

    def _hearing(self, batch: Batch, candidate: Fitted, champion: Fitted, doubts: tuple[str, ...] = ()) -> Hearing:
        stands, sheets = self._stands, self._sheets(batch)
        try:
            scores = {name: self._workshop.scores(champion, sheet) for name, sheet in sheets.items()}
            unscored = ""
        except ValueError as error:
            scores, unscored = {}, str(error)
        tables = {
            name: table(
                sheet.holdout,
                name,
                self._workshop.scores(candidate, sheet),
                scores.get(name),
                self._model.gate.slices,
            )
            for name, sheet in sheets.items()
        }
        return Hearing(
            fresh=tables["fresh"],
            trusted=tables.get("trusted"),
            doubted=tables.get("doubted"),
            doubts=max(stands.doubts, 1),
            apart=stands.apart,
            warned=doubts,
            uses=stands.uses,
            unscored=unscored,
        )

    def _sheets(self, batch: Batch) -> dict[HoldoutKind, Sheet]:
        stands = self._stands
        found: dict[HoldoutKind, Sheet] = {"fresh": batch.fresh}
        if stands.remembered.trusted:
            found["trusted"] = self._workshop.sheet(stands.remembered.trusted, stands.classes)
        if stands.doubted:
            found["doubted"] = stands.doubted.fresh
        return found

    def _looked_back(
        self, batch: Batch, candidate: Fitted, decision: Decision, doubts: tuple[str, ...]
    ) -> LookedBack | None:
        """The live model beside the one that it replaced: once, on the first believed batch after its promotion."""
        stands = self._stands
        if stands.before is None or decision.data != "believed" or self._model.promotion.on_worse == "nothing":
            return None
        hearing = self._hearing(batch, stands.live, stands.before)
        if hearing.unscored:
            return None
        named = _named("predecessor", stands.before), _named("champion", stands.live)
        seen = review(self._model.gate, hearing, *named)
        asked = seen.verdict == "worse" and decision.approved
        return LookedBack(seen, self._judged(batch, candidate, stands.before, doubts) if asked else None)

    def _after(self, batch: Batch, candidate: Fitted, decision: Decision, back: LookedBack | None) -> Standing:
        stands = self._stands.believing(batch, decision, self._model)
        if decision.approved and not (back and back.overrules):
            return replace(stands, live=candidate, before=stands.live)
        if back is None:
            return stands
        assert stands.before is not None
        return replace(stands, live=stands.before if self._goes_back(back) else stands.live, before=None)

    def _goes_back(self, back: LookedBack) -> bool:
        """Whether production returns to the model before: where a person would be asked, nobody answers here."""
        return back.worse and self._model.promotion.on_worse == "rollback"

    def _ruling(
        self, step: Step, live: Fitted, candidate: Fitted, decision: Decision, back: LookedBack | None
    ) -> Ruling:
        overruled = back is not None and back.overrules
        promoted = decision.approved and not overruled
        said = back.against if back and overruled and back.against else decision
        reason = f"better than the champion, but not than the model before it: {said.reason}"
        return Ruling(
            step=step.name,
            outcome="promoted" if promoted else "kept",
            rule="gain" if promoted else "predecessor" if overruled else failed(decision.findings)[0].rule,
            reason=reason if overruled else decision.reason,
            data=decision.data,
            champion=live,
            candidate=candidate,
            rolled_back=back.review.reason if back and self._goes_back(back) and not promoted else "",
            confirms=decision.confirms,
            decision=decision,
        )

    def _ended(self, step: Step, outcome: Outcome, rule: str, reason: str) -> Ruling:
        live = self._stands.live
        return Ruling(step=step.name, outcome=outcome, rule=rule, reason=reason, data="refused", champion=live)


def _named(name: str, fitted: Fitted) -> ModelId:
    return ModelId(name=name, sha256=fitted.sha256)
