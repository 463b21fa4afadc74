"""What the policy with the gate knows between two batches, and what it makes of the data of the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from local.backtest.learners import Fitted
from local.backtest.workshop import Batch, Portion
from retrain.belief import settle
from retrain.gate import Decision
from retrain.model import Model
from retrain.remembered import Remembered


@dataclass(frozen=True)
class Standing:
    """See the module.

    live: the model that users get. before: the one that it replaced, until they were compared. parts: what is trained
    on. remembered: the baseline and the trusted rows. doubted: the batch that is kept aside, the last of `doubts` in a
    row, and `apart` when the next candidate learns from it and its own batch only. uses: so often the trusted holdout
    was looked at. taken: names of the batches that intake let through, by the sha256 of their content.
    """

    live: Fitted
    parts: tuple[Portion, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    remembered: Remembered
    before: Fitted | None = None
    doubted: Batch | None = None
    doubts: int = 0
    apart: bool = False
    uses: int = 0
    taken: Mapping[str, str] = field(default_factory=dict)

    @property
    def learnt_from(self) -> tuple[Portion, ...]:
        """What the next candidate may learn from beside its own batch."""
        return (self.doubted.train,) if self.apart and self.doubted else self.parts

    @classmethod
    def first(cls, live: Fitted, batch: Batch, model: Model) -> Standing:
        """After the batch that the first champion was made from."""
        remembered = _joined(Remembered(), batch, model)
        taken = {batch.profile.sha256: batch.name}
        return cls(live, (batch.train,), batch.columns, batch.classes, remembered, taken=taken)

    def having_taken(self, batch: Batch) -> Standing:
        """After intake let the batch through, whatever is thought of it later."""
        return replace(self, taken={**self.taken, batch.profile.sha256: batch.name})

    def believing(self, batch: Batch, decision: Decision, model: Model) -> Standing:
        """After the batch, as far as data goes: what joins, what is kept aside, what is trusted."""
        settled = settle(decision.data, confirms=decision.confirms, doubted=self.doubted is not None, apart=self.apart)
        brought = (self.doubted,) if settled.brings and self.doubted else ()
        remembered = Remembered(self.remembered.baseline) if settled.anew else self.remembered
        joining = (*brought, batch) if settled.joins else ()
        for joined in joining:
            remembered = _joined(remembered, joined, model)
        now = replace(
            self,
            parts=(*(() if settled.alone else self.parts), *(joined.train for joined in joining)),
            remembered=remembered,
            uses=0 if settled.anew else self.uses + bool(self.remembered.trusted),
        )
        if settled.doubts:
            return replace(now, doubted=batch, doubts=self.doubts + 1, apart=decision.unlearnt)
        return replace(now, doubted=None, doubts=0, apart=False) if settled.clears else now


def _joined(remembered: Remembered, batch: Batch, model: Model) -> Remembered:
    return remembered.joined_by(batch.known, batch.fresh.content, batch.run, model)
