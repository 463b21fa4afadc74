"""The parts of the benchmark, in the order in which they are run. Not here: what the figures look like (report)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import data, phases, processes, storage_calls
from benchmarks.counting import counted
from benchmarks.floor import WARM_UP, Job
from benchmarks.laboratory import FIRST, Laboratory, file_of
from benchmarks.landings import at_once, one_by_one
from benchmarks.phases import Timed, timed
from benchmarks.plan import Plan
from local.stack import ROOT

Json = dict[str, Any]
Say = Callable[[str], None]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
GRACE = 0.25  # seconds after a run's end in which its message is deleted; still its own work


def everything(plan: Plan, folder: Path, say: Say) -> Json:
    """Runs all parts in `folder`; the figures as JSON values."""
    say("bare warm worker")
    result: Json = {"floor": floor(plan, folder / "floor")}
    say(f"the gate's verdict on {plan.verdict_rows:,} rows, and a plain loop")
    result["verdict"] = verdict(plan)
    say(f"{plan.megabytes:,.0f} MB through intake's reading, and through pyarrow's bare parser")
    result["intake"] = reading(plan, folder / "large")
    say("starting the stack")
    with Laboratory(folder / "timed", plan) as lab:
        result |= timed_parts(lab, plan, say)
    say(f"{plan.counted} files with every storage call looked at")
    with Laboratory(folder / "counted", plan, debug_log=folder / "debug.log") as lab:
        result["calls"] = counted(lab, plan)
    result["ratios"] = ratios(result)
    return result


def timed_parts(lab: Laboratory, plan: Plan, say: Say) -> Json:
    """Files one at a time, files at once, and idling: times, CPU, memory, storage calls of an idle hour."""
    landed: dict[str, float] = {}
    one_by_one(lab, plan.warm_up, landed)
    with processes.Peak(lab.pids) as peak:
        say(f"{plan.rounds} x {plan.files} files one at a time")
        rounds = [_costed(lab, plan.files, lambda count: one_by_one(lab, count, landed)) for _ in range(plan.rounds)]
        say(f"{plan.burst} files at once")
        burst = _costed(lab, plan.burst, lambda count: at_once(lab, count, landed))
    say(f"idle for {plan.quiet + plan.idle:g} s")
    rest = idle(lab, plan)
    records = list(lab.records())
    runs = {run.file: run for run in (timed(record, landed[file_of(record)]) for record in records)}
    ordered = [runs[name] for name in landed]
    warm, trickled = ordered[: plan.warm_up], ordered[plan.warm_up : plan.warm_up + plan.rounds * plan.files]
    return {
        "start": round(lab.started_in, 2),
        "first": {"state": warm[0].state, "live": warm[0].at.get("live")},
        "trickle": _trickle(trickled, rounds, plan),
        "burst": _burst(ordered[-plan.burst :], burst),
        "memory": {"peak": _memory(peak.highest), "idle": rest.pop("memory")},
        "idle": rest,
    }


def _costed(lab: Laboratory, count: int, work: Callable[[int], None]) -> Json:
    """CPU seconds for each run by part while `work` goes through `count` files, and the wall seconds of it all."""
    pids = lab.pids
    before, begun, others = processes.cpu(pids), time.monotonic(), processes.Neighbours(pids)
    work(count)
    wall = time.monotonic() - begun
    time.sleep(GRACE)
    after = processes.cpu(pids)
    return {
        "wall": wall,
        "neighbours": others.cores(),
        "cpu": {part: (after[part] - before[part]) / count for part in before},
    }


def _trickle(runs: list[Timed], rounds: list[Json], plan: Plan) -> Json:
    groups = [runs[start : start + plan.files] for start in range(0, len(runs), plan.files)]
    medians = [phases.spread([run.at["live"] for run in group if "live" in run.at])["p50"] for group in groups]
    cpu = {part: phases.spread([found["cpu"][part] for found in rounds])["p50"] for part in rounds[0]["cpu"]}
    return {
        "states": _states(runs),
        "moments": phases.moments(runs),
        "phases": phases.phases(runs),
        "p50ByRound": medians,
        "neighbours": round(max(found["neighbours"] for found in rounds), 2),
        "cpuPerRun": {**cpu, "total": round(sum(cpu.values()), 4)},
    }


def _burst(runs: list[Timed], found: Json) -> Json:
    cpu = {part: round(seconds, 4) for part, seconds in found["cpu"].items()}
    return {
        "states": _states(runs),
        "wall": round(found["wall"], 2),
        "neighbours": round(found["neighbours"], 2),
        "runsPerSecond": round(len(runs) / found["wall"], 3),
        "moments": phases.moments(runs),
        "phases": phases.phases(runs),
        "cpuPerRun": {**cpu, "total": round(sum(cpu.values()), 4)},
    }


def _states(runs: list[Timed]) -> dict[str, int]:
    states = [run.state for run in runs]
    return {state: states.count(state) for state in sorted(set(states))}


def idle(lab: Laboratory, plan: Plan) -> Json:
    """What the stack does while nothing lands, after its pollers have come to rest; extrapolated to an hour."""
    time.sleep(plan.quiet)
    pids, start = lab.pids, lab.access_log.stat().st_size
    before, begun, others = processes.cpu(pids), time.monotonic(), processes.Neighbours(pids)
    time.sleep(plan.idle)
    passed, after = time.monotonic() - begun, processes.cpu(pids)
    asked = storage_calls.accessed(lab.access_log, start)
    cpu = {part: round(100 * (after[part] - before[part]) / passed, 2) for part in before}
    return {
        "window": round(passed, 1),
        "neighbours": round(others.cores(), 2),
        "cpuPercent": {**cpu, "total": round(sum(cpu.values()), 2)},
        "calls": dict(asked.most_common()),
        "callsPerHour": round(asked.total() * 3600 / passed),
        "memory": _memory(processes.memory(pids)),
    }


def _memory(parts: dict[str, processes.Memory]) -> Json:
    return {name: msgspec.to_builtins(found) for name, found in {**parts, "total": processes.total(parts)}.items()}


def floor(plan: Plan, folder: Path) -> Json:
    """The bare job in one warm process: wall and CPU seconds."""
    folder.mkdir(parents=True)
    for number in range(FIRST, FIRST + plan.floor_files + WARM_UP):
        (folder / f"{number}.csv").write_text(data.table(number, plan.rows, plan.columns))
    jobs = msgspec.json.decode(_alone("benchmarks.floor", folder), type=list[Job])
    return {"wall": phases.spread([job.wall for job in jobs]), "cpu": phases.spread([job.cpu for job in jobs])}


def verdict(plan: Plan) -> Json:
    """The gate's verdict and a loop over scikit-learn, in a process of their own."""
    asked = (plan.verdict_rows, plan.resamples, plan.looped)
    found: Json = msgspec.json.decode(_alone("benchmarks.verdict", *asked))
    return found


