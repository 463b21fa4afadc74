"""What trains a candidate in a replay: the learners of the local services, or anything else that can fit and predict.

Predictions are what the gate judges: the probability of the positive class, or numbers.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from local.services.engine import learners, modelfile, scoring, training
from local.services.engine.tables import Table, table_of
from retrain.model import Model

Floats = npt.NDArray[np.float64]


class Fitted(Protocol):
    """A trained model. Equal `sha256` means the same model."""

    @property
    def sha256(self) -> str: ...

    def predict(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Floats:
        """One prediction a row; the values are texts as a CSV has them, in the order of `columns`.

        Raises ValueError: the rows lack a column that the model needs, or hold a value that it cannot read.
        """


class Learner(Protocol):
    """Makes models of training data: the same bytes always give the same model."""

    @property
    def name(self) -> str: ...

    def fit(self, content: bytes) -> Fitted:
        """Trains on a CSV with a header line, label included. Raises ValueError: nothing can be learnt from it."""


@dataclass(frozen=True)
class EngineModel:
    """A model of the local services."""

    model: modelfile.Model
    sha256: str

    def predict(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Floats:
        """As the local services score: a row's digits do not depend on the rows around it."""
        scored = scoring.score(self.model, table_of(columns, rows, "the holdout"))
        return np.array([float(row[-1]) for row in scored.rows])


@dataclass(frozen=True)
class EngineLearner:
    """A learner of the local services, with the parameters that an experiment would have."""

    plan: learners.Plan

    @property
    def name(self) -> str:
        """What the services call it."""
        return self.plan.learner

    def fit(self, content: bytes) -> EngineModel:
        """Trains on all rows; the service's own evaluation, on which nothing here depends, is left out."""
        model = training.fit(_table(content), self.plan, {})
        named = sha256(msgspec.json.encode(self.plan) + content).hexdigest()
        return EngineModel(model, named)


def engine_learner(model: Model, learner: str | None = None, parameters: Mapping[str, str] | None = None) -> Learner:
    """The learner for a configured model: as named, with the parameters that the model's trainer is given.

    Without a name it is the first of the services' learners for the model's kind. The column of time is no feature
    unless "Excluded Columns" says otherwise: a day that is yet to come was never seen in training.
    Raises learners.BadParameter: no such learner or parameter, or a value out of range.
    """
    configured = getattr(model.trainer, "parameters", {})
    given: dict[str, str | None] = {name: value for name, value in configured.items() if name in learners.PARAMETERS}
    given |= {"Positive Class": model.positive} if model.positive else {}
    given |= parameters or {}
    given.setdefault("Excluded Columns", model.time or "")
    if learner:
        given["Learner"] = learner
    values = learners.defaults(model.kind, model.label, None, given)
    return EngineLearner(learners.plan(model.kind, {name: value or "" for name, value in values.items()}))


def _table(content: bytes) -> Table:
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    return table_of(header, [row for row in rows if row], "the training data")
