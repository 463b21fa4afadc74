"""The work that policies share: reading a batch, training on chosen parts, scoring. Each piece is done once and kept.

It is the very intake of the app: the same split, the same choice of parts, the same rows withheld from training. What
a policy makes of it lives in `policies` and `gated`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from typing import Generic, TypeVar

import numpy as np

from local.backtest.learners import Fitted, Floats, Learner
from local.backtest.steps import Step
from retrain.data.holdout import Holdout, read_holdout
from retrain.data.manifests import Part, choose, concatenate, row_digests
from retrain.data.profile import SplitSpec
from retrain.data.split import Profile, split
from retrain.data.tables import BadData, Table
from retrain.gate.metrics import METRICS, Ints, Metric
from retrain.model import Model
from shared.recent import Recent

V = TypeVar("V")

BATCHES, MODELS, SCORES = 256, 256, 4096  # kept at a time: a few hundred megabytes of a long replay


@dataclass(frozen=True)
class Portion:
    """Rows to train on: what the app's manifest would say of them, and the rows themselves."""

    part: Part
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Sheet:
    """Labelled rows to score models on. `content` is the canonical CSV that they were read from."""

    holdout: Holdout = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Of the content."""
        return self.holdout.sha256

    @cached_property
    def digests(self) -> frozenset[bytes]:
        """The identities of its rows, which must not be trained on."""
        return row_digests([self.content])


@dataclass(frozen=True)
class Batch:
    """A batch as intake read it: what it held, and its two sides."""

    name: str
    profile: Profile
    train: Portion
    fresh: Sheet


@dataclass(frozen=True)
class Paired:
    """Two models' predictions of the same rows."""

    labels: Floats
    candidate: Floats
    champion: Floats
    blocks: Ints


class Workshop:
    """Works for one model with one learner. What it hands out is never changed, so policies may share it."""

    def __init__(self, model: Model, learner: Learner) -> None:
        self.model, self.learner = model, learner
        self.metric: Metric = METRICS[model.gate.metric]
        self._batches = _Once[Batch](BATCHES, BadData)
        self._joined = _Once[Sheet](BATCHES, BadData)
        self._fitted = _Once[Fitted](MODELS, ValueError)
        self._scores = _Once[Floats](SCORES, ValueError)

    def take(self, step: Step, spec: SplitSpec) -> Batch:
        """The batch, split as the app would. Raises BadData: it cannot be used."""
        return self._batches.get((step.name, step.sha256, spec), lambda: self._split(step, spec))

    def _split(self, step: Step, spec: SplitSpec) -> Batch:
        train, held = BytesIO(), BytesIO()
        profile = split(BytesIO(step.content), spec, train, held)
        content = train.getvalue()
        part = Part(
            blob=step.name,
            etag="",
            sha256=sha256(content).hexdigest(),
            rows=profile.train_rows,
            run=f"{step.name}-{step.sha256[:12]}",
            kind="train",
        )
        fresh = self.sheet(held.getvalue(), tuple(profile.label.classes or ()))
        return Batch(step.name, profile, Portion(part, content), fresh)

    def sheet(self, content: bytes, classes: tuple[str, ...] = ()) -> Sheet:
        """Labelled rows for scoring; `classes` are those of the whole data. Raises BadData."""
        model = self.model
        holdout = read_holdout(
            content,
            label=model.label,
            kind=model.kind,
            time=model.time,
            positive=model.positive,
            classes=classes or None,
        )
        return Sheet(holdout, content)

    def joined(self, sheets: Sequence[Sheet], classes: tuple[str, ...] = ()) -> Sheet:
        """The rows of several sheets as one. Raises BadData: their columns differ."""
        if len(sheets) == 1:
            return sheets[0]
        key = tuple(sheet.sha256 for sheet in sheets)
        return self._joined.get(key, lambda: self._join(sheets, classes))

    def _join(self, sheets: Sequence[Sheet], classes: tuple[str, ...]) -> Sheet:
        columns = Table(BytesIO(sheets[0].content)).columns
        return self.sheet(b"".join(concatenate(([sheet.content] for sheet in sheets), columns)), classes)

    def train(self, accepted: Sequence[Portion], batch: Batch, others: Sequence[Sheet] = ()) -> Fitted:
        """The candidate of a batch: trained on it and on what was accepted before, as the model's `train_on` says.

        `others`: holdouts besides the batch's own whose rows must not be trained on.
        Raises ValueError: nothing can be learnt.
        """
        parts = [portion.part for portion in accepted]
        known = {portion.part.sha256: portion for portion in (*accepted, batch.train)}
        chosen = [known[part.sha256] for part in choose(parts, batch.train.part, self.model.train_on)]
        sheets = (batch.fresh, *others)
        key = (tuple(portion.part.sha256 for portion in chosen), tuple(sheet.sha256 for sheet in sheets))
        columns = batch.profile.columns
        return self._fitted.get(key, lambda: self._fit(chosen, columns, sheets))

    def _fit(self, chosen: Sequence[Portion], columns: Sequence[str], sheets: Sequence[Sheet]) -> Fitted:
        withheld = frozenset[bytes]().union(*(sheet.digests for sheet in sheets))
        try:
            whole = b"".join(concatenate(([portion.content] for portion in chosen), columns, withheld))
        except BadData as bad:
            raise ValueError(str(bad)) from bad
        return self._fitted.get(sha256(whole).hexdigest(), lambda: self.learner.fit(whole))

    def scores(self, fitted: Fitted, sheet: Sheet) -> Floats:
        """A model's predictions of a sheet. Raises ValueError: it cannot be scored on these rows."""
        holdout, key = sheet.holdout, (fitted.sha256, sheet.sha256)
        return self._scores.get(key, lambda: fitted.predict(holdout.columns, holdout.rows))

    def pair(self, candidate: Fitted, champion: Fitted, sheet: Sheet) -> Paired:
        """Both models on the same rows. Raises ValueError: one of them cannot be scored on these rows."""
        labels, blocks = np.asarray(sheet.holdout.labels), np.asarray(sheet.holdout.blocks)
        return Paired(labels, self.scores(candidate, sheet), self.scores(champion, sheet), blocks)


class _Once(Generic[V]):
    """What was made lately, by what it was made from. An error is kept like a value: neither is worked for twice."""

    def __init__(self, most: int, expected: type[Exception]) -> None:
        self._kept: Recent[V | Exception] = Recent(most)
        self._expected = expected

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The value, made when it is not there. Raises the expected error again, and any other at once."""
        found = self._kept.get(key, lambda: self._tried(make))
        if isinstance(found, Exception):
            raise found.with_traceback(None)
        return found

    def _tried(self, make: Callable[[], V]) -> V | Exception:
        try:
            return make()
        except self._expected as error:
            return error