def _alone(module: str, *arguments: object) -> bytes:
    """What a program of ours writes, run with one thread."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {**os.environ, **ONE_THREAD}
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout


def reading(plan: Plan, folder: Path) -> Json:
    """A large file through intake's reading in every form, and through bare parsers; each in a process of its own."""
    folder.mkdir(parents=True)
    file = folder / "large.csv"
    made = _step("make", file, plan.megabytes)
    first, found = _step("bare", file), {"csv": _step("intake", file)}
    bare = (first["seconds"] + _step("bare", file)["seconds"]) / 2
    module = _step("csv", file)["seconds"]
    for form in ("csv.gz", "parquet"):
        found[form] = _step("intake", file.with_suffix(f".{form}"))
    shutil.rmtree(folder)
    ratio = bare / found["csv"]["seconds"]
    return {**made, "bare": bare, "module": module, "forms": found, "ratio": ratio}


def _step(step: str, file: Path, *arguments: object) -> Json:
    command = [sys.executable, "-m", "benchmarks.intake", step, str(file), *map(str, arguments)]
    found: Json = msgspec.json.decode(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    return found


def ratios(result: Json) -> Json:
    """How many times the bare job's time and CPU all of Retrain takes: the figure that travels between machines."""
    live = result["trickle"]["moments"]["live"]["p50"]
    bare = result["floor"]
    return {
        "wall": round(live / bare["wall"]["p50"], 1),
        "cpu": round(result["trickle"]["cpuPerRun"]["total"] / bare["cpu"]["p50"], 1),
    }


def in_temporary_folder(plan: Plan, say: Say) -> Json:
    """`everything` in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="retrain-bench-") as folder:
        return everything(plan, Path(folder), say)
