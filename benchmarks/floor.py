"""The floor: the same job in one warm process, with nothing around it. Run as `python -m benchmarks.floor FOLDER`.

With the training workers' own code it reads a CSV, trains on 70 % of the rows, scores the rest with candidate and
champion, compares AUC, and keeps the candidate unless it is worse by 0.02. No events, no records, no interval, nothing
written, no other process.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
from sklearn.metrics import roc_auc_score

from benchmarks.data import LABEL
from local.services.engine.learners import defaults, plan
from local.services.engine.modelfile import Model, unpack
from local.services.engine.scoring import score
from local.services.engine.tables import Table, read_csv
from local.services.engine.training import train

TRAIN_SHARE, MARGIN = 0.7, 0.02
TASK = "classification"
WARM_UP = 2


class Job(msgspec.Struct, frozen=True):
    """One file's wall and CPU seconds."""

    wall: float
    cpu: float
    promoted: bool


def run(file: Path, champion: Model | None) -> Model:
    """The job; the model that is live afterwards."""
    table = read_csv(file, file.name)
    cut = int(len(table) * TRAIN_SHARE)
    given = {name: value or "" for name, value in defaults(TASK, LABEL, "logistic-regression", {}).items()}
    candidate = unpack(train(_rows(table, slice(cut)), plan(TASK, given), given).model)
    holdout = _rows(table, slice(cut, None))
    if champion is None or _auc(candidate, holdout) >= _auc(champion, holdout) - MARGIN:
        return candidate
    return champion


def _rows(table: Table, which: slice) -> Table:
    return Table(table.names, {name: values[which] for name, values in table.columns.items()})


def _auc(model: Model, holdout: Table) -> float:
    scores = [float(row[-1]) for row in score(model, holdout).rows]
    return float(roc_auc_score([int(label) for label in holdout.columns[LABEL]], scores))


def measure(files: list[Path]) -> list[Job]:
    """Every file after the warm-up."""
    champion, jobs = None, []
    for file in files:
        wall, cpu = time.perf_counter(), time.process_time()
        live = run(file, champion)
        jobs.append(Job(time.perf_counter() - wall, time.process_time() - cpu, live is not champion))
        champion = live
    return jobs[WARM_UP:]


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measure(sorted(Path(sys.argv[1]).glob("*.csv")))).decode() + "\n")
