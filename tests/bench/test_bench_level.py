"""The measurement of how often equal models are promoted, on very few pairs."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import level


@pytest.mark.parametrize("metric", level.METRICS)
@pytest.mark.parametrize("days", [0, 9])
def test_neither_model_of_a_pair_is_the_better_one(metric: str, days: int) -> None:
    gains = []
    for seed in range(40):
        table = level.equal(np.random.default_rng(seed), metric, days)
        labels, scores = np.asarray(table.labels), (np.asarray(table.candidate), np.asarray(table.champion))
        worse = [np.abs(labels - found).mean() for found in scores]
        gains.append(worse[1] - worse[0])
    assert abs(np.mean(gains)) < 3 * np.std(gains) / np.sqrt(len(gains))


def test_trusted_rows_are_so_many_times_the_fresh_ones() -> None:
    fresh, trusted = (level.equal(np.random.default_rng(0), "auc", 5, times) for times in (1, 4))
    assert 4 * len(fresh.labels) == len(trusted.labels) == 4 * 5 * level.ROWS_OF_A_DAY


def test_equal_models_are_seldom_promoted_and_seldom_missed_by_the_interval() -> None:
    met = level.level("auc", 9, 200, times=1)
    assert met.promoted < 0.1
    assert met.covered > 0.8


def test_both_tables_have_a_line_for_each_size() -> None:
    lines = [line for line in level.tables(1) if line.startswith("|")]
    assert len(lines) == 2 * (2 + len(level.SIZES))
    assert {line.count("|") for line in lines} == {5}
