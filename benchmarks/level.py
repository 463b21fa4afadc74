"""How often the gate promotes equally good models: `python -m benchmarks.level [PAIRS]` prints the tables of the page.

The models of a pair err alike on average; a part of each error is shared by the rows of a day. Fresh rows are judged
alone, and together with as many trusted rows (or days) and with four times as many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.verdict import IDS
from retrain.gate import GateRules, Hearing, ScoreTable, judge
from retrain.gate.table import HoldoutKind

METRICS = ("auc", "log_loss", "rmse")
ROWS, ROWS_OF_A_DAY = 500, 40
SIZES = {"500 rows that stand alone": 0, "30 days": 30, "9 days": 9, "5 days": 5}
TRUSTED = (1, 4)
PAIRS = 3_000


class Met(NamedTuple):
    """What came of so many pairs: the share that was promoted, and how often the interval held the true gain of 0."""

    promoted: float
    covered: float


def level(metric: str, days: int, pairs: int, times: int = 0) -> Met:
    """Pairs judged on so many days (0: rows that stand alone) and `times` as many trusted ones."""
    rules, promoted, covered = GateRules(metric=metric), 0, 0
    for number in range(pairs):
        random = np.random.default_rng([number, days, times])
        fresh = equal(random, metric, days)
        trusted = equal(random, metric, days, times, "trusted") if times else None
        decision = judge(rules, Hearing(fresh=fresh, trusted=trusted), *IDS)
        promoted += decision.approved
        low, high = decision.gain_interval or (np.nan, np.nan)
        covered += low <= 0 <= high
    return Met(promoted / pairs, covered / pairs)


def equal(
    random: np.random.Generator, metric: str, days: int, times: int = 1, holdout: HoldoutKind = "fresh"
) -> ScoreTable:
    """Two models of which neither is the better one, on so many times the days."""
    count = times * (days * ROWS_OF_A_DAY or ROWS)
    codes = np.arange(count) // ROWS_OF_A_DAY if days else None
    errors = [_errors(random, count, codes) for _ in range(2)]
    if metric == "rmse":
        labels = 3 * random.normal(size=count)
        return ScoreTable(labels, *(labels + error for error in errors), codes, holdout=holdout)
    labels = (random.random(count) < 0.3).astype(float)
    scores = (1 / (1 + np.exp(1.3 - 1.6 * labels - error)) for error in errors)
    return ScoreTable(labels, *scores, codes, holdout=holdout)


def _errors(random: np.random.Generator, count: int, codes: np.ndarray | None) -> np.ndarray:
    own = random.normal(size=count)
    return own if codes is None else own + random.normal(size=codes[-1] + 1)[codes]


def tables(pairs: int) -> Iterator[str]:
    """Both tables, line by line."""
    yield from _table("fresh rows alone", lambda metric, days: _alone(level(metric, days, pairs)))
    yield ""
    yield from _table(
        "fresh and trusted rows",
        lambda metric, days: ", ".join(f"{level(metric, days, pairs, times).promoted:.1%}" for times in TRUSTED),
    )


def _table(heading: str, cell: Callable[[str, int], str]) -> Iterator[str]:
    yield f"| {heading} | AUC | log loss | RMSE |"
    yield "|---|---|---|---|"
    for name, days in SIZES.items():
        cells = (cell(metric, days).replace("%", " %") for metric in METRICS)
        yield f"| {name} | {' | '.join(cells)} |"


def _alone(met: Met) -> str:
    return f"{met.promoted:.1%} ({met.covered:.1%})"


if __name__ == "__main__":
    for line in tables(int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS):
        print(line, flush=True)
