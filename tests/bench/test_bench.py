"""The benchmark works and its figures have their shape; what they are is for `make bench`, on a machine at rest."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from benchmarks import data, document, measure, phases, report
from benchmarks.__main__ import RESULTS, about
from benchmarks.counting import counted
from benchmarks.laboratory import Laboratory
from benchmarks.plan import SMOKE
from retrain.gate.metrics import METRICS


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A tiny benchmark on one stack; the real one counts calls on a second, so that logging them costs no time."""
    folder = tmp_path_factory.mktemp("bench")
    with Laboratory(folder / "stack", SMOKE, debug_log=folder / "debug.log") as lab:
        found = measure.timed_parts(lab, SMOKE, lambda _: None) | {"calls": counted(lab, SMOKE)}
    found["floor"] = measure.floor(SMOKE, folder / "floor")
    found["verdict"] = measure.verdict(SMOKE)
    found["intake"] = measure.reading(SMOKE, folder / "large")
    yield found | {"ratios": measure.ratios(found)}


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_every_file_is_followed_from_landing_to_live(result: dict[str, Any]) -> None:
    trickle = result["trickle"]
    assert trickle["states"] == {"promoted": SMOKE.files}
    assert sum(result["burst"]["states"].values()) == SMOKE.burst
    assert set(trickle["phases"]) == set(phases.PHASES)
    middles = [found["p50"] for found in trickle["moments"].values()]
    assert all(moment > 0 for moment in middles)
    assert trickle["moments"]["live"]["p50"] == max(middles)


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_cpu_and_memory_are_told_apart_by_part(result: dict[str, Any]) -> None:
    parts = {"Azurite", "Studio", "training workers", "host and app", "total"}
    assert set(result["trickle"]["cpuPerRun"]) == set(result["idle"]["cpuPercent"]) == parts
    assert set(result["memory"]["peak"]) == parts
    assert result["trickle"]["cpuPerRun"]["host and app"] > 0
    assert result["memory"]["peak"]["total"]["anonymous"] >= result["memory"]["peak"]["Azurite"]["anonymous"] > 10


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_every_storage_call_has_its_maker(result: dict[str, Any]) -> None:
    calls = result["calls"]
    assert min(calls["untilLive"][maker] for maker in ("app", "host", "Studio")) > 0
    assert all(call["kind"].split()[-1] and call["status"] for call in calls["typical"])
    by_app = [call["path"] for call in calls["typical"] if call["maker"] == "app"]
    assert any(path.startswith("/runs/") for path in by_app)
    assert not any("sig=" in call["path"] for call in calls["typical"])
    assert sum(calls["spent"].values()) == pytest.approx(calls["each"][0]["live"], rel=0.05)


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_report_shows_every_part(result: dict[str, Any]) -> None:
    out = io.StringIO()
    report.show(result, Console(file=out, width=120))
    headings = ("one at a time", "Where the time goes", "CPU s per run", "until live", "bare warm worker", "plain loop")
    for heading in headings:
        assert heading in out.getvalue()


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_the_page_gets_the_figures_between_its_marks_only(result: dict[str, Any], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n")
    document.update({**result, **about(SMOKE)}, page)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    assert "old" not in text and "| live |" in text


def test_the_gates_verdict_is_measured_beside_a_loop() -> None:
    found = measure.verdict(SMOKE)
    assert set(found["metrics"]) == set(METRICS)
    for figures in found["metrics"].values():
        assert figures["verdict"] > 0 and figures["loop"] > 0
        assert figures["ratio"] == pytest.approx(figures["loop"] / figures["verdict"], rel=0.5)
    assert 30 < found["peak"] < 500


def test_the_page_shows_the_results_that_are_kept() -> None:
    kept = msgspec.json.decode(RESULTS.read_bytes())
    assert document.figures(kept) in document.PAGE.read_text()


def test_files_are_the_same_in_every_benchmark_and_differ_from_one_another() -> None:
    assert data.table(7, 50, 5) == data.table(7, 50, 5) != data.table(8, 50, 5)
    header, *rows = data.table(7, 50, 5).splitlines()
    assert header.split(",")[-1] == data.LABEL
    assert {row.split(",")[-1] for row in rows} == {"0", "1"}


@pytest.mark.parametrize(
    ("count", "share", "expected"), [(20, 0.95, 19), (6, 0.95, 6), (12, 0.95, 12), (1, 0.5, 1), (4, 0.5, 2)]
)
def test_a_quantile_is_the_nearest_rank(count: int, share: float, expected: int) -> None:
    assert phases.quantile(range(1, count + 1), share) == expected


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_large_file_is_read_in_every_form(result: dict[str, Any]) -> None:
    found = result["intake"]
    assert {figures["rows"] for figures in found["forms"].values()} == {found["rows"]}
    assert set(found["forms"]) == {"csv", "csv.gz", "parquet"}
    assert 0 < found["ratio"] < 2
    assert found["forms"]["csv"]["peak"] < 400
