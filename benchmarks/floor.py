"""The floor: the same job in one warm process, with nothing around it. Run as `python -m benchmarks.floor FOLDER`.

Reads a CSV, fits scaling and logistic regression on 70 % of the rows, scores the rest with candidate and champion,
compares AUC, keeps the model when it is not worse by 0.02. No durability, no events, no interval, no second process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

TRAIN_SHARE = 0.7
WARM_UP = 2


class Job(msgspec.Struct, frozen=True):
    """One file's wall and CPU seconds."""

    wall: float
    cpu: float
    promoted: bool


def run(file: Path, champion: Pipeline | None) -> tuple[Pipeline, bool]:
    """The job; the model that is live afterwards, and whether it is new."""
    table = np.loadtxt(file, delimiter=",", skiprows=1)
    cut = int(len(table) * TRAIN_SHARE)
    features, labels = table[:, :-1], table[:, -1]
    candidate = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features[:cut], labels[:cut])
    if champion is None:
        return candidate, True
    new, old = (
        roc_auc_score(labels[cut:], model.predict_proba(features[cut:])[:, 1]) for model in (candidate, champion)
    )
    return (candidate, True) if new >= old - 0.02 else (champion, False)


def measure(files: list[Path]) -> list[Job]:
    """Every file after the warm-up."""
    champion, jobs = None, []
    for file in files:
        wall, cpu = time.perf_counter(), time.process_time()
        champion, promoted = run(file, champion)
        jobs.append(Job(time.perf_counter() - wall, time.process_time() - cpu, promoted))
    return jobs[WARM_UP:]


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measure(sorted(Path(sys.argv[1]).glob("*.csv")))).decode() + "\n")
