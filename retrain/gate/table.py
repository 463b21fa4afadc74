"""What the gate is given to judge: a holdout with both models' predictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy is loaded when a model is judged, not when this is imported
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class ScoreTable:
    """The holdout with both models' predictions, row by row, each column n long.

    labels: 0 or 1 for classification, numbers for regression. candidate, champion: the probability of 1, or numbers.
    blocks: integer codes of rows that belong together (days), None when every row stands alone.
    unit: what a block is called in messages. holdout: `fresh`, or a name that tells which rows these are.
    """

    labels: ArrayLike
    candidate: ArrayLike
    champion: ArrayLike
    blocks: ArrayLike | None = None
    unit: str = "block"
    holdout: str = "fresh"
