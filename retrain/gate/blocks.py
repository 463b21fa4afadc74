"""Rows that belong together, in an order that nothing accidental decides.

Resampling draws blocks. For the same table to give the same draws, whatever the order of its rows, the numbers of its
blocks, which model leads and in which unit the labels are, blocks are put into an order of their own first.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from retrain.gate.metrics import Floats, Ints

MOST_BLOCKS = 2_048
"""More blocks than that are drawn in so many random groups. The width of the interval then varies by
1 / sqrt(2 * 2048) = 1.6 %, half of what 2,000 resamples make it vary anyway."""
_WEIGHTS = (1.0, 0.7548776662466927, 0.5698402909980532)  # no small ratio: two different rows weigh the same by chance


@dataclass(frozen=True)
class Blocks:
    """Row i belongs to group `codes[i]` of 0..groups-1. `count` is the number of blocks before any grouping."""

    codes: Ints
    groups: int
    count: int
    seed: int


def arrange(labels: Floats, some: Floats, other: Floats, blocks: Ints | None) -> Blocks:
    """Orders the blocks, and puts them into groups at random when there are many."""
    codes = np.arange(len(labels)) if blocks is None else dense(blocks)
    weights = (labels, np.minimum(some, other), np.maximum(some, other))
    weight = sum((part * by for part, by in zip(weights, _WEIGHTS, strict=True)), start=np.zeros(len(labels)))
    keys = weight if blocks is None else np.bincount(codes, weights=weight)
    sizes = np.ones(len(keys), dtype=np.int64) if blocks is None else np.bincount(codes)
    order = np.argsort(keys) if len(keys) == len(labels) else np.lexsort((sizes, keys))
    seed = int.from_bytes(hashlib.blake2b(sizes[order].tobytes(), digest_size=8).digest(), "big")
    places = np.empty(len(order), dtype=np.int64)
    places[order] = _grouped(len(order), seed)
    return Blocks(places[codes], min(len(order), MOST_BLOCKS), len(order), seed)


def _grouped(count: int, seed: int) -> Ints:
    """The group of each block: one of its own, or a random one of `MOST_BLOCKS` that are all as large."""
    if count <= MOST_BLOCKS:
        return np.arange(count)
    return np.random.default_rng([seed, 1]).permutation(count) % MOST_BLOCKS


def dense(codes: Ints) -> Ints:
    """The same blocks numbered 0, 1, 2 …"""
    low = int(codes.min(initial=0))
    if int(codes.max(initial=0)) - low > 4 * len(codes) + 1_000:
        return np.unique(codes, return_inverse=True)[1].astype(np.int64)
    present = np.bincount(codes - low) > 0
    return (np.cumsum(present) - 1)[codes - low]
