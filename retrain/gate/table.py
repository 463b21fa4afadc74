"""What the gate is given to judge: holdouts with both models' predictions, and what else is known of the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # numpy is loaded when a model is judged, not when this is imported
    from numpy.typing import ArrayLike

HoldoutKind = Literal["fresh", "trusted", "doubted"]


@dataclass(frozen=True)
class Coded:
    """A column of few distinct texts as whole numbers: row i holds `names[codes[i]]`."""

    names: tuple[str, ...]
    codes: ArrayLike


@dataclass(frozen=True)
class ScoreTable:
    """A holdout with both models' predictions, row by row, each column n long.

    labels: 0 or 1 for classification, numbers for regression. candidate, champion: the probability of 1, or numbers;
    `champion` is None when there is none, or when it cannot be scored. blocks: integer codes of rows that belong
    together (days), None when every row stands alone. unit: what a block is called in messages. holdout: `fresh` (the
    newest rows of this batch), `trusted` (held out of earlier accepted batches) or `doubted` (of the batch before,
    while that is in doubt). slices: a column's value in every row, by the column's name.
    """

    labels: ArrayLike
    candidate: ArrayLike
    champion: ArrayLike | None
    blocks: ArrayLike | None = None
    unit: str = "block"
    holdout: HoldoutKind = "fresh"
    slices: Mapping[str, Sequence[str] | Coded] = field(default_factory=dict)


@dataclass(frozen=True)
class Hearing:
    """All that is said about one candidate.

    doubted: the holdout of the batch before, if that one is in doubt; `doubts` so many batches in a row are. apart: the
    candidate learnt from that batch and its own alone. warned: what intake doubts of this batch, in its words. uses: so
    often the trusted holdout has helped to pick a winner. unscored: why the champion could not be scored, empty when it
    was or when there is none.
    """

    fresh: ScoreTable
    trusted: ScoreTable | None = None
    doubted: ScoreTable | None = None
    doubts: int = 1
    apart: bool = False
    warned: tuple[str, ...] = ()
    uses: int = 0
    unscored: str = ""

    def tables(self) -> Iterator[ScoreTable]:
        """The holdouts there are."""
        yield from (table for table in (self.fresh, self.trusted, self.doubted) if table is not None)
