"""Distances between samples and relations between columns, as plain numbers. What is too much is in the rules."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_POINTS = 1_000  # a distribution is kept as so many of its sorted values


def thinned(values: Floats) -> Floats:
    """At most `MOST_POINTS` of some sorted values, evenly chosen."""
    if len(values) <= MOST_POINTS:
        return values
    places = (np.arange(MOST_POINTS) + 0.5) * (len(values) / MOST_POINTS)
    return values[places.astype(np.int64)]


def ks(one: Floats, other: Floats) -> float:
    """The largest gap between two distributions of sorted values: 0 when they are equal, 1 when they do not meet."""
    if not len(one) or not len(other):
        return 0.0
    points = np.concatenate([one, other])
    gaps = np.searchsorted(one, points, "right") / len(one) - np.searchsorted(other, points, "right") / len(other)
    return float(np.abs(gaps).max())


def total_variation(one: dict[str, float], other: dict[str, float]) -> float:
    """Half the sum of differences of shares by name: 0 when equal, 1 when no name is shared."""
    return 0.5 * sum(abs(one.get(name, 0.0) - other.get(name, 0.0)) for name in {*one, *other})


def sorted_variation(one: dict[str, float], other: dict[str, float]) -> float:
    """The same for shares in order of their size, whatever their names."""
    high, low = (sorted(shares.values(), reverse=True) for shares in (one, other))
    width = max(len(high), len(low))
    pairs = zip(high + [0.0] * (width - len(high)), low + [0.0] * (width - len(low)), strict=True)
    return 0.5 * sum(abs(first - second) for first, second in pairs)


def noise(rows: int, others: int) -> float:
    """So far apart are two samples of one distribution at most, in 99 of 100 cases (Kolmogorov's limit)."""
    return 1.63 * float(np.sqrt(1 / max(rows, 1) + 1 / max(others, 1)))


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 when either does not vary."""
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def ranks(values: Floats) -> Floats:
    """Places in order from 0 to 1; equal values share the middle of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(middle[inverse] / max(len(values), 1), dtype=np.float64)
