"""Equal models: champion and candidate of two random batches of one stream, so that neither can be the better one.

Every promotion is a false one. The days of a stream with a time column are dealt out at random and dated anew, so that
the second batch comes after the first as ever. Two-sided intervals at 95 % allow one promotion in 40.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import msgspec
import numpy as np

from benchmarks.gate.entries import MAKERS
from benchmarks.gate.learning import Family, learner_of, model_of
from benchmarks.gate.sheet import Sheet
from benchmarks.gate.streams import Stream
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


def draw(stream: Stream, family: Family, pairs: int, seed: int) -> Draws:
    """So many pairs of equal models, judged by each rule."""
    model, learner = model_of(stream, "batch"), learner_of(stream, family)
    promoted, stopped = dict.fromkeys(RULES, 0), 0
    for first, second in _pairs(stream, pairs, seed):
        workshop = Workshop(model, learner)
        for name in RULES:
            policy = MAKERS[name](workshop)
            policy.begin(first)
            ruling = policy.consider(second)
            promoted[name] += ruling.promoted
            stopped += name == "this gate" and ruling.outcome in ("quarantined", "crashed")
    return Draws(stream=stream.name, family=family, pairs=pairs, promoted=promoted, stopped=stopped)


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
