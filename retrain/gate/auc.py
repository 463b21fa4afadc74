"""AUC, and how sure it is: DeLong, DeLong & Clarke-Pearson 1988; by blocks as Obuchowski 1997 does.

The AUC is the mean *placement* of the positives: the share of negatives that score lower, ties counting half. How
placements vary between rows (or between blocks of rows that belong together) says how much the AUC would vary with
other rows; the difference of two models' placements does so for the difference of their AUCs, because both were scored
on the same rows. All is exact and takes one sort per model (Sun & Xu 2014), no resampling.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def area(labels: Floats, scores: Floats) -> float:
    """The area under the ROC curve; NaN when one class is missing."""
    return mean_placement(labels, placements(labels, scores))


def mean_placement(labels: Floats, placed: Floats) -> float:
    """The AUC that placements belong to, or the difference of two AUCs when they are a difference."""
    positive = labels == 1
    count = int(np.count_nonzero(positive))
    return float(placed[positive].sum() / count) if 0 < count < len(labels) else float("nan")


def placements(labels: Floats, scores: Floats) -> Floats:
    """For each positive the share of negatives below it, for each negative the share of positives above it.

    Ties count half. NaN where the other class is missing.
    """
    order = np.argsort(scores)
    ranked, positive = scores[order], labels[order] == 1
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.empty(0, dtype=np.int64)
    sizes = np.diff(np.append(starts, len(ranked)))
    positives = np.add.reduceat(positive, starts, dtype=np.float64) if len(ranked) else np.empty(0)
    negatives = sizes - positives
    lower = np.repeat(np.cumsum(negatives) - negatives / 2, sizes)
    higher = np.repeat(positives.sum() - np.cumsum(positives) + positives / 2, sizes)
    placed = np.empty(len(scores))
    with np.errstate(all="ignore"):
        placed[order] = np.where(positive, lower / negatives.sum(), higher / positives.sum())
    return placed


def variance(labels: Floats, placed: Floats, blocks: Ints | None = None) -> tuple[float, int]:
    """The variance of the AUC (or difference of AUCs) that these placements belong to, and how many blocks tell of it.

    That number is of the blocks with positives or of those with negatives, whichever are fewer; the variance is NaN
    when it is below two. Every row is a block of its own without `blocks` (codes 0..count-1).
    """
    positive = labels == 1
    off = placed - mean_placement(labels, placed)
    some, others = _by_block(off, positive, blocks), _by_block(off, ~positive, blocks)
    every = len(labels) if blocks is None else int(blocks.max(initial=-1)) + 1
    if min(some[1], others[1]) < 2:
        return float("nan"), min(some[1], others[1])
    squares = _product(some[0], some[0], some[1]) + _product(others[0], others[0], others[1])
    shared = 0.0 if blocks is None else _product(some[0], others[0], every)
    return max(squares + 2 * shared, 0.0), min(some[1], others[1])


def _by_block(off: Floats, chosen: npt.NDArray[np.bool_], blocks: Ints | None) -> tuple[Floats, int]:
    """What each block adds to the mean over the chosen rows, and how many blocks hold any of them."""
    rows = int(np.count_nonzero(chosen))
    if blocks is None:
        return off[chosen] / max(rows, 1), rows
    count = int(blocks.max(initial=-1)) + 1
    sums = np.bincount(blocks, weights=np.where(chosen, off, 0.0), minlength=count)
    holding = np.bincount(blocks[chosen], minlength=count)
    return sums / max(rows, 1), int(np.count_nonzero(holding))


def _product(some: Floats, others: Floats, count: int) -> float:
    return float(some @ others) * count / (count - 1)
