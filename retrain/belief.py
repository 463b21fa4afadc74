"""What becomes of a batch once the gate has said what it thinks of the data: a rule without input or output.

Who keeps the batches, and where, is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrain.gate.decision import Data


@dataclass(frozen=True)
class Settled:
    """joins: the batch is accepted. brings: the one in doubt before it is accepted as well. anew: a change lasts, so
    trusted rows from before it no longer count. alone: nor is trained on what was accepted before. doubts: the batch is
    the one in doubt from now on. clears: the one before it no longer is."""

    joins: bool = False
    brings: bool = False
    anew: bool = False
    alone: bool = False
    doubts: bool = False
    clears: bool = False


def settle(data: Data, *, confirms: bool, doubted: bool, apart: bool = False) -> Settled:
    """What follows from a decision; `doubted` says whether the batch before is in doubt, `apart` whether the candidate
    learnt from the two without anything before them.

    A believed batch joins. One in doubt is kept aside in the place of any before it. The one before is accepted when
    this batch confirms it, and stays out when this one, believed or in doubt, does not. Refused data says nothing about
    anything: all stays as it is.
    """
    if data == "refused":
        return Settled()
    if data == "doubted":
        return Settled(doubts=True, clears=doubted)
    return Settled(joins=True, brings=doubted and confirms, anew=confirms, alone=confirms and apart, clears=doubted)
