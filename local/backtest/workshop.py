"""The work that policies share: reading a batch, training on chosen parts, scoring. Each piece is done once and kept.

It is the very intake of the app: the same reading and split, the same choice of parts, the same rows withheld from
training. What a policy makes of it lives in `policies` and `gated`.
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
from local.backtest.steps import Step, plain
from retrain.data.baseline import Known
from retrain.data.holdout import Holdout, read_holdout
from retrain.data.manifests import Part, choose, concatenate
from retrain.data.profile import BatchProfile, SplitSpec
from retrain.data.reading import Reading, read
from retrain.data.rows import among, row_hashes
from retrain.data.split import split
from retrain.data.tables import BadData
from retrain.data.values import U64
from retrain.gate.metrics import METRICS, Ints, Metric
from retrain.model import Model
from retrain.remembered import HeldOut, Remembered
from shared.recent import Recent

V = TypeVar("V")

READINGS, BATCHES, MODELS, SCORES = 256, 256, 256, 4096  # kept at a time: a few hundred megabytes of a long replay
NOTHING = Remembered()


@dataclass(frozen=True)
class Portion:
    """Rows to train on: what the app's manifest would say of them, and the rows themselves."""

    part: Part
    content: bytes = field(repr=False)

    @cached_property
    def hashes(self) -> U64:
        """Of its rows, ascending."""
        return np.unique(row_hashes(BytesIO(self.content)))


@dataclass(frozen=True)
class Sheet:
    """Labelled rows to score models on. `content` is the CSV that they were read from."""

    holdout: Holdout = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Of the content."""
        return self.holdout.sha256

    @cached_property
    def hashes(self) -> U64:
        """Of its rows, ascending: they must not be trained on."""
        return np.unique(row_hashes(BytesIO(self.content)))


@dataclass(frozen=True)
class Batch:
    """A batch as intake read it: what it held, its two sides, and what a baseline would remember of it."""

    run: str
    name: str
    columns: tuple[str, ...]
    profile: BatchProfile
    train: Portion
    fresh: Sheet
    known: Known = field(repr=False)

    @property
    def classes(self) -> tuple[str, ...]:
        """Of the label, none for regression."""
        return tuple(self.profile.label.classes or ())


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
        self._readings = _Once[Reading](READINGS, BadData)
        self._batches = _Once[Batch](BATCHES, BadData)
        self._sheets = _Once[Sheet](BATCHES, BadData)
        self._fitted = _Once[Fitted](MODELS, ValueError)
        self._scores = _Once[Floats](SCORES, ValueError)

    def take(self, step: Step, spec: SplitSpec, withhold: U64 | None = None) -> Batch:
        """The batch, read and split as the app would; rows with a hash in `withhold` are not to be trained on.

        Raises BadData: it cannot be used.
        """
        reading = self.reading(step, spec)
        held = sha256(b"" if withhold is None else withhold.tobytes()).hexdigest()
        return self._batches.get((step.name, step.sha256, spec, held), lambda: self._split(step, reading, withhold))

    def reading(self, step: Step, spec: SplitSpec) -> Reading:
        """The batch as the app reads it. Raises BadData: it cannot be used."""
        return self._readings.get((step.sha256, spec), lambda: read(BytesIO(step.content), spec, BytesIO))

    def _split(self, step: Step, reading: Reading, withhold: U64 | None) -> Batch:
        parted = split(reading, BytesIO(), BytesIO(), withhold)
        train, held = parted.train.content(), parted.holdout.content()
        run = run_of(step)
        part = Part(blob=step.name, etag="", sha256=parted.train.sha256, rows=parted.train.rows, run=run, kind="train")
        fresh = self.sheet(held, tuple(parted.profile.label.classes or ()))
        known = reading.known(run)
        return Batch(run, step.name, reading.survey.columns, parted.profile, Portion(part, train), fresh, known)

    def sheet(self, content: bytes, classes: tuple[str, ...] = ()) -> Sheet:
        """Labelled rows for scoring; `classes` are those of the whole data. Raises BadData."""
        return self._sheets.get((sha256(content).digest(), classes), lambda: self._sheet(content, classes))

    def _sheet(self, content: bytes, classes: tuple[str, ...]) -> Sheet:
        model, rows = self.model, plain(content)
        holdout = read_holdout(
            rows,
            label=model.label,
            kind=model.kind,
            time=model.time,
            positive=model.positive,
            classes=classes or None,
        )
        return Sheet(holdout, rows)

    def train(
        self, accepted: Sequence[Portion], batch: Batch, remembered: Remembered = NOTHING, others: Sequence[Sheet] = ()
    ) -> Fitted:
        """The candidate of a batch: trained on it and on what was accepted before, as the model's `train_on` says.

        `remembered` knows the trusted rows; neither they nor the rows of `others` may be trained on.
        Raises ValueError: nothing can be learnt.
        """
        held = HeldOut(remembered).hashes
        for sheet in (batch.fresh, *others):
            held = np.union1d(held, sheet.hashes)
        parts = [portion.part for portion in accepted]
        known = {portion.part.sha256: portion for portion in (*accepted, batch.train)}
        chosen = [known[part.sha256] for part in choose(parts, batch.train.part, self.model.train_on)]
        key = (tuple(portion.part.sha256 for portion in chosen), sha256(held.tobytes()).digest())
        return self._fitted.get(key, lambda: self._fit(chosen, batch.columns, held))

    def _fit(self, chosen: Sequence[Portion], columns: Sequence[str], held: U64) -> Fitted:
        clear = {number for number, one in enumerate(chosen) if not among(held, one.hashes).any()}
        try:
            whole = b"".join(concatenate(([one.content] for one in chosen), columns, held, clear))
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


def run_of(step: Step) -> str:
    """The name under which a batch is remembered: another one for other content."""
    return f"{step.name}-{step.sha256[:12]}"


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
