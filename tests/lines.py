"""Data that several folders of tests learn from."""

from __future__ import annotations

import csv
import io


def rows_csv(slope: float = 2.0, count: int = 60) -> str:
    """x, kind, y with y = slope * x + 5 for kind b: learnable exactly, and different for every slope."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["x", "kind", "y"])
    for number in range(count):
        kind = "ab"[number % 2]
        writer.writerow([number / 10, kind, repr(slope * number / 10 + (5 if kind == "b" else 0))])
    return out.getvalue()
