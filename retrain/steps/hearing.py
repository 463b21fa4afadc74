"""What the gate hears about a run: both models' scores as tables, one for each holdout, and what is known of the data.

What follows from what the gate says is in `judgement`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrain.champion import Accepted, Champion
from retrain.data.holdout import Holdout
from retrain.gate import Hearing, ModelId, ScoreTable
from retrain.gate.table import HoldoutKind
from retrain.holdouts import DOUBTED, FRESH, TRUSTED, Holdouts
from retrain.model import Model
from retrain.run import Artifact, Doubted, Run
from retrain.scorebook import Book

if TYPE_CHECKING:  # numpy is loaded when a model is judged
    from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Heard:
    """A run whose candidate was scored. `live` are the champion's scores, None when it could not be scored: then
    `unscored` says why. `pointer` is the accepted data as they stand now, `doubted` the batch in doubt that this
    one speaks for or against."""

    run: Run
    model: Model
    champion: Champion
    pointer: Accepted
    doubted: Doubted | None
    holdouts: Holdouts
    candidate: Book
    live: Book | None
    unscored: str = ""

    @property
    def candidate_id(self) -> ModelId:
        """The candidate, for the gate."""
        return named(self.run.candidate, self.run.id)

    @property
    def champion_id(self) -> ModelId | None:
        """The champion, for the gate; None when nothing is live yet."""
        if self.champion.vacant:
            return None
        return named(self.champion.artifact, f"version {self.champion.version}")


def named(artifact: Artifact | None, name: str) -> ModelId:
    """A model for the gate; of one whose bytes could not be read there is no hash."""
    return ModelId(name=name, sha256=artifact.sha256 if artifact else f"unknown: {name}")


def hearing(heard: Heard, candidate: Book, champion: Book | None) -> Hearing:
    """The hearing of these two models on the run's holdouts."""
    tables = {name: _table(heard, name, candidate, champion) for name in heard.holdouts.by_name}
    return Hearing(
        fresh=tables[FRESH],
        trusted=tables.get(TRUSTED),
        doubted=tables.get(DOUBTED),
        warned=heard.run.data.doubts if heard.run.data else (),
        doubts=heard.doubted.count if heard.doubted else 1,
        apart=bool(heard.run.data and heard.run.data.apart),
        uses=heard.pointer.uses,
        unscored=heard.unscored if champion is None else "",
    )


def _table(heard: Heard, name: HoldoutKind, candidate: Book, champion: Book | None) -> ScoreTable:
    held, scores = heard.holdouts.by_name[name], heard.holdouts.scores
    live = None if champion is None else scores(name, champion)
    return table(held, name, scores(name, candidate), live, heard.model.gate.slices)


def table(
    held: Holdout, name: HoldoutKind, candidate: ArrayLike, champion: ArrayLike | None, slices: Sequence[str]
) -> ScoreTable:
    """One holdout with both models' scores of its rows; `slices` are the columns whose values are looked at."""
    return ScoreTable(
        labels=held.labels,
        candidate=candidate,
        champion=champion,
        blocks=held.blocks,
        unit=held.unit,
        holdout=name,
        slices={column: _column(held, column) for column in slices if column in held.columns},
    )


def _column(held: Holdout, column: str) -> tuple[str, ...]:
    place = held.columns.index(column)
    return tuple(row[place] for row in held.rows)
