"""The figures as tables on screen."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.intake import FORMS

Json = dict[str, Any]


def show(result: Json, console: Console) -> None:
    """Prints what results.json holds, in short."""
    parts = (_runs, _time, _pauses, _costs, _calls, _intake, _verdict)
    for table in (part(result) for part in parts):
        console.print(table)


def _runs(result: Json) -> Table:
    table = Table(title="Seconds after landing, p50 / p95")
    for heading in ("", "one at a time", "at once"):
        table.add_column(heading, justify="left" if not heading else "right")
    for moment in result["trickle"]["moments"]:
        table.add_row(moment, *(_pair(result[part]["moments"][moment]) for part in ("trickle", "burst")))
    table.add_row("ended as", *(_states(result[part]["states"]) for part in ("trickle", "burst")))
    table.add_row("runs per second", "", f"{result['burst']['runsPerSecond']:.2f}")
    table.add_row("cores busy with other work", *(f"{result[part]['neighbours']:.2f}" for part in ("trickle", "burst")))
    table.caption = f"The first run after the start is live after {result['first']['live']:.3f} s and not in the table."
    return table


def _pair(found: dict[str, float]) -> str:
    return f"{found['p50']:.3f} / {found['p95']:.3f}"


def _states(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _time(result: Json) -> Table:
    table = Table(title="Where the time goes, one at a time")
    table.add_column("phase")
    for heading in ("seconds, p50", "share"):
        table.add_column(heading, justify="right")
    for name, found in result["trickle"]["phases"].items():
        table.add_row(name, f"{found['p50']:.3f}", f"{found['share']:.0%}")
    table.add_section()
    spent = result["calls"]["spent"]
    for name, seconds in spent.items():
        table.add_row(_SPENT[name], f"{seconds:.3f}", f"{seconds / sum(spent.values()):.0%}")
    return table


_SPENT = {
    "storage": "inside the storage",
    "Studio": "inside Studio (scoring, PATCH, job calls)",
    "job": "training job",
    "clients": "client libraries, host and scheduling",
    "computing": "the app computing (pauses of 10 ms and more)",
}


def _pauses(result: Json) -> Table:
    table = Table(title="The longest times without a call, one run: the app or host computing, or waiting for a core")
    table.add_column("seconds", justify="right")
    for heading in ("after", "before"):
        table.add_column(heading, overflow="fold")
    for pause in result["calls"]["pauses"]:
        table.add_row(f"{pause['seconds']:.3f}", pause["after"], pause["before"])
    return table


def _costs(result: Json) -> Table:
    table = Table(title="Costs")
    for heading in ("", "CPU s per run", "CPU s per run at once", "idle CPU %", "idle MB", "peak MB"):
        table.add_column(heading, justify="right" if heading else "left")
    columns = (result["trickle"]["cpuPerRun"], result["burst"]["cpuPerRun"], result["idle"]["cpuPercent"])
    for part in columns[0]:
        held = (result["memory"][when][part]["anonymous"] for when in ("idle", "peak"))
        table.add_row(part, *(f"{column[part]:.2f}" for column in columns), *(f"{size:.0f}" for size in held))
    bare, ratios = result["floor"], result["ratios"]
    table.add_section()
    table.add_row("bare warm worker", f"{bare['cpu']['p50']:.3f}", f"({bare['wall']['p50']:.3f} s wall)", "", "", "")
    table.add_row("ratio to it", f"x {ratios['cpu']:g}", f"(x {ratios['wall']:g} wall)", "", "", "")
    return table


def _calls(result: Json) -> Table:
    calls = result["calls"]
    table = Table(title="Storage calls per run")
    for heading in ("made by", "until live", "after live"):
        table.add_column(heading, justify="left" if heading == "made by" else "right")
    for maker, count in calls["untilLive"].items():
        table.add_row(maker, f"{count:g}", f"{calls['afterLive'][maker]:g}")
    totals = (sum(calls[part].values()) for part in ("untilLive", "afterLive"))
    table.add_row("all", *(f"{count:g}" for count in totals))
    table.add_row("of these, polls of queues", *(f"{count:g}" for count in calls["polls"].values()))
    table.add_section()
    table.add_row("idle, per hour", f"{result['idle']['callsPerHour']}", "")
    return table


def _verdict(result: Json) -> Table:
    found = result["verdict"]
    table = Table(title=f"The gate's verdict on {found['rows']:,} rows, {found['resamples']:,} resamples, CPU seconds")
    for heading in ("metric", "verdict", "by days", "plain loop", "times as fast"):
        table.add_column(heading, justify="left" if heading == "metric" else "right")
    for metric, figures in found["metrics"].items():
        cells = (f"{figures['verdict']:.3f}", f"{figures['byDay']:.3f}", f"{figures['loop']:,.1f}")
        table.add_row(metric, *cells, f"{figures['ratio']:,.0f}")
    table.caption = f"The loop is timed on {found['looped']} resamples. Peak memory {found['peak']:.0f} MB."
    return table


def _intake(result: Json) -> Table:
    found = result["intake"]
    table = Table(title=f"{found['megabytes']:,.0f} MB of CSV, {found['rows']:,} rows, read")
    for heading in ("", "seconds", "MB/s", "peak MB"):
        table.add_column(heading, justify="right" if heading else "left")
    for form, figures in found["forms"].items():
        seconds = figures["seconds"]
        cells = (f"{seconds:.1f}", f"{found['megabytes'] / seconds:.0f}", f"{figures['peak']:.0f}")
        table.add_row(f"intake, {FORMS[form]}", *cells)
    for name, key in (("pyarrow's bare parser", "bare"), ("csv module, rows only", "module")):
        table.add_row(name, f"{found[key]:.1f}", f"{found['megabytes'] / found[key]:.0f}", "")
    table.caption = f"Intake reads CSV with {found['ratio']:.2f} of the bare parser's speed."
    return table
