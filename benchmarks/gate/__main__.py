"""`python -m benchmarks.gate`: tries the faults, writes docs/gate.md's table and benchmarks/gate/results.json."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime
from enum import StrEnum
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from benchmarks.gate import document, sources
from benchmarks.gate.plan import FULL, QUICK, Found, Job, jobs, work
from benchmarks.gate.result import About, Result, result_of
from benchmarks.gate.streams import SEEDS, sources_of

RESULTS = Path(__file__).with_name("results.json")


class Halves(StrEnum):
    """The two halves of the streams."""

    TUNE = "tune"
    REPORT = "report"


def main(
    half: Halves = Halves.REPORT,
    quick: bool = False,
    seed: int = 0,
    steps: int = 1,
    at_once: Annotated[int, typer.Option("--jobs")] = 2,
    out: Path | None = None,
) -> None:
    """Tries every fault on the streams of a half, against every rule of promotion; takes about half an hour.

    A full run of the half `report` writes benchmarks/gate/results.json and the table of docs/gate.md. With --quick (two
    minutes), and for the half `tune`, on which defaults are chosen, the figures are shown and written only to --out,
    where they grow from job to job. Faults strike at --steps steps of each stream.
    """
    plan = msgspec.structs.replace(QUICK if quick else FULL, steps=steps)
    console, begun = Console(stderr=True), time.monotonic()
    if half is Halves.REPORT:
        _fetch(console)
    about = About(
        at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        command=_command(half, quick, seed, steps),
        took=0,
        jobs=at_once,
        cores=os.cpu_count() or 1,
        half=half.value,
        seed=seed,
        plan=plan,
        streams=tuple(source.name for source in sources_of(half.value)),
        worlds=SEEDS[half.value][: plan.worlds],
    )
    for found in _done(jobs(plan, half.value, seed), at_once, console):
        about = msgspec.structs.replace(about, took=round(time.monotonic() - begun, 1))
        if out is not None:
            _keep(result_of(found, about), out)
    result = result_of(found, about)
    print(document.figures(result))
    if out is None and half is Halves.REPORT and not quick:
        _keep(result, RESULTS)
        document.update(result)


def _fetch(console: Console) -> None:
    try:
        for package in (sources.FLIGHTS, sources.DATASETS):
            sources.fetched(package)
    except sources.Unreachable as error:
        console.print(str(error))
        raise typer.Exit(1) from error


def _done(todo: Sequence[Job], at_once: int, console: Console) -> Iterator[Found]:
    """All that was found so far, after each job; so many are at work at once."""
    found = Found()
    with ProcessPoolExecutor(at_once, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(work, job): job for job in todo}
        for count, future in enumerate(as_completed(running), start=1):
            job = running[future]
            found.add(future.result())
            console.print(f"[dim]{count} of {len(todo)}: {job.kind}, {job.source}, {job.family}, {job.train_on}[/]")
            yield found


def _command(half: Halves, quick: bool, seed: int, steps: int) -> str:
    glance = " --quick" if quick else ""
    return f"python -m benchmarks.gate --half {half.value}{glance} --seed {seed} --steps {steps}"


def _keep(result: Result, target: Path) -> None:
    target.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")


if __name__ == "__main__":
    sys.exit(typer.run(main))
