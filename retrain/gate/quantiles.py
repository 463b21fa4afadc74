"""Student's t: how far out an interval reaches when what it is made of was estimated from few blocks."""

import math
from functools import lru_cache
from statistics import NormalDist

LARGE = 500  # degrees of freedom from which the expansion is exact to eleven digits
_MOST_STEPS = 200


def tail_probability(confidence: float, blocks: int) -> float:
    """The share of resamples to cut at each end: (1 - confidence) / 2, less when there are few blocks."""
    if blocks < 2:
        return 0.0
    widened = math.sqrt(blocks / (blocks - 1)) * t_quantile((1 + confidence) / 2, blocks - 1)
    return NormalDist().cdf(-widened)


@lru_cache(maxsize=1_000)
def t_quantile(probability: float, freedom: int) -> float:
    """The value that Student's t stays below with this probability, above 0.5."""
    z = NormalDist().inv_cdf(probability)
    if freedom >= LARGE:
        return _expanded(z, freedom)
    found = z  # below the quantile, from where Newton's steps never overshoot
    for _ in range(_MOST_STEPS):
        step = (probability - _cumulated(found, freedom)) / _density(found, freedom)
        found += step
        if step <= 1e-13 * found:
            break
    return found


def _expanded(z: float, freedom: int) -> float:
    """Abramowitz & Stegun 26.7.5."""
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))


def _cumulated(value: float, freedom: int) -> float:
    """The probability below a positive value: the finite sums of Abramowitz & Stegun 26.7.3 and 26.7.4."""
    angle = math.atan(value / math.sqrt(freedom))
    cosine, odd = math.cos(angle), freedom % 2
    term, terms = (cosine if odd else 1.0), []
    for power in range(2 + odd, freedom, 2):
        terms.append(term)
        term *= cosine * cosine * (power - 1) / power
    if freedom > 1:
        terms.append(term)
    inside = math.sin(angle) * math.fsum(terms)
    return 0.5 + ((angle + inside) / math.pi if odd else inside / 2)


def _density(value: float, freedom: int) -> float:
    scale = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    return math.exp(scale - (freedom + 1) / 2 * math.log1p(value * value / freedom))
