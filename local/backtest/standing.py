"""What the policy with the gate knows between two batches, and what it makes of the data of the next."""

from __future__ import annotations

from dataclasses import dataclass, replace

from local.backtest.learners import Fitted
from local.backtest.workshop import Batch, Portion, Sheet
from retrain.belief import settle
from retrain.gate import Decision

TRUSTED = 4  # holdouts of accepted batches that are trusted at a time


@dataclass(frozen=True)
class Standing:
    """See the module.

    live: the model that users get. before: the one that it replaced, until they were compared. parts: what is trained
    on. trusted: the holdouts of accepted batches, oldest first. doubted: the batch that is kept aside, the last of
    `doubts` in a row. uses: so often the trusted holdout was looked at.
    """

    live: Fitted
    parts: tuple[Portion, ...]
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    trusted: tuple[Sheet, ...]
    before: Fitted | None = None
    doubted: Batch | None = None
    doubts: int = 0
    uses: int = 0

    def believing(self, batch: Batch, decision: Decision) -> Standing:
        """After the batch, as far as data goes: what joins, what is kept aside, what is trusted."""
        settled = settle(decision.data, confirms=decision.confirms, doubted=self.doubted is not None)
        brought = (self.doubted,) if settled.brings and self.doubted else ()
        joining = (*brought, batch) if settled.joins else ()
        trusted = (*(() if settled.brings else self.trusted), *(joined.fresh for joined in joining))
        now = replace(
            self,
            parts=(*self.parts, *(joined.train for joined in joining)),
            trusted=trusted[-TRUSTED:],
            uses=0 if settled.brings else self.uses + bool(self.trusted),
        )
        if settled.doubts:
            return replace(now, doubted=batch, doubts=self.doubts + 1)
        return replace(now, doubted=None, doubts=0) if settled.clears else now
