"""`python -m benchmarks`: measures, shows a table, writes benchmarks/results.json."""

from __future__ import annotations

import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console

from benchmarks import document, report
from benchmarks.measure import in_temporary_folder
from benchmarks.plan import FULL, SMOKE, Plan

RESULTS = Path(__file__).with_name("results.json")


def main(out: Path | None = None, quick: bool = False) -> None:
    """Measures the main job end to end on this machine: the whole stack is started, and ended again.

    Writes benchmarks/results.json and the figures of docs/benchmarks.md, or only --out when that is given.
    --quick takes seconds, shows only that everything works, and writes only --out.
    """
    plan, console, begun = SMOKE if quick else FULL, Console(), time.monotonic()
    result = about(plan) | in_temporary_folder(plan, lambda what: console.print(f"[dim]{what} ...[/]"))
    result["took"] = round(time.monotonic() - begun, 1)
    report.show(result, console)
    written = out or (None if quick else RESULTS)
    if written is not None:
        written.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    if written == RESULTS:
        document.update(result)
    console.print(f"[dim]{result['took']:.0f} s{f'; everything is in {written}' if written else ''}[/]")


def about(plan: Plan) -> dict[str, Any]:
    """What a figure is worth nothing without."""
    return {
        "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": {"cores": os.cpu_count(), "processor": _processor(), "load": os.getloadavg()[0]},
        "python": platform.python_version(),
        "settings": {"settle": 0, "propagation": 0, "events": "Event Grid", "trainOn": "batch"},
        "plan": msgspec.to_builtins(plan),
    }


def _processor() -> str:
    found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return found[0].partition(": ")[2] if found else platform.machine()


if __name__ == "__main__":
    if not Path("/proc/self/stat").exists():
        sys.exit("The benchmark reads CPU and memory from /proc, which this system lacks: run it on Linux.")
    typer.run(main)
