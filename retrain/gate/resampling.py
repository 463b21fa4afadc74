"""Resampling of metrics that follow from sums: drawing blocks with replacement, and leaving them out one by one.

All that is resampled are six sums per block, so a draw costs as much as there are blocks, not rows. What becomes of
the figures is `statistics`.

Shapes: sums are (6, blocks): above and below the fraction bar for candidate, champion and the trivial constant.
Figures are (4, n): gain, the candidate's skill, the champion's, and the gain in skill. Any of them may be NaN.
"""

from collections.abc import Iterator

import numpy as np

from retrain.gate.metrics import Floats, Ints, Metric

CHUNK = 250_000  # counts held at a time: a few megabytes, so that they stay in the processor's cache


def sums_by_block(metric: Metric, labels: Floats, candidate: Floats, champion: Floats, blocks: Ints) -> Floats:
    """The sums of each block. The trivial constant is that of all rows."""
    assert metric.parts is not None
    trivial = np.full(len(labels), metric.trivial(labels))
    parts = (part for scores in (candidate, champion, trivial) for part in metric.parts(labels, scores))
    return np.stack([np.bincount(blocks, weights=part) for part in parts])


def figures(metric: Metric, sums: Floats) -> Floats:
    """What follows from sums."""
    candidate, champion, floor = (metric.of_sums(sums[at], sums[at + 1]) for at in (0, 2, 4))
    skill, other = metric.share(candidate, floor), metric.share(champion, floor)
    return np.stack((metric.gain(candidate, champion), skill, other, skill - other))


def drawn(metric: Metric, sums: Floats, seed: int, resamples: int) -> Floats:
    """The figures of each resample of the blocks."""
    return np.concatenate([figures(metric, sums @ counts) for counts in draws(sums.shape[1], seed, resamples)], axis=1)


def draws(blocks: int, seed: int, resamples: int) -> Iterator[Floats]:
    """How often each block is drawn, (blocks, some resamples) at a time: as many as there are, with replacement."""
    random = np.random.default_rng(seed)
    size = max(1, CHUNK // max(blocks, 1))
    for start in range(0, resamples, size):
        some = min(size, resamples - start)
        chosen = random.integers(0, blocks, size=(some, blocks)) + blocks * np.arange(some)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=some * blocks).reshape(some, blocks)
        yield np.ascontiguousarray(counts.T, dtype=np.float64)


def deviations(metric: Metric, sums: Floats) -> Floats:
    """The standard error of each figure: how much leaving out one block changes it (jackknife)."""
    without = figures(metric, sums.sum(axis=1, keepdims=True) - sums)
    blocks = sums.shape[1]
    squares = ((without - without.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    found: Floats = np.sqrt((blocks - 1) / blocks * squares)
    return found
