"""Files for the benchmark: rows of one made-up classification problem, another draw for each number, repeatable."""

from __future__ import annotations

import io

import numpy as np

LABEL = "label"
_SEED = 20_261_101
_NOISE = 2.0  # of the score that the label is cut from; gives an AUC near 0.95 with 20 columns


def table(number: int, rows: int, columns: int) -> str:
    """CSV text: `columns` numbers with four decimals and a label of 0 or 1 that depends on their weighted sum."""
    weights = np.random.default_rng(_SEED).normal(size=columns)
    draw = np.random.default_rng([_SEED, number])
    features = draw.normal(size=(rows, columns)).round(4)
    labels = features @ weights + draw.normal(scale=_NOISE, size=rows) > 0
    out = io.StringIO()
    header = ",".join([*(f"x{column:02}" for column in range(columns)), LABEL])
    formats = [*["%.4f"] * columns, "%d"]
    np.savetxt(out, np.column_stack([features, labels]), fmt=formats, delimiter=",", header=header, comments="")
    return out.getvalue()
