"""The gate's verdict beside a plain loop over scikit-learn: `python -m benchmarks.verdict ROWS RESAMPLES LOOPED`.

Both judge the same made-up scores in one process with one thread. The loop draws rows with replacement and asks
scikit-learn for both models' metric and that of a constant, as the gate's intervals of gain and skill need them; it is
timed on a few resamples and scaled. The verdict is all of `judge`: checks, figures, intervals, criteria. Times are CPU
seconds, which other work on the machine disturbs less. Memory is the most that the process held until the last verdict,
before scikit-learn is loaded.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from benchmarks.memory import peak
from retrain.gate import GateRules, Hearing, ModelId, ScoreTable, judge
from retrain.gate.metrics import METRICS

SMALL = 2_000  # rows of the small AUC comparison
DAYS = 30
REPEATS = 3  # of each verdict; the middle one counts
_SEED = 20_261_126
IDS = (ModelId(name="champion", sha256="0"), ModelId(name="candidate", sha256="1"))

Json = dict[str, Any]


def scores(metric: str, rows: int, blocks: int = 0) -> ScoreTable:
    """Labels and the scores of two models of which the candidate is slightly better; in so many days, or none."""
    random = np.random.default_rng(_SEED)
    codes = np.arange(rows) * blocks // rows if blocks else None
    if metric in ("rmse", "mae"):
        labels = random.normal(size=rows)
        return ScoreTable(labels, *(labels + error * random.normal(size=rows) for error in (0.98, 1.0)), codes)
    labels = (random.random(rows) < 0.3).astype(np.float64)
    shares = (0.31, 0.30)
    return ScoreTable(labels, *(share * labels + (1 - share) * random.random(rows) for share in shares), codes)


def verdict(metric: str, table: ScoreTable, resamples: int) -> float:
    """CPU seconds that a decision takes."""
    rules, spent = GateRules(metric=metric, resamples=resamples), []
    for _ in range(REPEATS):
        begun = time.process_time()
        judge(rules, Hearing(fresh=table), *IDS)
        spent.append(time.process_time() - begun)
    return sorted(spent)[REPEATS // 2]


def loop(metric: str, table: ScoreTable, resamples: int) -> float:
    """CPU seconds that so many resamples of a plain loop take."""
    measure = _by_scikit_learn(metric)
    columns = [np.asarray(column) for column in (table.labels, table.candidate, table.champion)]
    constant, perfect = np.full(len(columns[0]), METRICS[metric].trivial(columns[0])), METRICS[metric].facts.perfect
    random, gains, skills = np.random.default_rng(_SEED), [], []
    begun = time.process_time()
    for _ in range(resamples):
        drawn = random.integers(0, len(constant), len(constant))
        labels, candidate, champion = (column[drawn] for column in columns)
        value, floor = measure(labels, candidate), 0.5 if metric == "auc" else measure(labels, constant)
        gains.append(value - measure(labels, champion))
        skills.append((value - floor) / (perfect - floor))
    np.quantile(gains, (0.025, 0.975)), np.quantile(skills, (0.025, 0.975))
    return time.process_time() - begun


def _by_scikit_learn(metric: str) -> Callable[[Any, Any], float]:
    from sklearn import metrics

    measures: dict[str, Callable[[Any, Any], float]] = {
        "auc": metrics.roc_auc_score,
        "log_loss": metrics.log_loss,
        "accuracy": lambda labels, found: metrics.accuracy_score(labels, found >= 0.5),
        "f1": lambda labels, found: metrics.f1_score(labels, found >= 0.5, zero_division=0),
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
    }
    return measures[metric]


def measure(rows: int, resamples: int, looped: int) -> Json:
    """Both ways for each metric, the verdict by days too, the small comparison, and memory."""
    found: Json = {"rows": rows, "resamples": resamples, "looped": looped, "metrics": {}}
    for metric in METRICS:
        by_row, by_day = (verdict(metric, scores(metric, rows, days), resamples) for days in (0, DAYS))
        found["metrics"][metric] = {"verdict": round(by_row, 3), "byDay": round(by_day, 3)}
    found["peak"] = round(peak(), 1)
    small = verdict("auc", scores("auc", SMALL), resamples)
    found["small"] = {"rows": SMALL, "milliseconds": round(1_000 * small, 2)}
    for metric, figures in found["metrics"].items():
        whole = loop(metric, scores(metric, rows), looped) * resamples / looped
        figures |= {"loop": round(whole, 1), "ratio": round(whole / figures["verdict"], 1)}
    return found


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measure(*map(int, sys.argv[1:4]))).decode() + "\n")
