"""Equal models: a champion and a candidate of which neither can be the better one, so that every promotion is false.

Two models trained on different rows are never quite equal: one of them is a little better, and a gate that finds it is
right. So two trained models share the answers: the champion answers as the first on a random half of the days (of the
rows, without days) and as the second on the others, and the candidate the other way round. What they are worth is the
same in the long run, and they differ on every row. Two-sided intervals at 95 % allow one promotion in 40.

The batches are random ones of a real stream. Days are dealt out at random and dated anew, so that the second batch
comes after the first as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b

import msgspec
import numpy as np

from benchmarks.gate.entries import MAKERS
from benchmarks.gate.learning import Family, learner_of, model_of
from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import Stream
from local.backtest.learners import Fitted, Floats
from local.backtest.steps import Step
from local.backtest.workshop import Workshop

ROWS, DAYS = 1_500, 30  # of a batch, at most
RULES = ("higher is better", "interval only", "this gate")


class Draws(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Pairs of equal models: how many candidates each rule promoted, how many batches intake stopped."""

    stream: str
    family: str
    pairs: int
    promoted: dict[str, int]
    stopped: int


@dataclass(frozen=True)
class Sharing:
    """A model that answers as one of two, by the day or the row."""

    sha256: str
    pair: tuple[Fitted, Fitted]
    time: str | None
    turn: int

    def predict(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Floats:
        """One prediction a row."""
        first, second = (model.predict(columns, rows) for model in self.pair)
        place = columns.index(self.time) if self.time else None
        keys = (",".join(row) if place is None else row[place] for row in rows)
        turns = np.array([blake2b(f"{self.sha256[1:]} {key}".encode()).digest()[0] % 2 for key in keys])
        return np.where(turns == self.turn, first, second)


class Dealer:
    """A learner that has its models already: one for the first rows it meets, the other for all others."""

    def __init__(self, pair: tuple[Sharing, Sharing]) -> None:
        self._pair, self._first = pair, b""

    @property
    def name(self) -> str:
        """For people."""
        return "equal models"

    def fit(self, content: bytes) -> Sharing:
        """The model of these rows, which were not looked at."""
        self._first = self._first or content
        return self._pair[content != self._first]


def draw(stream: Stream, family: Family, pairs: int, seed: int) -> Draws:
    """So many pairs of equal models, judged by each rule."""
    model, learner = model_of(stream, "batch"), learner_of(stream, family)
    promoted, stopped = dict.fromkeys(RULES, 0), 0
    for number, (first, second) in enumerate(_pairs(stream, pairs, seed)):
        trained = _trained(Workshop(model, learner), first, second)
        shares = [Sharing(f"{turn}{seed}-{number}", trained, stream.time, turn) for turn in (0, 1)]
        workshop = Workshop(model, Dealer((shares[0], shares[1])))
        for name in RULES:
            policy = MAKERS[name](workshop)
            policy.begin(first)
            ruling = policy.consider(second)
            promoted[name] += ruling.promoted
            stopped += name == "this gate" and ruling.outcome in ("quarantined", "crashed")
    return Draws(stream=stream.name, family=family, pairs=pairs, promoted=promoted, stopped=stopped)


def _trained(workshop: Workshop, first: Step, second: Step) -> tuple[Fitted, Fitted]:
    """The models of two batches."""
    policy = MAKERS["always newest"](workshop)
    policy.begin(first)
    ruling = policy.consider(second)
    assert ruling.candidate is not None
    return ruling.champion, ruling.candidate


def _pairs(stream: Stream, pairs: int, seed: int) -> Iterator[tuple[Step, Step]]:
    rng = np.random.default_rng([seed, *stream.name.encode()])
    whole = Sheet(stream.batches[0].header, tuple(row for sheet in stream.batches for row in sheet.rows))
    deal = _by_row if stream.time is None else _by_day
    for _ in range(pairs):
        first, second = deal(whole, stream, rng)
        yield Step("first", first.content()), Step("second", second.content())


def _by_row(whole: Sheet, stream: Stream, rng: np.random.Generator) -> tuple[Sheet, Sheet]:
    size = min(ROWS, len(whole) // 2)
    order = rng.permutation(len(whole))[: 2 * size].tolist()
    return whole.picked(order[:size]), whole.picked(order[size:])


def _by_day(whole: Sheet, stream: Stream, rng: np.random.Generator) -> tuple[Sheet, Sheet]:
    assert stream.time is not None
    rows: dict[str, list[int]] = {}
    for place, day in enumerate(whole.column(stream.time)):
        rows.setdefault(day, []).append(place)
    days = list(rows)
    chosen = [days[place] for place in rng.permutation(len(days))[: 2 * DAYS]]
    batches = []
    for start in (0, DAYS):
        parts = []
        for number, day in enumerate(chosen[start : start + DAYS], start=start):
            new = (date(2001, 1, 1) + timedelta(days=number)).isoformat()
            part = whole.picked(rows[day])
            parts.append(part.with_column(stream.time, [new] * len(part)))
        batches.append(replace(whole, rows=tuple(row for part in parts for row in part.rows)))
    return batches[0], batches[1]
