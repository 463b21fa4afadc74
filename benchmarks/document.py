"""Keeps the figures in docs/benchmarks.md those of results.json."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.intake import FORMS

Json = dict[str, Any]
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- figures: written by make bench -->", "<!-- end of figures -->"


def update(result: Json, page: Path = PAGE) -> None:
    """Writes the figures between the page's two marks. Raises ValueError when a mark is missing."""
    put(page, BEGIN, END, figures(result))


def put(page: Path, begin: str, end: str, text: str) -> None:
    """Writes a text between two marks of a page. Raises ValueError when a mark is missing."""
    before, first, rest = page.read_text().partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise ValueError(f"{page} needs the lines {begin!r} and {end!r}, between which the figures are written")
    page.write_text(f"{before}{begin}\n{text}{end}{after}")


def figures(result: Json) -> str:
    """The figures as Markdown."""
    parts = (_head, _runs, _phases, _costs, _calls, _intake, _verdict)
    return "\n\n".join("\n".join(part(result)) for part in parts) + "\n"


def _head(result: Json) -> Iterator[str]:
    machine, trickle, burst = result["machine"], result["trickle"], result["burst"]
    yield (
        f"Measured {result['at'][:10]}, Python {result['python']}, {machine['cores']} cores ({machine['processor']}). "
        f"Other work on the machine kept {trickle['neighbours']:.1f} cores busy in the first part, "
        f"{burst['neighbours']:.1f} in the second."
    )


def _runs(result: Json) -> Iterator[str]:
    yield "| seconds after landing | one at a time, p50 / p95 | at once, p50 / p95 |"
    yield "|---|---|---|"
    for moment, found in result["trickle"]["moments"].items():
        burst = result["burst"]["moments"][moment]
        yield f"| {moment} | {_pair(found)} | {_pair(burst)} |"
    yield "| ended as | " + " | ".join(_states(result[part]["states"]) for part in ("trickle", "burst")) + " |"
    yield f"| runs per second | | {result['burst']['runsPerSecond']:.2f} |"
    yield f"| first run after the start | {result['first']['live']:.2f} | |"


def _pair(found: dict[str, float]) -> str:
    return f"{found['p50']:.2f} / {found['p95']:.2f}"


def _states(states: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in states.items())


def _phases(result: Json) -> Iterator[str]:
    yield "| phase, one at a time | seconds, p50 | share |"
    yield "|---|---|---|"
    for name, found in result["trickle"]["phases"].items():
        yield f"| {name} | {found['p50']:.3f} | {found['share']:.0%} |"
    spent = result["calls"]["spent"]
    yield ""
    yield "| what the time of a counted run goes into | seconds | share |"
    yield "|---|---|---|"
    for name, seconds in spent.items():
        yield f"| {name} | {seconds:.3f} | {seconds / sum(spent.values()):.0%} |"


def _costs(result: Json) -> Iterator[str]:
    yield "| part | CPU s per run | CPU s per run at once | idle CPU % | idle MB | peak MB |"
    yield "|---|---|---|---|---|---|"
    columns = (result["trickle"]["cpuPerRun"], result["burst"]["cpuPerRun"], result["idle"]["cpuPercent"])
    for part in columns[0]:
        held = [result["memory"][when][part]["anonymous"] for when in ("idle", "peak")]
        cells = [*(f"{column[part]:.2f}" for column in columns), *(f"{size:.0f}" for size in held)]
        yield f"| {part} | {' | '.join(cells)} |"
    bare, ratios = result["floor"], result["ratios"]
    yield ""
    yield (
        f"The bare warm worker needs {bare['wall']['p50']:.3f} s and {bare['cpu']['p50']:.3f} CPU seconds: "
        f"Retrain takes {ratios['wall']:g} times its time and {ratios['cpu']:g} times its CPU."
    )


def _calls(result: Json) -> Iterator[str]:
    calls = result["calls"]
    yield "| storage calls per run, made by | until live | in the seconds after |"
    yield "|---|---|---|"
    for maker, count in calls["untilLive"].items():
        yield f"| {maker} | {count:g} | {calls['afterLive'][maker]:g} |"
    yield f"| all | {sum(calls['untilLive'].values()):g} | {sum(calls['afterLive'].values()):g} |"
    yield "| of these, polls of queues | " + " | ".join(f"{count:g}" for count in calls["polls"].values()) + " |"
    yield ""
    yield f"Idle: {result['idle']['callsPerHour']:,} storage calls per hour."


def _verdict(result: Json) -> Iterator[str]:
    found = result["verdict"]
    yield f"| verdict on {found['rows']:,} rows | CPU s | by days | loop over scikit-learn, CPU s | times as fast |"
    yield "|---|---|---|---|---|"
    for metric, figures in found["metrics"].items():
        cells = (f"{figures['verdict']:.2f}", f"{figures['byDay']:.2f}", f"{figures['loop']:,.0f}")
        yield f"| `{metric}` | {' | '.join(cells)} | {figures['ratio']:,.0f} |"
    yield ""
    small = found["small"]
    yield (
        f"{found['resamples']:,} resamples; the loop is timed on {found['looped']} of them and scaled. "
        f"The verdicts' process held at most {found['peak']:.0f} MB, tables and libraries included. "
        f"AUC on {small['rows']:,} rows takes {small['milliseconds']:.1f} ms."
    )


def _intake(result: Json) -> Iterator[str]:
    found = result["intake"]
    yield f"| {found['megabytes']:,.0f} MB of CSV, {found['rows']:,} rows | seconds | MB/s | peak memory, MB |"
    yield "|---|---|---|---|"
    for form, figures in found["forms"].items():
        speed = found["megabytes"] / figures["seconds"]
        yield f"| intake's reading, {FORMS[form]} | {figures['seconds']:.1f} | {speed:.0f} | {figures['peak']:.0f} |"
    for name, key in (("pyarrow's bare streaming parser", "bare"), ("Python's csv module, rows only", "module")):
        yield f"| {name} | {found[key]:.1f} | {found['megabytes'] / found[key]:.0f} | |"
    yield ""
    yield f"Intake's reading of CSV has {found['ratio']:.2f} of the speed of the bare parser in the same run."
