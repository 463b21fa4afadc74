"""The same gate, told the truth: what it promotes wrongly, nobody could have known from the batch that came."""

from __future__ import annotations

from dataclasses import replace

from local.backtest.gated import Gated
from local.backtest.learners import Fitted
from local.backtest.steps import Step
from retrain.accepted import spec_of
from retrain.data.tables import BadData
from retrain.remembered import HeldOut

NAME = "given clean rows"


class Informed(Gated):
    """A gate whose fresh holdout is that of the clean batch; intake does not stand before it."""

    def __init__(self, gate: Gated) -> None:
        super().__init__(NAME, gate._workshop, gate._model)
        self._standing = gate._standing

    def promotes(self, faulty: Step, clean: Step) -> Fitted | None:
        """The candidate of the faulty batch, if it would go live when judged on the clean one."""
        model, stands = self._model, self._stands
        held = HeldOut(stands.remembered).hashes
        try:
            honest = self._workshop.take(clean, spec_of(model, stands.columns), held)
            batch = replace(self._workshop.take(faulty, spec_of(model, None), held), fresh=honest.fresh)
            others = [stands.doubted.fresh] if stands.doubted else []
            candidate = self._workshop.train(stands.parts, batch, stands.remembered, others)
            decision = self._judged(batch, candidate)
        except (BadData, ValueError):
            return None
        return candidate if decision.approved else None
